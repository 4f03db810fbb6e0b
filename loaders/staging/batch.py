"""Day batches: the folder of a day holds files of several entities that are complete in themselves.

A day is staged from all its raw objects at once, and a month of days is published by one write of the manifest. A day
with a file that cannot be read at all is left as it was, and named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.staging.check import check
from loaders.staging.delimited import parse_rows, read_rows
from loaders.staging.files import (
    DataWriter,
    Objects,
    OldRows,
    quarantine_table,
    quarantined_before,
    seen_before,
    write_quarantine,
    write_seen,
)
from loaders.staging.manifest import Counts, Partition
from loaders.staging.parse import parse
from loaders.staging.records import Records, Reject, Unreadable, json_lines, line_count, plain
from loaders.staging.references import Day, settle_references
from loaders.staging.repeats import Kept, Source, Taken

Partitions: TypeAlias = dict[str, Partition]
"""Partitions of one month by entity."""


@dataclass(frozen=True)
class Batch:
    """The contracts of the files in the same day folders; what is nobody's is counted under the first."""

    contracts: tuple[Contract, ...]

    @property
    def raw(self) -> str:
        """The folder of the day folders."""
        return self.contracts[0].raw

    def owner(self, name: str) -> Contract | None:
        """Whose file of a day folder a name is: `vitals.csv`, `vitals_2.csv`, `vitals.csv.zst` are all vitals."""
        plain = name.removesuffix(".zst")
        stem = plain.partition(".")[0].partition("_")[0]
        known = (c for c in self.contracts if c.stem == stem and plain.endswith((c.file or "").removeprefix(stem)))
        return None if "/" in name else next(known, None)


@dataclass(frozen=True)
class Failed:
    """A day that cannot be staged: the raw object that cannot be read, and why."""

    day: str
    key: str
    why: str

    def __str__(self) -> str:
        why = " ".join(self.why.split())
        return f"{self.day} fails: {self.key} cannot be read: {why}; put it right and run again, other days are staged"


@dataclass(frozen=True)
class _Staged:
    """What became of the records of an entity and a day."""

    rows: pa.Table
    counts: Counts
    rejects: list[Reject]


def batches(contracts: Mapping[str, Contract]) -> list[Batch]:
    """The day batches among contracts."""
    found: dict[str, list[Contract]] = {}
    for contract in contracts.values():
        if contract.file:
            found.setdefault(contract.raw, []).append(contract)
    return [Batch(tuple(together)) for together in found.values()]


def objects_of(lake: Lake, batch: Batch, folders: list[str]) -> tuple[Objects, list[Failed]]:
    """The raw objects of folders that have any, and the folders that cannot be listed."""
    try:
        found = {} if "" in folders else lake.objects_in(batch.raw, folders)
    except (OSError, LakeError):
        found = {}
    failed = []
    for folder in folders:
        place = f"{batch.raw}/{folder}" if folder else batch.raw
        try:
            objects = found[folder] if folder in found else lake.objects(place, below=bool(folder))
        except (OSError, LakeError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            failed.append(Failed(folder or batch.raw, lake.uri(place), (why or str(error)).lower()))
            continue
        found[folder] = objects
        strange = [name for name in (folder, *(name for name, _ in objects)) if not _is_text(name)]
        if strange:
            day = (folder or batch.raw).encode("ascii", "backslashreplace").decode()
            failed.append(Failed(day, f"{lake.uri(batch.raw)}/{day}: {strange[0]!a}", "the name is not UTF-8"))
            del found[folder]
    return {folder: objects for folder, objects in found.items() if objects}, failed


def _is_text(name: str) -> bool:
    try:
        name.encode()
        return True
    except UnicodeEncodeError:
        return False


def stage_month(
    lake: Lake,
    batch: Batch,
    month: str,
    old: Partitions,
    again: Objects,
    taken: Mapping[str, Mapping[str, Taken]] | None = None,
) -> tuple[Partitions, list[Failed]]:
    """Make the files of a month, of the days in `again` from all their objects, and say which of these failed.

    `taken` are ids, by day and entity, that belong to records of other days. Where all days failed there are no
    partitions. Nothing refers to the files until the manifest does.
    """
    if not again:
        return {}, []
    with lake.scratch() as scratch:
        making = [_Month(lake, contract, month, old.get(contract.entity), scratch) for contract in batch.contracts]
        failed: list[Failed] = []
        for day in sorted({*again, *(day for each in making for day in each.days)}):
            found = None
            if day in again:
                try:
                    found = _stage_day(lake, batch, day, again[day], (taken or {}).get(day, {}))
                except Unreadable as error:
                    failed.append(Failed(day, lake.uri(error.key), error.why))
            for each in making:
                each.add(day, found[each.contract.entity] if found else None)
        if len(failed) == len(again):
            return {}, failed
        done = {day: again[day] for day in again if day not in {failure.day for failure in failed}}
        unsettled = {day for part in old.values() for day in part.unsettled} | done.keys()
        return {
            each.contract.entity: each.close(_owned(batch, each.contract, done), tuple(sorted(unsettled)))
            for each in making
        }, failed


def _owned(batch: Batch, contract: Contract, objects: Objects) -> Objects:
    """The objects that are counted under an entity, by folder."""
    mine = {
        day: [(name, size) for name, size in found if (batch.owner(name) or batch.contracts[0]) is contract]
        for day, found in objects.items()
    }
    return {day: found for day, found in mine.items() if found}


class _Month:
    """The files of an entity and a month in the making."""

    def __init__(self, lake: Lake, contract: Contract, month: str, old: Partition | None, scratch: Path) -> None:
        folder = scratch / contract.entity
        folder.mkdir()
        self.contract = contract
        self.days = dict(old.days) if old else {}
        self._lake, self._month, self._old = lake, month, old
        self._old_rows = OldRows(lake, contract, old, folder)
        self._refused = quarantined_before(lake, old)
        self._writer = DataWriter(lake, contract, month, folder)

    def add(self, day: str, found: _Staged | None) -> None:
        """The next day, as it is now or, where there is nothing new, as it was."""
        old = self._old_rows.take(f"{self.contract.folder_name}={day}")
        if found is None:
            self._writer.add(old)
            return
        self._writer.add(found.rows)
        self.days[day] = found.counts
        others = self._refused.filter(pc.not_equal(self._refused.column("folder_day"), day))
        refused = quarantine_table(self.contract, [(day, reject) for reject in found.rejects])
        self._refused = pa.concat_tables([others, refused])

    def close(self, objects: Objects, unsettled: tuple[str, ...]) -> Partition:
        """Put the files where they belong."""
        before = seen_before(self._lake, self._old)
        seen = set(zip(before.column("folder").to_pylist(), before.column("name").to_pylist(), strict=True))
        new = {day: [(n, size) for n, size in found if (day, n) not in seen] for day, found in objects.items()}
        new = {day: found for day, found in new.items() if found}
        return Partition(
            data=self._writer.close(),
            seen=write_seen(self._lake, self.contract, self._month, self._old, new),
            quarantine=write_quarantine(self._lake, self.contract, self._month, self._refused),
            days=dict(sorted(self.days.items())),
            unsettled=unsettled,
        )


def _stage_day(
    lake: Lake, batch: Batch, day: str, objects: list[tuple[str, int]], taken: Mapping[str, Taken]
) -> dict[str, _Staged]:
    """What becomes of all records of a day. Raises Unreadable where an object of it cannot be read at all."""
    contents = _contents(lake, batch, day, sorted(name for name, _ in objects))
    days: dict[str, Day] = {}
    rejects: dict[str, list[Reject]] = {}
    raw: dict[str, int] = {}
    midnight = np.datetime64(day, "us")
    for contract in batch.contracts:
        files = {name: contents.pop(name) for name in list(contents) if batch.owner(name) is contract}
        is_missing = not files
        days[contract.entity], refused, raw[contract.entity] = _read_entity(batch, contract, day, midnight, files)
        if is_missing:
            key = f"{batch.raw}/{day}/{contract.file}"
            refused.append(Reject(key, 0, "missing_file", f"the day has no {contract.file}", b""))
            raw[contract.entity] += 1
        rejects[contract.entity] = refused
    known = ", ".join(str(contract.file) for contract in batch.contracts)
    for name, content in contents.items():
        reason = f"the name is none of {known}, nor one that starts so"
        reject = Reject(f"{batch.raw}/{day}/{name}", 0, "unknown_file", reason, content)
        rejects[batch.contracts[0].entity].append(reject)
    raw[batch.contracts[0].entity] += len(contents)
    settle_references(days, taken)
    return {name: _settled(days[name], rejects[name], raw[name]) for name in days}


def _settled(day: Day, rejects: list[Reject], raw: int) -> _Staged:
    order = [(name, "ascending") for name in dict.fromkeys([day.contract.partition, *day.contract.key])]
    rows = day.staged().sort_by(order)
    first = 0
    for source in day.sources:
        here = {row - first: fault for row, fault in day.faults.items() if first <= row < first + len(source.lines)}
        faults = {int(source.lines[row]): fault for row, fault in here.items()}
        rejects = rejects + [reject for _, reject in source.records.rejected(faults)]
        first += len(source.lines)
    duplicates = sum(twin not in day.faults for twin in day.twins)
    counts = Counts(raw, rows.num_rows, duplicates, len(rejects))
    return _Staged(rows, counts, rejects)


def _contents(lake: Lake, batch: Batch, day: str, names: list[str]) -> dict[str, bytes]:
    """The objects of a day by name."""
    folder = f"{batch.raw}/{day}"
    for name in lake.folders(folder):
        if batch.owner(name):
            raise Unreadable(f"{folder}/{name}", "it is a folder, not a file")
    try:
        return dict(zip(names, lake.read_all(folder, names), strict=True))
    except LakeError:
        return {name: _content(lake, f"{folder}/{name}") for name in names}


def _content(lake: Lake, key: str) -> bytes:
    try:
        return lake.read(key)
    except LakeError as error:
        raise Unreadable(key, str(error).rpartition(f"{lake.uri(key)}: ")[2]) from None


def _read_entity(
    batch: Batch, contract: Contract, day: str, midnight: np.datetime64, files: dict[str, bytes]
) -> tuple[Day, list[Reject], int]:
    """The records of an entity and a day that are good in themselves, the others, and how many there are in all."""
    tables = [contract.arrow_schema.empty_table()]
    sources: list[Source[Kept]] = []
    rejects: list[Reject] = []
    raw = 0
    for name in list(files):
        source, parsed, faults, records = _parsed(contract, day, f"{batch.raw}/{day}/{name}", files.pop(name))
        raw += records
        good, wrong = check(contract, parsed, np.full(parsed.num_rows, midnight))
        faults |= {int(source.lines[row]): fault for row, fault in wrong.items()}
        rejects += [reject for _, reject in source.records.rejected(faults)]
        tables.append(good)
        sources.append(Source(source.records, np.delete(source.lines, list(wrong)) if wrong else source.lines))
    return Day(contract, pa.concat_tables(tables), sources), rejects, raw


def _parsed(
    contract: Contract, day: str, key: str, content: bytes
) -> tuple[Source[Kept], pa.Table, dict[int, tuple[str, str]], int]:
    """The records of a file as a table, where its rows came from, why others are no rows, and how many there are."""
    content = plain(key, content)
    kept: NDArray[np.int64]
    if (contract.file or "").endswith(".csv"):
        rows = read_rows(day, key, content)
        parsed, kept, faults = parse_rows(contract, rows)
        return Source(rows, kept), parsed, faults, len(rows)
    if b"\0" in content.partition(b"\n")[0]:
        raise Unreadable(key, "its first line holds NULs: it is not a JSON file in UTF-8")
    lines = json_lines(content)
    records = Records(lines, [key], [day], [line_count(lines)])
    parsed, kept, faults = parse(contract, lines)
    return Source(records, kept), parsed, faults, records.counts[0]
