"""What has changed in the source database, as raw objects: the day of `updated_at` is the raw folder's day.

Of each entity are read the rows from its watermark on, less an overlap, and those of any day whose rows are not those
that it had when it was last read, so that rows committed late come, however late. Of these only rows that no raw object
of the day holds are landed. State is a saving: without it all is read again, and nothing lands twice.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.contracts import Column, Contract
from loaders.errors import SourceError
from loaders.lake import Lake
from loaders.raw.objects import packed
from loaders.raw.tables import csv_bytes, csv_lines
from loaders.source.address import check_address, shown
from loaders.source.session import Patience, Session, Trouble, session
from loaders.source.tables import CHANGED, Table, literal, operational, quoted
from loaders.source.tries import rounds, tried
from loaders.staging.delimited import read_rows
from loaders.staging.records import Unreadable, unpacked

OVERLAP_DAYS = 1
READ_ROWS = 65_536
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)
"""Rows of no day between these are not read: nothing can be told of a day that is none."""
STATE_VERSION = 1

_WITH_ZONE = "timestamp with time zone"
_NUMBERS = ("smallint", "integer")
_TYPES = {
    "timestamp": ("timestamp without time zone", _WITH_ZONE),
    "date": ("date",),
    "integer": _NUMBERS,
    "bigint": (*_NUMBERS, "bigint"),
    "double": ("double precision", "real"),
    "boolean": ("boolean",),
    "decimal": (*_NUMBERS, "bigint", "numeric"),
    "varchar": ("character varying", "text", "character"),
}


@dataclass(frozen=True)
class Extracted:
    """What an extraction landed, by entity, and in how many objects; `failed` says what it could not end."""

    rows: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    failed: tuple[SourceError, ...] = ()


@dataclass(frozen=True)
class _Day:
    """The rows of a day in the source: how many, and a sum over their keys."""

    rows: int
    keys: str


@dataclass(frozen=True)
class _Reading:
    """How to read a table: what to select, and `updated_at` in UTC."""

    table: Table
    columns: str
    changed: str
    has_zone: bool

    def moment(self, day: date) -> str:
        """The start of a day, to be compared with `updated_at`."""
        return f"timestamp '{day}'" + (" at time zone 'UTC'" if self.has_zone else "")

    @property
    def place(self) -> str:
        return quoted(self.table.schema, self.table.told)


def extract(
    lake: Lake,
    url: str,
    contracts: Mapping[str, Contract],
    is_packed: bool = False,
    overlap_days: int = OVERLAP_DAYS,
    patience: Patience | None = None,
    progress: Callable[[int], Any] = lambda rows: None,
    read_rows_at_a_time: int = READ_ROWS,
) -> Extracted:
    """Land what has changed in a source since it was last extracted; `progress` hears of rows read.

    An entity that fails is tried again after the others, and then given up alone; what was landed of it stays, and the
    next extraction goes on. Raises BadSetting for what is no URL, LakeError when the lake cannot be written.
    """
    check_address(url)
    chosen = patience or Patience()
    landed = _Landed(lake, is_packed, progress)
    waiting = operational(contracts)
    troubles: dict[str, Trouble] = {}
    for number in rounds(chosen):
        unreached: Trouble | None = None
        for table in list(waiting):
            try:
                if unreached:
                    raise unreached
                with session(url, chosen) as source:
                    _extract(source, table, landed, overlap_days, read_rows_at_a_time)
                waiting.remove(table)
                troubles.pop(table.name, None)
            except Trouble as trouble:
                troubles[table.name] = tried(trouble, number)
                if trouble.unreached:
                    unreached = trouble
                if not trouble.passes:
                    waiting.remove(table)
        if not waiting:
            break
    return Extracted(landed.rows, landed.objects, _failures(url, troubles, len(operational(contracts))))


def _failures(url: str, troubles: Mapping[str, Trouble], entities: int) -> tuple[SourceError, ...]:
    """A line an entity, or one for all where none could be extracted, and for the same reason."""
    whys = {str(trouble) for trouble in troubles.values()}
    if len(troubles) == entities and len(whys) == 1:
        return (SourceError(f"nothing was extracted from {shown(url)}: {whys.pop()}"),)
    return tuple(
        SourceError(f"{name} was not extracted to its end from {shown(url)}: {trouble}; run again to go on")
        for name, trouble in troubles.items()
    )


def _extract(source: Session, table: Table, landed: "_Landed", overlap_days: int, at_a_time: int) -> None:
    source.run("set transaction isolation level repeatable read, read only")
    source.limit()
    reading = _reading(source, table)
    known = _State.of(landed.lake, table)
    there = _days(source, reading)
    start = (known.watermark - timedelta(days=overlap_days)).date() if known.watermark else date.min
    wanted = [day for day, what in there.items() if day >= start or known.days.get(day) != what]
    for day in known.days.keys() - there.keys():
        del known.days[day]
    in_lake = set(landed.lake.folders(table.contract.raw))
    for days in _runs(there, wanted, at_a_time):
        for newest, done in _land(source, reading, days, there, landed, in_lake):
            known.days.update({day: there[day] for day in done})
            known.watermark = max(filter(None, (known.watermark, newest)))
            known.keep(landed.lake)


def _reading(source: Session, table: Table) -> _Reading:
    """How to read a table. Raises Trouble where it is not as the contract says."""
    if not source.rows(f"select 1 as there where to_regnamespace({literal(quoted(table.schema))}) is not null"):
        raise Trouble(f"there is no schema {table.schema}: `wardhouse generate --source-db` makes it", passes=False)
    where = f"{table.schema}.{table.told}"
    found = source.rows(
        "select attname::text as name, format_type(atttypid, null)::text as kind from pg_catalog.pg_attribute "
        f"where attrelid = to_regclass({literal(quoted(table.schema, table.told))}) and attnum > 0 and not attisdropped"
    )
    kinds = {row["name"]: row["kind"] for row in found}
    if not kinds:
        raise Trouble(f"there is no table {where}", passes=False)
    selected = []
    for column in table.contract.columns:
        kind = kinds.get(column.name)
        if kind is None:
            raise Trouble(f"{where} has no column {column.name}", passes=False)
        if kind not in _TYPES[_kind(column)]:
            raise Trouble(f"{where}.{column.name} is {kind}, and the contract says {column.data_type}", passes=False)
        selected.append(f"{_selected(column, kind)} as {quoted(column.name)}")
    has_zone = kinds[CHANGED] == _WITH_ZONE
    changed = f"({quoted(CHANGED)} at time zone 'UTC')" if has_zone else quoted(CHANGED)
    return _Reading(table, ", ".join(selected), changed, has_zone)


def _kind(column: Column) -> str:
    return column.data_type.partition("(")[0]


def _selected(column: Column, kind: str) -> str:
    name = quoted(column.name)
    if kind == _WITH_ZONE:
        return f"({name} at time zone 'UTC')"
    as_is = {"varchar": "text", "decimal": "text", "integer": "integer", "bigint": "bigint", "double": "float8"}
    return f"{name}::{as_is[_kind(column)]}" if _kind(column) in as_is else name


def _days(source: Session, reading: _Reading) -> dict[date, _Day]:
    """What the source has, by day in order."""
    microseconds = f"(extract(epoch from {reading.changed}) * 1000000)::bigint"
    found = source.rows(
        f"select {reading.changed}::date as day, count(*) as rows, "
        f"sum(hashtextextended({quoted(reading.table.id)}::text, {microseconds}))::text as keys "
        f"from {reading.place} where {quoted(CHANGED)} >= {reading.moment(FIRST_DAY)} "
        f"and {quoted(CHANGED)} < {reading.moment(LAST_DAY)} group by 1 order by 1"
    )
    return {row["day"]: _Day(row["rows"], row["keys"]) for row in found}


def _runs(there: Mapping[date, _Day], wanted: list[date], at_a_time: int) -> Iterator[list[date]]:
    """Days to read at once: next to each other among those that there are, and few enough rows, or one day."""
    places = {day: place for place, day in enumerate(there)}
    for _, group in groupby(enumerate(wanted), lambda each: places[each[1]] - each[0]):
        run: list[date] = []
        rows = 0
        for _, day in group:
            if run and rows + there[day].rows > at_a_time:
                yield run
                run, rows = [], 0
            run.append(day)
            rows += there[day].rows
        yield run


def _land(
    source: Session,
    reading: _Reading,
    days: list[date],
    there: Mapping[date, _Day],
    landed: "_Landed",
    in_lake: set[str],
) -> Iterator[tuple[datetime, list[date]]]:
    """Land days next to each other, a batch at a time; the newest `updated_at` and the days that are whole with it."""
    contract = reading.table.contract
    key = ", ".join(quoted(name) for name in dict.fromkeys((CHANGED, *contract.key)))
    batches = source.batches(
        f"select {reading.columns} from {reading.place} "
        f"where {quoted(CHANGED)} >= {reading.moment(days[0])} "
        f"and {quoted(CHANGED)} < {reading.moment(days[-1] + timedelta(days=1))} order by {key}"
    )
    left = {day: there[day].rows for day in days}
    held: tuple[date, set[bytes]] | None = None
    for batch in batches:
        rows = _typed(contract, batch)
        objects = []
        for day, part in _by_day(rows):
            if held is None or held[0] != day:
                folder = f"{contract.folder_name}={day}"
                held = (day, landed.records(contract, folder) if folder in in_lake else set())
            objects += landed.new(contract, day, part, held[1])
            left[day] -= part.num_rows
        landed.put(contract, objects, rows.num_rows)
        yield pc.max(rows.column(CHANGED)).as_py(), [day for day in days if left.get(day) == 0]
    if any(left.values()):
        raise Trouble("it gave other rows than it had counted", passes=True)


def _typed(contract: Contract, batch: pa.RecordBatch) -> pa.Table:
    """Rows with the contract's types. Raises Trouble for a value that these cannot hold."""
    columns = []
    for column in contract.columns:
        values = batch.column(column.name)
        try:
            columns.append(values.cast(column.arrow_type))
            if column.data_type == "timestamp":
                values.cast(pa.timestamp("s"))
        except pa.ArrowInvalid:
            kind = "whole seconds" if column.data_type == "timestamp" else column.data_type
            raise Trouble(f"a value of {contract.entity}.{column.name} does not fit {kind}", passes=False) from None
    return pa.table(columns, names=[column.name for column in contract.columns])


def _by_day(rows: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each day; they are in order of `updated_at`."""
    days = rows.column(CHANGED).cast(pa.timestamp("s")).cast(pa.date32()).cast(pa.int32()).to_numpy()
    starts = np.append(np.flatnonzero(np.diff(days, prepend=days[0] - 1)), len(days)).tolist()
    for start, end in pairwise(starts):
        yield date.fromordinal(date(1970, 1, 1).toordinal() + int(days[start])), rows.slice(start, end - start)


@dataclass
class _State:
    """How far an entity has been extracted: its newest `updated_at`, and what each day had when it was read."""

    key: str
    watermark: datetime | None
    days: dict[date, _Day]

    @classmethod
    def of(cls, lake: Lake, table: Table) -> "_State":
        """What is kept; nothing where that cannot be read, since all of it can be found out again."""
        key = f"state/source/{table.name}.json"
        try:
            kept = json.loads(lake.read(key)) if lake.exists(key) else None
            if kept and kept["version"] == STATE_VERSION:
                days = {date.fromisoformat(day): _Day(*what) for day, what in kept["days"].items()}
                return cls(key, datetime.fromisoformat(kept["watermark"]).replace(tzinfo=None), days)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        return cls(key, None, {})

    def keep(self, lake: Lake) -> None:
        """Write it down."""
        assert self.watermark
        kept = {
            "version": STATE_VERSION,
            "watermark": f"{self.watermark.isoformat()}Z",
            "days": {str(day): [what.rows, what.keys] for day, what in sorted(self.days.items())},
        }
        lake.write(self.key, json.dumps(kept, separators=(",", ":")).encode())


class _Landed:
    """Raw objects that are there, and those that come to them."""

    def __init__(self, lake: Lake, is_packed: bool, progress: Callable[[int], Any]) -> None:
        self.lake = lake
        self.rows: dict[str, int] = {}
        self.objects = 0
        self._is_packed = is_packed
        self._progress = progress

    def records(self, contract: Contract, folder: str) -> set[bytes]:
        """The lines of the raw objects of a day that have the contract's columns; those that are no CSV have none."""
        found: set[bytes] = set()
        path = f"{contract.raw}/{folder}"
        for name, _ in self.lake.objects(path):
            try:
                content = self.lake.read(f"{path}/{name}")
                rows = read_rows(folder, name, unpacked(content) if name.endswith(".zst") else content)
            except (OSError, Unreadable):
                continue
            if rows.names == [column.name for column in contract.file_columns]:
                found.update(rows.record(row) for row in range(len(rows)))
        return found

    def new(self, contract: Contract, day: date, rows: pa.Table, held: set[bytes]) -> list[tuple[str, bytes]]:
        """The object of those rows of a day that none holds, if there are any."""
        if held:
            lines = csv_lines(rows).cast(pa.large_binary()).to_pylist()
            rows = rows.filter(pa.array([line[:-1] not in held for line in lines], pa.bool_()))
        if not rows.num_rows:
            return []
        self.rows[contract.entity] = self.rows.get(contract.entity, 0) + rows.num_rows
        data = csv_bytes(rows)
        name = f"{contract.entity}_{sha256(data).hexdigest()[:12]}.csv"
        key = f"{contract.raw}/{contract.folder_name}={day}/{name}"
        return [(f"{key}.zst", packed(data)) if self._is_packed else (key, data)]

    def put(self, contract: Contract, objects: list[tuple[str, bytes]], rows: int) -> None:
        """Put objects. Raises LakeError when that cannot be done."""
        self.objects += self.lake.create_all(objects)
        self._progress(rows)
