"""Robot telemetry as it is written: lines of JSON or Parquet, and what the truth ledger says of it.

A sample costs well under a microsecond either way: nothing is done for one sample at a time, and texts are looked up.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loaders.contracts import contracts
from loaders.lake import explained
from loaders.raw.lines import DayLines
from loaders.raw.text import dates, joined, whole
from loaders.staging.files import ROW_GROUP_ROWS
from loaders.world.calendar import DAY_SECONDS
from loaders.world.robotics.cases import Cases
from loaders.world.robotics.telemetry import SECOND, TOOLS, Telemetry

Ints = NDArray[np.int64]

ENTITY = "procedure_telemetry"
# Lines that are made at a time.
BLOCK_LINES = 1 << 11
# What repeats from row to row is kept once a row group: times and numbers as steps, all else by dictionary.
STEPS = ("sample_number", "sample_time")
# Columns of what is measured.
MEASURED = 11
# Widths of texts that are moved as one number.
QUICK = {4: "u4", 8: "u8", 16: "c16"}


@dataclass(frozen=True)
class Measures:
    """What the truth ledger says of samples: parallel arrays, one element a facility (its index) and day."""

    facility: Ints
    day: Ints
    rows: Ints
    force_hundredths: Ints


def measures(cases: Cases, found: Telemetry) -> Measures:
    """Rows and forces by facility and day; `found` are samples of `cases`."""
    starts = _starts(found.case.astype(np.int64) << 32 | found.day)
    pairs, which = np.unique(cases.facility[found.case[starts]] << 32 | found.day[starts], return_inverse=True)
    rows, forces = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.int64)
    np.add.at(rows, which, np.diff(starts, append=len(found)))
    if len(found):
        np.add.at(forces, which, np.add.reduceat(found.force_hundredths, starts, dtype=np.int64))
    return Measures(pairs >> 32, pairs & 0xFFFFFFFF, rows, forces)


def procedure_ids(cases: Cases) -> pa.Array:
    """Ids such as F01-20240229-0017-R1: the encounter's, and that it is its first procedure."""
    facility, number = (
        pc.utf8_lpad(whole(each), width, "0") for each, width in ((cases.facility + 1, 2), (cases.number, 4))
    )
    return joined("F", facility, "-", dates(cases.day, compact=True), "-", number, "-R1")


def robot_ids(robots: Ints) -> pa.Array:
    """Ids such as R0001 of robots that count from 0."""
    return joined("R", pc.utf8_lpad(whole(robots + 1), 4, "0"))


@dataclass(frozen=True)
class _Runs:
    """Samples by case: the cases that have some, and which of them each sample is of."""

    cases: Cases
    index: NDArray[np.int32]


def _runs(cases: Cases, found: Telemetry) -> _Runs:
    starts = _starts(found.case)
    lengths = np.diff(starts, append=len(found))
    return _Runs(cases.only(found.case[starts]), np.repeat(np.arange(len(starts), dtype=np.int32), lengths))


def _starts(values: NDArray[np.integer]) -> Ints:
    """Where runs of equal values start."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.int64)


def _measured(found: Telemetry) -> dict[str, tuple[NDArray[np.int16], int]]:
    """What is measured by column: whole numbers, and the decimals that they stand for."""
    return {
        **{f"position_{axis}_mm": (values, 1) for axis, values in zip("xyz", found.position, strict=True)},
        **{f"rotation_{axis}_degrees": (values, 1) for axis, values in zip("xyz", found.rotation, strict=True)},
        "force_n": (found.force_hundredths, 2),
        "motor_temperature_celsius": (found.temperature_tenths, 1),
        "motor_current_amperes": (found.current_hundredths, 2),
        "network_latency_ms": (found.latency_tenths, 1),
        "video_fps": (found.fps_tenths, 1),
    }


# --- JSON --------------------------------------------------------------------------------------------------------


def lines(cases: Cases, found: Telemetry) -> DayLines:
    """Samples of `cases` as JSON lines in order of days, those of a day as they come."""
    days = found.day
    if (days[1:] < days[:-1]).any():
        order = np.argsort(days, kind="stable")
        found, days = found.only(order), days[order]
    data, ends = _json(cases, found)
    return DayLines(pa.LargeStringArray.from_buffers(len(found), pa.py_buffer(ends), pa.py_buffer(data)), days)


def _json(cases: Cases, found: Telemetry) -> tuple[NDArray[np.uint8], Ints]:
    """Lines end to end and where they start and end: a template with room for the widest values is filled for some
    samples at a time, and what they leave of it is taken out.
    """
    line, places = b"", []
    texts = _texts(cases, found)
    for column in contracts()[ENTITY].columns:
        quote = b'"' if column.length is not None or column.data_type == "timestamp" else b""
        line += (b"," if line else b"{") + f'"{column.name}":'.encode() + quote
        for piece in texts[column.name]:
            places.append((len(line), piece))
            line += bytes(piece.itemsize)
        line += quote
    line += b"}\n"
    block = bytearray(line * min(BLOCK_LINES, len(found)))
    rooms = [(_room(block, place, len(line), piece.dtype), piece) for place, piece in places]
    data, ends = np.empty(len(found) * len(line), np.uint8), np.zeros(len(found) + 1, np.int64)
    for first in range(0, len(found), BLOCK_LINES):
        size = min(BLOCK_LINES, len(found) - first)
        for room, piece in rooms:
            room[:size] = piece[first : first + size]
        filled = block if size == BLOCK_LINES else block[: size * len(line)]
        kept = np.frombuffer(filled.translate(None, b"\0"), np.uint8)
        start = ends[first]
        data[start : start + len(kept)] = kept
        ends[first + 1 : first + size + 1] = np.flatnonzero(kept == ord("\n")) + start + 1
    return data, ends


def _room(data: bytearray, place: int, width: int, kind: np.dtype) -> NDArray[np.void]:
    """The same place in each line."""
    line = np.dtype({"names": ["value"], "formats": [kind], "offsets": [place], "itemsize": width})
    return np.frombuffer(data, line)["value"]


def _texts(cases: Cases, found: Telemetry) -> dict[str, list[NDArray[np.void]]]:
    """Texts by column, in one piece or more, filled up with zero bytes."""
    runs = _runs(cases, found)
    second, fraction = np.divmod(found.microsecond, SECOND)
    day = second // DAY_SECONDS
    first_day = int(day[0]) if len(day) else 0
    days = _table([f"{day}T" for day in np.arange(first_day, int(day.max(initial=first_day)) + 1).astype("M8[D]")])
    return {
        "procedure_id": [_table(procedure_ids(runs.cases)).take(runs.index)],
        "robot_id": [_table(robot_ids(runs.cases.robot)).take(runs.index)],
        "sample_number": [_numbers(1 << int(found.number.max(initial=1)).bit_length()).take(found.number)],
        "sample_time": [days.take(day - first_day), _times().take(second - day * DAY_SECONDS), *_fractions(fraction)],
        "arm": [_numbers(16).take(found.arm)],
        "tool_type": [_table([tool.name for tool in TOOLS]).take(found.tool)],
        "is_tool_active": [_table(("false", "true")).take(found.is_tool_active)],
        "is_camera_moving": [_table(("false", "true")).take(found.is_camera_moving)],
        **{name: [_decimals(places).take(numbers)] for name, (numbers, places) in _measured(found).items()},
    }


def _fractions(microseconds: Ints) -> list[NDArray[np.void]]:
    """What stands behind whole seconds, such as .250000Z, or Z alone."""
    has_none = microseconds == 0
    millis, rest = np.divmod(microseconds, 1000)
    heads, tails = _thousands(".", "", ""), _thousands("", "Z", "Z")
    return [heads.take(np.where(has_none, 1000, millis)), tails.take(np.where(has_none, 1000, rest))]


@lru_cache
def _thousands(before: str, after: str, last: str) -> NDArray[np.void]:
    return _table([*(f"{before}{i:03d}{after}" for i in range(1000)), last])


@lru_cache
def _decimals(places: int) -> NDArray[np.void]:
    """Whole numbers of tenths or hundredths as JSON numbers; those below 0 stand at the table's end."""
    unit = 10**places
    numbers = [*range(10_001), *range(-4_000, 0)]
    return _table([f"{'-' * (i < 0)}{abs(i) // unit}.{abs(i) % unit:0{places}d}" for i in numbers])


@lru_cache
def _numbers(end: int) -> NDArray[np.void]:
    return _table(np.arange(end).astype("S8"))


@lru_cache
def _times() -> NDArray[np.void]:
    return _table([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(DAY_SECONDS)])


def _table(texts: Sequence[str] | NDArray[np.bytes_] | pa.Array) -> NDArray[np.void]:
    """Texts without zero bytes as items of one width, filled up with those; 8 and 16 bytes are the quickest to take."""
    raw = np.array(texts.to_pylist() if isinstance(texts, pa.Array) else texts, "S")
    width = next((w for w in QUICK if w >= raw.itemsize), raw.itemsize)
    return raw.astype(f"S{width}").view(QUICK.get(width, f"V{width}"))


# --- Parquet -----------------------------------------------------------------------------------------------------


def table(cases: Cases, found: Telemetry) -> pa.Table:
    """Samples of `cases` in the contract's schema."""
    return _encoded(cases, found, np.empty((MEASURED, len(found)))).cast(contracts()[ENTITY].arrow_schema)


def write_parquet(path: Path, cases: Cases, parts: Iterable[Telemetry]) -> int:
    """Write samples of `cases`, given in order, as row groups of ROW_GROUP_ROWS; returns how many there were.

    The same samples are the same bytes, however they are cut into parts.
    """
    schema, rows, room = _encoded_schema(), 0, np.empty((MEASURED, ROW_GROUP_ROWS))
    with explained(f"cannot write {path}"), pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, store_schema=False,
        use_dictionary=[name for name in schema.names if name not in STEPS],
        column_encoding=dict.fromkeys(STEPS, "DELTA_BINARY_PACKED"),
    ) as writer:  # fmt: skip
        for group in _groups(parts):
            writer.write_table(_encoded(cases, group, room), row_group_size=ROW_GROUP_ROWS)
            rows += len(group)
        writer.add_key_value_metadata(contracts()[ENTITY].arrow_schema.metadata)
    return rows


def _groups(parts: Iterable[Telemetry]) -> Iterator[Telemetry]:
    """The same samples, ROW_GROUP_ROWS at a time; the rest last."""
    waiting: list[Telemetry] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += len(part)
        while rows >= ROW_GROUP_ROWS:
            held = Telemetry.joined(waiting) if len(waiting) > 1 else waiting[0]
            yield held.only(slice(ROW_GROUP_ROWS))
            waiting, rows = [held.only(slice(ROW_GROUP_ROWS, None))], rows - ROW_GROUP_ROWS
    if rows:
        yield Telemetry.joined(waiting)


def _encoded(cases: Cases, found: Telemetry, room: NDArray[np.float64]) -> pa.Table:
    """Samples with texts by dictionary, which Parquet then need not look for, and what is measured in `room`."""
    runs = _runs(cases, found)
    schema = _encoded_schema()
    robots, robot = np.unique(runs.cases.robot, return_inverse=True)
    columns = {
        "procedure_id": _indexed(procedure_ids(runs.cases), runs.index),
        "robot_id": _indexed(robot_ids(robots), robot.astype(np.int32)[runs.index]),
        "tool_type": _indexed(pa.array([tool.name for tool in TOOLS]), found.tool.astype(np.int32)),
        "sample_number": found.number,
        "sample_time": found.microsecond.view("M8[us]"),
        "arm": found.arm.astype(np.int32),
        "is_tool_active": found.is_tool_active,
        "is_camera_moving": found.is_camera_moving,
    }
    for (name, (numbers, places)), reals in zip(_measured(found).items(), room, strict=True):
        columns[name] = np.divide(numbers, 10.0**places, out=reals[: len(found)])
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)


@lru_cache
def _encoded_schema() -> pa.Schema:
    schema = contracts()[ENTITY].arrow_schema
    kinds = [
        pa.dictionary(pa.int32(), pa.string()) if pa.types.is_string(field.type) else field.type for field in schema
    ]
    return pa.schema([field.with_type(kind) for field, kind in zip(schema, kinds, strict=True)], schema.metadata)


def _indexed(texts: pa.Array, index: NDArray[np.int32]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index), texts.cast(pa.string()))
