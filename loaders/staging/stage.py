"""Raw objects to staged Parquet: find what is new, stage the partitions it touches, publish each by the manifest."""

import gc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from loaders.contracts import Contract
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.staging.batch import Batch, Failed, Partitions, batches, objects_of, stage_month
from loaders.staging.files import Objects, seen_before
from loaders.staging.ids import settle_batch_ids, settle_ids
from loaders.staging.manifest import (
    Counts,
    Manifest,
    Partition,
    read_manifest,
    staged_files,
    totals,
    write_manifest,
)
from loaders.staging.partition import NO_DAY, Work, listed_objects, partition_of, stage_partition
from loaders.workers import pool


@dataclass(frozen=True)
class Staged:
    """What a run of staging did: partitions made, and counts over all that is staged now and in this run.

    `failed` are days with a raw object that cannot be read at all; they are as they were before.
    """

    partitions: int
    counts: dict[str, Counts]
    new: Counts
    failed: tuple[Failed, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A partition to look at: what is staged of it, and the raw folders that belong to it.

    Of a day batch it is a month of all entities.
    """

    contracts: tuple[Contract, ...]
    partition: str
    old: Partitions
    folders: list[str]


@dataclass(frozen=True)
class _Made:
    """What was made of a place: partitions by entity, none where there is nothing new."""

    partitions: Partitions
    failed: list[Failed]


def stage(
    lake: Lake,
    contracts: Mapping[str, Contract],
    workers: int = 1,
    progress: Callable[[int, int], Any] = lambda done, total: None,
) -> Staged:
    """Stage all raw objects that are not staged yet; `progress` hears of partitions looked at and in all.

    Safe to kill and to run again: each partition is published whole by one write of the manifest.
    """
    _give_memory_back()
    manifest = read_manifest(lake)
    _tidy(lake, manifest)
    before = _sum(totals(manifest))
    single = [(contract,) for contract in contracts.values() if not contract.file]
    together = batches(contracts)
    places = [place for some in (*single, *(b.contracts for b in together)) for place in _places(lake, some, manifest)]
    made = 0
    failed: list[Failed] = []
    progress(0, len(places))
    for done, (place, found) in enumerate(_staged(lake, places, workers), 1):
        for entity, partition in found.partitions.items():
            manifest.setdefault(entity, {})[place.partition] = partition
        if found.partitions:
            write_manifest(lake, manifest)
        made += len(found.partitions)
        failed += found.failed
        progress(done, len(places))
    for contract in sorted((contract for (contract,) in single), key=lambda contract: contract.entity):
        _settle(lake, contract, manifest)
    for batch in together:
        failed += _settle_batch(lake, batch, manifest)
    _tidy(lake, manifest)
    counts = totals(manifest)
    after = _sum(counts)
    new = Counts(
        after.raw - before.raw,
        after.staged - before.staged,
        after.duplicates - before.duplicates,
        after.quarantined - before.quarantined,
    )
    return Staged(made, counts, new, tuple(sorted(set(failed), key=str)))


def _settle(lake: Lake, contract: Contract, manifest: Manifest) -> None:
    """Settle the ids of what was staged since they were last settled."""
    partitions = manifest.get(contract.entity, {})
    unsettled = {folder for part in partitions.values() for folder in part.unsettled}
    if not unsettled:
        return
    for _ in settle_ids(lake, contract, partitions, unsettled):
        write_manifest(lake, manifest)
    manifest[contract.entity] = {name: replace(part, unsettled=()) for name, part in partitions.items()}
    write_manifest(lake, manifest)


def _settle_batch(lake: Lake, batch: Batch, manifest: Manifest) -> list[Failed]:
    """Settle the ids of a day batch; where a day to be made again fails, they are settled another time."""
    entities = [contract.entity for contract in batch.contracts if contract.entity in manifest]
    unsettled = {day for entity in entities for part in manifest[entity].values() for day in part.unsettled}
    if not unsettled:
        return []
    failed: list[Failed] = []
    for _, made, failures in settle_batch_ids(lake, batch, manifest, unsettled):
        failed += failures
        if made:
            write_manifest(lake, manifest)
    if not failed:
        for entity in entities:
            manifest[entity] = {name: replace(part, unsettled=()) for name, part in manifest[entity].items()}
        write_manifest(lake, manifest)
    return failed


def _places(lake: Lake, contracts: tuple[Contract, ...], manifest: Manifest) -> list[_Place]:
    """The partitions of an entity, or of those of a day batch, that its raw folders belong to."""
    folders: dict[str, list[str]] = {}
    for folder in ["", *lake.folders(contracts[0].raw)]:
        folders.setdefault(partition_of(contracts[0], folder), []).append(folder)
    return [
        _Place(
            contracts,
            partition,
            {c.entity: parts[partition] for c in contracts if partition in (parts := manifest.get(c.entity, {}))},
            folders[partition],
        )
        for partition in folders
    ]


def _staged(lake: Lake, places: list[_Place], workers: int) -> Iterator[tuple[_Place, _Made]]:
    """What became of each partition, in any order."""
    if workers <= 1 or len(places) <= 1:
        for place in places:
            yield place, _stage_new(lake, place)
        return
    with pool(min(workers, len(places)), _start_worker) as processes:
        running = {processes.submit(_stage_new, lake, place): place for place in places}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            processes.shutdown(wait=True, cancel_futures=True)


def _stage_new(lake: Lake, place: _Place) -> _Made:
    """Stage what is new in a partition."""
    contract = place.contracts[0]
    if contract.file:
        return _stage_new_days(lake, place)
    listed = listed_objects(lake, contract, place.partition, place.folders)
    new = _not_seen(lake, contract, {folder: found for folder, found in listed.items() if found}, [*place.old.values()])
    return _Made(_stage_single(lake, place, new) if new else {}, [])


def _stage_new_days(lake: Lake, place: _Place) -> _Made:
    """Stage the days of a batch in which anything is new, or what is in folders that are no days."""
    batch = Batch(place.contracts)
    contract = place.contracts[0]
    listed, failed = objects_of(lake, batch, place.folders)
    new = _not_seen(lake, contract, listed, [*place.old.values()])
    if place.partition != NO_DAY:
        made, failures = stage_month(lake, batch, place.partition, place.old, {day: listed[day] for day in new})
        return _Made(made, failed + failures)
    for folder in list(new):
        path = f"{contract.raw}/{folder}" if folder else contract.raw
        try:
            lake.read_all(path, [name for name, _ in new[folder]])
        except LakeError as error:
            failed.append(Failed(folder or contract.raw, lake.uri(path), str(error).rpartition(": ")[2]))
            del new[folder]
    return _Made(_stage_single(lake, place, new) if new else {}, failed)


def _stage_single(lake: Lake, place: _Place, new: Objects) -> Partitions:
    contract = place.contracts[0]
    work = Work(contract, place.partition, place.old.get(contract.entity), new)
    return {contract.entity: stage_partition(lake, work)}


def _start_worker() -> None:
    """A worker lives for one run and makes few cycles; the collector would look at each listed name again and again."""
    gc.disable()
    _give_memory_back()


def _give_memory_back() -> None:
    """Arrow's own allocators keep about twice what staging holds at a time."""
    pa.set_memory_pool(pa.system_memory_pool())


def _not_seen(lake: Lake, contract: Contract, objects: Objects, old: list[Partition]) -> Objects:
    """Raw objects that no partition holds. Raises LakeError for one that has changed since it was staged."""
    if not old:
        return objects
    seen: dict[str, dict[str, int]] = {}
    kept = pa.concat_tables([seen_before(lake, part) for part in old])
    for folder, name, size in zip(*(column.to_pylist() for column in kept.columns), strict=True):
        seen.setdefault(folder, {})[name] = size
    new: Objects = {}
    for folder, names in objects.items():
        known = seen.get(folder, {})
        fresh = [(name, size) for name, size in names if name not in known]
        changed = [name for name, size in names if known.get(name, size) != size]
        if changed:
            key = f"{contract.raw}/{folder}/{changed[0]}"
            raise LakeError(
                f"{lake.uri(key)} has changed since it was staged, and raw objects never change: put it back, or "
                "delete staging/, quarantine/ and state/staged/ in the lake and stage everything again"
            )
        if fresh:
            new[folder] = fresh
    return new


def _tidy(lake: Lake, manifest: Manifest) -> None:
    """Drop what no manifest names: files of a killed run, and those that newer ones replaced."""
    lake.tidy()
    named = {file.key for file in staged_files(manifest)}
    for prefix in ("staging", "quarantine", "state/staged"):
        for key, _ in lake.find(prefix):
            if key not in named and key != "staging/manifest.json":
                lake.remove(key)


def _sum(counts: Mapping[str, Counts]) -> Counts:
    return sum(counts.values(), Counts())
