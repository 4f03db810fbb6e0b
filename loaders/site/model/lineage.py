"""Which columns a column is made of: read from the SQL that dbt compiled, by sqlglot."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from loaders.site.model.relations import Model, Relation

DIALECTS = {"duckdb": "duckdb", "clickhouse": "clickhouse", "redshift": "redshift", "postgres": "postgres"}


_PLAIN_SET = re.compile(r"\b(union|except|intersect)\b(?!\s+(?:all|distinct)\b)", re.IGNORECASE)
"""ClickHouse takes these by a setting; sqlglot's ClickHouse wants them with `distinct`."""


@dataclass(frozen=True, order=True)
class Edge:
    """A column that another is made of. `is_as_is` where the value is not changed on the way, but for a cast."""

    relation: str
    column: str
    is_as_is: bool


@dataclass(frozen=True)
class Lineage:
    """Edges by relation id and column; a column without any is a constant or a count of rows.

    `unread` says by relation id why its SQL could not be read: its columns have no entry.
    """

    upstream: Mapping[tuple[str, str], tuple[Edge, ...]]
    unread: Mapping[str, str]


def trace(model: Model) -> Lineage:
    """The lineage of every column of models and snapshots. Never raises for SQL: see `Lineage.unread`."""
    dialect = DIALECTS.get(model.adapter)
    traced = [each for each in model.relations.values() if each.layer not in ("source", "seed")]
    if dialect is None:
        return Lineage({}, {each.id: f"SQL of {model.adapter} is not read here" for each in traced})
    places = {_place(each): each for each in model.relations.values()}
    schema = _schema(model)
    upstream: dict[tuple[str, str], tuple[Edge, ...]] = {}
    unread: dict[str, str] = {}
    with _quiet():
        for relation in traced:
            if not relation.code:
                unread[relation.id] = "dbt has not compiled it"
                continue
            try:
                upstream.update(_of(relation, places, schema, dialect))
            except Exception as error:  # sqlglot fails in many ways at SQL that it does not know
                unread[relation.id] = _reason(error)
    return Lineage(upstream, unread)


def _of(
    relation: Relation, places: Mapping[tuple[str, str], Relation], schema: dict[str, Any], dialect: str
) -> dict[tuple[str, str], tuple[Edge, ...]]:
    code = _PLAIN_SET.sub(r"\1 distinct", relation.code) if dialect == "clickhouse" else relation.code
    tree = parse_one(code, dialect=dialect)
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
    roots = lineage(None, tree, schema, dialect=Dialect.get_or_raise(dialect), trim_selects=False, copy=False)
    made = {name.lower(): _edges(root, places) for name, root in roots.items()}
    found = {}
    for column in relation.columns:
        name = column.name.lower()
        if name in made:
            found[relation.id, column.name] = made[name]
        elif relation.kind == "snapshot" and name.startswith("dbt_"):
            found[relation.id, column.name] = _of_snapshot(name, relation)
        else:
            raise SqlglotError(f"no column {column.name} in its SQL")
    return found


def _of_snapshot(column: str, relation: Relation) -> tuple[Edge, ...]:
    """dbt writes these itself, from the time and the key of what it reads."""
    if len(relation.reads) != 1 or not relation.snapshot_times:
        return ()
    of = [relation.snapshot_times]
    if column == "dbt_scd_id":
        of += relation.keys
    as_is = column in ("dbt_updated_at", "dbt_valid_from")
    return tuple(sorted(Edge(relation.reads[0], each, as_is) for each in of))


def _edges(root: Node, places: Mapping[tuple[str, str], Relation]) -> tuple[Edge, ...]:
    """The columns of relations at the leaves. Where a value comes both ways, changed is said."""
    as_is: dict[tuple[str, str], bool] = {}
    seen: set[tuple[int, bool]] = set()
    waiting = [(root, True)]
    while waiting:
        node, kept = waiting.pop()
        if (id(node), kept) in seen:
            continue
        seen.add((id(node), kept))
        if isinstance(node.expression, exp.Table):
            leaf = _leaf(node, places)
            if leaf:
                as_is[leaf] = as_is.get(leaf, True) and kept
        else:
            waiting += [(each, kept and _is_kept(node.expression)) for each in node.downstream]
    return tuple(sorted(Edge(relation, column, kept) for (relation, column), kept in as_is.items()))


def _leaf(node: Node, places: Mapping[tuple[str, str], Relation]) -> tuple[str, str] | None:
    table = node.expression
    relation = places.get((table.db.lower(), table.name.lower()))
    if relation is None:
        raise SqlglotError(f"it reads {table.sql()}, which dbt does not know")
    name = node.name.rsplit(".", 1)[-1].strip('"`').lower()
    column = next((each.name for each in relation.columns if each.name.lower() == name), None)
    if column is None:
        raise SqlglotError(f"it reads {relation.name}.{name}, which dbt does not know")
    return relation.id, column


def _is_kept(expression: exp.Expr) -> bool:
    """Whether a value passes: a column, renamed or cast, or one leg of a union."""
    while isinstance(expression, (exp.Alias, exp.Cast, exp.TryCast, exp.Paren)):
        expression = expression.this
    return isinstance(expression, (exp.Column, exp.SetOperation))


def _place(relation: Relation) -> tuple[str, str]:
    schema, name = relation.place.lower().split(".", 1)
    return schema, name


def _schema(model: Model) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for relation in model.relations.values():
        place, name = _place(relation)
        columns = {column.name: column.type or "text" for column in relation.columns if column.is_there}
        if columns:
            schema.setdefault(place, {})[name] = columns
    return schema


def _reason(error: Exception) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return first[:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """sqlglot warns of what it guesses; what it could not read is told by us."""
    logger = logging.getLogger("sqlglot")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
