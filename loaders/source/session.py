"""One connection to PostgreSQL through ADBC, whose every call ends in time, and fails in one line."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from loaders.source.address import with_defaults, without_secrets

Given = TypeVar("Given")

_SAID = re.compile(r"(?:ERROR|FATAL|PANIC):\s+([^\n]*)")
_FAILED = re.compile(r"failed: ([^\n]*)")
_PLACE = re.compile(r"^[A-Z_]+: |\[libpq\] ")
_PASSING = re.compile(r"08|53|57|40|55P03")
_FOR_GOOD = re.compile(
    r"password|authentication|no pg_hba\.conf entry|does not exist|not permitted to log in|permission denied for|"
    r"connection option|invalid|certificate|does not support SSL"
)


@dataclass(frozen=True)
class Patience:
    """How long to wait for a source, in seconds, and how often to try; waits between tries double.

    `statement_seconds` holds where neither URL nor server has a statement_timeout. A call that takes this and
    `connect_seconds` together is given up, even where the network has swallowed it.
    """

    tries: int = 4
    wait_seconds: float = 0.5
    connect_seconds: int = 10
    statement_seconds: int = 60

    @property
    def call_seconds(self) -> float:
        """When a call is given up."""
        return self.statement_seconds + self.connect_seconds


class Trouble(Exception):
    """What went wrong, in one line: whether another try may go well, and whether there was no connection at all."""

    def __init__(self, why: str, passes: bool, unreached: bool = False) -> None:
        super().__init__(why)
        self.passes, self.unreached = passes, unreached


class Session:
    """A connection in one transaction. A session that was given up closes itself when its call comes back."""

    def __init__(self, connection: Any, patience: Patience) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._reader: Any = None
        self._patience = patience
        self._given_up = Event()

    def run(self, statement: str) -> None:
        """Run a statement that answers nothing. Raises Trouble."""
        self._call(lambda: self._cursor.execute(statement))

    def limit(self) -> None:
        """End statements of this transaction that take too long. Raises Trouble."""
        self.run(
            "do $$ begin if current_setting('statement_timeout') = '0' then "
            f"perform set_config('statement_timeout', '{self._patience.statement_seconds}s', true); end if; end $$"
        )

    def put(self, name: str, table: pa.Table) -> None:
        """Make a temporary table with the rows of a table. Raises Trouble."""
        self._call(lambda: self._cursor.adbc_ingest(name, table, mode="create", temporary=True))

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a small answer. Raises Trouble."""
        return [row for batch in self.batches(query) for row in batch.to_pylist()]

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """The rows of an answer as they come, some megabytes at a time. Raises Trouble."""
        self._call(lambda: self._open(query))
        while (batch := self._call(self._next)) is not None:
            yield batch

    def commit(self) -> None:
        """End the transaction and keep what it did. Raises Trouble."""
        self._call(self._connection.commit)

    def close(self) -> None:
        """Close the connection, which takes back what was not committed."""
        if self._given_up.is_set():
            return
        with suppress(Trouble):
            self._call(self._close)

    def _open(self, query: str) -> None:
        self._cursor.execute(query)
        self._reader = self._cursor.fetch_record_batch()

    def _next(self) -> pa.RecordBatch | None:
        return next(self._reader, None)

    def _close(self) -> None:
        for thing in (self._reader, self._cursor, self._connection):
            with suppress(adbc.Error, OSError, RuntimeError, pa.ArrowException):
                if thing is not None:
                    thing.close()

    def _call(self, call: Callable[[], Given]) -> Given:
        return _in_time(call, self._patience.call_seconds, self._given_up, self._close)


@contextmanager
def session(url: str, patience: Patience) -> Iterator[Session]:
    """A connection for as long as the context lasts; nothing is kept that was not committed. Raises Trouble."""
    place = with_defaults(
        url,
        connect_timeout=str(patience.connect_seconds),
        client_encoding="utf8",
        application_name="wardhouse",
        keepalives_idle=str(patience.connect_seconds),
        tcp_user_timeout=str(1000 * patience.connect_seconds),
    )
    opened: list[Any] = []
    try:
        _in_time(
            lambda: opened.append(dbapi.connect(place, autocommit=False)),
            patience.call_seconds,
            Event(),
            lambda: [each.close() for each in opened],
        )
    except Trouble as trouble:
        passes = trouble.passes and not _FOR_GOOD.search(str(trouble))
        raise Trouble(str(trouble), passes, unreached=True) from None
    one = Session(opened[0], patience)
    try:
        yield one
    finally:
        one.close()


def _in_time(call: Callable[[], Given], seconds: float, given_up: Event, close: Callable[[], Any]) -> Given:
    """What a call returns, or Trouble; a call that takes too long is left behind, and closes up when it is back."""
    answers: SimpleQueue[tuple[Given | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:
            answers.put((None, error))
        if given_up.is_set():
            close()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        answer, error = answers.get(timeout=seconds)
    except Empty:
        given_up.set()
        raise Trouble(f"no answer for {seconds:.0f} seconds", passes=True) from None
    except BaseException:
        given_up.set()
        raise
    thread.join()
    if error is not None:
        raise _trouble(error) from None
    return answer  # type: ignore[return-value]


def _trouble(error: BaseException) -> BaseException:
    """An error of ADBC or of its stream as Trouble; any other as it is."""
    if not isinstance(error, adbc.Error | OSError | pa.ArrowException):
        return error
    text = str(error)
    said = _SAID.search(text) or _FAILED.search(text)
    why = said[1] if said else _PLACE.sub("", text.strip().splitlines()[0] if text.strip() else type(error).__name__)
    state = getattr(error, "sqlstate", None)
    is_passing = bool(_PASSING.match(state)) if state else isinstance(error, adbc.OperationalError | OSError)
    return Trouble(without_secrets(why.strip()), is_passing)
