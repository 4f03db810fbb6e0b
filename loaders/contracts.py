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
        "raw": "folder of the raw objects in the lake; its folders are named <partition>=YYYY-MM-DD",
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
        "not_after": "a column whose time (or whose day's end) this time may not be after",
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


@dataclass(frozen=True)
class Column:
    """A column of a contract. `length` bounds texts in characters; times are bounded by another column."""

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
    not_after: str | None = None
    most_days_before: int | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        """The type of the staged column."""
        if self.length is not None:
            return pa.string()
        decimal = _DECIMAL.fullmatch(self.data_type)
        return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _TYPES[self.data_type]


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

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of staged files, in the contract's order of columns."""
        return pa.schema(
            [pa.field(c.name, c.arrow_type, nullable=not c.required) for c in self.columns],
            metadata={"contract": f"{self.source}.{self.entity}"},
        )

    @property
    def folder_name(self) -> str:
        """What the raw day folders are called: `event_date` for events, else the partition column."""
        return "event_date" if self.partition == "event_time" else self.partition

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
        for source in (yaml.safe_load(path.read_text()) or {}).get("sources", []):
            for table in source.get("tables", []):
                contract = _contract(table, source["name"], f"{where}: {table['name']}")
                if contract.entity in found:
                    raise BadContract(f"{where}: {contract.entity} is there twice")
                found[contract.entity] = contract
    if not found:
        raise BadContract(f"there are no contracts in {project / 'models/staging'}")
    return found


def _contract(table: Mapping[str, Any], source: str, where: str) -> Contract:
    meta = _meta(table, "table", where)
    for name in ("raw", "key", "partition"):
        if name not in meta:
            raise BadContract(f"{where}: config.meta.{name} is missing")
    columns = tuple(_column(column, f"{where}.{column.get('name')}") for column in table.get("columns", []))
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
    mentioned += [c.not_after for c in columns if c.not_after]
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
    )
    if contract.column(contract.partition).data_type not in ("date", "timestamp"):
        raise BadContract(f"{where}: partition '{contract.partition}' is neither a date nor a timestamp")
    if contract.partition_by not in ("month", "day"):
        raise BadContract(f"{where}: partition_by '{contract.partition_by}' is neither month nor day")
    return contract


def _column(column: Mapping[str, Any], where: str) -> Column:
    meta = _meta(column, "column", where)
    data_type = column.get("data_type", "")
    text = _TEXT.fullmatch(data_type)
    if not (text or data_type in _TYPES or _DECIMAL.fullmatch(data_type)):
        known = ", ".join([*_TYPES, "varchar(n)", "decimal(p,s)"])
        raise BadContract(f"{where}: data_type '{data_type}' is not one of {known}")
    accepted = None
    tests = column.get("data_tests", [])
    for test in tests:
        if isinstance(test, Mapping) and "accepted_values" in test:
            accepted = tuple(str(value) for value in test["accepted_values"]["arguments"]["values"])
    if "pattern" in meta:
        try:
            re.compile(meta["pattern"])
        except re.error as error:
            raise BadContract(f"{where}: pattern '{meta['pattern']}' is not a regular expression: {error}") from None
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
        not_after=meta.get("not_after"),
        most_days_before=meta.get("most_days_before"),
    )


def _meta(thing: Mapping[str, Any], kind: str, where: str) -> dict[str, Any]:
    meta = dict(thing.get("config", {}).get("meta", {}))
    for name in meta:
        if name not in KNOWN_META[kind]:
            raise BadContract(f"{where}: config.meta.{name} is not one of {', '.join(KNOWN_META[kind])}")
    return meta
