"""Robot telemetry: generation into Parquet beside numpy's normals and Parquet's writer alone; lines of JSON; memory."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Row, fresh, in_own_process
from loaders.contracts import contracts
from loaders.raw.objects import packed
from loaders.raw.telemetry import ENTITY, lines, table, write_parquet
from loaders.staging.files import ROW_GROUP_ROWS
from loaders.world.config import PRESETS
from loaders.world.robotics.cases import COMPLETED, NO_REASON, Cases
from loaders.world.robotics.catalogue import MODELS, PROCEDURES
from loaders.world.robotics.telemetry import in_chunks

SAMPLES = 5_000_000
MANY = 20_000_000
FEW = 1_000_000
OF_PEERS = 200_000
# Samples whose lines are made at a time.
LINES = 1 << 16
WORLD = replace(PRESETS["portfolio"], telemetry_samples=100)
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def rows() -> Iterator[Row]:
    """Lines of the table."""
    made, bare, small = (in_own_process(f"telemetry:{what}", SAMPLES) for what in ("parquet", "bare", "bare_32"))
    yield Row(
        f"telemetry, {SAMPLES:,} samples into Parquet, one process",
        f"{SAMPLES / made.seconds:,.0f} rows/s",
        f"{bare.seconds / made.seconds:.2f}× numpy's normals in as many columns and Parquet's writer alone "
        f"({SAMPLES / bare.seconds:,.0f} rows/s; with columns of 32 bits, split by bytes, "
        f"{SAMPLES / small.seconds:,.0f})",
        "≥ 2,000,000 rows/s, ≥ 0.5×",
    )
    made, bare, small = (
        in_own_process(f"telemetry:{what}", SAMPLES, "processor") for what in ("parquet", "bare", "bare_32")
    )
    yield Row(
        "the same by the processor's time",
        f"{SAMPLES / made.seconds:,.0f} rows/s",
        f"{bare.seconds / made.seconds:.2f}×: {SAMPLES / bare.seconds:,.0f} rows/s alone, "
        f"{SAMPLES / small.seconds:,.0f} with 32 bits",
        "≥ 2,000,000 rows/s, ≥ 0.5×",
    )
    short, long = (in_own_process("telemetry:parquet", samples, times=1) for samples in (SAMPLES, MANY))
    yield Row(
        f"memory, {MANY:,} samples against {SAMPLES:,}",
        f"{long.megabytes:,.0f} MB against {short.megabytes:,.0f} MB",
        f"{long.seconds / short.seconds:.1f}× the time",
        "< 300 MB, flat",
    )
    text, busy = (in_own_process("telemetry:text", FEW, clock) for clock in CLOCKS)
    duck, orj = in_own_process("telemetry:ducks_text", FEW), in_own_process("telemetry:orjsons_text", OF_PEERS)
    yield Row(
        f"telemetry as NDJSON in memory, {FEW:,} samples generated, one process",
        f"{FEW / text.seconds:,.0f} rows/s",
        f"{FEW / busy.seconds:,.0f} by the processor's time; without generation DuckDB's COPY in one thread "
        f"{FEW / duck.seconds:,.0f}, orjson {OF_PEERS / orj.seconds:,.0f} by that; {text.megabytes:,.0f} MB",
        "≥ 800,000 rows/s",
    )
    alone = in_own_process("telemetry:writing", FEW)
    for what, way in (("written to a file", "written"), ("packed with zstd and written", "packed")):
        text, busy = (in_own_process("telemetry:text", FEW, clock, way) for clock in CLOCKS)
        yield Row(
            f"the same {what}",
            f"{FEW / text.seconds:,.0f} rows/s",
            f"{FEW / busy.seconds:,.0f} by the processor's time; writing lines to a file alone "
            f"{FEW / alone.seconds:,.0f} by that",
        )


def _cases(samples: int) -> Cases:
    """Cases of so many samples, 40 a day; one in twenty on a robot that is about to fail."""
    count = samples // WORLD.telemetry_samples
    draw, number = np.random.Generator(np.random.Philox(1)), np.arange(count)
    day = 19_358 + number // 40
    start = (day + 1) * 86_400 + draw.integers(8 * 60, 14 * 60, count) * 60
    return Cases(
        facility=draw.integers(0, WORLD.facilities, count),
        day=day,
        number=number % 40,
        patient=number,
        procedure=draw.integers(0, len(PROCEDURES), count),
        robot=draw.integers(0, WORLD.robots, count),
        model=draw.integers(0, len(MODELS), count),
        surgeon=draw.integers(0, WORLD.surgeons, count),
        start=start,
        end=start + draw.integers(60, 400, count) * 60,
        complexity=draw.integers(1, 11, count),
        status=np.full(count, COMPLETED),
        reason=np.full(count, NO_REASON),
        wear=draw.random(count),
        failing=np.where(draw.random(count) < 0.05, draw.integers(0, 4, count), -1),
    )


def _timed(function: Callable[[], object], clock: str) -> float:
    """Seconds by one of the clocks."""
    start = CLOCKS[clock]()
    function()
    return CLOCKS[clock]() - start


def parquet(samples: int, clock: str = "wall") -> float:
    """Seconds for samples from nothing to a file."""
    who, folder = _cases(samples), fresh("telemetry")
    write_parquet(folder / "first.parquet", who, in_chunks(WORLD, who.only(np.arange(500))))
    return _timed(lambda: write_parquet(folder / "all.parquet", who, in_chunks(WORLD, who)), clock)


def bare(samples: int, clock: str = "wall") -> float:
    """Seconds for as many normal numbers in columns of 64 bits, written beside the same texts, times and flags."""
    return _bare(samples, clock, pa.float64())


def bare_32(samples: int, clock: str = "wall") -> float:
    """The same in columns of 32 bits, whose bytes Parquet splits: the least that a table of telemetry could cost."""
    return _bare(samples, clock, pa.float32())


def _bare(samples: int, clock: str, kind: pa.DataType) -> float:
    measured = [column.name for column in contracts()[ENTITY].columns if column.data_type == "double"]
    who = _cases(ROW_GROUP_ROWS + WORLD.telemetry_samples)
    (found,) = in_chunks(WORLD, who)
    given = table(who, found).slice(0, ROW_GROUP_ROWS)
    for place, field in enumerate(given.schema):
        if pa.types.is_string(field.type):
            given = given.set_column(place, field.name, given.column(place).combine_chunks().dictionary_encode())
    draw = np.random.Generator(np.random.SFC64(1))
    room = np.empty((len(measured), ROW_GROUP_ROWS), kind.to_pandas_dtype())
    places = [(given.schema.get_field_index(name), name) for name in measured]

    def group() -> pa.Table:
        drawn = given
        for (place, name), reals in zip(places, room, strict=True):
            draw.standard_normal(out=reals, dtype=reals.dtype)
            drawn = drawn.set_column(place, name, pa.array(reals))
        return drawn

    first = group()
    split = measured if kind == pa.float32() else []

    def write() -> None:
        with pq.ParquetWriter(
            fresh("bare") / "all.parquet", first.schema, compression="zstd", compression_level=1,
            use_dictionary=[field.name for field in first.schema if pa.types.is_dictionary(field.type)],
            column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT")
            | dict.fromkeys(("sample_number", "sample_time"), "DELTA_BINARY_PACKED"),
        ) as writer:  # fmt: skip
            for left in range(samples, 0, -ROW_GROUP_ROWS):
                writer.write_table(group().slice(0, min(left, ROW_GROUP_ROWS)), row_group_size=ROW_GROUP_ROWS)

    return _timed(write, clock)


def text(samples: int, clock: str = "wall", way: str = "made") -> float:
    """Seconds for samples from nothing to lines that are only made, written, or packed and written."""
    who, folder = _cases(samples), fresh("lines")

    def write() -> None:
        with open(folder / "all.ndjson", "wb") as file:
            for found in in_chunks(WORLD, who, LINES):
                data = lines(who, found).data(slice(None))
                if way != "made":
                    file.write(packed(data) if way == "packed" else data)

    first = who.only(np.arange(500))
    lines(first, next(in_chunks(WORLD, first)))
    return _timed(write, clock)


def writing(samples: int) -> float:
    """Processor seconds for writing as many lines that are there, some at a time."""
    who = _cases(LINES)
    data = b"".join(lines(who, found).data(slice(None)) for found in in_chunks(WORLD, who))

    def write() -> None:
        with open(fresh("writing") / "all.ndjson", "wb") as file:
            for _ in range(0, samples, LINES):
                file.write(data)

    return _timed(write, "processor") * samples / (-(-samples // LINES) * LINES)


def ducks_text(samples: int) -> float:
    """Processor seconds of DuckDB's JSON writer with the table at hand."""
    path = str(fresh("duck") / "all.ndjson")
    with duckdb.connect(config={"threads": 1}) as duck:
        duck.register("given", _table(samples))
        duck.execute("create table held as select * from given")
        return _timed(lambda: duck.execute(f"copy held to '{path}' (format json)"), "processor")


def orjsons_text(samples: int) -> float:
    """Processor seconds of orjson with a dict a row."""
    given, path = _table(samples), fresh("orjson") / "all.ndjson"
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
    return _timed(
        lambda: path.write_bytes(b"".join([orjson.dumps(row, option=option) for row in given.to_pylist()])), "processor"
    )


def _table(samples: int) -> pa.Table:
    who = _cases(samples)
    return pa.concat_tables([table(who, found) for found in in_chunks(WORLD, who)])
