"""The bed simulation, beside simpy on the same queue."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.measure import Row, in_own_process, timed
from loaders.world.calendar import DAY_SECONDS, day_number
from loaders.world.config import PRESETS
from loaders.world.network import facilities
from loaders.world.operations import (
    FATE,
    BedPlan,
    Beds,
    compete,
    day_one,
    first_come_first_served,
    months,
    operate,
    requests,
)
from loaders.world.stays import discharge_times, world_shifts

LARGE = PRESETS["large"]
QUEUE = replace(LARGE, days=366)


def rows() -> Iterator[Row]:
    """Lines of the table."""
    admissions = _admissions()
    beds = in_own_process("simulate:beds")
    yield Row(
        "bed simulation: fate and contention, one process",
        f"{admissions / beds.seconds:,.0f} admissions/s",
        f"{beds.megabytes:,.0f} MB",
        "≥ 500,000 admissions/s",
    )
    world = in_own_process("simulate:world")
    yield Row(
        "the same with patients, snapshots and ledger arrays",
        f"{admissions / world.seconds:,.0f} admissions/s",
        f"{world.megabytes:,.0f} MB",
    )
    ours, theirs = in_own_process("simulate:our_queue"), in_own_process("simulate:simpys_queue", times=1)
    queued = len(queue()[0][0])
    yield Row(
        "one department's queue, same requests, same admissions",
        f"{queued / ours.seconds:,.0f} admissions/s",
        f"{theirs.seconds / ours.seconds:.0f}× simpy ({queued / theirs.seconds:,.0f}/s)",
        "≥ 6× simpy",
    )


def _admissions() -> int:
    first, last = day_number(LARGE.start), day_number(LARGE.end)
    return sum(
        len(requests(LARGE, place, start, end)) for place in facilities(LARGE) for start, end in months(first, last)
    )


def beds() -> float:
    """Two years of ten hospitals: draws and queues, nothing told."""
    states = [(place, day_one(LARGE, place).beds) for place in facilities(LARGE)]

    def play() -> None:
        for place, state in states:
            for first, last in months(day_number(LARGE.start), day_number(LARGE.end)):
                asked = requests(LARGE, place, first, last)
                _, _, state, _ = compete(LARGE, place, asked, state, last)

    return timed(play)


def world() -> float:
    """The same, with who the patients are and everything that is told."""
    states = [(place, day_one(LARGE, place)) for place in facilities(LARGE)]

    def play() -> None:
        for place, yesterday in states:
            for _, last in months(day_number(LARGE.start), day_number(LARGE.end)):
                _, yesterday = operate(LARGE, place, yesterday, last)

    return timed(play)


def queue() -> tuple[list[list[int]], BedPlan, Beds]:
    """A year of requests for one ward of fixed beds: fate, plan and beds."""
    place = facilities(QUEUE)[0]
    first = day_number(QUEUE.start)
    parts = [requests(QUEUE, place, start, end) for start, end in months(first, day_number(QUEUE.end))]
    mine = [part.ward == 0 for part in parts]
    fate = [np.concatenate([getattr(p, name)[m] for p, m in zip(parts, mine, strict=True)]).tolist() for name in FATE]
    fate[FATE.index("transfer")] = [0] * len(fate[0])
    count = place.wards[0].planned_beds + 4
    days = QUEUE.days + 62
    plan = BedPlan(first, [count] * days, [count] * days, [0.5] * days, count)
    base = first * DAY_SECONDS
    return fate, plan, Beds((), base, base, count, count, base + 18 * 3600)


def our_queue() -> float:
    """The queue by the simulation's own loop."""
    fate, plan, state = queue()
    first_shift, shifts = world_shifts(QUEUE)
    last = day_number(QUEUE.end)
    times = 20
    seconds = timed(
        lambda: [first_come_first_served(fate, shifts, first_shift, plan, state, last) for _ in range(times)]
    )
    return seconds / times


def simpys_queue() -> float:
    """The queue by simpy; its admissions must be the same."""
    import simpy

    fate, plan, state = queue()
    first_shift, shifts = world_shifts(QUEUE)
    expected, ends, *_ = first_come_first_served(fate, shifts, first_shift, plan, state, day_number(QUEUE.end))
    stays = [end - start for start, end in zip(expected, ends, strict=True)]
    admitted: list[int] = [0] * len(stays)
    leaves = [np.array(column) for column in fate[4:]]
    assert (discharge_times(np.array(expected), np.array(fate[3]), *leaves, shifts, first_shift) == ends).all()

    def patient(env: Any, ward: Any, number: int, stay: int) -> Any:
        with ward.request() as bed:
            yield bed
            admitted[number] = env.now
            yield env.timeout(stay)

    def arrivals(env: Any, ward: Any) -> Any:
        for number, (asked, stay) in enumerate(zip(fate[0], stays, strict=True)):
            yield env.timeout(asked - env.now)
            env.process(patient(env, ward, number, stay))

    def play() -> None:
        env = simpy.Environment(initial_time=state.offered)
        env.process(arrivals(env, simpy.Resource(env, plan.spaces)))
        env.run()

    seconds = timed(play)
    assert admitted == expected
    return seconds
