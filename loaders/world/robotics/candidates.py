"""Who is put on a theatre list, for what, and on which day of the stay: a function of the stay alone."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS, day_of, is_bank_holiday, month_number, weekday
from loaders.world.config import Department, World
from loaders.world.network import Facility
from loaders.world.operations import DIED, Encounters
from loaders.world.patients import BLOCK, slots
from loaders.world.robotics.catalogue import PROCEDURES
from loaders.world.robotics.draws import Floats, Ints, normals, uniforms
from loaders.world.robotics.fleet import does, operates, robots_at, surgeons_at
from loaders.world.stays import stay_table

LISTS_BEGIN = 9 * HOUR_SECONDS
OPENS, CLOSES = 8 * HOUR_SECONDS, 18 * HOUR_SECONDS
MARGIN_SECONDS = HOUR_SECONDS
SHORTEST_SECONDS = 90 * 60
SHORTEST_VISIT_SECONDS = 15 * 60
LOOK_AHEAD_DAYS = 8
PLANNING_MARGIN, SLACK_SECONDS = 1.35, 2 * HOUR_SECONDS
LEAST_ROOM, AMPLE_ROOM, SCARCE_WEIGHT = 1.2, 2.0, 0.02
COMPLEXITY_SD, MINUTES_A_POINT = 0.9, 1.06
FRAIL = 0.7
STAY_SIGMA, SHORTEST_STAY, LONGEST_STAY = 0.8, 0.3, 10.0

WARDS = {
    "GSUR": (
        "colorectal", "general_surgery", "upper_gi", "bariatric", "hpb", "endocrine", "thoracic", "ent", "cardiac",
    ),
    "ORTH": ("orthopaedics",),
    "UROL": ("urology",),
    "GYNA": ("gynaecology",),
}  # fmt: skip
WARD_INSTEAD = "GSUR"

# K: how often each category and type is done, before anything is known of the patient.
CATEGORY_WEIGHTS = {
    "urology": 5.0, "gynaecology": 3.0, "colorectal": 3.5, "general_surgery": 2.5, "upper_gi": 1.0, "bariatric": 1.0,
    "hpb": 0.8, "thoracic": 1.5, "ent": 1.0, "endocrine": 0.6, "cardiac": 0.3, "orthopaedics": 4.0,
}  # fmt: skip
TYPE_WEIGHTS = {
    "Radical prostatectomy": 8.0, "Partial nephrectomy": 2.0, "Hysterectomy benign": 3.0, "Cholecystectomy": 2.0,
    "Inguinal hernia repair": 2.0, "Total knee replacement": 4.0, "Total hip replacement": 2.0,
    "Pancreatoduodenectomy (Whipple)": 0.4, "Oesophagectomy": 0.4, "Spinal fusion (pedicle screw)": 0.6,
}  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """Parallel arrays, one element a procedure that is planned, by the names of their encounters.

    `ready` and `leave` are the seconds between which the patient can be in theatre, `on` the day number of the list;
    `is_off` are those whom the list will find unwell.
    """

    facility: Ints
    day: Ints
    number: Ints
    patient: Ints
    discharged: Ints
    has_died: NDArray[np.bool_]
    ready: Ints
    leave: Ints
    procedure: Ints
    complexity: Ints
    on: Ints
    is_off: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.facility)

    def only(self, which: NDArray[Any]) -> "Planned":
        """The ones that a mask or an index picks."""
        return Planned(*(getattr(self, field.name)[which] for field in fields(self)))


NO_PLANS = Planned(*(np.zeros(0, np.bool_ if f.name in ("has_died", "is_off") else np.int64) for f in fields(Planned)))


def planned(world: World, facility: Facility, admitted: Encounters) -> Planned:
    """Who of those admitted is to have a procedure: adults on surgical wards who came for it, most of them to live.

    A stay too short for any operation is of someone found unwell and sent home, as far as the world's share of those
    goes; where it goes further, others are unwell too. Few who are about to die are thought fit for an operation. The
    day is the first of the stay that has room for it, or the next morning for those who come when lists have begun.
    """
    codes = np.array([ward.plan.code for ward in facility.wards])
    is_adult = slots().band[admitted.patient % BLOCK] >= 2
    who = admitted.only(admitted.is_elective & is_adult & np.isin(codes[admitted.ward], list(WARDS)))
    names = (np.full(len(who), facility.index), who.day, who.number)
    leave = np.where(who.medically_fit < 0, who.discharged, np.minimum(who.discharged, who.medically_fit))
    first_day = who.admitted // DAY_SECONDS
    open_seconds = _open_seconds(first_day, who.admitted + MARGIN_SECONDS, leave - MARGIN_SECONDS)
    longest = open_seconds.max(axis=1)
    is_short = longest < SHORTEST_SECONDS
    open_seconds[is_short] = _open_seconds(first_day[is_short], who.admitted[is_short], who.discharged[is_short])
    is_possible = ~is_short | (open_seconds.max(axis=1) >= SHORTEST_VISIT_SECONDS)

    chosen, unwell = uniforms(world.seed, "chosen", *names)
    has_died = who.destination == DIED
    short_chance, unwell_chance = _unwell_chances(world, tuple(ward.plan for ward in facility.wards))
    chance = world.robotic_share * np.where(has_died, FRAIL, 1.0)
    chance *= np.where(is_short, np.array(short_chance)[who.ward], 1.0)
    is_off = is_short | (unwell < np.array(unwell_chance)[who.ward])

    weights = _type_weights(world, facility, who, first_day, open_seconds, longest, is_short)
    is_planned = is_possible & (chosen < chance) & (weights[:, -1] > 0)
    draw = uniforms(world.seed, "procedure", *names)[0]
    procedure = (weights <= (draw * weights[:, -1])[:, None]).sum(axis=1).clip(max=len(PROCEDURES) - 1)
    point = np.rint(normals(world.seed, "complexity", *names) * COMPLEXITY_SD).clip(-2, 2).astype(np.int64)
    complexity = (_OF_TYPE["complexity"][procedure].astype(np.int64) + point).clip(1, 10)
    needed = planned_minutes(procedure, complexity) * 60 * PLANNING_MARGIN + SLACK_SECONDS
    fits = open_seconds >= np.where(is_short, SHORTEST_VISIT_SECONDS, needed)[:, None]
    later = np.where(fits.any(axis=1), fits.argmax(axis=1), open_seconds.argmax(axis=1))
    comes_late = who.admitted + MARGIN_SECONDS > first_day * DAY_SECONDS + LISTS_BEGIN
    later = np.where((later == 0) & comes_late & fits[:, 1] & ~is_short, 1, later)
    return Planned(
        *names,
        who.patient,
        who.discharged,
        has_died,
        np.where(is_short, who.admitted, who.admitted + MARGIN_SECONDS),
        np.where(is_short, who.discharged, leave - MARGIN_SECONDS),
        procedure,
        complexity,
        first_day + later,
        is_off,
    ).only(is_planned)


def planned_minutes(procedure: Ints, complexity: Ints) -> Floats:
    """How long procedures of a complexity are thought to take."""
    extra = complexity - _OF_TYPE["complexity"][procedure]
    return _OF_TYPE["mean_minutes"][procedure] * MINUTES_A_POINT**extra


def of_type(name: str) -> Floats:
    """A number of the catalogue by type of procedure, such as mean_minutes."""
    return _OF_TYPE[name]


_OF_TYPE = {
    name: np.array([getattr(kind, name) for kind in PROCEDURES], np.float64)
    for name in ("mean_minutes", "sd_minutes", "complexity", "blood_loss_ml", "complication", "conversion", "stay_days")
}
_WEIGHTS = np.array([CATEGORY_WEIGHTS[kind.category] * TYPE_WEIGHTS.get(kind.name, 1.0) for kind in PROCEDURES]) / [
    sum(TYPE_WEIGHTS.get(other.name, 1.0) for other in PROCEDURES if other.category == kind.category)
    for kind in PROCEDURES
]


def _open_seconds(first_day: Ints, ready: Ints, leave: Ints) -> Ints:
    """How long theatres could have each patient on each of the next days, shape (n, LOOK_AHEAD_DAYS)."""
    days = first_day[:, None] + np.arange(LOOK_AHEAD_DAYS)
    midnight = days * DAY_SECONDS
    start, end = np.maximum(ready[:, None], midnight + OPENS), np.minimum(leave[:, None], midnight + CLOSES)
    works = np.array([works_on(day) for day in days.ravel().tolist()], np.bool_).reshape(days.shape)
    return np.where(works, end - start, 0).clip(min=0)


@lru_cache(maxsize=1 << 14)
def works_on(day: int) -> bool:
    """Whether theatres work on a day number: Monday to Friday, but for bank holidays."""
    return weekday(day) < 5 and not is_bank_holiday(day_of(day))


@lru_cache
def _unwell_chances(world: World, wards: tuple[Department, ...]) -> tuple[list[float], list[float]]:
    """By ward: how likely a stay too short is of an operation called off, and a long enough one is."""
    share = world.theatre_cancellation_share
    short, others = [], []
    for plan in wards:
        table = stay_table(plan)
        too_short = 0.035 + 0.38 * float(np.interp(DAY_SECONDS, table.seconds, table.shares))
        short.append(min(1.0, share / too_short))
        others.append(max(0.0, share - too_short))
    return short, others


def _type_weights(
    world: World,
    facility: Facility,
    who: Encounters,
    first_day: Ints,
    open_seconds: Ints,
    longest: Ints,
    is_short: NDArray[np.bool_],
) -> Floats:
    """Running sums over types of how likely each is by sex, ward and length of stay, shape (n, types)."""
    has_ward = {ward.plan.code for ward in facility.wards}
    by_ward = np.zeros((len(facility.wards), len(PROCEDURES)))
    for w, ward in enumerate(facility.wards):
        categories = list(WARDS.get(ward.plan.code, ()))
        if ward.plan.code == WARD_INSTEAD:
            categories += [c for code, others in WARDS.items() if code not in has_ward for c in others]
        by_ward[w] = [kind.category in categories for kind in PROCEDURES]
    is_woman = slots().is_woman[who.patient % BLOCK].astype(np.int64)
    month = np.array([month_number(day_of(day)) for day in first_day.tolist()], np.int64)
    stay = (who.discharged / DAY_SECONDS - first_day - 0.4).clip(SHORTEST_STAY, LONGEST_STAY)
    away = np.log(stay[:, None] / _OF_TYPE["stay_days"].clip(min=SHORTEST_STAY)) / STAY_SIGMA
    weights = _WEIGHTS * by_ward[who.ward] * _SEXES[is_woman] * np.exp(-(away**2) / 2)
    room = np.where(is_short, CLOSES - OPENS, longest)
    room_of_type = room[:, None] / (60 * _OF_TYPE["mean_minutes"])
    weights *= ((room_of_type - 1) / (AMPLE_ROOM - 1)).clip(SCARCE_WEIGHT, 1) * (room_of_type >= LEAST_ROOM)
    for m in np.unique(month).tolist():
        weights[month == m] *= types_at(world, facility.index, m)
    return weights.cumsum(axis=1)


_SEXES = np.array([[kind.who in ("anyone", sex) for kind in PROCEDURES] for sex in ("man", "woman")], np.float64)


@lru_cache(maxsize=4096)
def types_at(world: World, facility: int, month: int) -> tuple[bool, ...]:
    """Which types a facility can do in a month: it has a robot for them, and a surgeon."""
    robots, surgeons = robots_at(world, facility, month), surgeons_at(world, facility, month)
    return tuple(
        any(does(robot.model, i) for robot in robots)
        and any(operates(surgeon.specialisation, kind.category) for surgeon in surgeons)
        for i, kind in enumerate(PROCEDURES)
    )
