"""One client of S3 a process: where it is, how often a request is tried, and what its errors mean to a person.

Credentials come from where AWS's own tools look for them, and nowhere else; the endpoint from AWS_ENDPOINT_URL_S3 or
AWS_ENDPOINT_URL, or the profile. Retries are made here, botocore makes none: only the caller knows which may be made.
"""

import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore import exceptions as failures
from botocore.config import Config
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError as BrokenOff

from loaders.errors import LakeError

TRIES = 8
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
CONNECT_SECONDS = 5
READ_SECONDS = 30
THREADS = 16
NOT_IMPLEMENTED = 501

TROUBLE = (failures.ClientError, failures.BotoCoreError, ResponseParserError, BrokenOff)
"""What a request may raise; the last where the body of an error breaks off, which botocore lets through."""

Done = TypeVar("Done")


@dataclass
class _Process:
    """What this process has made so far; a forked one begins anew."""

    lock: Any
    session: Any = None
    client: Any = None
    threads: ThreadPoolExecutor | None = None


_ours = _Process(Lock())


def forget() -> None:
    """Begin anew: after a fork, or when the environment names another endpoint."""
    global _ours
    _ours = _Process(Lock())


os.register_at_fork(after_in_child=forget)


def client() -> Any:
    """The client. Raises LakeError where none can be made."""
    if _ours.client is None:
        with _ours.lock:
            if _ours.client is None:
                _ours.client = _made(retries=1)
    return _ours.client


def patient_client() -> Any:
    """A client of which botocore makes the retries: for uploads in parts, each of which may be sent again."""
    return _made(retries=TRIES)


def threads() -> ThreadPoolExecutor:
    """Threads to share many small requests among."""
    with _ours.lock:
        if _ours.threads is None:
            _ours.threads = ThreadPoolExecutor(THREADS, "s3")
    return _ours.threads


@dataclass(frozen=True)
class Access:
    """How an engine other than boto3 gets at S3; `endpoint` is host and port."""

    key_id: str
    secret: str
    token: str | None
    region: str
    endpoint: str
    path_style: bool
    tls: bool

    def __repr__(self) -> str:
        return f"Access(endpoint={self.endpoint!r}, region={self.region!r})"


def access() -> Access:
    """The same credentials and endpoint as the client's, as they are now. Raises LakeError where there are none."""
    made = client()
    try:
        found = _ours.session.get_credentials()
        kept = found.get_frozen_credentials() if found else None
    except TROUBLE as error:
        raise LakeError(f"cannot reach S3: {why(error)}") from None
    if kept is None:
        raise LakeError(f"cannot reach S3: {_NO_CREDENTIALS}")
    where = urlsplit(made.meta.endpoint_url)
    return Access(
        kept.access_key,
        kept.secret_key,
        kept.token,
        made.meta.region_name if made.meta.region_name != "aws-global" else "us-east-1",
        where.netloc.rpartition("@")[2],
        not _is_amazons(made),
        where.scheme == "https",
    )


def _made(retries: int) -> Any:
    def at(path_style: bool) -> Any:
        return _ours.session.client(
            "s3",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": retries, "mode": "standard"},
                max_pool_connections=2 * THREADS,
                s3={"addressing_style": "path"} if path_style else None,
            ),
        )

    try:
        if _ours.session is None:
            _ours.session = boto3.session.Session()
        if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
            return at(path_style=True)
        made = at(path_style=False)
        return made if _is_amazons(made) else at(path_style=True)
    except (*TROUBLE, ValueError) as error:
        raise LakeError(f"cannot reach S3: {why(error)}") from None


def _is_amazons(made: Any) -> bool:
    host = urlsplit(made.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


# --- requests --------------------------------------------------------------------------------------------------------


class Tries:
    """How often one thing has been tried."""

    def __init__(self, what: str) -> None:
        self._what, self._made = what, 0

    def wait(self, error: Exception, hope: bool = False) -> None:
        """Wait before the next try, longer each time. Raises LakeError where another is of no use, or was the last.

        With `hope`, another is of use whatever the error.
        """
        self._made += 1
        if not (hope or may_pass(error)) or self._made >= TRIES:
            raise LakeError(f"{self._what}: {why(error)}") from None
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (self._made - 1))
        time.sleep(longest * (1 + secrets.randbelow(1000) / 1000) / 2)


def again(what: str, call: Callable[[], Done]) -> Done:
    """Make requests that may be made twice until they are answered. Raises LakeError that `what` failed, and why."""
    tries = Tries(what)
    while True:
        try:
            return call()
        except TROUBLE as error:
            tries.wait(error)


def may_pass(error: Exception) -> bool:
    """Whether the same request may get through a little later."""
    if isinstance(error, failures.ClientError):
        failed = _status(error) >= 500 and _status(error) != NOT_IMPLEMENTED
        # the answer to a HEAD has no body, so that a timeout of S3's is a 400 like any other
        return failed or _status(error) in (408, 429) or code(error) in (*_REFUSED, "400")
    if isinstance(error, failures.SSLError):
        return False
    return isinstance(
        error,
        failures.HTTPClientError
        | failures.ConnectionError
        | failures.IncompleteReadError
        | failures.FlexibleChecksumError
        | ResponseParserError
        | BrokenOff,
    )


def leaves_doubt(error: Exception) -> bool:
    """Whether the request may have been carried out all the same."""
    if isinstance(error, failures.EndpointConnectionError | failures.ConnectTimeoutError):
        return False
    return may_pass(error) and code(error) not in _REFUSED


def is_missing(error: Exception) -> bool:
    """Whether there is no object of the key."""
    return code(error) in ("NoSuchKey", "NotFound", "404")


def is_unmet(error: Exception) -> bool:
    """Whether the object is not as the request said it must be."""
    return code(error) in ("PreconditionFailed", "412") or is_missing(error)


def code(error: Exception) -> str:
    """S3's name of the error, or botocore's."""
    if isinstance(error, failures.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


_REFUSED = frozenset(
    {
        "ConditionalRequestConflict", "RequestLimitExceeded", "RequestTimeout", "SlowDown", "Throttling",
        "ThrottlingException", "TooManyRequests",
    }
)  # fmt: skip
"""Nothing was done, and a later request may be let through."""
_NO_CREDENTIALS = (
    "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this "
    "machine a role"
)
_WORDS = {
    "NoSuchBucket": "the bucket does not exist: make it, or choose another --lake",
    "NoSuchKey": "there is no such object",
    "AccessDenied": "access denied: let these credentials list, read, write and delete there, or choose another --lake",
    "InvalidAccessKeyId": "the access key is not known there: check AWS_ACCESS_KEY_ID or AWS_PROFILE",
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check AWS_SECRET_ACCESS_KEY or AWS_PROFILE",
    "ExpiredToken": "the credentials have expired: get new ones and run again",
    "InvalidToken": "the session token is not valid: check AWS_SESSION_TOKEN, or get new credentials",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION to its own",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION to its own",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it and run again",
    "NotImplemented": "what is there does not put objects on conditions, which a lake needs: choose another --lake",
    "InvalidBucketName": "that is no name of a bucket: choose another --lake",
    "SlowDown": "S3 asks to slow down, and did so to the last try; run again later, or with fewer --workers",
}
_SAME = {
    "403": "AccessDenied",
    "Forbidden": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "404": "NoSuchKey",
    "NotFound": "NoSuchKey",
    "301": "PermanentRedirect",
    "TokenRefreshRequired": "ExpiredToken",
    "ExpiredTokenException": "ExpiredToken",
    "RequestExpired": "RequestTimeTooSkewed",
}


def why(error: Exception) -> str:
    """What went wrong and what to do, in one line; no secret is in it."""
    name = code(error)
    words = _WORDS.get(_SAME.get(name, name))
    if words:
        return words
    if isinstance(error, failures.ClientError):
        said = str(error.response.get("Error", {}).get("Message", "")).split("\n")[0]
        if _status(error) >= 500:
            return f"S3 answered with {name or _status(error)} to the last of {TRIES} tries; run again later"
        return f"S3 answered {name}: {said[:200]}"
    if isinstance(error, failures.NoCredentialsError | failures.PartialCredentialsError):
        return _NO_CREDENTIALS
    if isinstance(error, failures.ProfileNotFound):
        return "there is no such AWS profile: check AWS_PROFILE"
    if isinstance(error, failures.SSLError):
        return f"TLS with {_endpoint()} failed: check the endpoint and AWS_CA_BUNDLE"
    if isinstance(error, failures.ReadTimeoutError | failures.ConnectionClosedError | failures.ResponseStreamingError):
        return f"{_endpoint()} did not answer to the end, in {TRIES} tries; run again later"
    if isinstance(error, failures.ConnectionError | failures.HTTPClientError):
        return f"{_endpoint()} cannot be reached: start it, or check AWS_ENDPOINT_URL_S3 and the network"
    if isinstance(error, ValueError):
        return "the endpoint is not of the form http://host:port: check AWS_ENDPOINT_URL_S3"
    return f"{name}: check the AWS settings of this environment"


def _endpoint() -> str:
    made = _ours.client
    where = urlsplit(made.meta.endpoint_url) if made else None
    return f"{where.scheme}://{where.netloc.rpartition('@')[2]}" if where else "S3"
