"""Ids that records of different days share: who keeps them, as if all days had come at once.

In order of time, raw key and line, the first record that holds an id keeps it and the others are refused. Within a
day staging sees to that; here are the days that have something to do with each other.
"""

from collections.abc import Iterator
from typing import Any

from loaders.contracts import Contract
from loaders.duck import connect
from loaders.lake import Lake
from loaders.staging.manifest import Partition
from loaders.staging.partition import Work, partition_of, raw_objects, stage_partition

LITTLE_MEMORY = {"memory_limit": "128MB", "threads": 2, "preserve_insertion_order": False}

Ids = dict[tuple[str, ...], set[tuple[Any, ...]]]
Shared = dict[tuple[str, ...], dict[Any, set[str]]]


def settle_ids(lake: Lake, contract: Contract, partitions: dict[str, Partition], touched: set[str]) -> Iterator[str]:
    """Make again the days that share an id with a day just staged, in order; yields each partition that changed."""
    shared = _shared(lake, contract, partitions)
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


def _shared(
    lake: Lake, contract: Contract, partitions: dict[str, Partition]
) -> dict[tuple[str, ...], dict[Any, set[str]]]:
    """Ids that records of more than one day hold, staged or refused for their ids, and those days."""
    staged = [lake.uri(part.data.key) for part in partitions.values() if part.data]
    refused = [lake.uri(part.quarantine.key) for part in partitions.values() if part.quarantine]
    found: Shared = {}
    for names in _sets(contract):
        pool = []
        if staged:
            texts = ", ".join(f"cast({name} as varchar) as {name}" for name in names)
            pool.append(
                f"select {texts}, cast({contract.partition} as date) as day "
                f"from read_parquet({staged}, hive_partitioning = false)"
            )
        if refused:
            texts = ", ".join(f"decode(record)::json ->> '{name}' as {name}" for name in names)
            pool.append(
                f"select {texts}, cast(folder_day as date) as day "
                f"from read_parquet({refused}, hive_partitioning = false) where rule = 'colliding_id'"
            )
        if not pool:
            continue
        columns = ", ".join(names)
        with lake.scratch() as scratch, connect(lake, **LITTLE_MEMORY, temp_directory=str(scratch)) as connection:
            connection.execute(f"create view pool as {' union all '.join(pool)}")
            connection.execute(f"""
                create temp table suspects as
                select suspect
                from (select hash({columns}) as suspect, date_diff('day', date '2000-01-01', day) as day from pool)
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
