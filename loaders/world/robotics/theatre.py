"""Theatre lists, day by day: which robot and which surgeon has whom, from when to when, and who is called off."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, exp, log, sqrt

import numpy as np

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS, day_of, month_number
from loaders.world.config import World
from loaders.world.rng import Streams
from loaders.world.robotics.candidates import CLOSES, MINUTES_A_POINT, OPENS, Planned, planned_minutes
from loaders.world.robotics.cases import CANCELLED, COMPLETED, CONVERTED, FAILURES, NO_REASON, REASONS, Cases
from loaders.world.robotics.catalogue import PROCEDURES
from loaders.world.robotics.draws import Floats, Ints, normals, uniforms
from loaders.world.robotics.fleet import FELLOW, Robot, Surgeon, does, grade, operates, robots_at, surgeons_at
from loaders.world.robotics.visits import ServiceVisit, visits_on, wear

FIRST_START, FIRST_START_SD, LATEST_FIRST_START = 8.5 * HOUR_SECONDS, 15 * 60, 9.25 * HOUR_SECONDS
TURNOVER_SECONDS = (30 * 60, 45 * 60)
CHANGE_SECONDS = 30 * 60
WAITS_FOR_LIST_SECONDS = 3 * HOUR_SECONDS
LATEST_PLANNED = 17 * HOUR_SECONDS
SOONEST_END_SECONDS = 10 * 60
SHORTEST_MINUTES = 20
CONVERSION_MINUTES = (60, 120)
PASSING_SHARE, PASSING_WEAR = 0.02, (0.6, 1.0)
LEARNING, LEARNING_CASES = 0.45, 25
SPREAD_ELSEWHERE = 0.14
DEMANDING = 8
MOVED_TO_ANOTHER_ROBOT = 0.5
UNWELL, OVERRUN, NO_ROBOT = (REASONS.index(name) for name in ("patient_unwell", "list_overrun", "robot_unavailable"))

_SIGMAS = tuple(
    sqrt(log(1 + max(0.01, (kind.sd_minutes / kind.mean_minutes) ** 2 - SPREAD_ELSEWHERE**2))) for kind in PROCEDURES
)


@dataclass(frozen=True)
class Fate:
    """What is drawn for each planned procedure before its list begins."""

    pace: Floats
    conversion: Floats
    extra: Floats
    turnover: Floats
    moved: Floats


@dataclass
class _Theatres:
    """A facility's theatres in the course of a day: when robots and surgeons are free again."""

    robots: tuple[Robot, ...]
    surgeons: tuple[Surgeon, ...]
    grades: dict[int, int]
    first: dict[int, int]
    serviced: dict[int, list[ServiceVisit]]
    rank: dict[int, float]
    surgeon_rank: dict[int, float]
    list_end: dict[int, tuple[int, int]]
    surgeon_free: dict[int, int]


@dataclass(frozen=True)
class _Slot:
    """A place on a list; `is_blocked` where a service visit stands in the way of it."""

    robot: Robot
    surgeon: Surgeon
    start: int
    end: int
    is_converted: bool
    is_blocked: bool
    is_open_list: bool


def lists(world: World, today: Planned, performed: Ints) -> tuple[Cases, Ints, Ints]:
    """The cases of some days, which element of `today` each is, and how many each surgeon has performed afterwards.

    Days are taken in order, since surgeons learn; what a case comes to depends on nothing after its day.
    """
    fate = _fate(world, today)
    done = performed.tolist()
    rows: list[tuple[int, ...]] = []
    order = np.lexsort([today.facility, today.on])
    keys = list(zip(today.on[order].tolist(), today.facility[order].tolist(), strict=True))
    first = 0
    while first < len(keys):
        last = first
        while last < len(keys) and keys[last] == keys[first]:
            last += 1
        day, facility = keys[first]
        rows += _day(world, facility, day, today, order[first:last], fate, done)
        first = last
    columns = np.array(rows, np.int64).reshape(len(rows), 7).T
    which = columns[0]
    here = today.only(which)
    by_index = {robot.index: robot for f, m in _places(here) for robot in robots_at(world, f, m)}
    states = [wear(world, by_index[r], s) for r, s in zip(columns[1].tolist(), columns[3].tolist(), strict=True)]
    before_faults = np.array(states, np.float64).reshape(len(states), 2)
    worn, failing = _with_passing_faults(world, here, before_faults[:, 0], before_faults[:, 1].astype(np.int64))
    cases = Cases(
        facility=here.facility,
        day=here.day,
        number=here.number,
        patient=here.patient,
        procedure=here.procedure,
        robot=columns[1],
        model=np.array([by_index[r].model for r in columns[1].tolist()], np.int64),
        surgeon=columns[2],
        start=columns[3],
        end=columns[4],
        complexity=here.complexity,
        status=columns[5],
        reason=columns[6],
        wear=worn,
        failing=failing,
    )
    return cases, which, np.array(done, np.int64)


def _with_passing_faults(world: World, planned: Planned, worn: Floats, failing: Ints) -> tuple[Floats, Ints]:
    """Now and then something fails during a case that is well again after it, and no visit follows."""
    names = (planned.facility, planned.day, planned.number)
    happens, how = uniforms(world.seed, "passing", *names)
    part = (uniforms(world.seed, "passing.part", *names)[0] * len(FAILURES)).astype(np.int64)
    low, high = PASSING_WEAR
    level = low + (high - low) * how
    passes = (happens < PASSING_SHARE) & (level > worn)
    return np.where(passes, level, worn), np.where(passes, part, failing)


def _places(planned: Planned) -> set[tuple[int, int]]:
    months = [month_number(day_of(day)) for day in planned.on.tolist()]
    return set(zip(planned.facility.tolist(), months, strict=True))


def _fate(world: World, planned: Planned) -> Fate:
    names = (planned.facility, planned.day, planned.number)
    conversion, extra = uniforms(world.seed, "conversion", *names)
    turnover, moved = uniforms(world.seed, "turnover", *names)
    sigma = np.array(_SIGMAS)[planned.procedure]
    pace = np.exp(normals(world.seed, "pace", *names) * sigma - sigma**2 / 2)
    return Fate(pace, conversion, extra, turnover, moved)


def _day(
    world: World, facility: int, day: int, planned: Planned, which: Ints, fate: Fate, done: list[int]
) -> Iterator[tuple[int, ...]]:
    """A facility's lists of a day, in order of starts: index, robot, surgeon, start, end, status and reason."""
    theatres = _opened(world, facility, day)
    minutes = planned_minutes(planned.procedure[which], planned.complexity[which])
    ready = np.maximum(planned.ready[which], day * DAY_SECONDS + OPENS)
    latest = np.minimum(planned.leave[which], day * DAY_SECONDS + CLOSES) - minutes * 60
    rows = []
    for i in np.lexsort([planned.number[which], planned.day[which], latest, ready // HOUR_SECONDS]).tolist():
        row = _case(theatres, planned, int(which[i]), int(ready[i]), int(minutes[i]), day, fate, done)
        if row:
            rows.append(row)
    return iter(sorted(rows, key=lambda row: (row[3], row[1], row[0])))


def _opened(world: World, facility: int, day: int) -> _Theatres:
    month = month_number(day_of(day))
    robots, surgeons = robots_at(world, facility, month), surgeons_at(world, facility, month)
    draws = Streams(world.seed)("robotics.lists", facility, day)
    drawn = FIRST_START + FIRST_START_SD * draws.standard_normal(len(robots))
    starts = np.rint(drawn.clip(OPENS, LATEST_FIRST_START) / 60).astype(np.int64) * 60 + day * DAY_SECONDS
    morning, evening = day * DAY_SECONDS + OPENS, day * DAY_SECONDS + CLOSES
    return _Theatres(
        robots=robots,
        surgeons=surgeons,
        grades={surgeon.index: grade(world, surgeon, month) for surgeon in surgeons},
        first={robot.index: start for robot, start in zip(robots, starts.tolist(), strict=True)},
        serviced={
            robot.index: [v for v in visits_on(world, robot, day) if v.start < evening and v.end > morning]
            for robot in robots
        },
        rank=dict(zip([robot.index for robot in robots], draws.random(len(robots)).tolist(), strict=True)),
        surgeon_rank=dict(
            zip([surgeon.index for surgeon in surgeons], draws.random(len(surgeons)).tolist(), strict=True)
        ),
        list_end={},
        surgeon_free={},
    )


def _case(
    theatres: _Theatres, planned: Planned, i: int, ready: int, minutes: int, day: int, fate: Fate, done: list[int]
) -> tuple[int, ...] | None:
    """What comes of a planned procedure; None where nobody there can do it any more."""
    closes = min(int(planned.leave[i]), day * DAY_SECONDS + CLOSES)
    latest = min(day * DAY_SECONDS + LATEST_PLANNED, (closes - SOONEST_END_SECONDS) // 60 * 60)
    slots = _slots(theatres, planned, i, ready, closes, fate, done)
    first = next(slots, None)
    if first is None:
        return None
    reason = UNWELL
    if not planned.is_off[i]:
        is_moved = fate.moved[i] < MOVED_TO_ANOTHER_ROBOT
        tried = [first]
        for slot in (first, *slots) if is_moved or not first.is_blocked else ():
            tried.append(slot)
            if not slot.is_blocked and slot.end <= closes:
                theatres.list_end[slot.robot.index] = (slot.end, slot.surgeon.index)
                theatres.surgeon_free[slot.surgeon.index] = slot.end
                done[slot.surgeon.index] += 1
                status = CONVERTED if slot.is_converted else COMPLETED
                return i, slot.robot.index, slot.surgeon.index, slot.start, slot.end, status, NO_REASON
        reason = NO_ROBOT if any(slot.is_blocked for slot in tried) else OVERRUN
    start = max(min(first.start, latest), ceil(ready / 60) * 60)
    return i, first.robot.index, first.surgeon.index, start, start + minutes * 60, CANCELLED, reason


def _slots(
    theatres: _Theatres, planned: Planned, i: int, ready: int, closes: int, fate: Fate, done: list[int]
) -> Iterator[_Slot]:
    """Where a case could go, the best place first: on a list that has begun, else on the robot that is free first."""
    procedure = int(planned.procedure[i])
    category = PROCEDURES[procedure].category
    surgeons = [surgeon for surgeon in theatres.surgeons if operates(surgeon.specialisation, category)]
    if not surgeons:
        return
    low, high = TURNOVER_SECONDS
    turnover = round((low + (high - low) * fate.turnover[i]) / 60) * 60
    ready = ceil(ready / 60) * 60
    options = []
    for robot in theatres.robots:
        if does(robot.model, procedure):
            begun = theatres.list_end.get(robot.index)
            start = max(ready, begun[0] + turnover if begun else theatres.first[robot.index])
            is_later = not begun or start > ready + WAITS_FOR_LIST_SECONDS
            options.append((is_later, start, theatres.rank[robot.index], robot))
    for _, start, _, robot in sorted(options, key=lambda option: option[:3]):
        begun = theatres.list_end.get(robot.index)
        surgeon = _surgeon(theatres, surgeons, category, int(planned.complexity[i]), start, begun[1] if begun else -1)
        free = theatres.surgeon_free.get(surgeon.index)
        if free is not None:
            is_same = begun is not None and begun[1] == surgeon.index
            start = max(start, free if is_same else free + CHANGE_SECONDS)
        taken, is_converted = _minutes(surgeon, procedure, int(planned.complexity[i]), i, fate, done)
        is_blocked = False
        for visit in theatres.serviced[robot.index]:
            if visit.start < start + taken * 60 and visit.end > start:
                after = ceil(visit.end / 60) * 60 + turnover
                is_blocked = after + taken * 60 > closes
                start = start if is_blocked else after
                if is_blocked:
                    break
        yield _Slot(robot, surgeon, start, start + taken * 60, is_converted, is_blocked, begun is not None)


def _surgeon(
    theatres: _Theatres, surgeons: list[Surgeon], category: str, complexity: int, start: int, on_list: int
) -> Surgeon:
    """Who does it: someone free then, whose field it is, no fellow if it is demanding, best whoever is there."""

    def merit(surgeon: Surgeon) -> tuple[bool, bool, bool, bool, float]:
        free = theatres.surgeon_free.get(surgeon.index, 0)
        is_fellow = theatres.grades[surgeon.index] == FELLOW and complexity >= DEMANDING
        is_theirs = surgeon.index == on_list
        busy = free + (0 if is_theirs else CHANGE_SECONDS) > start
        rank = theatres.surgeon_rank[surgeon.index]
        return busy, surgeon.specialisation != category, is_fellow, not is_theirs, rank

    return min(surgeons, key=merit)


def _minutes(
    surgeon: Surgeon, procedure: int, complexity: int, i: int, fate: Fate, done: list[int]
) -> tuple[int, bool]:
    """How long a surgeon takes, and whether it ends as an open operation."""
    kind = PROCEDURES[procedure]
    harder = complexity - kind.complexity
    learning = exp(-(surgeon.prior + done[surgeon.index]) / LEARNING_CASES)
    minutes = kind.mean_minutes * MINUTES_A_POINT**harder * surgeon.pace * (1 + LEARNING * learning) * fate.pace[i]
    is_converted = bool(fate.conversion[i] < kind.conversion * 1.25**harder * (1 + 0.6 * learning))
    if is_converted:
        low, high = CONVERSION_MINUTES
        minutes += low + (high - low) * fate.extra[i]
    return max(SHORTEST_MINUTES, round(minutes)), is_converted


def no_cases() -> Cases:
    """No case at all."""
    nothing = np.zeros(0, np.int64)
    return Cases(*(nothing,) * 13, wear=np.zeros(0), failing=nothing)
