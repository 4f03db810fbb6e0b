"""Simulate and land raw objects: a facility at a time, a month at a time, each written once and then committed; then
the clinical batches and surgical robotics of the days that every facility has reached.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from typing import Any

from loaders.errors import BadSetting
from loaders.lake import Lake
from loaders.raw.clinical import NO_BATCHES, Batches, write_batches
from loaders.raw.dirt import twins, with_twins
from loaders.raw.events import Lines, events
from loaders.raw.extracts import extracts
from loaders.raw.kept import keep
from loaders.raw.ledger import Ledger
from loaders.raw.lines import text_buffer
from loaders.raw.objects import Object, packed, whole_object
from loaders.raw.state import keep_world, keep_yesterday, load_yesterday
from loaders.raw.theatre_files import Written
from loaders.raw.theatres import NOTHING_WRITTEN, Source, write_theatres
from loaders.workers import context, pool
from loaders.world.calendar import day_number, day_of
from loaders.world.config import World
from loaders.world.network import Facility, facilities
from loaders.world.operations import Told, day_one, months, operate

Twin = tuple[int, str, bytes]
ENTITY_OF = {
    "admission": "admissions",
    "discharge": "discharges",
    "wait_snapshot": "wait_snapshots",
    "dep_snapshot": "dep_snapshots",
}


@dataclass(frozen=True)
class Generated:
    """What a run wrote: facility-days simulated, events emitted (faulty ones apart), the raw objects created for them,
    the clinical batches, and surgical robotics.
    """

    facility_days: int = 0
    events: int = 0
    faults: int = 0
    objects: int = 0
    batches: Batches = NO_BATCHES
    theatres: Written = NOTHING_WRITTEN

    def __add__(self, other: "Generated") -> "Generated":
        return Generated(
            self.facility_days + other.facility_days,
            self.events + other.events,
            self.faults + other.faults,
            self.objects + other.objects,
            self.batches + other.batches,
            self.theatres + other.theatres,
        )


def shard_of(world: World, shard: str | None) -> list[Facility]:
    """The facilities of shard `i/n`, or all. Raises BadSetting for a shard that is not one."""
    everyone = list(facilities(world))
    if shard is None:
        return everyone
    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise BadSetting(f"--shard {shard} is not a part such as 1/4: the first of four")
    return everyone[int(part) - 1 :: int(parts)]


def generate(
    lake: Lake, world: World, shard: str | None = None, workers: int = 1, source: Source | None = None
) -> Generated:
    """Bring the lake's raw layer to the world's last day: operations, then the clinical batches and robotics.

    With a `source`, theatres' operational tables go there and not into the lake.
    """
    operated = operate_all(lake, world, shard, workers)
    batches = write_batches(lake, world, workers)
    return replace(operated, batches=batches, theatres=write_theatres(lake, world, workers, source))


def operate_all(
    lake: Lake,
    world: World,
    shard: str | None = None,
    workers: int = 1,
    progress: Callable[[int], Any] = lambda days: None,
) -> Generated:
    """Bring operations to the world's last day; `progress` hears of facility-days as they are done.

    Safe to run again: objects are created once under names that follow from their contents, and each facility
    resumes after its last committed month.
    """
    places = shard_of(world, shard)
    keep_world(lake, world)
    if workers <= 1 or len(places) <= 1:
        total = Generated()
        for place in places:
            for part in _generate_facility(lake, world, place):
                progress(part.facility_days)
                total += part
        return total
    return _in_parallel(lake, world, places, workers, progress)


def _in_parallel(
    lake: Lake, world: World, places: list[Facility], workers: int, progress: Callable[[int], Any]
) -> Generated:
    reports = context().SimpleQueue()
    total = Generated()
    with pool(min(workers, len(places)), _report_to, reports) as processes:
        running = {processes.submit(_facility_in_worker, lake, world, place) for place in places}
        while running:
            done, running = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in done:
                total += future.result()
            while not reports.empty():
                progress(reports.get())
    return total


_reports: Any = None


def _report_to(reports: Any) -> None:
    global _reports
    _reports = reports


def _facility_in_worker(lake: Lake, world: World, facility: Facility) -> Generated:
    total = Generated()
    for part in _generate_facility(lake, world, facility):
        total += part
        _reports.put(part.facility_days)
    return total


def _generate_facility(lake: Lake, world: World, facility: Facility) -> Iterator[Generated]:
    """A facility up to the world's last day, committed month by month."""
    yesterday = load_yesterday(lake, facility)
    if yesterday is None:
        yesterday = day_one(world, facility)
    for _, last_day in months(yesterday.next_day, day_number(world.end)):
        told, yesterday = operate(world, facility, yesterday, last_day)
        written = write(lake, world, told)
        keep(lake, told)
        keep_yesterday(lake, facility, yesterday)
        yield written


def write(lake: Lake, world: World, told: Told) -> Generated:
    """Land all that was told of a facility: events, extracts and ledger."""
    counts: Counter[str] = Counter()
    objects = lake.create_all(_objects(world, told, counts))
    return Generated(told.last_day - told.first_day, counts["events"], counts["faults"], objects)


def _objects(world: World, told: Told, counts: Counter[str]) -> Iterator[Object]:
    """Raw and truth objects; events and faults are counted as they are given out."""
    facility = told.facility
    ledger = Ledger(facility.facility_id)
    ledger.add_told(told)
    of_day = _one_packed if world.packed else _one_by_one
    for lines in events(world, told):
        for day, part in lines.by_day():
            faults = list(twins(world, facility, day, lines, part)) if world.dirty_share else []
            for _, fault, _ in faults:
                ledger.add_fault(max(day, told.first_day), ENTITY_OF[lines.event_type], day, fault)
            counts["events"] += part.stop - part.start
            counts["faults"] += len(faults)
            yield from of_day(facility, day, lines, part, faults)
    for extract in extracts(world, facility, told.first_day, told.last_day):
        folder = f"raw/operations/{extract.entity}/extract_date={day_of(extract.day)}"
        data = bytes(text_buffer(extract.lines))
        yield whole_object(world, f"{folder}/{extract.entity}_{facility.facility_id}.ndjson", data)
        ledger.add(extract.day, extract.entity, extract.day, "rows", len(extract.lines))
    for day, data in ledger.files():
        folder = f"truth/operations/ledger_date={day_of(day)}"
        yield whole_object(world, f"{folder}/ledger_{facility.facility_id}.ndjson", data)


def _one_packed(facility: Facility, day: int, lines: Lines, part: slice, faults: list[Twin]) -> Iterator[Object]:
    data: bytes | memoryview = lines.data(part)
    if faults:
        after: dict[int, list[bytes]] = {}
        for position, _, line in faults:
            after.setdefault(position, []).append(line + b"\n")
        data = with_twins(lines.texts(part), after)
    name = f"{lines.event_type}_{facility.facility_id}.ndjson.zst"
    yield f"{_folder(lines.event_type, day)}/{name}", packed(data)


def _one_by_one(facility: Facility, day: int, lines: Lines, part: slice, faults: list[Twin]) -> Iterator[Object]:
    folder = _folder(lines.event_type, day)
    ids = lines.event_ids[part].to_pylist()
    for event_id, text in zip(ids, lines.texts(part), strict=True):
        yield f"{folder}/{lines.event_type}_{event_id}.json", text
    sent: dict[int, int] = {}
    for position, _, line in faults:
        sent[position] = sent.get(position, 1) + 1
        yield f"{folder}/{lines.event_type}_{ids[position]}_{sent[position]}.json", line + b"\n"


def _folder(event_type: str, day: int) -> str:
    return f"raw/operations/{event_type}/event_date={day_of(day)}"
