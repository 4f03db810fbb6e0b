"""Lines of text by day: what a raw file of a day is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class DayLines:
    """Lines with their line ends, in order of days, and the day number of each."""

    lines: pa.Array
    days: Ints

    def by_day(self) -> Iterator[tuple[int, slice]]:
        """Each day that has lines, with where they are."""
        days, starts = np.unique(self.days, return_index=True)
        for day, part in zip(days.tolist(), pairwise([*starts.tolist(), len(self.days)]), strict=True):
            yield day, slice(*part)

    def data(self, part: slice) -> memoryview:
        """A run of lines as they stand in a file."""
        return text_buffer(self.lines, part)

    def texts(self, part: slice) -> list[bytes]:
        """Each line of a run by itself."""
        return self.lines[part].cast(pa.large_binary()).to_pylist()


def text_buffer(lines: pa.Array, part: slice = slice(None)) -> memoryview:
    """The bytes of a run of texts, end to end, without a copy."""
    start, stop, _ = part.indices(len(lines))
    if start >= stop:
        return memoryview(b"")
    offsets = np.frombuffer(lines.buffers()[1], "i8", offset=8 * lines.offset)
    return memoryview(lines.buffers()[2])[offsets[start] : offsets[stop]]
