"""A day that is larger than memory should be: its good rows are kept on disk by time, and settled some at a time.

That is right where no two rows of different times can share an id, so where every unique set of columns holds the time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.lake import Lake, explained
from loaders.staging.check import DAY_MICROSECONDS
from loaders.staging.files import DataWriter
from loaders.staging.judged import Judged, judged, size_of
from loaders.staging.manifest import Counts
from loaders.staging.records import Reject
from loaders.staging.repeats import Source, repeats

LARGE_BYTES = 64 << 20
SLICE_ROWS = 1 << 16
SLOT_BYTES = 8 << 20
FEWEST_SLOTS, MOST_SLOTS = 24, 1440
_OBJECT, _LINE = "raw object", "line"

T = TypeVar("T")


def could_be_large(contract: Contract) -> bool:
    """Whether rows of different times share no id."""
    by_time = contract.column(contract.partition).data_type == "timestamp"
    return by_time and all(contract.partition in names for names in contract.unique_sets)


def stage_large(
    lake: Lake,
    contract: Contract,
    folder: str,
    day: date,
    objects: list[tuple[str, int]],
    writer: DataWriter,
    unreadable: Mapping[str, str],
) -> tuple[Counts, list[Reject]]:
    """Stage a day from all its raw objects.

    Raises Unreadable for an object that turns out to be damaged, before the first row is written.
    """
    rejects: list[Reject] = []
    total = written = 0
    refused: dict[str, dict[int, str]] = {}

    def good() -> Iterator[Judged]:
        nonlocal total
        for part in judged(lake, contract, {folder: objects}, {folder: day}, unreadable):
            rejects.extend(reject for _, reject in part.rejects)
            total += part.raw.total()
            yield part

    def settled(spill: _Spill) -> Iterator[pa.Table]:
        nonlocal written
        for rows, places in spill.slices():
            found = repeats(contract, None, rows, [Source(places, np.arange(rows.num_rows))], {})
            for source, row, why in found.refused.values():
                key, line = source.records.where(row)
                refused.setdefault(key, {})[line] = why
            keep = np.ones(rows.num_rows, bool)
            keep[[*found.duplicates, *found.refused]] = False
            written += int(keep.sum())
            yield rows if keep.all() else rows.filter(pa.array(keep))

    with lake.scratch() as scratch:
        slots = min(max(size_of(objects) // SLOT_BYTES, FEWEST_SLOTS), MOST_SLOTS)
        spill = _Spill(contract, day, scratch / "rows.arrow", slots)
        _behind(spill.add, good())
        _behind(writer.add, settled(spill))
    if refused:
        rejects += _found_again(lake, contract, folder, day, objects, unreadable, refused)
    return Counts(total, written, total - written - len(rejects), len(rejects)), rejects


def _behind(work: Callable[[T], None], things: Iterable[T]) -> None:
    """Do something with each thing, in order, while the next one is made."""
    with ThreadPoolExecutor(1) as thread:
        doing = None
        for thing in things:
            if doing:
                doing.result()
            doing = thread.submit(work, thing)
        if doing:
            doing.result()


@dataclass(frozen=True)
class _Places:
    """Where rows came from: the raw key of each and its line number."""

    keys: list[str]
    objects: NDArray[np.int32]
    lines: NDArray[np.int64]

    def where(self, row: int) -> tuple[str, int]:
        """Raw key and line number of a row."""
        return self.keys[self.objects[row]], int(self.lines[row])


@dataclass
class _Spill:
    """Rows on disk, in slots of equal time."""

    contract: Contract
    day: date
    path: Path
    slots: int
    keys: dict[str, int] = field(default_factory=dict)
    batches: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        places = [pa.field(_OBJECT, pa.int32()), pa.field(_LINE, pa.int64())]
        self.schema = pa.schema([*self.contract.arrow_schema, *places])
        with explained(f"cannot write {self.path}"):
            self.file = pa.OSFile(str(self.path), "wb")
        self.writer = pa.ipc.new_file(self.file, self.schema)

    def add(self, part: Judged) -> None:
        """Keep the good rows of a part."""
        if not part.rows.num_rows:
            return
        numbers = np.array([self.keys.setdefault(key, len(self.keys)) for key in part.records.keys], "i4")
        places = [numbers[part.records.key_of(part.kept)], part.records.lines_of(part.kept)]
        rows = pa.table([*part.rows.columns, *places], schema=self.schema)
        times = rows.column(self.contract.partition).combine_chunks().cast(pa.int64()).to_numpy()
        slots = (times - np.datetime64(self.day, "us").astype(int)) * self.slots // DAY_MICROSECONDS
        if (np.diff(slots) < 0).any():
            order = np.argsort(slots.astype("u2"), kind="stable")
            rows, slots = rows.combine_chunks().take(pa.array(order)), slots[order]
        bounds = np.searchsorted(slots, np.arange(self.slots + 1))
        with explained(f"cannot write {self.path}"):
            for slot in np.unique(slots).tolist():
                first, last = int(bounds[slot]), int(bounds[slot + 1])
                for batch in rows.slice(first, last - first).to_batches():
                    self.writer.write_batch(batch)
                    self.batches.setdefault(slot, []).append((self.count, batch.num_rows))
                    self.count += 1

    def slices(self) -> Iterator[tuple[pa.Table, _Places]]:
        """All rows in the order of staged files, about SLICE_ROWS at a time, and where they came from."""
        with explained(f"cannot write {self.path}"):
            self.writer.close()
            self.file.close()
        keys = [*self.keys]
        with explained(f"cannot read {self.path}"), pa.OSFile(str(self.path)) as source:
            reader = pa.ipc.open_file(source)
            waiting: list[int] = []
            rows = 0
            for slot in range(self.slots):
                here = self.batches.get(slot, [])
                waiting += [batch for batch, _ in here]
                rows += sum(size for _, size in here)
                if waiting and (rows >= SLICE_ROWS or slot == self.slots - 1):
                    yield self._slice([reader.get_batch(batch) for batch in waiting], keys)
                    waiting, rows = [], 0

    def _slice(self, batches: list[pa.RecordBatch], keys: list[str]) -> tuple[pa.Table, _Places]:
        order = [(name, "ascending") for name in dict.fromkeys([self.contract.partition, *self.contract.key])]
        table = pa.Table.from_batches(batches).sort_by(order)
        objects, lines = (table.column(name).to_numpy() for name in (_OBJECT, _LINE))
        return table.select(self.contract.arrow_schema.names).cast(self.contract.arrow_schema), _Places(
            keys, objects, lines
        )


def _found_again(
    lake: Lake,
    contract: Contract,
    folder: str,
    day: date,
    objects: list[tuple[str, int]],
    unreadable: Mapping[str, str],
    refused: Mapping[str, Mapping[int, str]],
) -> list[Reject]:
    """Records refused for their ids, by raw key and line, read once more."""
    found: list[Reject] = []
    again = [(name, size) for name, size in objects if f"{contract.raw}/{folder}/{name}" in refused]
    for part in judged(lake, contract, {folder: again}, {folder: day}, unreadable):
        at, lines = part.records.key_of(part.kept), part.records.lines_of(part.kept)
        for number, key in enumerate(part.records.keys):
            wanted = refused[key]
            rows = np.flatnonzero((at == number) & np.isin(lines, list(wanted)))
            faults = {int(part.kept[row]): ("colliding_id", wanted[int(lines[row])]) for row in rows}
            found += [reject for _, reject in part.records.rejected(faults)]
    return found
