"""Writing raw events, beside what a plain script does and what the file system allows."""

import json
import multiprocessing as mp
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from benchmarks.measure import Row, fresh, in_own_process, timed
from loaders.lake import Lake
from loaders.raw.events import events
from loaders.raw.generate import write
from loaders.world.calendar import day_number, day_of
from loaders.world.config import PRESETS, World
from loaders.world.network import facilities
from loaders.world.operations import Told, day_one, months, operate

LARGE = replace(PRESETS["large"], days=366)
LARGEST = replace(LARGE, beds=20_000, initial_patients=600_000, max_patients=900_000)
LAKES = 4
ONE_BY_ONE = replace(PRESETS["large"], days=31, packed=False)


def rows() -> Iterator[Row]:
    """Lines of the table."""
    for world in (LARGEST, LARGE):
        told_of = told(world.beds)
        total = sum(len(lines.days) for part in told_of for lines in events(world, part))
        a_file = total / sum(1 for part in told_of for lines in events(world, part) for _ in lines.by_day())
        one, two = (in_own_process("raw:packed", world.beds, processes) for processes in (1, 2))
        script = in_own_process("raw:packed_by_script", world.beds, times=1)
        ceiling = in_own_process("raw:packed_bytes", world.beds)
        yield Row(
            f"packed raw, hospitals of {world.beds // 10:,} beds ({a_file:.0f} events a file), two processes",
            f"{total / two.seconds:,.0f} events/s",
            f"{script.seconds / two.seconds:.1f}× json and zstd in a script; writing those files alone "
            f"{total / ceiling.seconds:,.0f} events/s; one process {total / one.seconds:,.0f} events/s",
            "≥ 500,000 events/s",
        )
    singles = sum(len(lines.days) for lines in events(ONE_BY_ONE, told_singles()))
    ours, plain = in_own_process("raw:one_by_one"), in_own_process("raw:one_by_one_plain")
    yield Row(
        "one event a file, created once, one process",
        f"{singles / ours.seconds:,.0f} events/s",
        f"{plain.seconds / ours.seconds:.0%} of the rate of open and write alone",
    )


def _world(beds: int) -> World:
    return LARGE if beds == LARGE.beds else LARGEST


@lru_cache
def told(beds: int) -> list[Told]:
    """Eleven months of two hospitals, simulated and not yet written; the first month has warmed everything up."""
    world = _world(beds)
    parts = []
    warm = Lake.at(fresh("warm"))
    for place in facilities(world)[:2]:
        yesterday = day_one(world, place)
        for i, (_, last) in enumerate(months(day_number(world.start), day_number(world.end))):
            part, yesterday = operate(world, place, yesterday, last)
            if i:
                parts.append(part)
            else:
                write(warm, world, part)
    return parts


def told_singles() -> Told:
    """A month of one hospital."""
    place = facilities(ONE_BY_ONE)[0]
    return operate(ONE_BY_ONE, place, day_one(ONE_BY_ONE, place), day_number(ONE_BY_ONE.end))[0]


def packed(beds: int, processes: int) -> float:
    """Write two hospitals into each of some lakes, packed, with extracts and ledger, a hospital a process; per lake."""
    parts, world = told(beds), _world(beds)
    lakes = [Lake.at(fresh("packed")) for _ in range(LAKES)]

    def some(place: int) -> None:
        for lake in lakes:
            for part in parts:
                if part.facility.index == place:
                    write(lake, world, part)

    def all_at_once() -> None:
        context = mp.get_context("fork")
        workers = [context.Process(target=some, args=(place,)) for place in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return timed(all_at_once if processes > 1 else lambda: [some(place) for place in range(2)]) / LAKES


def packed_by_script(beds: int) -> float:
    """The same events as a script would write them: a dict and json.dumps each, one compressed file a day and type."""
    records = [
        (lines.event_type, part.facility.facility_id, day, [json.loads(line) for line in lines.texts(where)])
        for part in told(beds)
        for lines in events(_world(beds), part)
        for day, where in lines.by_day()
    ]
    folder = fresh("script")

    def play() -> None:
        for event_type, facility_id, day, of_day in records:
            data = "".join(json.dumps(record) + "\n" for record in of_day).encode()
            path = folder / event_type / f"event_date={day_of(day)}" / f"{event_type}_{facility_id}.ndjson.zst"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pa.compress(data, codec="zstd", asbytes=True))

    return timed(play)


def packed_bytes(beds: int) -> float:
    """Only the files: their names and their bytes, ready-made."""
    lake = Lake.at(fresh("source"))
    for part in told(beds):
        write(lake, _world(beds), part)
    contents = [(key, lake.read(key)) for prefix in ("raw", "truth") for key, _ in lake.find(prefix)]
    return _write_plainly(contents, fresh("bytes"))


def one_by_one() -> float:
    """A month of one hospital, one event a file."""
    part, lake = told_singles(), Lake.at(fresh("single"))
    return timed(lambda: write(lake, ONE_BY_ONE, part))


def one_by_one_plain() -> float:
    """The same files, their bytes ready-made."""
    lake = Lake.at(fresh("source"))
    write(lake, ONE_BY_ONE, told_singles())
    contents = [(key, lake.read(key)) for prefix in ("raw", "truth") for key, _ in lake.find(prefix)]
    return _write_plainly(contents, fresh("plain"))


def _write_plainly(contents: list[tuple[str, bytes]], folder: Path) -> float:
    for key, _ in contents:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)

    def play() -> None:
        for key, data in contents:
            with open(folder / key, "wb") as file:
                file.write(data)

    return timed(play)
