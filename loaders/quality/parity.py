"""Parity: the same warehouse in several engines, compared relation by relation, row by row, value by value.

Relations, their keys and the few columns that may differ in the last digits come from the dbt project: every model of
the marts and every snapshot takes part, and needs a test that says what is unique in it. A column of doubles with
`config.meta.inexact` is compared within TOLERANCE; everything else must be equal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from loaders.contracts import Column
from loaders.errors import BadContract, GateFailed
from loaders.targets import NAMES, Warehouse

TOLERANCE = 1e-9
"""Relative, of doubles that come from sums in any order or from interpolation."""

CHUNK_ROWS = 50_000
CONTROLS = ("a cell changed", "a row dropped", "a row doubled", "two values swapped")
OWN_TO_ENGINE = ("dbt_scd_id",)
"""Columns of snapshots that each adapter makes in its own way."""

_LOGICAL = {
    "varchar": "text", "character varying": "text", "string": "text",
    "integer": "integer", "int32": "integer",
    "bigint": "bigint", "int64": "bigint",
    "boolean": "boolean", "bool": "boolean",
    "date": "date", "date32": "date",
    "timestamp": "timestamp", "timestamp without time zone": "timestamp", "datetime64(6, 'utc')": "timestamp",
    "double": "double", "double precision": "double", "float64": "double",
    "decimal": "decimal", "numeric": "decimal",
}  # fmt: skip
_ARROW = {
    "text": pa.string(), "integer": pa.int32(), "bigint": pa.int64(), "boolean": pa.bool_(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "double": pa.float64(),
}  # fmt: skip
_CHANGED = {
    "text": "concat(coalesce({0}, ''), '!')",
    "integer": "coalesce({0}, 0) + 1",
    "bigint": "coalesce({0}, 0) + 1",
    "boolean": "not coalesce({0}, false)",
    "date": "coalesce({0}, date '2024-02-29') + 1",
    "timestamp": "coalesce({0}, timestamp '2024-02-29') + interval 1 microsecond",
    "double": "coalesce({0}, 0) * (1 + 1e-6) + 1e-6",
    "decimal": "coalesce({0}, 0) + 0.01",
}


@dataclass(frozen=True)
class Relation:
    """A relation to compare: what is unique in it, and which of its columns are inexact."""

    name: str
    key: tuple[str, ...]
    inexact: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """How a relation of one engine compares with that of another, and which negative controls were caught."""

    relation: Relation
    engine: str
    rows: int
    columns: int
    differences: tuple[str, ...]
    caught: tuple[str, ...]

    @property
    def is_proven(self) -> bool:
        """Whether there is no difference, and every planted one was seen."""
        return not self.differences and self.caught == CONTROLS

    @property
    def failures(self) -> list[str]:
        """Every difference, and every planted one that was not seen."""
        unseen = [f"{control} was planted and not seen" for control in CONTROLS if control not in self.caught]
        return [*self.differences, *unseen]


def relations(manifest: Any) -> list[Relation]:
    """What a parsed dbt project says there is to compare. Raises BadContract for a relation without a key."""
    keys: dict[str, tuple[str, ...]] = {}
    for node in manifest.nodes.values():
        metadata = getattr(node, "test_metadata", None)
        if node.resource_type == "test" and metadata and not node.config.where:
            if metadata.name == "unique":
                keys[node.attached_node] = (node.column_name,)
            elif metadata.name == "unique_together":
                keys.setdefault(node.attached_node, tuple(metadata.kwargs["columns"]))
    found = []
    for name, node in sorted(manifest.nodes.items()):
        if node.resource_type == "snapshot" or (node.resource_type == "model" and "marts" in node.fqn):
            if name not in keys:
                raise BadContract(f"{node.name} has no unique or unique_together test: parity needs its key")
            inexact = frozenset(c.name for c in node.columns.values() if c.config.meta.get("inexact"))
            found.append(Relation(f"{node.schema}.{node.name}", keys[name], inexact))
    return sorted(found, key=lambda relation: relation.name)


def compare(
    found: list[Relation], warehouses: list[Warehouse], progress: Callable[[int, int], Any] = lambda done, total: None
) -> list[Verdict]:
    """Each relation of each warehouse against that of the first."""
    first, *others = warehouses
    verdicts = []
    for done, relation in enumerate(found, 1):
        with duckdb.connect(config={"threads": 2}) as database:
            columns = fetch(database, "one", first, relation)
            caught = tuple(controls_caught(database, relation, columns, "one"))
            for warehouse in others:
                engine = NAMES[warehouse.target]
                types = fetch(database, "other", warehouse, relation)
                differences = [
                    *_shape_differences(columns, types, (NAMES[first.target], engine)),
                    *differing(database, relation, columns, "one", "other"),
                ]
                verdicts.append(
                    Verdict(
                        relation,
                        engine,
                        _count(database, "from other"),
                        len(types),
                        tuple(differences),
                        caught,
                    )
                )
        progress(done, len(found))
    return verdicts


def report(verdicts: list[Verdict]) -> list[str]:
    """How each relation compares, as lines for a terminal."""
    lines = [f"{'relation':<38}{'engine':<12}{'rows':>10}{'columns':>9}  verdict"]
    for verdict in verdicts:
        said = "the same" if verdict.is_proven else "; ".join(verdict.failures)
        lines.append(f"{verdict.relation.name:<38}{verdict.engine:<12}{verdict.rows:>10,}{verdict.columns:>9}  {said}")
    return lines


def stop_at_differences(verdicts: Sequence[Verdict], where: str) -> None:
    """Raises GateFailed with what differs, where and in how many rows, unless parity is proven."""
    failed = [verdict for verdict in verdicts if not verdict.is_proven]
    if failed:
        shown = "".join(
            f"\n  {verdict.relation.name} in {verdict.engine}: {failure}"
            for verdict in failed
            for failure in verdict.failures
        )
        raise GateFailed(
            f"there is no parity: {len(failed)} of {len(verdicts)} comparisons fail{shown}"
            f"\n  all results are in {where}"
        )


def fetch(database: duckdb.DuckDBPyConnection, name: str, warehouse: Warehouse, relation: Relation) -> dict[str, str]:
    """Copy a relation of a warehouse into a table; returns its columns' logical types, in order."""
    import sqlalchemy

    schema, _, table = relation.name.partition(".")
    types = {
        column: _logical(str(data_type), precision, scale)
        for column, data_type, precision, scale in warehouse.rows(
            "select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns "
            f"where table_schema = '{schema}' and table_name = '{table}' order by ordinal_position"
        )
        if column not in OWN_TO_ENGINE
    }
    if not types:
        raise BadContract(f"{warehouse.label} has no {relation.name}: build it there first")
    arrow = pa.schema([(column, _arrow(logical)) for column, logical in types.items()])
    database.execute(f"drop table if exists {name}")
    database.register("chunk", arrow.empty_table())
    database.execute(f"create table {name} as from chunk")
    with warehouse.connection() as connection:
        result = connection.execution_options(stream_results=True).execute(
            sqlalchemy.text(f"select {', '.join(types)} from {relation.name}")
        )
        for rows in result.partitions(CHUNK_ROWS):
            arrays = [
                pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), arrow, strict=True)
            ]
            database.register("chunk", pa.table(arrays, schema=arrow))
            database.execute(f"insert into {name} from chunk")
    database.unregister("chunk")
    return types


def differing(
    database: duckdb.DuckDBPyConnection, relation: Relation, columns: Mapping[str, str], one: str, other: str
) -> Iterator[str]:
    """What differs between two tables, in words; nothing where they hold the same rows."""
    key = ", ".join(relation.key)
    same_key = " and ".join(f"a.{name} is not distinct from b.{name}" for name in relation.key)
    for table in (one, other):
        doubled = _count(database, f"from (select 1 from {table} group by {key} having count(*) > 1)")
        if doubled:
            yield f"{doubled:,} keys are more than once in the {_place(table)}"
    for here, there in ((one, other), (other, one)):
        missing = f"from {here} as a where not exists (from {there} as b where {same_key})"
        count = _count(database, missing)
        if count:
            example = database.execute(f"select {key} {missing} limit 1").fetchone()
            yield f"{count:,} rows are only in the {_place(here)}, such as {_shown(relation.key, example)}"
    known = {name for (name,) in database.execute(f"select column_name from (describe {other})").fetchall()}
    unequal = {
        name: _unequal(name, name in relation.inexact) for name in columns if name in known and name not in relation.key
    }
    if not unequal:
        return
    pairs = f"from {one} as a inner join {other} as b on {same_key}"
    counted = ", ".join(f"count(*) filter (where {condition})" for condition in unequal.values())
    counts = database.execute(f"select {counted} {pairs}").fetchall()[0]
    for (name, condition), count in zip(unequal.items(), counts, strict=True):
        if count:
            keys = ", ".join(f"a.{each}" for each in relation.key)
            example = database.execute(
                f"select {keys}, a.{name}, b.{name} {pairs} where {condition} limit 1"
            ).fetchall()
            *at, here, there = example[0]
            yield f"{name} differs in {count:,} rows, such as {_shown(relation.key, at)}: {here!r} and {there!r}"


def _unequal(name: str, is_inexact: bool) -> str:
    """When a column of a pair of rows differs."""
    if not is_inexact:
        return f"a.{name} is distinct from b.{name}"
    return (
        f"(a.{name} is null) <> (b.{name} is null) "
        f"or abs(a.{name} - b.{name}) > {TOLERANCE} * greatest(abs(a.{name}), abs(b.{name}))"
    )


def controls_caught(
    database: duckdb.DuckDBPyConnection, relation: Relation, columns: Mapping[str, str], table: str
) -> Iterator[str]:
    """Which of CONTROLS are seen as differences when they are planted into a copy of a table."""
    values = [name for name in columns if name not in relation.key]
    rows = _count(database, f"from {table}")
    changed = values[rows % len(values)]
    middle = rows // 2
    swap = _swap(database, values, table)
    other = _CHANGED[columns[changed].partition("(")[0]].format(changed)
    planted = {
        "a cell changed": f"update planted set {changed} = {other} where rowid = {middle}",
        "a row dropped": f"delete from planted where rowid = {middle}",
        "a row doubled": f"insert into planted select * from planted where rowid = {middle}",
        "two values swapped": swap,
    }
    for control in CONTROLS:
        if not rows or not planted[control]:
            continue
        database.execute(f"create or replace table planted as from {table}")
        database.execute(planted[control])
        if next(differing(database, relation, columns, table, "planted"), None):
            yield control


def _swap(database: duckdb.DuckDBPyConnection, values: list[str], table: str) -> str:
    """A statement that swaps two values of a column of which there are two."""
    for name in values:
        found = database.execute(
            f"select min(rowid), arg_min(rowid, {name}), arg_max(rowid, {name}) from {table} "
            f"having min({name}) <> max({name})"
        ).fetchone()
        if found:
            low, high = found[1:]
            return (
                f"update planted set {name} = "
                f"(select {name} from {table} where rowid = {low} + {high} - planted.rowid) "
                f"where rowid in ({low}, {high})"
            )
    return ""


def _shape_differences(one: Mapping[str, str], other: Mapping[str, str], engines: tuple[str, str]) -> Iterator[str]:
    if list(one) != list(other):
        yield f"columns are {', '.join(one)} in {engines[0]} and {', '.join(other)} in {engines[1]}"
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            yield f"{name} is {one[name]} in {engines[0]} and {other[name]} in {engines[1]}"


def _logical(data_type: str, precision: int | None, scale: int | None) -> str:
    plain = data_type.lower()
    if plain.startswith("nullable("):
        plain = plain.removeprefix("nullable(").removesuffix(")")
    known = _LOGICAL.get(plain, _LOGICAL.get(plain.partition("(")[0], plain))
    return f"decimal({precision},{scale})" if known == "decimal" else known


def _arrow(logical: str) -> pa.DataType:
    return Column("", logical, "").arrow_type if logical.startswith("decimal") else _ARROW.get(logical, pa.string())


def _count(database: duckdb.DuckDBPyConnection, what: str) -> int:
    found = database.execute(f"select count(*) {what}").fetchone()
    return int(found[0]) if found else 0


def _place(table: str) -> str:
    return "first" if table == "one" else "second"


def _shown(key: tuple[str, ...], values: Iterable[Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(key, values, strict=True))
