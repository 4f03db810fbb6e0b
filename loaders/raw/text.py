"""Columns of text for raw files, made a column at a time: times, ids and UUIDs as Arrow strings."""

from datetime import date
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, day_number
from loaders.world.network import Facility

Ints = NDArray[np.int64]

_HEX = np.array([f"{byte:02x}" for byte in range(256)], "S2").view("u1").reshape(256, 2)
_DASHES = (8, 13, 18, 23)
_HEX_PLACES = np.array([place for place in range(36) if place not in _DASHES])
_FIRST_DAY, _LAST_DAY = day_number(date(1900, 1, 1)), day_number(date(2050, 12, 31))


@lru_cache
def _seconds_text() -> pa.Array:
    return pa.array(
        [f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z" for s in range(DAY_SECONDS)], pa.large_string()
    )


def timestamps(seconds: Ints) -> pa.Array:
    """UTC seconds as texts such as 2024-02-29T07:05:00Z."""
    days = seconds // DAY_SECONDS
    return joined(dates(days), _seconds_text().take(pa.array(seconds - days * DAY_SECONDS)))


@lru_cache
def _dates_text(compact: bool) -> pa.Array:
    days = np.arange(_FIRST_DAY, _LAST_DAY + 1).astype("datetime64[D]").astype(str)
    return pa.array((np.char.replace(days, "-", "") if compact else days).tolist(), pa.large_string())


def dates(days: Ints, compact: bool = False) -> pa.Array:
    """Day numbers from 1900 to 2050 as texts such as 2024-02-29, or 20240229."""
    return _dates_text(compact).take(pa.array(days - _FIRST_DAY))


def hundredths(numbers: Ints) -> pa.Array:
    """Whole hundredths, not negative, as JSON numbers such as 12.34."""
    return joined(whole(numbers // 100), ".", pc.utf8_lpad(whole(numbers % 100), 2, "0"))


def whole(numbers: Ints) -> pa.Array:
    """Whole numbers as texts."""
    return pa.array(numbers).cast(pa.large_string())


def uuids(words: NDArray[np.uint64]) -> pa.Array:
    """Random UUIDs (version 4) from two random words each, shape (n, 2)."""
    raw = np.ascontiguousarray(words).view("u1").reshape(-1, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((len(raw), 36), ord("-"), "u1")
    text[:, _HEX_PLACES] = _HEX[raw].reshape(-1, 32)
    offsets = np.arange(len(raw) + 1, dtype="i8") * 36
    return pa.LargeStringArray.from_buffers(len(raw), pa.py_buffer(offsets), pa.py_buffer(text))


def joined(*pieces: pa.Array | str) -> pa.Array:
    """Texts side by side; a plain text stands in every row."""
    columns = [pa.scalar(piece, pa.large_string()) if isinstance(piece, str) else piece for piece in pieces]
    return pc.binary_join_element_wise(*columns, pa.scalar("", pa.large_string()))


def picked(texts: list[str] | pa.Array, index: Ints) -> pa.Array:
    """The text that each index picks."""
    return (pa.array(texts, pa.large_string()) if isinstance(texts, list) else texts).take(pa.array(index))


def patient_ids(facility: Facility, numbers: Ints) -> pa.Array:
    """Ids of a facility's patients, such as P010000123."""
    return joined(f"P{facility.index + 1:02d}", pc.utf8_lpad(whole(numbers), 7, "0"))
