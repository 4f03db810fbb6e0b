"""One partition of an entity: old rows and new records in, a staged file, a quarantine and counts out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.contracts import Contract
from loaders.lake import Lake
from loaders.staging.files import (
    DataWriter,
    Objects,
    OldRows,
    quarantine_table,
    quarantined_before,
    seen_in,
    write_quarantine,
    write_seen,
)
from loaders.staging.judged import READ_BYTES, judged, size_of
from loaders.staging.large import LARGE_BYTES, could_be_large, stage_large
from loaders.staging.manifest import Counts, Partition
from loaders.staging.records import Reject, Unreadable
from loaders.staging.repeats import Collision, Kept, Source, Taken, repeats

NO_DAY = "unknown"


@dataclass(frozen=True)
class Work:
    """What there is to do for a partition: raw objects not yet seen, by folder.

    The rows of folders in `from_raw` are made again from all their raw objects; `taken` are ids that belong to records
    of other days.
    """

    contract: Contract
    partition: str
    old: Partition | None
    new: Objects
    from_raw: Objects = field(default_factory=dict)
    taken: Taken = field(default_factory=dict)


@dataclass(frozen=True)
class _Run:
    """What became of some days; `rows` are None where they are written already."""

    rows: pa.Table | None
    counts: dict[str, Counts]
    rejects: list[tuple[str, Reject]]


def stage_partition(lake: Lake, work: Work) -> Partition:
    """Make a partition's files. Nothing refers to them until the manifest does."""
    with lake.scratch() as scratch:
        return _stage_partition(lake, work, scratch)


def _stage_partition(lake: Lake, work: Work, scratch: Path) -> Partition:
    contract = work.contract
    days = dict(work.old.days) if work.old else {}
    refused = quarantined_before(lake, work.old)
    old_rows = OldRows(lake, contract, work.old, scratch)
    writer = DataWriter(lake, contract, work.partition, scratch)
    untouched: Objects = {folder: [] for folder in old_rows.folders}
    large = _large_days(lake, work)
    for run in _runs(untouched | work.new | work.from_raw, work.from_raw.keys() | large.keys()):
        if not any(run.values()):
            for folder in run:
                for rows in old_rows.batches(folder):
                    writer.add(rows)
            continue
        if run.keys() <= large.keys():
            again, done = True, _stage_large(lake, contract, {folder: large[folder] for folder in run}, writer)
            for folder in run:
                old_rows.skip(folder)
        else:
            again, done = _stage_small(lake, work, run, pa.concat_tables([old_rows.take(folder) for folder in run]))
        if again:
            labels = pa.array([_label(contract, folder) for folder in run])
            refused = refused.filter(pc.invert(pc.is_in(refused.column("folder_day"), labels)))
        for label, counts in done.counts.items():
            days[label] = counts if again else days.get(label, Counts()) + counts
        refused = pa.concat_tables([refused, quarantine_table(contract, done.rejects)])
        if done.rows is not None:
            writer.add(done.rows)
    return Partition(
        data=writer.close(),
        seen=write_seen(lake, contract, work.partition, work.old, work.new),
        quarantine=write_quarantine(lake, contract, work.partition, refused),
        days=dict(sorted(days.items())),
        unsettled=tuple(sorted({*(work.old.unsettled if work.old else ()), *work.new})),
    )


def _large_days(lake: Lake, work: Work) -> Objects:
    """Folders with something new that are to be staged a slice at a time, with all their objects."""
    found = {}
    for folder, new in work.new.items():
        if day_of_folder(work.contract, folder) and could_be_large(work.contract):
            objects = new + seen_in(lake, work.old, folder)
            if size_of(objects) >= LARGE_BYTES:
                found[folder] = objects
    return found


def _stage_large(lake: Lake, contract: Contract, run: Objects, writer: DataWriter) -> _Run:
    """A large day, whose rows are given to the writer as they are settled."""
    ((folder, objects),) = run.items()
    day = day_of_folder(contract, folder)
    assert day
    unreadable: dict[str, str] = {}
    while True:
        try:
            counts, rejects = stage_large(lake, contract, folder, day, objects, writer, unreadable)
            told = {str(day): counts} if counts.raw else {}  # a day of empty objects says nothing, large or small
            return _Run(None, told, [(str(day), reject) for reject in rejects])
        except Unreadable as error:
            unreadable[error.key] = error.why


def _stage_small(lake: Lake, work: Work, run: Objects, old: pa.Table) -> tuple[bool, _Run]:
    """Some days, and whether they were made again from all their raw objects."""
    unreadable: dict[str, str] = {}
    again = not run.keys().isdisjoint(work.from_raw)
    while True:
        try:
            return again, _stage_run(lake, work.contract, run, None if again else old, work.taken, unreadable)
        except Unreadable as error:
            unreadable[error.key] = error.why
        except Collision:
            again = True
            run = {folder: objects + seen_in(lake, work.old, folder) for folder, objects in run.items()}


def day_of_folder(contract: Contract, folder: str) -> date | None:
    """The day of a raw folder such as `event_date=2024-02-29`, of day batches `2024-02-29`; None for any other name."""
    start = "" if contract.file else f"{contract.folder_name}="
    text = folder.removeprefix(start)
    try:
        day = date.fromisoformat(text) if folder.startswith(start) else None
    except ValueError:
        return None
    return day if str(day) == text else None


def partition_of(contract: Contract, folder: str) -> str:
    """The partition that a raw folder belongs to: its month, its day, or `unknown`."""
    day = day_of_folder(contract, folder)
    if day is None:
        return NO_DAY
    return str(day) if contract.partition_by == "day" else f"{day:%Y-%m}"


def raw_objects(lake: Lake, contract: Contract, folder: str) -> list[tuple[str, int]]:
    """Names, below a raw folder, and sizes of its objects; of the entity's own folder, only those directly in it."""
    return lake.objects(f"{contract.raw}/{folder}" if folder else contract.raw, below=bool(folder))


def listed_objects(lake: Lake, contract: Contract, partition: str, folders: list[str]) -> Objects:
    """The objects of the raw folders that belong to a partition."""
    if partition == NO_DAY:
        return {folder: raw_objects(lake, contract, folder) for folder in folders}
    return lake.objects_in(contract.raw, folders)


def _label(contract: Contract, folder: str) -> str:
    return str(day_of_folder(contract, folder) or NO_DAY)


def _runs(folders: Objects, alone: set[str]) -> Iterator[Objects]:
    """Folders in order, some at a time: few small ones cost as much as one, and memory does not grow with a month.

    Those that are to stand alone do, and those without objects are by themselves.
    """
    run: Objects = {}
    total = 0
    for folder in sorted(folders):
        is_full = total >= READ_BYTES or not alone.isdisjoint(run) or any(run.values()) != bool(folders[folder])
        if run and (folder in alone or is_full):
            yield run
            run, total = {}, 0
        run[folder] = folders[folder]
        total += size_of(folders[folder])
    if run:
        yield run


def _stage_run(
    lake: Lake, contract: Contract, run: Objects, old: pa.Table | None, taken: Taken, unreadable: dict[str, str]
) -> _Run:
    """The new records of some days merged with their old rows, which are None where all raw objects are in the run.

    Raises Collision where only all raw records of these days can decide, and Unreadable for an object that turns out
    to be so.
    """
    tables = [contract.arrow_schema.empty_table()]
    sources: list[Source[Kept]] = []
    rejects: list[tuple[str, Reject]] = []
    raw: Counter[str] = Counter()
    days = {folder: day_of_folder(contract, folder) for folder in run}
    readable = {folder: day for folder, day in days.items() if day}
    for part in judged(lake, contract, {folder: run[folder] for folder in readable}, readable, unreadable):
        rejects += part.rejects
        raw.update(part.raw)
        tables.append(part.rows)
        sources.append(Source(part.records, part.kept))
    for folder in (folder for folder, day in days.items() if day is None):
        rejects += [(folder, reject) for reject in _not_a_day(lake, contract, folder, run[folder])]
        raw[folder] += len(run[folder])

    new = pa.concat_tables(tables)
    found = repeats(contract, old, new, sources, taken)
    for source, line, why in found.refused.values():
        rejects += source.records.rejected({line: ("colliding_id", why)})
    together = pa.concat_tables([old, new]) if old is not None else new
    keep = np.ones(together.num_rows, bool)
    keep[[*found.duplicates, *found.refused]] = False
    rows = together.filter(pa.array(keep)) if not keep.all() else together
    order = [(name, "ascending") for name in dict.fromkeys([contract.partition, *contract.key])]
    rows = rows.sort_by(order)
    return _Run(
        rows,
        _counts(contract, raw, old, rows, rejects),
        [(_label(contract, folder), reject) for folder, reject in rejects],
    )


def _counts(
    contract: Contract, raw: Counter[str], old: pa.Table | None, rows: pa.Table, rejects: list[tuple[str, Reject]]
) -> dict[str, Counts]:
    """Where the raw records of each day of a run ended."""
    refused = Counter(_label(contract, folder) for folder, _ in rejects)
    staged = _rows_by_day(contract, rows)
    if old is not None:
        staged.subtract(_rows_by_day(contract, old))
    totals: Counter[str] = Counter()
    for folder, total in raw.items():
        totals[_label(contract, folder)] += total
    counts = {}
    for label, total in totals.items():
        counts[label] = Counts(total, staged[label], total - staged[label] - refused[label], refused[label])
    return counts


def _rows_by_day(contract: Contract, rows: pa.Table) -> Counter[str]:
    days = rows.column(contract.partition).cast(pa.date32()).value_counts()
    return Counter({str(pair["values"]): pair["counts"] for pair in days.to_pylist()})


def _not_a_day(lake: Lake, contract: Contract, folder: str, objects: list[tuple[str, int]]) -> list[Reject]:
    names = sorted(name for name, _ in objects)
    path = f"{contract.raw}/{folder}" if folder else contract.raw
    form = "YYYY-MM-DD" if contract.file else f"{contract.folder_name}=YYYY-MM-DD"
    reason = f"the folder is not {form}"
    return [
        Reject(f"{path}/{name}", 0, "unknown_folder", reason, content)
        for name, content in zip(names, lake.read_all(path, names), strict=True)
    ]
