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
from loaders.staging.files import Objects, seen_before
from loaders.staging.ids import settle_ids
from loaders.staging.manifest import (
    Counts,
    Manifest,
    Partition,
    read_manifest,
    staged_files,
    totals,
    write_manifest,
)
from loaders.staging.partition import Work, listed_objects, partition_of, stage_partition
from loaders.workers import pool


@dataclass(frozen=True)
class Staged:
    """What a run of staging did: partitions made, and counts over all that is staged now and in this run."""

    partitions: int
    counts: dict[str, Counts]
    new: Counts


@dataclass(frozen=True)
class _Place:
    """A partition to look at: what is staged of it, and the raw folders that belong to it."""

    contract: Contract
    partition: str
    old: Partition | None
    folders: list[str]


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
    places = [place for contract in contracts.values() for place in _places(lake, contract, manifest)]
    made = 0
    progress(0, len(places))
    for done, (place, partition) in enumerate(_staged(lake, places, workers), 1):
        if partition:
            manifest.setdefault(place.contract.entity, {})[place.partition] = partition
            write_manifest(lake, manifest)
            made += 1
        progress(done, len(places))
    for entity, partitions in sorted(manifest.items()):
        unsettled = {folder for part in partitions.values() for folder in part.unsettled}
        if not unsettled or entity not in contracts:
            continue
        for _ in settle_ids(lake, contracts[entity], partitions, unsettled):
            write_manifest(lake, manifest)
        manifest[entity] = {name: replace(part, unsettled=()) for name, part in partitions.items()}
        write_manifest(lake, manifest)
    _tidy(lake, manifest)
    counts = totals(manifest)
    after = _sum(counts)
    new = Counts(
        after.raw - before.raw,
        after.staged - before.staged,
        after.duplicates - before.duplicates,
        after.quarantined - before.quarantined,
    )
    return Staged(made, counts, new)


def _places(lake: Lake, contract: Contract, manifest: Manifest) -> list[_Place]:
    """The partitions of an entity that its raw folders belong to."""
    folders: dict[str, list[str]] = {}
    for folder in ["", *lake.folders(contract.raw)]:
        folders.setdefault(partition_of(contract, folder), []).append(folder)
    old = manifest.get(contract.entity, {})
    return [_Place(contract, partition, old.get(partition), folders[partition]) for partition in folders]


def _staged(lake: Lake, places: list[_Place], workers: int) -> Iterator[tuple[_Place, Partition | None]]:
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


def _stage_new(lake: Lake, place: _Place) -> Partition | None:
    """Stage what is new in a partition; None where nothing is."""
    listed = listed_objects(lake, place.contract, place.partition, place.folders)
    new = _not_seen(lake, place.contract, {folder: found for folder, found in listed.items() if found}, place.old)
    return stage_partition(lake, Work(place.contract, place.partition, place.old, new)) if new else None


def _start_worker() -> None:
    """A worker lives for one run and makes few cycles; the collector would look at each listed name again and again."""
    gc.disable()
    _give_memory_back()


def _give_memory_back() -> None:
    """Arrow's own allocators keep about twice what staging holds at a time."""
    pa.set_memory_pool(pa.system_memory_pool())


def _not_seen(lake: Lake, contract: Contract, objects: Objects, old: Partition | None) -> Objects:
    """Raw objects that the partition does not hold. Raises LakeError for one that has changed since it was staged."""
    if old is None:
        return objects
    seen: dict[str, dict[str, int]] = {}
    kept = seen_before(lake, old)
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
