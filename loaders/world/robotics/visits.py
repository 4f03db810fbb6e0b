"""Service visits to robots: fate, known from the world alone. Planned ones come round, in the evening or on a Saturday;
faults come when they come, and take the robot out of the day's lists.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from math import exp

import numpy as np

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS, day_number, day_of, is_bank_holiday, month_number, weekday
from loaders.world.config import World
from loaders.world.network import baseline
from loaders.world.patients import names
from loaders.world.rng import Streams
from loaders.world.robotics.cases import FAILURES
from loaders.world.robotics.catalogue import VISITS, Visit
from loaders.world.robotics.fleet import NOWHERE, Robot

LONG_VISIT_HOURS = 24
WARNING_DAYS = 14
EVENING, MORNING, LONGEST_EVENING_HOURS = 18.5, 8, 5
BETWEEN_SECONDS = 1_800
FAULTS_FOLLOW = 0.7
"""What stretches the intervals of planned visits stretches those of faults less: to this power."""
PERIOD_DAYS = 366
"""Visits are laid out to the end of such a period, and some days more: what is known of a day never changes."""

PARTS = {
    "corrective_minor": ("instrument drive", "encoder", "foot pedal", "cable", "fan"),
    "corrective_major": ("motor", "power supply", "joint brake", "control board", "cooling pump"),
    "arm_or_camera_replacement": ("manipulator arm", "camera head", "endoscope"),
    "preventive_quarterly": ("filter", "drive belt"),
    "preventive_annual": ("battery", "filter", "drive belt"),
    "sterilisation_drape_adapter": ("drape adapter",),
}
PARTS_SHARE = {"preventive_quarterly": 0.5, "corrective_minor": 0.7}
FAILING_PARTS = {
    "motor": "motor", "cooling": "cooling pump", "network": "control board", "camera": "camera head",
}  # fmt: skip
TECHNICIANS = 24


@dataclass(frozen=True)
class ServiceVisit:
    """A visit to a robot: its kind (an index of VISITS), where and when (UTC seconds), and what it came to.

    `failing` is what had failed, an index of FAILURES, or -1 for a planned visit.
    """

    number: int
    kind: int
    facility: int
    start: int
    end: int
    cost_pence: int
    technician: str
    parts: tuple[str, ...]
    failing: int

    @property
    def plan(self) -> Visit:
        """What the catalogue says of its kind."""
        return VISITS[self.kind]

    @property
    def is_long(self) -> bool:
        """Whether the robot's status says that it is away: a fault that takes a day or more."""
        return self.plan.is_emergency and self.plan.downtime_hours >= LONG_VISIT_HOURS


def visits(world: World, robot: Robot, last_day: int) -> tuple[ServiceVisit, ...]:
    """A robot's visits from the world's start, those that start before `last_day` and perhaps some more, in order."""
    return _laid_out(world, robot, _end_of_period(world, last_day))


def _end_of_period(world: World, last_day: int) -> int:
    start = day_number(world.start)
    return start + max(1, -(-(last_day - start) // PERIOD_DAYS)) * PERIOD_DAYS


@lru_cache(maxsize=1 << 14)
def _laid_out(world: World, robot: Robot, last_day: int) -> tuple[ServiceVisit, ...]:
    wanted = sorted(
        (second, kind, n) for kind in range(len(VISITS)) for n, second in _wanted(world, robot, kind, last_day)
    )
    found: list[ServiceVisit] = []
    free_from = 0
    first_month = month_number(baseline(world))
    for second, kind, n in wanted:
        start = max(second, free_from)
        place = robot.places[month_number(day_of(start // DAY_SECONDS)) - first_month]
        if place == NOWHERE or start < robot.known:
            continue
        draws = Streams(world.seed)(f"visits.{VISITS[kind].name}", robot.index, 1 + n)
        hours = VISITS[kind].downtime_hours * exp(draws.standard_normal() * (0.4 if VISITS[kind].is_emergency else 0.2))
        end = start + max(20, round(hours * 60)) * 60
        failing = int(draws.random() * len(FAILURES)) if VISITS[kind].is_emergency else -1
        found.append(
            ServiceVisit(
                number=len(found) + 1,
                kind=kind,
                facility=place,
                start=start,
                end=end,
                cost_pence=_cost_pence(VISITS[kind], draws.random()),
                technician=_technicians(world)[int(draws.random() * TECHNICIANS)],
                parts=_parts(VISITS[kind].name, failing, draws),
                failing=failing,
            )
        )
        free_from = end + BETWEEN_SECONDS
    return tuple(found)


def _wanted(world: World, robot: Robot, kind: int, last_day: int) -> list[tuple[int, int]]:
    """When a robot asks for a visit of a kind, up to a month after `last_day`: (number, second)."""
    plan = VISITS[kind]
    interval = plan.interval_days * world.maintenance_interval_factor
    first_day = day_number(world.start)
    days = last_day + 31 - first_day
    if plan.is_emergency:
        interval = plan.interval_days * world.maintenance_interval_factor**FAULTS_FOLLOW
        gaps = Streams(world.seed)(f"visits.gaps.{plan.name}", robot.index)
        times: list[float] = []
        elapsed = gaps.standard_exponential() * interval
        while elapsed < days:
            times.append(elapsed)
            elapsed += gaps.standard_exponential() * interval
        return [(n, _in_lists(first_day + time)) for n, time in enumerate(times)]
    phase = _turn(world, plan.name)[robot.index] + Streams(world.seed)(f"visits.{plan.name}", robot.index).random()
    count = int(np.ceil(max(0.0, days / interval - phase / world.robots)))
    moments = [first_day + int((n + phase / world.robots) * interval) for n in range(count)]
    return [(n, _out_of_lists(plan, day)) for n, day in enumerate(moments)]


@lru_cache(maxsize=256)
def _turn(world: World, kind: str) -> tuple[int, ...]:
    """Whose turn it is: the robots' order in a kind of visit, so that visits are spread evenly over the interval."""
    order = np.argsort(Streams(world.seed)(f"visits.turn.{kind}").random(world.robots), kind="stable")
    return tuple(order.tolist())


def _in_lists(time: float) -> int:
    """A fault shows itself while theatres work: at 8 to 18 o'clock of a business day."""
    day = int(time)
    while weekday(day) > 4 or is_bank_holiday(day_of(day)):
        day += 1
    return day * DAY_SECONDS + 8 * HOUR_SECONDS + int((time % 1) * 600) * 60


def _out_of_lists(plan: Visit, day: int) -> int:
    """A planned visit comes when lists are over: in the evening, or on the next Saturday when it is long."""
    if plan.downtime_hours <= LONGEST_EVENING_HOURS:
        return day * DAY_SECONDS + int(EVENING * HOUR_SECONDS)
    return (day + (5 - weekday(day)) % 7) * DAY_SECONDS + MORNING * HOUR_SECONDS


def _cost_pence(plan: Visit, draw: float) -> int:
    low = max(plan.cost_low_gbp, plan.cost_high_gbp / 20)
    pounds = low * (plan.cost_high_gbp / low) ** draw
    return round(pounds * 100)


def _parts(kind: str, failing: int, draws: np.random.Generator) -> tuple[str, ...]:
    choices = PARTS.get(kind, ())
    share, which, more = draws.random(3)
    if not choices or share >= PARTS_SHARE.get(kind, 1.0):
        return ()
    first = choices[int(which * len(choices))]
    if failing >= 0 and kind != "corrective_minor":
        first = FAILING_PARTS[FAILURES[failing]]
    second = choices[int(more * len(choices))]
    return (first,) if more < 0.5 or second == first else (first, second)


@lru_cache
def _technicians(world: World) -> tuple[str, ...]:
    women, men, families = names(world.seed)
    draws = Streams(world.seed)("technicians").random((3, TECHNICIANS))
    return tuple(
        f"{pool[int(given * len(pool))]} {families[int(family * len(families))]}"
        for pool, given, family in zip(
            (women if draw < 0.3 else men for draw in draws[0]), draws[1].tolist(), draws[2].tolist(), strict=True
        )
    )


def visits_on(world: World, robot: Robot, day: int) -> tuple[ServiceVisit, ...]:
    """The visits that a robot is in on a day number, in order."""
    return _by_day(world, robot, _end_of_period(world, day + 1)).get(day, ())


@lru_cache(maxsize=1 << 14)
def _by_day(world: World, robot: Robot, last_day: int) -> dict[int, tuple[ServiceVisit, ...]]:
    found: dict[int, tuple[ServiceVisit, ...]] = {}
    for visit in _laid_out(world, robot, last_day):
        for day in range(visit.start // DAY_SECONDS, visit.end // DAY_SECONDS + 1):
            found[day] = (*found.get(day, ()), visit)
    return found


def wear(world: World, robot: Robot, second: int) -> tuple[float, int]:
    """How near a robot is to a fault, from 0 to 1 in the 14 days before it, and what is failing (-1: nothing)."""
    warning = WARNING_DAYS * DAY_SECONDS
    faults = _faults(world, robot, _end_of_period(world, second // DAY_SECONDS + WARNING_DAYS + 1))
    for start, failing in faults[bisect_left(faults, (second, 0)) :][:1]:
        if start - second < warning:
            return (1 - (start - second) / warning) ** 2, failing
    return 0.0, -1


@lru_cache(maxsize=1 << 14)
def _faults(world: World, robot: Robot, last_day: int) -> list[tuple[int, int]]:
    return [(visit.start, visit.failing) for visit in _laid_out(world, robot, last_day) if visit.failing >= 0]
