"""DuckDB as every step opens it: nothing is downloaded, and a lake in a bucket can be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from loaders.errors import LakeError
from loaders.lake import Lake

OFFLINE = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


@contextmanager
def connect(lake: Lake, **config: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory that reads the lake's uris, closed with the block.

    What DuckDB cannot read is a LakeError.
    """
    with duckdb.connect(config={**OFFLINE, **config}) as connection:
        if str(lake).startswith("s3://"):
            open_s3(connection)
        try:
            yield connection
        except (duckdb.IOException, duckdb.HTTPException) as error:
            raise LakeError(f"cannot read from the lake {lake}: {str(error).splitlines()[0]}") from None


def open_s3(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection read s3:// addresses as boto3 would; credentials stay in its memory."""
    from loaders.lake.s3_client import READ_SECONDS, TRIES, access

    found = access()
    settings = {
        "key_id": found.key_id,
        "secret": found.secret,
        "session_token": found.token or "",
        "region": found.region,
        "endpoint": found.endpoint,
        "url_style": "path" if found.path_style else "vhost",
    }
    listed = ", ".join(f"{name} {_quoted(value)}" for name, value in settings.items())
    connection.execute(f"load {_quoted(str(httpfs()))}")
    connection.execute(f"set http_timeout = {READ_SECONDS}")
    connection.execute(f"set http_retries = {TRIES - 1}")
    connection.execute(f"create or replace secret wardhouse (type s3, {listed}, use_ssl {found.tls})")


def httpfs() -> Path:
    """The extension that reads S3, as its package brings it for this DuckDB. Raises LakeError where it does not."""
    path = (
        Path(str(files("duckdb_extension_httpfs")))
        / "extensions"
        / f"v{duckdb.__version__}"
        / "httpfs.duckdb_extension"
    )
    if not path.exists():
        raise LakeError(f"there is no httpfs extension for DuckDB {duckdb.__version__}: run `make run` to set up anew")
    return path


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
