"""A URL of PostgreSQL, which is never shown with its password."""

import re

from loaders.errors import BadSetting

_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_TEXT = r"(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})"
_URL = re.compile(
    rf"postgres(?:ql)?://(?:({_TEXT}+)(?::((?:{_TEXT}|:)*))?@)?({_HOST}(?:,{_HOST})*)?(?:/({_TEXT}*))?(?:\?([^#\s]*))?"
)
_BEFORE_HOST = re.compile(r"(postgres(?:ql)?:/{0,2})\S*@", re.IGNORECASE)
_IN_QUERY = re.compile(r"((?:ssl)?password=)[^&\s]*", re.IGNORECASE)


def check_address(url: str) -> None:
    """Raises BadSetting for what is no URL of PostgreSQL, without repeating it."""
    if not _URL.fullmatch(url):
        raise BadSetting(
            "--source-db is not of the form postgresql://user:password@host:5432/database; in user and password, "
            "@ : / ? # and % are written %40 %3A %2F %3F %23 %25"
        )


def shown(url: str) -> str:
    """A URL for people: who, where and which database, nothing else."""
    found = _URL.fullmatch(url)
    if not found:
        return "the source database"
    user, _, host, database, _ = found.groups()
    return f"postgresql://{f'{user}@' if user else ''}{host or ''}{f'/{database}' if database else ''}"


def with_defaults(url: str, **settings: str) -> str:
    """A URL with settings of libpq that it does not have."""
    query = url.partition("?")[2]
    given = {part.partition("=")[0] for part in query.split("&")}
    added = [f"{name}={value}" for name, value in settings.items() if name not in given]
    return "&".join([part for part in (url if "?" in url else f"{url}?", *added) if part]).replace("?&", "?", 1)


def without_secrets(text: str) -> str:
    """A text, such as a command, in which no URL of PostgreSQL shows who comes in with what."""
    return _IN_QUERY.sub(r"\1…", _BEFORE_HOST.sub(r"\1…@", text))
