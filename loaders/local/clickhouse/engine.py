"""ClickHouse's engine in this process, one connection of its own for each request or session.

A connection has settings, a current database and temporary tables of its own, and connections run beside each other.
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Condition
from typing import Any, TextIO

from loaders.errors import ServiceError
from loaders.local.clickhouse.errors import Refused, from_engine
from loaders.local.clickhouse.request import Request, Table
from loaders.local.clickhouse.statement import Statement

MEMORY_SHARE = 0.5
BACKGROUND_THREADS = 16
"""As a server has. With the two that the engine alone has, a delete waits about 0.15 s for each part of a table."""
PIECE_BYTES = 1 << 20
SESSION_WAIT_SECONDS = 2
"""A client may send its next request before the end of the last one has been noticed."""

# Blocks in these formats follow one another without anything before, between or after them.
_BY_BLOCK = {
    *("native", "rowbinary", "csv", "tsv", "tabseparated", "tsvraw", "tabseparatedraw", "jsoncompacteachrow"),
    *("jsoneachrow", "jsonlines", "ndjson"),
}
_READS = ("SELECT", "WITH")
# … unless one of these is in play.
_FRAMED = {"TOTALS", "EXTREMES", "OUTPUT_FORMAT_JSON_ARRAY_OF_ROWS"}
_CONFIG = f"""<clickhouse>
  <display_name>wardhouse</display_name>
  <max_server_memory_usage_to_ram_ratio>{MEMORY_SHARE}</max_server_memory_usage_to_ram_ratio>
  <background_pool_size>{BACKGROUND_THREADS}</background_pool_size>
  <s3><use_environment_credentials>true</use_environment_credentials></s3>
</clickhouse>
"""
# Where the embedded engine differs from a server, and what lets it read S3 with the keys of this process.
_SETTINGS = {
    "allow_introspection_functions": "0",
    "implicit_select": "0",
    "s3_allow_server_credentials_in_user_queries": "1",
    "storage_file_read_method": "pread",
}

_NUMBERS = (
    *("read_rows", "read_bytes", "written_rows", "written_bytes"),
    *("total_rows_to_read", "result_rows", "result_bytes", "elapsed_ns"),
)

_RAISED = (RuntimeError, UnicodeDecodeError)

Connection = Any


@dataclass(frozen=True)
class Answer:
    """What the engine gave: bytes in a format, and the numbers for the summary.

    `rest` gives what comes after `first` of a long result, and must be closed before its connection; the summary is
    complete only without it.
    """

    format: str
    first: bytes
    rest: Generator[bytes, None, None] | None
    summary: dict[str, int]


@dataclass
class _Session:
    connection: Connection
    ends: float
    busy: bool = True


class Engine:
    """The engine over one folder. Raises ServiceError when it cannot start."""

    def __init__(self, folder: Path) -> None:
        os.environ["TZ"] = "UTC"
        time.tzset()
        try:
            from chdb import _chdb
        except ImportError:
            raise ServiceError("the ClickHouse stand-in needs chdb: `make local` installs it") from None
        self._connect: Callable[[str], Connection] = vars(_chdb)["connect"]
        self._sessions: dict[str, _Session] = {}
        self._guard = Condition()
        self._folder = folder
        self._held = _hold(folder)
        try:
            self._string, self._first = self._start(folder)
            self.version = _value(self._first, "SELECT version()")
        except (*_RAISED, Refused) as error:
            self._held.close()
            reason = str(error).split(", Stack trace")[0].split("\n")[0]
            raise ServiceError(f"ClickHouse's engine does not open {folder}: {reason}; move the folder away") from None

    def _start(self, folder: Path) -> tuple[str, Connection]:
        settings = "".join(f"&{name}={value}" for name, value in _SETTINGS.items())
        with NamedTemporaryFile("w", prefix="config-", suffix=".xml", dir=folder) as config:
            config.write(_CONFIG)
            config.flush()
            string = f"{folder}?config-file={config.name}{settings}"
            try:
                return string, self._connect(string)
            except RuntimeError as error:
                reason = str(error).split(", Stack trace")[0]
                raise ServiceError(
                    f"ClickHouse's engine does not open {folder}: {reason}; move the folder away"
                ) from None

    @contextmanager
    def connection(self, request: Request, statement: Statement, read_only: bool) -> Iterator[Connection]:
        """A connection with the request's settings, database, parameters and tables; none of them outlives it."""
        name = request.arguments.get("session_id", "")
        with self._session(name, request) if name else self._passing() as connection:
            undo = _prepare(connection, request, statement, keep=bool(name))
            try:
                _restrict(connection, request, statement, read_only, keep=bool(name))
                yield connection
            finally:
                for text in undo:
                    with contextlib.suppress(Refused):
                        run(connection, text)

    @contextmanager
    def _passing(self) -> Iterator[Connection]:
        connection = self._connect(self._string)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _session(self, name: str, request: Request) -> Iterator[Connection]:
        seconds = request.seconds
        with self._guard:
            self._expire()
            session = self._sessions.get(name)
            if session is None:
                if request.arguments.get("session_check") == "1":
                    raise Refused(372, "SESSION_NOT_FOUND", f"Session {name[:80]} not found")
                session = self._sessions[name] = _Session(self._connect(self._string), 0)
            elif session.busy and not self._guard.wait_for(lambda: not session.busy, SESSION_WAIT_SECONDS):
                raise Refused(373, "SESSION_IS_LOCKED", f"Session {name[:80]} is locked by a concurrent client")
            session.busy = True
        try:
            yield session.connection
        finally:
            with self._guard:
                session.ends = time.monotonic() + seconds
                session.busy = False
                self._guard.notify_all()
                if request.arguments.get("close_session") == "1":
                    session.ends = 0
                    self._expire()

    def _expire(self) -> None:
        now = time.monotonic()
        for name in [name for name, session in self._sessions.items() if not session.busy and session.ends < now]:
            self._sessions.pop(name).connection.close()

    def decode(self, data: bytes, encoding: str) -> bytes:
        """What was packed with a method that the engine knows and Python does not."""
        with self._passing() as connection, NamedTemporaryFile(prefix="body-", dir=self._folder) as file:
            file.write(data)
            file.flush()
            method = {"br": "br", "snappy": "snappy"}[encoding]
            text = f"SELECT * FROM file({_quoted(file.name)}, RawBLOB, 'data String', {_quoted(method)})"
            return run(connection, text, "RawBLOB").bytes() or b""

    def interrupt(self) -> None:
        """Stop what still runs."""
        with contextlib.suppress(Refused):
            run(self._first, "KILL QUERY WHERE query_id != queryID() ASYNC")

    def close(self) -> None:
        """Close the engine; nothing may be running."""
        with self._guard:
            for session in self._sessions.values():
                session.connection.close()
            self._sessions.clear()
        self._first.close()
        self._held.close()


def run(connection: Connection, text: str | bytes, form: str = "TabSeparated") -> Any:
    """The engine's whole result. Raises Refused."""
    try:
        return connection.query(text, form)
    except _RAISED as error:
        raise from_engine(error) from None


def answer(connection: Connection, request: Request, statement: Statement) -> Answer:
    """Run a statement; its result comes in the format it names, or else in the request's. Raises Refused."""
    form = statement.format or request.format
    if statement.data is not None:
        return Answer(form, b"", None, _summary(_insert(connection, statement.text, form, statement.data)))
    if form.lower() == "native":
        request.check_protocol()
    framed = _FRAMED & (statement.words | {name.upper() for name in request.settings})
    if form.lower() in _BY_BLOCK and statement.kind in _READS and not framed:
        try:
            stream = connection.send_query(statement.text, form)
        except _RAISED as error:
            if "Streaming query is not supported" not in str(error):
                raise from_engine(error) from None
        else:
            return _streamed(connection, stream, form)
    result = run(connection, statement.text, form)
    return Answer(form, result.bytes() or b"", None, _summary(result))


def _streamed(connection: Connection, stream: Any, form: str) -> Answer:
    """The first piece at once, so that an error in it is still answered as one."""
    summary = dict.fromkeys(_NUMBERS, 0)
    pieces = _pieces(connection, stream, summary)
    first = next(pieces, b"")
    second = next(pieces, b"")
    if not second:
        return Answer(form, first, None, summary)
    rest = _chained(second, pieces)
    next(rest)  # from here on, closing it closes the stream
    return Answer(form, first, rest, summary)


def _chained(second: bytes, pieces: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    with contextlib.closing(pieces):
        yield b""
        yield second
        yield from pieces


def _pieces(connection: Connection, stream: Any, summary: dict[str, int]) -> Generator[bytes, None, None]:
    """A result's blocks, gathered to pieces of a size worth sending; the summary is added up."""
    held = bytearray()
    try:
        while True:
            try:
                block = connection.streaming_fetch_result(stream)
            except _RAISED as error:
                raise from_engine(error) from None
            if block is None or not block.size():
                break
            held += block.bytes()
            for name, value in _summary(block).items():
                summary[name] += value
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
        if held:
            yield bytes(held)
    finally:
        connection.streaming_cancel_query(stream)


def _insert(connection: Connection, text: bytes, form: str, data: bytes) -> Any:
    try:
        insert = connection.send_insert(text, form)
        try:
            view = memoryview(data)
            for start in range(0, len(data), PIECE_BYTES):
                connection.insert_append(insert, bytes(view[start : start + PIECE_BYTES]))
        except BaseException:
            connection.insert_cancel(insert)
            raise
        return connection.insert_done(insert)
    except _RAISED as error:
        raise from_engine(error) from None


def _summary(result: Any) -> dict[str, int]:
    numbers = (
        *(result.storage_rows_read(), result.storage_bytes_read(), result.rows_written(), result.bytes_written()),
        *(0, result.rows_read(), result.bytes_read(), int(result.elapsed() * 1e9)),
    )
    return dict(zip(_NUMBERS, numbers, strict=True))


def _prepare(connection: Connection, request: Request, statement: Statement, keep: bool) -> list[str]:
    """Give a connection what the request brings; what undoes it, if the connection is kept, is returned."""
    undo: list[str] = []
    database = request.arguments.get("database")
    if database and statement.kind != "USE":
        if keep:
            undo.append(f"USE {_named(_value(connection, 'SELECT currentDatabase()'))}")
        run(connection, f"USE {_named(database)}")
    settings = {} if statement.kind == "SET" and keep else dict(request.settings)
    settings.pop("readonly", None)
    if keep and settings:
        undo += _restoring(connection, settings)
    if changes := {**settings, **request.parameters}:
        run(connection, "SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in changes.items()))
    for table in request.tables:
        _create(connection, table)
        undo.append(f"DROP TEMPORARY TABLE IF EXISTS {_named(table.name)}")
    return undo


def _restrict(connection: Connection, request: Request, statement: Statement, read_only: bool, keep: bool) -> None:
    """Forbid changes if the request says so; for a session by its statement, as the engine allows no way back."""
    level = request.settings.get("readonly", "0")
    if level in ("", "0", "false"):
        if not read_only:
            return
        level = "2"
    if not keep:
        run(connection, f"SET readonly = {_quoted(level)}")
    elif connection.classify_query(statement.text)["query_class"].name != "READ_ONLY" and (
        level == "1" or statement.kind not in ("SET", "USE")
    ):
        raise Refused(164, "READONLY", "Cannot execute query in readonly mode")


def _restoring(connection: Connection, names: Iterable[str]) -> list[str]:
    listed = ", ".join(_quoted(name) for name in names)
    rows = run(
        connection, f"SELECT name, changed, toString(value) FROM system.settings WHERE name IN ({listed})", "RowBinary"
    )
    texts = []
    for name, changed, value in _rows(rows.bytes() or b""):
        texts.append(f"SET {name} = {_quoted(value) if changed else 'DEFAULT'}")
    return texts


def _rows(data: bytes) -> Iterator[tuple[str, bool, str]]:
    """Rows of a string, a byte and a string."""
    at = 0

    def string() -> str:
        nonlocal at
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        at += size
        return data[at - size : at].decode(errors="surrogateescape")

    while at < len(data):
        name = string()
        changed = bool(data[at])
        at += 1
        yield name, changed, string()


def _create(connection: Connection, table: Table) -> None:
    run(connection, f"CREATE TEMPORARY TABLE {_named(table.name)} ({table.structure})")
    _insert(connection, f"INSERT INTO {_named(table.name)}".encode(), table.format, table.data)


def _value(connection: Connection, text: str) -> str:
    return (run(connection, text, "RawBLOB").bytes() or b"").decode()


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _named(text: str) -> str:
    return "`" + re.sub(r"([\\`])", r"\\\1", text) + "`"


def _hold(folder: Path) -> TextIO:
    """A lock on the folder, for as long as the file stays open."""
    if "?" in str(folder):
        raise ServiceError(f"the engine cannot keep its databases in {folder}: choose a folder without '?' in its path")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / "lock", "w")  # noqa: SIM115
    except OSError as error:
        raise ServiceError(f"cannot write {folder}: {error.strerror}; choose another folder") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ServiceError(
            f"another ClickHouse stand-in is using {folder}: stop it, or choose another folder"
        ) from None
    return file
