"""Raw objects read and held against their contract: the good rows, some at a time, and why other records are none."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.lake import Lake
from loaders.staging.check import check
from loaders.staging.files import Objects
from loaders.staging.objects import Found, content_size, read_objects
from loaders.staging.records import Reject

READ_BYTES = 8 << 20


@dataclass(frozen=True)
class Judged:
    """Good rows in the contract's schema, with the index in `records` of each; `rejects` are the other records.

    `raw` says how many records there were in all, by folder, as do the folders of rejects.
    """

    records: Found
    rows: pa.Table
    kept: NDArray[np.int64]
    rejects: list[tuple[str, Reject]]
    raw: Counter[str]


def judged(
    lake: Lake, contract: Contract, objects: Objects, days: Mapping[str, date], unreadable: Mapping[str, str]
) -> Iterator[Judged]:
    """What is in raw objects of folders with their days, about READ_BYTES of content at a time.

    `unreadable` are keys known to be so, and why. Raises Unreadable for one that turns out to be.
    """
    midnights = {folder: np.datetime64(day, "us").astype(int) for folder, day in days.items()}
    for part in _parts(objects):
        for records, parsed, kept, faults in read_objects(lake, contract, part, unreadable):
            starts = np.array([midnights[folder] for folder in records.folders], "i8").view("M8[us]")
            good, wrong = check(contract, parsed, starts[records.key_of(kept)])
            refused = records.rejected(faults | {int(kept[row]): fault for row, fault in wrong.items()})
            raw = Counter([folder for folder, _ in records.rejects])
            for folder, count in zip(records.folders, records.counts, strict=True):
                raw[folder] += count
            yield Judged(records, good, np.delete(kept, list(wrong)) if wrong else kept, records.rejects + refused, raw)


def size_of(objects: list[tuple[str, int]]) -> int:
    """About how many bytes objects hold, once they are unpacked."""
    return sum([content_size(name, size) for name, size in objects])


def _parts(objects: Objects) -> Iterator[Objects]:
    """Objects, about READ_BYTES of content at a time."""
    part: Objects = {}
    total = 0
    for folder in sorted(objects):
        size = size_of(objects[folder])
        if total + size < READ_BYTES:
            part[folder] = sorted(objects[folder])
            total += size
            continue
        for each in sorted(objects[folder]):
            part.setdefault(folder, []).append(each)
            total += content_size(*each)
            if total >= READ_BYTES:
                yield part
                part, total = {}, 0
    if part:
        yield part
