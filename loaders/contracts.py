"""One contract an entity: the entity's dbt source table, read as rules for raw records.

Types and descriptions are dbt's own (`data_type`), as are required, unique and accepted values (`data_tests`). What dbt
has no word for is under `config.meta`; KNOWN_META says what may stand there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from loaders.errors import BadContract
from loaders.project import PROJECT

KNOWN_META = {
    "table": {
        "raw": "folder of the raw objects in the lake; its folders are named <partition>=YYYY-MM-DD, with _date for "
        "_time or _at",
        "file": "the table's file, such as `vitals.csv`, in the day folders of `raw`, which are then plain YYYY-MM-DD",
        "event_type": "the event type that lands here",
        "key": "columns that say which records are the same record",
        "grain": "columns that no two records may share, beside the key",
        "partition": "the date or timestamp column whose day must be the day of the raw folder",
        "partition_by": "month (default) or day: how staged files are cut",
        "checks": "comparisons of two columns that must hold, such as `beds <= capacity`",
    },
    "column": {
        "minimum": "smallest number allowed",
        "maximum": "largest number allowed",
        "pattern": "a regular expression that the whole text matches",
        "format": "uuid: the text is a UUID in lower case",
        "from": "folder: the value is the day of the raw folder and is not in the file",
        "on": "(in quotes, or YAML reads true) a date column: this time lies on that day",
        "not_before": "a column whose time this time may not be before, as for `not_after`",
        "not_after": "a column whose time (or whose day's end) this time may not be after; `table.column` is a column "
        "of the row that this row refers to",
        "same_as": "`table.column`: what the row that this row refers to says there",
        "most_days_before": "how many days before that column this time may be",
        "unit": "what a number counts or measures",
        "pii": "true: says something about one person",
    },
}

_TYPES = {
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
_TEXT = re.compile(r"varchar\(([0-9]+)\)")
_DECIMAL = re.compile(r"decimal\(([0-9]+),([0-9]+)\)")
_CHECK = re.compile(r"(\w+) (<=|<|=) (\w+)")
_FILE = re.compile(r"([A-Za-z0-9-]+)\.(csv|jsonl)")
_SOURCE = re.compile(r"""source\((["'])(\w+)\1, *(["'])(\w+)\3\)""")
_MOMENTS = ("date", "timestamp")
MOST_DIGITS = 38
"""Of a decimal, on every engine."""


@dataclass(frozen=True)
class Reference:
    """A column of a table of the same day batch."""

    entity: str
    column: str

    def __str__(self) -> str:
        return f"{self.entity}.{self.column}"


@dataclass(frozen=True)
class Column:
    """A column of a contract. `length` bounds texts in characters; times are bounded by another column.

    `not_before` and `not_after` are columns of the same table, or `table.column` of the row that this row refers to.
    """

    name: str
    data_type: str
    description: str
    required: bool = False
    unique: bool = False
    accepted: tuple[str, ...] | None = None
    length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    format: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    most_days_before: int | None = None
    on: str | None = None
    from_folder: bool = False
    refers_to: Reference | None = None
    same_as: Reference | None = None

    @property
    def digits(self) -> tuple[int, int] | None:
        """Of a decimal column, how many digits it has in all, and how many of them are decimals."""
        decimal = _DECIMAL.fullmatch(self.data_type)
        return (int(decimal[1]), int(decimal[2])) if decimal else None

    @property
    def arrow_type(self) -> pa.DataType:
        """The type of the staged column."""
        if self.length is not None:
            return pa.string()
        return pa.decimal128(*self.digits) if self.digits else _TYPES[self.data_type]

    @property
    def bounds(self) -> tuple[Reference, ...]:
        """The columns of the row referred to that this one is held against."""
        named = [_reference(name) for name in (self.not_before, self.not_after) if name]
        return tuple(bound for bound in (*named, self.same_as) if bound)


@dataclass(frozen=True)
class Check:
    """Two columns compared: `left` `operator` `right`, where operator is <=, < or =."""

    left: str
    operator: str
    right: str

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True)
class Contract:
    """What a raw record of an entity must be to be staged."""

    entity: str
    source: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    raw: str
    partition: str
    grain: tuple[str, ...] = ()
    partition_by: str = "month"
    checks: tuple[Check, ...] = ()
    file: str | None = None

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of staged files, in the contract's order of columns."""
        return pa.schema(
            [pa.field(c.name, c.arrow_type, nullable=not c.required) for c in self.columns],
            metadata={"contract": f"{self.source}.{self.entity}"},
        )

    @property
    def folder_name(self) -> str:
        """What day folders are called: the partition column, with `_date` for `_time` or `_at`.

        With `file`, this holds for staged files only: raw folders are plain days.
        """
        return re.sub("_(at|time)$", "_date", self.partition)

    @property
    def stem(self) -> str:
        """What the names of its raw files start with, before the first `.` or `_`; empty without `file`."""
        return (self.file or "").partition(".")[0]

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """The columns that are in raw files."""
        return tuple(column for column in self.columns if not column.from_folder)

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def unique_sets(self) -> tuple[tuple[str, ...], ...]:
        """Sets of columns that no two records may share: the key first."""
        singles = tuple((c.name,) for c in self.columns if c.unique and (c.name,) != self.key)
        return (self.key, *singles, *([self.grain] if self.grain else []))


@lru_cache
def contracts(project: Path = PROJECT) -> Mapping[str, Contract]:
    """All contracts of a dbt project by entity. Raises BadContract with file, table and column."""
    found: dict[str, Contract] = {}
    for path in sorted((project / "models" / "staging").glob("*/_*__sources.yml")):
        where = str(path.relative_to(project))
        try:
            content = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as error:
            raise BadContract(f"{where} is not YAML: {' '.join(str(error).split())}") from None
        for source in content.get("sources", []):
            for table in source.get("tables", []):
                contract = _contract(table, source["name"], f"{where}: {table['name']}")
                if contract.entity in found:
                    raise BadContract(f"{where}: {contract.entity} is there twice")
                found[contract.entity] = contract
    if not found:
        raise BadContract(f"there are no contracts in {project / 'models/staging'}")
    for contract in found.values():
        _check_batch(contract, found)
        for column in contract.columns:
            _check_references(contract, column, found)
    return found


def _contract(table: Mapping[str, Any], source: str, where: str) -> Contract:
    meta = _meta(table, "table", where)
    for name in ("raw", "key", "partition"):
        if name not in meta:
            raise BadContract(f"{where}: config.meta.{name} is missing")
    columns = tuple(_column(column, source, f"{where}.{column.get('name')}") for column in table.get("columns", []))
    names = [column.name for column in columns]
    checks = []
    for text in meta.get("checks", []):
        match = _CHECK.fullmatch(text)
        if not match:
            raise BadContract(f"{where}: check '{text}' is not of the form `column <= column`")
        checks.append(Check(*match.groups()))
    mentioned = [
        *meta["key"],
        *meta.get("grain", []),
        meta["partition"],
        *(n for c in checks for n in (c.left, c.right)),
    ]
    mentioned += [n for c in columns for n in (c.not_before, c.not_after, c.on) if n and not _reference(n)]
    for name in mentioned:
        if name not in names:
            raise BadContract(f"{where}: there is no column '{name}'")
    contract = Contract(
        entity=table["name"],
        source=source,
        description=" ".join(table.get("description", "").split()),
        columns=columns,
        key=tuple(meta["key"]),
        raw=meta["raw"],
        partition=meta["partition"],
        grain=tuple(meta.get("grain", [])),
        partition_by=meta.get("partition_by", "month"),
        checks=tuple(checks),
        file=meta.get("file"),
    )
    if contract.column(contract.partition).data_type not in _MOMENTS:
        raise BadContract(f"{where}: partition '{contract.partition}' is neither a date nor a timestamp")
    if contract.partition_by not in ("month", "day"):
        raise BadContract(f"{where}: partition_by '{contract.partition_by}' is neither month nor day")
    return contract


def _check_batch(contract: Contract, found: Mapping[str, Contract]) -> None:
    """What a table with `file` must be, and one without may not be."""
    where = f"{contract.source}.{contract.entity}"
    folder = [column.name for column in contract.columns if column.from_folder]
    if contract.file is None:
        if folder:
            raise BadContract(f"{where}.{folder[0]}: `from: folder` needs config.meta.file of the table")
        return
    if not _FILE.fullmatch(contract.file):
        raise BadContract(f"{where}: file '{contract.file}' is not a name such as vitals.csv or notes.jsonl, without _")
    if folder != [contract.partition] or contract.column(contract.partition).data_type != "date":
        raise BadContract(f"{where}: partition '{contract.partition}' must be its one date `from: folder`")
    for other in found.values():
        if other.raw != contract.raw or other is contract:
            continue
        if other.file is None:
            raise BadContract(f"{where}: {other.entity} has the same raw folder and no config.meta.file")
        if other.stem == contract.stem:
            raise BadContract(f"{where}: {other.entity} has the same raw folder and file '{other.file}'")
        if (other.source, other.partition, other.partition_by) != (
            contract.source,
            contract.partition,
            contract.partition_by,
        ):
            raise BadContract(f"{where}: {other.entity} has the same raw folder, but another source or partition")


def _check_references(contract: Contract, column: Column, found: Mapping[str, Contract]) -> None:
    where = f"{contract.source}.{contract.entity}.{column.name}"
    for name in (column.not_before, column.not_after):
        own = contract.column(name) if name and not _reference(name) else None
        if name and (column.data_type not in _MOMENTS or (own and own.data_type not in _MOMENTS)):
            raise BadContract(f"{where}: only dates and timestamps are not before or after '{name}'")
    if column.on and (column.data_type != "timestamp" or contract.column(column.on).data_type != "date"):
        raise BadContract(f"{where}: only a timestamp lies `on` a date, not on '{column.on}'")
    if column.most_days_before is not None and (not column.not_after or _reference(column.not_after)):
        raise BadContract(f"{where}: most_days_before needs a not_after of the same table")
    for reference in (column.refers_to, *column.bounds):
        if reference is None:
            continue
        target = found.get(reference.entity)
        if contract.file is None or target is None or target.file is None or target.raw != contract.raw:
            raise BadContract(f"{where}: {reference} is in no table of the same day batch")
        if reference.column not in [c.name for c in target.columns]:
            raise BadContract(f"{where}: there is no column '{reference}'")
        kinds = {c.data_type for c in (column, target.column(reference.column))}
        if len({"text" if _TEXT.fullmatch(kind) else kind for kind in kinds}) > 1 and not kinds <= {*_MOMENTS}:
            raise BadContract(f"{where}: {reference} has another data_type")
    for bound in column.bounds:
        keys = [c.refers_to for c in contract.columns if c.refers_to and c.refers_to.entity == bound.entity]
        if len(keys) != 1:
            raise BadContract(f"{where}: {bound} needs one column with a relationships test to {bound.entity}")
        target = found[bound.entity]
        if not any(set(names) <= {keys[0].column, target.partition} for names in target.unique_sets):
            raise BadContract(f"{where}: {bound} is not of one row, since {keys[0]} is not unique in a day")


def _reference(name: str) -> Reference | None:
    """`table.column` as a reference; None for the name of a column."""
    entity, dot, column = name.partition(".")
    return Reference(entity, column) if dot else None


def _relationship(test: Mapping[str, Any], source: str, where: str) -> Reference:
    arguments = test["relationships"].get("arguments", {})
    to = _SOURCE.fullmatch(str(arguments.get("to")))
    if not to or "field" not in arguments:
        raise BadContract(f"{where}: relationships needs arguments `to: source('{source}', '<table>')` and `field`")
    if to[2] != source:
        raise BadContract(f"{where}: relationships to source '{to[2]}' cannot be held: a day batch is of one source")
    return Reference(to[4], arguments["field"])


def _column(column: Mapping[str, Any], source: str, where: str) -> Column:
    meta = _meta(column, "column", where)
    data_type = column.get("data_type", "")
    text = _TEXT.fullmatch(data_type)
    if not (text or data_type in _TYPES or _DECIMAL.fullmatch(data_type)):
        known = ", ".join([*_TYPES, "varchar(n)", "decimal(p,s)"])
        raise BadContract(f"{where}: data_type '{data_type}' is not one of {known}")
    decimal = _DECIMAL.fullmatch(data_type)
    if decimal and not max(1, int(decimal[2])) <= int(decimal[1]) <= MOST_DIGITS:
        raise BadContract(f"{where}: {data_type} has not from 1 to {MOST_DIGITS} digits, decimals among them")
    accepted = refers_to = None
    tests = column.get("data_tests", [])
    for test in tests:
        if isinstance(test, Mapping) and "accepted_values" in test:
            accepted = tuple(str(value) for value in test["accepted_values"]["arguments"]["values"])
        if isinstance(test, Mapping) and "relationships" in test:
            refers_to = _relationship(test, source, where)
    if "pattern" in meta:
        try:
            re.compile(meta["pattern"])
        except re.error as error:
            raise BadContract(f"{where}: pattern '{meta['pattern']}' is not a regular expression: {error}") from None
    if meta.get("from", "folder") != "folder":
        raise BadContract(f"{where}: from '{meta['from']}' is not folder")
    same_as = _reference(str(meta["same_as"])) if "same_as" in meta else None
    if "same_as" in meta and not same_as:
        raise BadContract(f"{where}: same_as '{meta['same_as']}' is not of the form table.column")
    return Column(
        name=column["name"],
        data_type=data_type,
        description=" ".join(column.get("description", "").split()),
        required="not_null" in tests,
        unique="unique" in tests,
        accepted=accepted,
        length=int(text[1]) if text else None,
        minimum=meta.get("minimum"),
        maximum=meta.get("maximum"),
        pattern=meta.get("pattern"),
        format=meta.get("format"),
        not_before=meta.get("not_before"),
        not_after=meta.get("not_after"),
        most_days_before=meta.get("most_days_before"),
        on=meta.get("on"),
        from_folder="from" in meta,
        refers_to=refers_to,
        same_as=same_as,
    )


def _meta(thing: Mapping[str, Any], kind: str, where: str) -> dict[str, Any]:
    meta = dict(thing.get("config", {}).get("meta", {}))
    for name in meta:
        if name not in KNOWN_META[kind]:
            raise BadContract(f"{where}: config.meta.{name} is not one of {', '.join(KNOWN_META[kind])}")
    return meta
