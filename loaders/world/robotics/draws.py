"""Draws for cases by their encounters' names, so that they need no order to be drawn in."""

import numpy as np
from numpy.typing import NDArray

from loaders.world.rng import Streams

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def uniforms(seed: int, quantity: str, facility: Ints, day: Ints, number: Ints) -> Floats:
    """Two numbers from 0 to 1 (exclusive) for each encounter, shape (2, n)."""
    words = Streams(seed).words(f"robotics.{quantity}", facility, day, number)
    return ((words >> np.uint64(11)).astype(np.float64).T + 0.5) / 2**53


def normals(seed: int, quantity: str, facility: Ints, day: Ints, number: Ints) -> Floats:
    """A standard normal number for each encounter."""
    radius, angle = uniforms(seed, quantity, facility, day, number)
    return np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
