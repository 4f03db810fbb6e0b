"""Ids that records of different days share: who keeps them, as if all days had come at once.

In order of time, raw key and line, the first record that holds an id keeps it and the others are refused. Within a
day staging sees to that; here are the days that have something to do with each other.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from loaders.contracts import Contract
from loaders.duck import connect
from loaders.lake import Lake
from loaders.staging.batch import Batch, Failed, objects_of, stage_month
from loaders.staging.delimited import parse_rows, read_rows
from loaders.staging.manifest import Manifest, Partition, StagedFile
from loaders.staging.parse import parse
from loaders.staging.partition import Work, partition_of, raw_objects, stage_partition

LITTLE_MEMORY = {"memory_limit": "256MB", "threads": 2, "preserve_insertion_order": False}
ROWS_AT_A_TIME = 1_000_000
"""Ids to group at a time: DuckDB 1.5 does not group any number of them in little memory, temporary files or not."""

FOR_OTHERS = ("colliding_id", "unknown_reference", "outside_window")
"""Rules that refuse a record for what other records say; outside of day batches only the first of them does.

Some records break the last by themselves.
"""

Ids = dict[tuple[str, ...], set[tuple[Any, ...]]]
Shared = dict[tuple[str, ...], dict[Any, set[str]]]


def settle_ids(lake: Lake, contract: Contract, partitions: dict[str, Partition], touched: set[str]) -> Iterator[str]:
    """Make again the days that share an id with a day just staged, in order; yields each partition that changed."""
    shared = ids_of_several_days(lake, contract, partitions)
    days = _connected(shared, {folder.partition("=")[2] for folder in touched})
    taken: Ids = {}
    for day in sorted(days):
        folder = f"{contract.folder_name}={day}"
        name = partition_of(contract, folder)
        objects = {folder: raw_objects(lake, contract, folder)}
        partitions[name] = stage_partition(lake, Work(contract, name, partitions[name], {}, objects, taken))
        yield name
        for names, ids in _kept(lake, contract, partitions[name], day).items():
            taken.setdefault(names, set()).update(ids & shared.get(names, {}).keys())


def settle_batch_ids(
    lake: Lake, batch: Batch, manifest: Manifest, touched: set[str]
) -> Iterator[tuple[str, dict[str, Partition], list[Failed]]]:
    """Make again the days of a batch that share an id of any entity, in order; yields month, partitions and failures.

    A day that refers to what another day keeps loses what refers to it in turn, so all its entities are made again.
    """
    shared = {
        contract.entity: ids_of_several_days(lake, contract, manifest.get(contract.entity, {}))
        for contract in batch.contracts
    }
    everything = {(entity, *names): ids for entity, of in shared.items() for names, ids in of.items()}
    taken: dict[str, Ids] = {}
    for day in sorted(_connected(everything, touched)):
        month = partition_of(batch.contracts[0], day)
        old = {name: manifest[name][month] for name in shared if month in manifest.get(name, {})}
        objects, failed = objects_of(lake, batch, [day])
        made, failures = stage_month(lake, batch, month, old, objects, {day: taken})
        failed += failures
        for name, part in made.items():
            manifest.setdefault(name, {})[month] = part
        yield month, made, failed
        for contract in batch.contracts:
            name = contract.entity
            for names, ids in _kept(lake, contract, manifest[name][month], day).items():
                known = taken.setdefault(name, {}).setdefault(names, set())
                known.update(ids & shared[name].get(names, {}).keys())


def ids_of_several_days(
    lake: Lake, contract: Contract, partitions: dict[str, Partition]
) -> dict[tuple[str, ...], dict[Any, set[str]]]:
    """Ids that records of more than one day hold, staged or refused for their ids, and those days."""
    staged = [lake.uri(part.data.key) for part in partitions.values() if part.data]
    sets = _sets(contract)
    refused = _refused_rows(lake, contract, partitions) if sets else None
    parts = 1 + sum(part.data.rows for part in partitions.values() if part.data) // ROWS_AT_A_TIME
    found: Shared = {}
    for names in sets:
        pool = [f"select {', '.join(names)}, cast(day as date) as day from refused"]
        if staged:
            texts = ", ".join(f"cast({name} as varchar) as {name}" for name in names)
            pool.append(
                f"select {texts}, cast({contract.partition} as date) as day "
                f"from read_parquet({staged}, hive_partitioning = false)"
            )
        columns = ", ".join(names)
        with lake.scratch() as scratch, connect(lake, **LITTLE_MEMORY, temp_directory=str(scratch)) as connection:
            connection.register("refused", refused)
            connection.execute(f"create view pool as {' union all '.join(pool)}")
            connection.execute("create temp table suspects (suspect ubigint)")
            for part in range(parts):
                connection.execute(f"""
                    insert into suspects
                    select suspect
                    from (select hash({columns}) as suspect, date_diff('day', date '2000-01-01', day) as day from pool)
                    where suspect % {parts} = {part}
                    group by suspect
                    having min(day) <> max(day)
                """)
            if connection.execute("from suspects limit 1").fetchone() is None:
                continue
            rows = connection.execute(f"""
                select distinct {columns}, cast(day as varchar)
                from pool
                where hash({columns}) in (from suspects)
            """).fetchall()
            for *values, day in rows:
                found.setdefault(names, {}).setdefault(tuple(values), set()).add(day)
    return {names: {ids: days for ids, days in groups.items() if len(days) > 1} for names, groups in found.items()}


def _refused_rows(lake: Lake, contract: Contract, partitions: dict[str, Partition]) -> pa.Table:
    """The ids of records that were good in themselves and refused for others, with their days."""
    rules = FOR_OTHERS if contract.file else FOR_OTHERS[:1]
    names = sorted({name for names in _sets(contract) for name in names})
    found = [pa.table([pa.array([], pa.string()) for _ in (*names, "day")], [*names, "day"])]
    for part in partitions.values():
        if part.quarantine is None:
            continue
        rows = _quarantined(lake, part.quarantine, rules)
        for header in rows.column("header").unique() if rows.num_rows else ():
            same = pc.equal(rows.column("header"), header) if header.is_valid else rows.column("header").is_null()
            some = rows.filter(same)
            lines = b"".join(record + b"\n" for record in some.column("record").to_pylist())
            if header.is_valid:
                table, kept, _ = parse_rows(contract, read_rows("", "", header.as_py() + b"\n" + lines))
            else:
                table, kept, _ = parse(contract, lines)
            ids = [table.column(name).cast(pa.string()) for name in names]
            found.append(pa.table([*ids, some.column("folder_day").take(pa.array(kept))], [*names, "day"]))
    return pa.concat_tables(found)


def _quarantined(lake: Lake, file: StagedFile, rules: tuple[str, ...]) -> pa.Table:
    """Day, record and header of the records that some rules refuse."""
    content = pa.BufferReader(lake.read(file.key))
    return pq.read_table(content, columns=["folder_day", "record", "header"], filters=[("rule", "in", rules)])


def _sets(contract: Contract) -> list[tuple[str, ...]]:
    """Unique sets that days can share: not those that hold the time itself."""
    return [names for names in contract.unique_sets if contract.partition not in names]


def _connected(shared: Shared, touched: set[str]) -> set[str]:
    """The days that share ids with the touched ones, and with those days, and so on."""
    groups = [days for ids in shared.values() for days in ids.values()]
    reached: set[str] = set()
    growing = {day for days in groups for day in days if days & touched}
    while growing - reached:
        reached |= growing
        growing = {day for days in groups if days & reached for day in days}
    return reached


def _kept(lake: Lake, contract: Contract, partition: Partition, day: str) -> Ids:
    """The ids that staged records of a day hold."""
    if partition.data is None:
        return {}
    kept: Ids = {}
    for names in _sets(contract):
        columns = ", ".join(names)
        with connect(lake) as connection:
            rows = connection.execute(
                f"select {columns} from read_parquet(?, hive_partitioning = false) "
                f"where cast({contract.partition} as date) = ?",
                [lake.uri(partition.data.key), day],
            ).fetchall()
        kept[names] = set(rows)
    return kept
