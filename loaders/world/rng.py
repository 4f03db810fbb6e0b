"""Random numbers by coordinates: one counter-based stream a quantity, placed and never handed on."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray


@dataclass(frozen=True)
class Streams:
    """The world's randomness.

    The key of a stream is what it is for (the seed and the quantity's name), its counter where it stands
    (facility and period), so a stream needs nothing from any other: neither workers, shards nor the number of
    runs can change a draw.

    >>> streams = Streams(seed=42)
    >>> bool(streams("stay", facility=1, period=7).random() == streams("stay", facility=1, period=7).random())
    True
    """

    seed: int

    def __call__(self, quantity: str, facility: int = 0, period: int = 0) -> Generator:
        """The stream of a quantity at a facility and a period, from its start."""
        return Generator(
            Philox(
                key=np.array([self.seed, quantity_word(quantity)], "u8"),
                counter=np.array([0, 0, facility, period], "u8"),
            )
        )

    def raw(self, quantity: str, facility: int, lane: int) -> Callable[[int, int], NDArray[np.uint64]]:
        """Random words by period and number of them, for quantities drawn for many periods in turn.

        Lanes of a quantity are independent of each other; lane 0 is what the stream of the same place begins with.
        """
        bits = Philox(key=np.array([self.seed, quantity_word(quantity)], "u8"))
        state: Any = bits.state
        counter = state["state"]["counter"]

        def words(period: int, size: int) -> NDArray[np.uint64]:
            counter[:] = (0, lane, facility, period)
            bits.state = state
            return bits.random_raw(size)

        return words

    def words(self, quantity: str, *coordinates: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Two random words for each element's coordinates, shape (n, 2): ids that need no order to be drawn in."""
        columns = []
        for part in (0, 1):
            state = np.full(len(coordinates[0]), quantity_word(f"{quantity}.{part}") ^ self.seed, "u8")
            for coordinate in coordinates:
                state = _mixed(state + _mixed(coordinate.astype("u8")))
            columns.append(state)
        return np.stack(columns, axis=1)


def sequence(states: NDArray[np.uint64], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The words at `places` of the sequences that start from `states` (SplitMix64).

    The arrays broadcast; states come from `Streams.words`, and any part of a sequence is had without the rest.
    """
    offsets: NDArray[np.uint64] = places.astype("u8") * _STEP
    return _mixed(states + offsets)


_STEP = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output function of SplitMix64: one-to-one, every input bit sways every output bit."""
    words = words + _STEP
    shifted = np.empty_like(words)
    for shift, factor in _ROUNDS:
        np.right_shift(words, shift, out=shifted)
        words ^= shifted
        words *= factor
    np.right_shift(words, np.uint64(31), out=shifted)
    words ^= shifted
    return words


def quantity_word(quantity: str) -> int:
    """The 64 bits that stand for a quantity's name in a stream's key."""
    return int.from_bytes(blake2b(quantity.encode(), digest_size=8).digest(), "little")
