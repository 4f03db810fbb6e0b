"""A lake in a bucket of S3, or of anything that speaks like it and honours conditional puts.

S3 puts an object whole or not at all, in parts or at once. Objects that are created once are put on condition that
there is none; those that are replaced, on condition that the one to replace is still there, so that a put that was
given up cannot come in late and undo a newer one. When it is in doubt whether a put got through, the object is read.
"""

import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from os import getpid
from os.path import commonprefix
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Any, TypeVar
from uuid import uuid4

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig

from loaders.errors import LakeError
from loaders.lake.base import SACRED, Lake, Missing
from loaders.lake.explained import explained
from loaders.lake.processes import here, is_gone
from loaders.lake.s3_client import (
    THREADS,
    TROUBLE,
    Tries,
    again,
    client,
    is_missing,
    is_unmet,
    leaves_doubt,
    patient_client,
    threads,
    why,
)
from loaders.lake.s3_lease import check_held, lease

ONE_PUT_BYTES = 64 << 20
CHUNK_BYTES = 1 << 20
WAITING = 4 * THREADS

_ADDRESS = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(?:/([A-Za-z0-9!_.()=/-]*))?")

Given = TypeVar("Given")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Found:
    """An object: its bytes, which version of it they are, and for how long it has been so, by the clock of S3."""

    data: bytes
    etag: str
    age_seconds: float


@dataclass(frozen=True)
class S3Lake(Lake):
    """A lake below a prefix of a bucket, or in all of it."""

    bucket: str
    prefix: str

    @classmethod
    def at_address(cls, address: str) -> "S3Lake":
        """The lake at s3://bucket/prefix. Raises LakeError for an address that is none."""
        found = _ADDRESS.fullmatch(address)
        parts = [part for part in (found[2] or "").split("/") if part] if found else []
        if not found or any(set(part) == {"."} for part in parts):
            raise LakeError(
                f"{address} is not of the form s3://bucket/prefix, of letters, digits and - _ . ! ( ) =: "
                "choose another --lake"
            )
        return cls(found[1], "/".join(parts))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def check_writable(self) -> None:
        """Put an object and drop it. Raises LakeError as well where conditional puts are not honoured."""
        key = f"state/.writable-{uuid4().hex}"
        what = f"the lake {self} is not writable"
        again(what, lambda: client().put_object(Bucket=self.bucket, Key=self._key(key), Body=b""))
        honoured = self.put_if(key, b"1", None) is None and self.put_if(key, b"2", f'"{"0" * 32}"') is None
        again(what, lambda: client().delete_object(Bucket=self.bucket, Key=self._key(key)))
        if not honoured:
            raise LakeError(
                f"{what}: what is there does not honour If-None-Match and If-Match on puts, without which raw objects "
                "could be overwritten; choose another --lake"
            )

    def objects(self, folder: str, below: bool = True) -> list[tuple[str, int]]:
        """In pages of a thousand."""
        start = self._key(f"{folder}/")
        return sorted(
            (entry["Key"].removeprefix(start), entry["Size"])
            for page in self._pages(start, below)
            for entry in page.get("Contents", ())
            if not entry["Key"].endswith("/")
        )

    def objects_in(self, parent: str, folders: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Listed as one, by what the names of the folders begin with: a month of small days is few requests."""
        found: dict[str, list[tuple[str, int]]] = {folder: [] for folder in folders}
        if found:
            start = commonprefix(list(found))  # noqa: RUF071  characters are meant
            for folder, name, size in self._below(f"{parent}/{start}", f"{parent}/"):
                if name and folder in found:
                    found[folder].append((name, size))
        return {folder: sorted(objects) for folder, objects in found.items()}

    def folders(self, prefix: str) -> list[str]:
        """The next parts of keys."""
        start = self._key(f"{prefix}/")
        return sorted(
            entry["Prefix"].removeprefix(start).rstrip("/")
            for page in self._pages(start, below=False)
            for entry in page.get("CommonPrefixes", ())
        )

    def exists(self, key: str) -> bool:
        """Asked of a list, since that says as well when there is no bucket."""
        whole = self._key(key)
        found = again(
            f"cannot read {self.uri(key)}",
            lambda: client().list_objects_v2(Bucket=self.bucket, Prefix=whole, MaxKeys=1),
        )
        return any(entry["Key"] == whole for entry in found.get("Contents", ()))

    def read(self, key: str) -> bytes:
        """In one request."""
        return again(f"cannot read {self.uri(key)}", lambda: self._get(key).data)

    def read_all(self, folder: str, names: Iterable[str]) -> list[bytes]:
        """Some at a time."""
        return list(_shared(lambda name: self.read(f"{folder}/{name}"), names))

    def write(self, key: str, data: bytes) -> None:
        """Replace the version that is there now."""
        if key.startswith(SACRED):
            raise LakeError(f"{key} is sacred: raw and truth are created once, never rewritten")
        check_held(self)
        for _ in range(WAITING):
            if self.put_if(key, data, self._etag(key)) is not None:
                return
        raise LakeError(f"cannot write {self.uri(key)}: others keep writing it; choose another --lake")

    def create(self, key: str, data: bytes) -> bool:
        """A put on condition that there is no such object."""
        check_held(self)
        return self.put_if(key, data, None) is not None

    def create_all(self, objects: Iterable[tuple[str, bytes]]) -> int:
        """Some at a time."""
        return sum(_shared(lambda one: self.create(*one), objects))

    def remove(self, key: str) -> None:
        """Drop an object; none at all is fine."""
        if key.startswith(SACRED):
            raise LakeError(f"{key} is sacred: raw and truth are never removed")
        check_held(self)
        again(f"cannot remove {self.uri(key)}", lambda: client().delete_object(Bucket=self.bucket, Key=self._key(key)))

    def uri(self, key: str) -> str:
        """An s3:// address."""
        return f"s3://{self.bucket}/{self._key(key)}"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for temporary files of this machine (TMPDIR)."""
        with explained(f"cannot make a temporary folder in {gettempdir()}"):
            path = Path(mkdtemp(prefix=f"{_scratch_of_this_machine()}{getpid()}-"))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def adopt(self, path: Path, key: str) -> None:
        """Upload a file: at once, or above ONE_PUT_BYTES in parts, which are an object when all are there."""
        if key.startswith(SACRED):
            raise LakeError(f"{key} is sacred: raw and truth are created once, never rewritten")
        check_held(self)
        if path.stat().st_size <= ONE_PUT_BYTES:
            data = path.read_bytes()
            again(
                f"cannot write {self.uri(key)}",
                lambda: client().put_object(Bucket=self.bucket, Key=self._key(key), Body=data),
            )
            return
        try:
            patient_client().upload_file(
                str(path), self.bucket, self._key(key), Config=TransferConfig(ONE_PUT_BYTES, THREADS // 4)
            )
        except S3UploadFailedError as error:
            raise LakeError(f"cannot write {self.uri(key)}: {why(_cause(error))}") from None
        except TROUBLE as error:
            raise LakeError(f"cannot write {self.uri(key)}: {why(error)}") from None

    def local(self, key: str, scratch: Path) -> Path:
        """A copy."""
        path = scratch / uuid4().hex

        def copied() -> None:
            try:
                found = client().get_object(Bucket=self.bucket, Key=self._key(key))
            except TROUBLE as error:
                if is_missing(error):
                    raise Missing(f"cannot read {self.uri(key)}: {why(error)}") from None
                raise
            with explained(f"cannot write {path}"), open(path, "wb") as file:
                for chunk in found["Body"].iter_chunks(CHUNK_BYTES):
                    file.write(chunk)

        again(f"cannot read {self.uri(key)}", copied)
        return path

    def tidy(self) -> None:
        """Drop temporary folders of processes of this machine that are over."""
        start = _scratch_of_this_machine()
        for path in Path(gettempdir()).glob(f"{start}*"):
            process = path.name.removeprefix(start).partition("-")[0]
            if process.isdigit() and is_gone(here(), int(process)):
                shutil.rmtree(path, ignore_errors=True)

    def held(self, who: Mapping[str, Any]) -> AbstractContextManager[None]:
        """A lease, renewed as long as the process lives."""
        return lease(self, who)

    def look(self, key: str) -> Found | None:
        """An object with its version, if there is one. Raises LakeError when it cannot be read."""
        return again(f"cannot read {self.uri(key)}", lambda: self._peek(key))

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        """Put an object if there is none or, given an ETag, if that version is there; the new ETag, or None.

        When a try leaves it in doubt whether the object was put, it is read again: what is there now with the very
        bytes is ours. Raises LakeError when it cannot be put.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        tries = Tries(f"cannot write {self.uri(key)}")
        in_doubt = False
        while True:
            try:
                if in_doubt:
                    found = self._peek(key)
                    if found and found.data == data:
                        return found.etag
                    if (found.etag if found else None) != etag:
                        return None
                put = client().put_object(Bucket=self.bucket, Key=self._key(key), Body=data, **condition)
                return str(put["ETag"])
            except TROUBLE as error:
                if is_unmet(error) and not in_doubt:
                    return None
                in_doubt = in_doubt or leaves_doubt(error)
                tries.wait(error, is_unmet(error))

    def _get(self, key: str) -> Found:
        found = client().get_object(Bucket=self.bucket, Key=self._key(key))
        headers = found["ResponseMetadata"]["HTTPHeaders"]
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return Found(found["Body"].read(), found["ETag"], (now - found["LastModified"]).total_seconds())

    def _peek(self, key: str) -> Found | None:
        try:
            return self._get(key)
        except TROUBLE as error:
            if is_missing(error):
                return None
            raise

    def _etag(self, key: str) -> str | None:
        def looked() -> str | None:
            try:
                return str(client().head_object(Bucket=self.bucket, Key=self._key(key))["ETag"])
            except TROUBLE as error:
                if is_missing(error):
                    return None
                raise

        return again(f"cannot write {self.uri(key)}", looked)

    def _pages(self, start: str, below: bool) -> Iterator[dict[str, Any]]:
        options = {} if below else {"Delimiter": "/"}
        while True:
            page = again(
                f"cannot list s3://{self.bucket}/{start}",
                lambda: client().list_objects_v2(Bucket=self.bucket, Prefix=start, **options),
            )
            yield page
            if not page.get("IsTruncated"):
                return
            options["ContinuationToken"] = page["NextContinuationToken"]

    def _below(self, prefix: str, parent: str) -> Iterator[tuple[str, str, int]]:
        """Folder under the parent, name in it, and size of all objects whose keys begin with a prefix."""
        start = self._key(parent)
        for page in self._pages(self._key(prefix), below=True):
            for entry in page.get("Contents", ()):
                folder, _, name = entry["Key"].removeprefix(start).partition("/")
                if not name.endswith("/"):
                    yield folder, name, entry["Size"]

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key


def _shared(call: Callable[[Given], Done], things: Iterable[Given]) -> Iterator[Done]:
    """Call for each thing, some at a time, and yield the answers in order; after an error no more are begun."""
    running: deque[Future[Done]] = deque()
    try:
        for thing in things:
            running.append(threads().submit(call, thing))
            if len(running) >= WAITING:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
        wait(running)


def _scratch_of_this_machine() -> str:
    return f"wardhouse-{sha256(here().encode()).hexdigest()[:8]}-"


def _cause(error: Exception) -> Exception:
    cause = error.__cause__ or error.__context__
    return cause if isinstance(cause, Exception) else error
