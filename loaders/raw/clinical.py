"""Land the clinical daily batches: for each day that every facility has reached, the encounters finished on it.

Operations leave their discharges in the lake's `state/`; batches take them from there, some days at a time, and say in
`state/` which day is next. So a day's folder is whole, whichever facility came last, and the order within it is fixed:
the registry, then encounters and their patients, vitals, labs and notes.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.raw.batch_dirt import spoiled
from loaders.raw.batches import ENTITY_OF_FILE, HEADERS, batch_rows, registry_columns
from loaders.raw.kept import DISCHARGES, Kept, all_kept, forget, reached, told_between
from loaders.raw.ledger import Ledger
from loaders.raw.lines import text_buffer
from loaders.raw.objects import whole_object
from loaders.raw.text import dates, joined, patient_ids
from loaders.workers import pool
from loaders.world.calendar import DAY_SECONDS, day_number, day_of
from loaders.world.clinical.chart import chart
from loaders.world.config import World
from loaders.world.network import Facility, facilities
from loaders.world.patients import registered, registration_seconds, registry

NEXT_DAY_KEY = "state/clinical/next_day.json"
REGISTRY_KEY = "state/patients_master.csv"
CHUNK_ENCOUNTERS = 3_000
CHUNK_DAYS = 31


@dataclass(frozen=True)
class Batches:
    """What was written: days, good rows by file, faulty rows, and raw objects created."""

    days: int
    rows: Counter[str]
    faults: int
    objects: int

    def __add__(self, other: "Batches") -> "Batches":
        return Batches(
            self.days + other.days,
            self.rows + other.rows,
            self.faults + other.faults,
            self.objects + other.objects,
        )


NO_BATCHES = Batches(0, Counter(), 0, 0)


@dataclass(frozen=True)
class Chunk:
    """Days that are made together, from one to another (exclusive), and the discharges kept that touch them."""

    first_day: int
    last_day: int
    kept: list[Kept]


def write_batches(
    lake: Lake, world: World, workers: int = 1, progress: Callable[[int, int], Any] = lambda done, total: None
) -> Batches:
    """Write the batches of all days that every facility has reached; `progress` hears of days done and in all.

    Safe to run again: objects are created once, and it resumes after the last days that were written whole.
    """
    first = _next_day(lake, world)
    kept = all_kept(lake, DISCHARGES)
    last = reached(world, kept, first)
    total = NO_BATCHES
    if last > first:
        keep_registry(lake, world, last)
        for done in _written(lake, world, list(_chunks(kept, first, last)), workers):
            total += done
            lake.write(NEXT_DAY_KEY, json.dumps({"next_day": str(day_of(first + total.days))}).encode())
            progress(total.days, last - first)
    forget(lake, kept, last)
    return total


def keep_registry(lake: Lake, world: World, last_day: int) -> None:
    """Write down everyone registered by a day number, in order of facilities and patient numbers."""
    header = HEADERS["patients.csv"].rstrip() + ",registered_date\n"
    parts = [header.encode()]
    for facility in facilities(world):
        total = registered(world, facility, last_day)
        numbers = np.arange(total)
        days = registration_seconds(world, facility, 0, total) // DAY_SECONDS
        who = registry_columns(facility, registry(world, facility, numbers))
        parts.append(bytes(text_buffer(joined(patient_ids(facility, numbers), ",", who, ",", dates(days), "\n"))))
    lake.write(REGISTRY_KEY, b"".join(parts))


def _next_day(lake: Lake, world: World) -> int:
    if not lake.exists(NEXT_DAY_KEY):
        return day_number(world.start)
    try:
        return day_number(date.fromisoformat(json.loads(lake.read(NEXT_DAY_KEY))["next_day"]))
    except (ValueError, KeyError, TypeError):
        raise LakeError(
            f"{lake.uri(NEXT_DAY_KEY)} is damaged: delete {lake.uri('state')}, and the next run makes all of it again"
        ) from None


def _chunks(kept: list[Kept], first: int, last: int) -> Iterator[Chunk]:
    """Days in order, some at a time: enough encounters for arrays to pay, few enough for memory to stay flat."""
    by_day = np.zeros(last - first, np.int64)
    for part in kept:
        start, stop = max(part.first_day, first), min(part.last_day, last)
        if start < stop:
            by_day[start - first : stop - first] += part.by_day[start - part.first_day : stop - part.first_day]
    starts, total = [first], 0
    for day, count in enumerate(by_day.tolist(), first):
        if day > starts[-1] and (total + count > CHUNK_ENCOUNTERS or day - starts[-1] >= CHUNK_DAYS):
            starts.append(day)
            total = 0
        total += count
    for start, stop in pairwise([*starts, last]):
        yield Chunk(start, stop, [part for part in kept if part.first_day < stop and part.last_day > start])


def _written(lake: Lake, world: World, chunks: list[Chunk], workers: int) -> Iterator[Batches]:
    """What was written of each chunk, in order."""
    if workers <= 1 or len(chunks) <= 1:
        for chunk in chunks:
            yield _write_chunk(lake, world, chunk)
        return
    with ExitStack() as stack:
        processes = stack.enter_context(pool(min(workers, len(chunks))))
        stack.callback(processes.shutdown, wait=True, cancel_futures=True)
        for future in [processes.submit(_write_chunk, lake, world, chunk) for chunk in chunks]:
            yield future.result()


def _write_chunk(lake: Lake, world: World, chunk: Chunk) -> Batches:
    days = range(chunk.first_day, chunk.last_day)
    content: dict[tuple[int, str], list[bytes | memoryview]] = {(day, file): [] for day in days for file in HEADERS}
    rows: Counter[str] = Counter()
    faults = 0
    ledgers = []
    for facility in facilities(world):
        stays = told_between(lake, chunk.kept, facility.facility_id, chunk.first_day, chunk.last_day)
        ledger = Ledger(facility.facility_id)
        made = chart(world, facility, stays)
        who = registry(world, facility, stays.patient)
        ledger.add_chart(made, who.is_woman)
        for lines in batch_rows(made, who):
            rows[lines.file] += len(lines.days)
            for day, part in lines.by_day():
                if not world.dirty_share:
                    content[day, lines.file].append(lines.data(part))
                    continue
                text, found = spoiled(world, facility, day, lines, part)
                content[day, lines.file].append(text)
                faults += len(found)
                for fault in found:
                    ledger.add_fault(day, ENTITY_OF_FILE[lines.file], day, fault)
        ledgers.append((facility, ledger))
    objects = lake.create_all(_objects(world, content, ledgers))
    return Batches(len(days), rows, faults, objects)


def _objects(
    world: World,
    content: dict[tuple[int, str], list[bytes | memoryview]],
    ledgers: list[tuple[Facility, Ledger]],
) -> Iterator[tuple[str, bytes]]:
    for (day, file), parts in content.items():
        data = b"".join([HEADERS[file].encode(), *parts])
        yield whole_object(world, f"raw/clinical/{day_of(day)}/{file}", data)
    for facility, ledger in ledgers:
        for day, data in ledger.files():
            folder = f"truth/clinical/ledger_date={day_of(day)}"
            yield whole_object(world, f"{folder}/ledger_{facility.facility_id}.ndjson", data)
