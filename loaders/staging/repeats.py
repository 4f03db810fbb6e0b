"""Each record once: duplicates dropped and counted, records whose ids belong to others refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.staging.records import Reject

Taken = Mapping[tuple[str, ...], set[tuple[Any, ...]]]


class Places(Protocol):
    """Records of raw objects, each by its index."""

    def where(self, line: int, /) -> tuple[str, int]:
        """Raw key and line number of a record."""


P = TypeVar("P", bound=Places)


class Kept(Places, Protocol):
    """Records of raw objects that are at hand."""

    def rejected(self, faults: dict[int, tuple[str, str]], /) -> list[tuple[str, Reject]]:
        """Records with the rule they break and why, as folders and rejects."""


class Collision(Exception):
    """A new record has an id of a staged row but says something else: only all raw records together can decide."""


@dataclass(frozen=True)
class Source(Generic[P]):
    """Where the rows of a table came from: the index in `records` of each row's line."""

    records: P
    lines: NDArray[np.int64]


@dataclass(frozen=True)
class Repeats(Generic[P]):
    """Rows to drop: duplicates, with the rows that they repeat, and refusals as (source, line, why)."""

    duplicates: dict[int, int]
    refused: dict[int, tuple[Source[P], int, str]]


def repeats(
    contract: Contract, old: pa.Table | None, new: pa.Table, sources: list[Source[P]], taken: Taken
) -> Repeats[P]:
    """Which rows of old and new together repeat others; indices count old rows first.

    The same record twice is a duplicate. A record that shares a unique set of columns with another but says something
    else is refused; the first in order of time, raw key and line stays. `taken` are values, by unique set, that belong
    to records of other days. Raises Collision where a new record clashes with an old row.
    """
    together = pa.concat_tables([old, new]) if old is not None else new
    doubtful = _doubtful(contract, together, taken)
    first_new = together.num_rows - new.num_rows
    rows = dict(zip(doubtful.tolist(), together.take(pa.array(doubtful)).to_pylist(), strict=True))
    ends = np.cumsum([len(source.lines) for source in sources])

    def source_of(i: int) -> tuple[Source[P], int]:
        part = int(np.searchsorted(ends, i - first_new, side="right"))
        start = int(ends[part - 1]) if part else 0
        return sources[part], int(sources[part].lines[i - first_new - start])

    def place(i: int) -> tuple[str, int]:
        source, line = source_of(i)
        return source.records.where(line)

    order = sorted(rows, key=lambda i: (rows[i][contract.partition], *(("", i) if i < first_new else place(i))))
    owners: dict[tuple[str, ...], dict[tuple[Any, ...], int]] = {names: {} for names in contract.unique_sets}
    found = Repeats[P]({}, {})
    for i in order:
        values = {names: tuple(rows[i][name] for name in names) for names in contract.unique_sets}
        clash = next((n for n, value in values.items() if value in taken.get(n, ()) or value in owners[n]), None)
        if clash is None:
            for names, value in values.items():
                owners[names][value] = i
            continue
        other = owners[clash].get(values[clash])
        if other is not None and rows[other] == rows[i]:
            found.duplicates[i] = other
            continue
        if first_new:
            raise Collision
        what = ", ".join(f"{name} {rows[i][name]}" for name in clash)
        whose = "a record of another day" if other is None else f"another record, in {place(other)[0]}"
        found.refused[i] = (*source_of(i), f"{what} belongs to {whose}")
    return found


def _doubtful(contract: Contract, rows: pa.Table, taken: Taken) -> NDArray[np.int64]:
    """Indices of rows that share a unique set of columns with another row, or whose values are taken."""
    mask = np.zeros(rows.num_rows, bool)
    together = None
    for names in contract.unique_sets:
        if contract.partition in names and together is None:
            together = _together(rows.column(contract.partition))
        if contract.partition in names and together is not None and 2 * len(together) < rows.num_rows:
            mask[together] |= _repeated(rows.take(pa.array(together)), names)
        else:
            mask |= _repeated(rows, names)
        if taken.get(names):
            mask |= np.array([tuple(row.values()) in taken[names] for row in rows.select(names).to_pylist()], bool)
    return np.flatnonzero(mask)


def _together(moments: pa.ChunkedArray) -> NDArray[np.int64]:
    """Indices of rows whose moment is that of another row, too."""
    numbers = moments.cast(pa.int32() if pa.types.is_date(moments.type) else pa.int64()).to_numpy()
    if (np.diff(numbers) >= 0).all():
        same = np.append(numbers[1:] == numbers[:-1], False)
        return np.flatnonzero(same | np.roll(same, 1))
    ordered = np.sort(numbers)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero(np.isin(numbers, repeated)) if len(repeated) else np.zeros(0, "i8")


def _repeated(rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which rows share some columns with another row."""
    values = _joined(rows, names)
    if pc.count_distinct(values, mode="all").as_py() == rows.num_rows:
        return np.zeros(rows.num_rows, bool)
    counts = values.value_counts()
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    found: NDArray[np.bool_] = pc.is_in(values, repeated).to_numpy(zero_copy_only=False)
    return found


def _joined(rows: pa.Table, names: tuple[str, ...]) -> pa.Array:
    """One value a row that stands for several columns."""
    columns = [rows.column(name).cast(pa.string()) for name in names]
    joined = pc.binary_join_element_wise(*columns, "\x1f") if len(columns) > 1 else columns[0]
    return joined.combine_chunks()
