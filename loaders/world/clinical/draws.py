"""Random numbers for the rows of a chart: a stream a quantity, facility and day of discharge."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS
from loaders.world.rng import Streams

Ints = NDArray[np.int64]
Reals = NDArray[np.float32]
Words = NDArray[np.uint16]

STEPS = 1 << 16
_normal = NormalDist()
SCORES = np.array([_normal.inv_cdf((i + 0.5) / STEPS) for i in range(STEPS // 2)], np.float32)
SCORES = np.concatenate([SCORES, -SCORES[::-1]])


def shares(words: Words) -> Reals:
    """Uniform numbers between 0 and 1, ends excluded."""
    return (words.astype(np.float32) + np.float32(0.5)) * np.float32(1 / STEPS)


def normals(words: Words) -> Reals:
    """Standard normal numbers, none further out than 4.4."""
    return SCORES.take(words)


@dataclass(frozen=True)
class Draws:
    """The draws for stays that are in order of their days of discharge.

    A day's draws are the same whichever other days are in the chart.
    """

    streams: Streams
    facility: int
    days: list[int]
    firsts: Ints

    @classmethod
    def of(cls, seed: int, facility: int, discharged: Ints) -> "Draws":
        """The draws of stays that end at these seconds."""
        days, firsts = np.unique(discharged // DAY_SECONDS, return_index=True)
        return cls(Streams(seed), facility, days.tolist(), np.append(firsts, len(discharged)))

    def words(self, quantity: str, lane: int, columns: int, counts: Ints | None = None) -> Words:
        """Random words, shape (columns, rows): a row a stay, or `counts` rows each. Lanes keep draws of a quantity
        apart."""
        ends = (self.firsts if counts is None else np.append(0, np.cumsum(counts))[self.firsts]).tolist()
        drawn = np.empty((ends[-1], columns), np.uint16)
        raw = self.streams.raw(f"clinical.{quantity}", self.facility, lane)
        for day, first, last in zip(self.days, ends, ends[1:], strict=False):
            if last > first:
                size = (last - first) * columns
                drawn[first:last] = raw(day, -(-size // 4)).view(np.uint16)[:size].reshape(-1, columns)
        return np.ascontiguousarray(drawn.T)


def of_patients(seed: int, quantity: str, patients: Ints) -> Words:
    """Eight words a patient, the same in all of a patient's stays: shape (8, stays)."""
    return np.ascontiguousarray(Streams(seed).words(quantity, patients).view(np.uint16).reshape(-1, 8).T)
