"""The theatre system's tables in PostgreSQL: made from the contracts, and written so that it may be repeated."""

from collections.abc import Mapping

import pyarrow as pa

from loaders.contracts import Column
from loaders.errors import SourceError
from loaders.source.address import check_address, shown
from loaders.source.session import Patience, Session, Trouble, session
from loaders.source.tables import CHANGED, Table, literal, operational, quoted
from loaders.source.tries import again

_TYPES = {"timestamp": "timestamp", "double": "double precision"}
_INCOMING = "incoming"
_LOCK = 5_433_001


def write_tables(url: str, tables: Mapping[str, pa.Table], patience: Patience | None = None) -> None:
    """Write the rows of some days, by entity, in one transaction: all of them are there afterwards, or none.

    Tables have the contracts' columns and types; those of days before have been written. Schema and tables are made
    where there are none. Rows that are there stay as they are, so it may be repeated, after a kill as well; the newest
    version of a thing is its current row, in whatever order versions come.

    Raises BadSetting for what is no URL, SourceError when the database cannot be reached or does not take the rows.
    """
    check_address(url)
    known = operational()
    strange = sorted(set(tables) - {table.name for table in known})
    if strange:
        raise SourceError(f"{strange[0]} is no operational table: only {', '.join(t.name for t in known)} are")
    chosen = patience or Patience()
    try:
        again(chosen, lambda: _write(url, tables, known, chosen))
    except Trouble as trouble:
        raise SourceError(f"cannot write to {shown(url)}: {trouble}") from None


def _write(url: str, tables: Mapping[str, pa.Table], known: list[Table], patience: Patience) -> None:
    with session(url, patience) as source:
        source.run("set local client_min_messages = warning")
        source.limit()
        source.run(f"do $$ begin perform pg_advisory_xact_lock({_LOCK}); end $$")
        _make(source, known)
        for table in known:
            rows = tables.get(table.name)
            if rows is not None and rows.num_rows:
                _add(source, table, rows)
        source.commit()


def _make(source: Session, known: list[Table]) -> None:
    """Make what is missing."""
    names = [name for table in known for name in (table.name, table.versions) if name]
    there = source.rows(
        f"select tablename::text as name from pg_catalog.pg_tables where schemaname = {literal(known[0].schema)}"
    )
    if {row["name"] for row in there}.issuperset(names):
        return
    source.run(f"create schema if not exists {quoted(known[0].schema)}")
    for table in known:
        for name in (table.name, table.versions):
            if name:
                for statement in definition(table, name):
                    source.run(statement)


def definition(table: Table, name: str) -> list[str]:
    """The statements that make a table, of current rows or of versions, where there is none."""
    place = quoted(table.schema, name)
    is_history = name == table.versions
    key = [table.id, CHANGED] if is_history else [table.id]
    parts = [_column(column) for column in table.contract.columns]
    parts.append(f"primary key ({', '.join(map(quoted, key))})")
    others = {**table.refers_to, **({table.id: table.name} if is_history else {})}
    parts += [f"foreign key ({quoted(c)}) references {quoted(table.schema, other)}" for c, other in others.items()]
    parts += [
        f"unique ({quoted(column.name)})"
        for column in table.contract.columns
        if column.unique and not is_history and column.name != table.id
    ]
    index = quoted(f"{name}_{CHANGED}")
    return [
        f"create table if not exists {place} (\n  " + ",\n  ".join(parts) + "\n)",
        f"create index if not exists {index} on {place} ({quoted(CHANGED)})",
    ]


def _column(column: Column) -> str:
    name = quoted(column.name)
    text = f"{name} {_TYPES.get(column.data_type, column.data_type)}"
    if column.required:
        text += " not null"
    if column.accepted:
        text += f" check ({name} in ({', '.join(map(literal, column.accepted))}))"
    bounds = [f"{name} {sign} {n}" for sign, n in ((">=", column.minimum), ("<=", column.maximum)) if n is not None]
    return f"{text} check ({' and '.join(bounds)})" if bounds else text


def _add(source: Session, table: Table, rows: pa.Table) -> None:
    """Add rows: to the versions those that are not there, to the current rows the newest of each."""
    missing = [name for name in table.columns if name not in rows.column_names]
    if missing:
        raise SourceError(f"{table.name} has no column {missing[0]} to write")
    source.put(_INCOMING, rows.select(table.columns).cast(table.contract.arrow_schema).combine_chunks())
    names = ", ".join(map(quoted, table.columns))
    change = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in table.columns if name != table.id)
    source.run(
        f"insert into {quoted(table.schema, table.name)} as kept ({names}) "
        f"select distinct on ({quoted(table.id)}) {names} from {_INCOMING} "
        f"order by {quoted(table.id)}, {quoted(CHANGED)} desc "
        f"on conflict ({quoted(table.id)}) do update set {change} "
        f"where kept.{quoted(CHANGED)} < excluded.{quoted(CHANGED)}"
    )
    if table.versions:
        source.run(
            f"insert into {quoted(table.schema, table.versions)} ({names}) select {names} from {_INCOMING} "
            f"on conflict ({quoted(table.id)}, {quoted(CHANGED)}) do nothing"
        )
    source.run(f"drop table {_INCOMING}")
