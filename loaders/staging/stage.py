"""Raw objects to staged Parquet: find what is new, stage the partitions it touches, publish each by the manifest."""

import multiprocessing as mp
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from loaders.contracts import Contract
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.staging.files import Objects
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
from loaders.staging.partition import Work, partition_of, raw_objects, stage_partition


@dataclass(frozen=True)
class Staged:
    """What a run of staging did: partitions made, and counts over all that is staged now and in this run."""

    partitions: int
    counts: dict[str, Counts]
    new: Counts


def stage(
    lake: Lake,
    contracts: Mapping[str, Contract],
    workers: int = 1,
    progress: Callable[[int, int], Any] = lambda done, total: None,
) -> Staged:
    """Stage all raw objects that are not staged yet; `progress` hears of partitions done and in all.

    Safe to kill and to run again: each partition is published whole by one write of the manifest.
    """
    manifest = read_manifest(lake)
    _tidy(lake, manifest)
    before = _sum(totals(manifest))
    works = [work for contract in contracts.values() for work in _new_work(lake, contract, manifest)]
    touched: dict[str, set[str]] = {}
    progress(0, len(works))
    for done, (work, partition) in enumerate(_staged(lake, works, workers), 1):
        manifest.setdefault(work.contract.entity, {})[work.partition] = partition
        write_manifest(lake, manifest)
        touched.setdefault(work.contract.entity, set()).update(work.new)
        progress(done, len(works))
    for entity in sorted(touched):
        for _ in settle_ids(lake, contracts[entity], manifest[entity], touched[entity]):
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
    return Staged(len(works), counts, new)


def _staged(lake: Lake, works: list[Work], workers: int) -> Iterator[tuple[Work, Partition]]:
    if workers <= 1 or len(works) <= 1:
        for work in works:
            yield work, stage_partition(lake, work)
        return
    context = mp.get_context("fork" if "fork" in mp.get_all_start_methods() else "spawn")
    with ProcessPoolExecutor(min(workers, len(works)), mp_context=context) as pool:
        running = {pool.submit(stage_partition, lake, work): work for work in works}
        for future in as_completed(running):
            yield running[future], future.result()


def _new_work(lake: Lake, contract: Contract, manifest: Manifest) -> list[Work]:
    """The partitions of an entity that have raw objects not yet staged, the largest first."""
    old = manifest.get(contract.entity, {})
    found: dict[str, Objects] = {}
    for folder in ["", *lake.folders(contract.raw)]:
        listed = raw_objects(lake, contract, folder)
        if listed:
            found.setdefault(partition_of(contract, folder), {})[folder] = listed
    works = []
    for partition, objects in found.items():
        new = _not_seen(lake, contract, objects, old.get(partition))
        if new:
            works.append(Work(contract, partition, old.get(partition), new))
    return sorted(works, key=lambda work: -sum(size for names in work.new.values() for _, size in names))


def _not_seen(lake: Lake, contract: Contract, objects: Objects, old: Partition | None) -> Objects:
    """Raw objects that the partition does not hold. Raises LakeError for one that has changed since it was staged."""
    if old is None:
        return objects
    seen: dict[str, dict[str, int]] = {}
    kept = pq.read_table(lake.uri(old.seen.key))
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
    named = {file.key for file in staged_files(manifest)}
    for prefix in ("staging", "quarantine", "state/staged", "state/tmp"):
        for key, _ in list(lake.find(prefix)):
            if key not in named and key != "staging/manifest.json":
                lake.remove(key)


def _sum(counts: Mapping[str, Counts]) -> Counts:
    return sum(counts.values(), Counts())
