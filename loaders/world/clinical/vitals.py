"""Vital signs: sets taken on rounds, drifting around what the illness does to the patient."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS
from loaders.world.clinical.course import Course
from loaders.world.clinical.draws import Draws, Ints, Reals, Words, normals, shares
from loaders.world.clinical.scenarios import SCENARIOS
from loaders.world.clinical.schedule import counted, rounds, times

Flags = NDArray[np.bool_]

# Hours between sets at acuity 1 to 5, sets more an hour in a turn for the worse, and the share of night rounds missed.
INTERVALS = (6.0, 4.8, 3.8, 1.8, 1.0)
ICU_INTERVALS = (3.0, 2.5, 2.0, 1.5, 1.0)
TURN_ROUNDS = 0.35
MISSED_AT_NIGHT = 0.045
CONSCIOUSNESS = "ACVPU"

HEART, BREATH, OXYGEN, WARMTH, UPPER, LOWER = range(6)
SHIFTS = np.array(
    [
        [getattr(scenario, name) for scenario in SCENARIOS]
        for name in ("heart_rate", "resp_rate", "spo2", "temperature", "systolic_bp", "diastolic_bp")
    ],
    np.float32,
)
# In adults at rest: the mean, the spread between patients and within one, and the swing of a day.
CENTRES = (75.0, 16.4, 97.1, 36.62, 132.0, 74.0)
BETWEEN = (11.5, 1.3, 1.0, 0.18, 14.5, 8.0)
WITHIN = (9.5, 1.9, 1.15, 0.38, 11.5, 7.5)
DAILY = (2.5, 0.5, 0.15, 0.2, 4.0, 2.5)
# What a turn for the worse does at full size, and the part of its build-up at which each sign starts to move.
TURN = (30.0, 9.5, -8.0, 0.25, -34.0, -17.0)
TURN_STARTS = (0.0, 0.0, 0.3, 0.0, 0.5, 0.5)
# Bounds at which values turn back, inside what a body can do.
BOUNDS = ((24, 212), (5, 56), (52, 100), (31.0, 42.3), (56, 250), (24, 146))
# The part of a deviation that is still there after an hour: 0.7 after four.
MEMORY = float(np.log(0.7)) / 4
MEMORY_STEPS = 6
# Innovations are mixed from independent ones: rows of a Cholesky factor of their correlations (LOWER last).
MIX = np.linalg.cholesky(
    np.array(
        [
            [1.00, 0.14, -0.16, 0.05, -0.16, -0.10],
            [0.14, 1.00, 0.13, -0.32, 0.00, 0.00],
            [-0.16, 0.13, 1.00, 0.06, 0.02, 0.00],
            [0.05, -0.32, 0.06, 1.00, 0.00, 0.00],
            [-0.16, 0.00, 0.02, 0.00, 1.00, 0.62],
            [-0.10, 0.00, 0.00, 0.00, 0.62, 1.00],
        ]
    )
).astype(np.float32)
# Centres at child's ages: heart rate, respiratory rate, systolic pressure.
CHILD_AGES = (0, 1, 3, 6, 10, 15, 18)
CHILD_CENTRES = {
    HEART: (132, 124, 110, 98, 88, 80, 76),
    BREATH: (36, 30, 26, 22, 19, 17, 16.6),
    UPPER: (86, 92, 97, 103, 109, 117, 124),
}
WAKING = np.array([scenario.code in ("seizure", "overdose") for scenario in SCENARIOS])


@dataclass(frozen=True)
class Vitals:
    """Sets of vital signs: parallel arrays, one element a set, by stay and time.

    `stay` is the place of the stay in the chart, `number` counts from 1 within it, `second` is UTC;
    `consciousness` is an index in CONSCIOUSNESS.
    """

    stay: Ints
    number: Ints
    second: Ints
    heart_rate: Ints
    resp_rate: Ints
    spo2: Ints
    temperature_tenths: Ints
    systolic_bp: Ints
    diastolic_bp: Ints
    on_oxygen: Flags
    consciousness: Ints

    def __len__(self) -> int:
        return len(self.stay)


@dataclass(frozen=True)
class _Sets:
    """When sets are taken: parallel arrays, one element a set, and nine random words for each."""

    stay: Ints
    number: Ints
    second: Ints
    hour: Reals
    drawn: Words


def vitals(course: Course, draws: Draws) -> Vitals:
    """The sets of vital signs of stays."""
    sets = _taken(course, draws)
    signs = _expected(course, sets)
    stay = sets.stay
    hypercapnic = course.spo2_scale == 2
    needed = np.where(hypercapnic, np.float32(85.5), np.float32(92.0))[stay]
    on_oxygen = (sets.hour < course.oxygen_until[stay]) | (signs[OXYGEN] < needed)
    target = np.where(hypercapnic, np.float32(89.8), np.float32(96.0))[stay]
    signs[OXYGEN] += np.where(on_oxygen, np.float32(0.62) * (target - signs[OXYGEN]), np.float32(0))
    heart, breath, spo2, warmth, upper, lower = _measured(course, sets, signs)
    return Vitals(
        stay=stay,
        number=sets.number + 1,
        second=sets.second,
        heart_rate=heart,
        resp_rate=breath,
        spo2=spo2,
        temperature_tenths=warmth,
        systolic_bp=upper,
        diastolic_bp=np.minimum(lower, upper - 10),
        on_oxygen=on_oxygen,
        consciousness=_consciousness(course, sets),
    )


def _taken(course: Course, draws: Draws) -> _Sets:
    """Rounds by acuity, less those missed at night."""
    intervals = np.where(course.is_icu[:, None], ICU_INTERVALS, INTERVALS)
    first = np.minimum(0.25 + 0.75 * shares(course.spare[0]).astype(np.float64), 0.4 * course.hours)
    plan = rounds(course, intervals, TURN_ROUNDS, first)
    stay, number = counted(plan.counts)
    drawn = draws.words("vitals", 0, 9, plan.counts)
    minute = (times(plan, stay, number, shares(drawn[6])) * 60).astype(np.int64)
    admitted = course.admitted[stay]
    second = np.clip((admitted // 60 + minute) * 60, admitted, course.discharged[stay])
    time = second % DAY_SECONDS
    is_night = (time < 6 * HOUR_SECONDS) | (time >= 22 * HOUR_SECONDS)
    kept = np.flatnonzero(~(is_night & (number > 0) & (shares(drawn[7]) < np.float32(MISSED_AT_NIGHT))))
    stay, second = stay[kept], second[kept]
    hour = ((second - admitted[kept]) / HOUR_SECONDS).astype(np.float32)
    return _Sets(stay, numbered(stay), second, hour, drawn[:, kept])


def _expected(course: Course, sets: _Sets) -> list[Reals]:
    """The six signs on air without their drift: the patient's own, the illness, a turn for the worse, time of day."""
    stay, hour = sets.stay, sets.hour
    scenario = course.scenario[stay]
    illness = course.lasting[stay] + (course.severity - course.lasting)[stay] * np.exp(-hour / course.recovery[stay])
    worse = _worse(course, stay, hour)
    size = course.turn_size[stay]
    since_four = (sets.second % DAY_SECONDS - 16 * HOUR_SECONDS).astype(np.float32)
    daily = np.cos(since_four * np.float32(2 * np.pi / DAY_SECONDS))
    signs = []
    for v, centre in enumerate(_centres(course)):
        start = np.float32(TURN_STARTS[v])
        moved = worse if start == 0 else np.maximum(worse - start, 0) * (1 / (1 - start))
        sign = centre[stay] + SHIFTS[v][scenario] * illness
        sign += np.float32(TURN[v]) * size * moved
        sign += np.float32(DAILY[v]) * daily
        signs.append(sign)
    return signs


def _measured(course: Course, sets: _Sets, signs: list[Reals]) -> list[Ints]:
    """The signs with their drift, turned back at bounds, as whole numbers; temperature in tenths."""
    drift = _drift(sets.drawn[:6], sets.number, sets.hour)
    steadier = np.where(course.is_child, np.float32(0.8), np.float32(1))[sets.stay]
    values = []
    for v, sign in enumerate(signs):
        value = sign + np.float32(WITHIN[v]) * (steadier * drift[v] if v >= UPPER else drift[v])
        low, high = (np.float32(bound) for bound in BOUNDS[v])
        values.append(np.clip(np.where(value < low, 2 * low - value, high - np.abs(high - value)), low, high))
    pulse = values[UPPER] - values[LOWER]
    values[LOWER] = np.maximum(values[UPPER] - (14 + np.abs(pulse - 14)), 21)
    values[WARMTH] *= 10
    return [np.rint(value).astype(np.int64) for value in values]


def numbered(stay: Ints) -> Ints:
    """The place of each row in its stay, from 0, where rows of a stay are together."""
    is_first = np.append(True, stay[1:] != stay[:-1]) if len(stay) else np.zeros(0, bool)
    place = np.arange(len(stay))
    return place - np.maximum.accumulate(np.where(is_first, place, 0))


def _drift(words: Words, number: Ints, hour: Reals) -> Reals:
    """Six correlated first-order autoregressions a stay, of standard deviation 1: shape (6, rows).

    A row remembers the one before by how long ago it was. The recursion runs by doubling: after n steps each row has
    what the 2^n rows up to it gave.
    """
    gap = np.diff(hour, prepend=np.float32(0))
    memory = np.where(number == 0, np.float32(0), np.exp(np.float32(MEMORY) * np.maximum(gap, 0)))
    scale = np.sqrt(1 - memory * memory)
    fresh = [normals(words[v]) for v in range(6)]
    drift = np.empty((6, len(number)), np.float32)
    for v in range(6):
        mixed = fresh[0] * MIX[v, 0]
        for w in range(1, v + 1):
            mixed += fresh[w] * MIX[v, w]
        drift[v] = mixed * scale
    for step in range(MEMORY_STEPS):
        back = 1 << step
        if back >= len(number):
            break
        for v in range(6):
            drift[v, back:] += memory[back:] * drift[v, :-back]
        memory[back:] *= memory[:-back].copy()
        memory[:back] = 0
    return drift


def _worse(course: Course, stay: Ints, hour: Reals) -> Reals:
    """How far a turn for the worse has come: 0 before and long after, 1 at its height."""
    before = (hour - course.turn[stay]) / course.turn_length[stay]
    rise = np.clip(1 + before, 0, 1)
    since = np.maximum(hour - course.turn[stay], 0)
    turns = (course.turn_size > 0)[stay]
    return np.where(turns, rise * np.exp(since * np.float32(-1 / 9)), np.float32(0)).astype(np.float32)


def _centres(course: Course) -> list[Reals]:
    """Each patient's own resting values."""
    own = [normals(course.baseline[v]) for v in range(6)]
    own[LOWER] = np.float32(0.6) * own[UPPER] + np.float32(0.8) * own[LOWER]
    centres: list[Reals] = []
    for v in range(6):
        centre = CENTRES[v] + BETWEEN[v] * own[v]
        if v == UPPER:
            centre = centre + 0.22 * (np.minimum(course.age, 85) - 60)
        if v == OXYGEN:
            centre = np.where(
                course.spo2_scale == 2, 90.6 + 0.8 * own[v], centre - 0.012 * np.maximum(course.age - 60, 0)
            )
        if v in CHILD_CENTRES:
            child = np.interp(course.age, CHILD_AGES, CHILD_CENTRES[v]) * (1 + 0.06 * own[v])
            centre = np.where(course.is_child, child, centre)
        if v == LOWER:
            centre = np.where(course.is_child, 0.6 * centres[UPPER] + 3 * own[v], centre)
        centres.append(centre.astype(np.float32))
    return centres


def _consciousness(course: Course, sets: _Sets) -> Ints:
    """Confused for a while, on most rounds; drowsy after a seizure or an overdose; less and less awake before death."""
    stay, hour = sets.stay, sets.hour
    own = shares(course.baseline[7])[stay]
    confused = (hour < course.confused_until[stay]) & (shares(sets.drawn[8]) < np.float32(0.8))
    drowsy = (WAKING[course.scenario] & (course.acuity >= 3))[stay] & (hour < 3 * own)
    state = np.where(drowsy, 2, confused)
    left = course.hours.astype(np.float32)[stay] - hour
    left = np.where((course.died & (course.turn_size > 0.85))[stay], left, np.float32(np.inf))
    for level, hours in ((2, 14), (3, 7), (4, 3.5)):
        state = np.where(left < np.float32(hours) * own, level, state)
    return state


# --- the early warning score, by which staff act -----------------------------------------------------------------


def _scores(length: int, *bands: tuple[int, int]) -> NDArray[np.int8]:
    """Scores of the whole numbers from 0: each band is (highest value, score)."""
    table = np.zeros(length, np.int8)
    lowest = 0
    for highest, score in bands:
        table[lowest : highest + 1] = score
        lowest = highest + 1
    return table


BREATH_SCORES = _scores(64, (8, 3), (11, 1), (20, 0), (24, 2), (63, 3))
SPO2_SCORES = _scores(101, (91, 3), (93, 2), (95, 1), (100, 0))
SPO2_SCORES_HYPERCAPNIC = _scores(101, (83, 3), (85, 2), (87, 1), (100, 0))
SPO2_SCORES_ON_OXYGEN = _scores(101, (83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (100, 3))
UPPER_SCORES = _scores(300, (90, 3), (100, 2), (110, 1), (219, 0), (299, 3))
HEART_SCORES = _scores(256, (40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (255, 3))
WARMTH_SCORES = _scores(512, (350, 3), (360, 1), (380, 0), (390, 1), (511, 2))


def saturation_scores(found: Vitals, spo2_scale: Ints) -> NDArray[np.int8]:
    """What each set's saturation scores on its stay's scale."""
    hypercapnic = (spo2_scale == 2)[found.stay]
    return np.where(
        hypercapnic,
        np.where(found.on_oxygen, SPO2_SCORES_ON_OXYGEN[found.spo2], SPO2_SCORES_HYPERCAPNIC[found.spo2]),
        SPO2_SCORES[found.spo2],
    )


def early_warning(found: Vitals, spo2_scale: Ints) -> NDArray[np.int8]:
    """NEWS2 of each set, as staff at the bedside add it up; `spo2_scale` by stay."""
    return (
        saturation_scores(found, spo2_scale)
        + BREATH_SCORES[found.resp_rate]
        + UPPER_SCORES[found.systolic_bp]
        + HEART_SCORES[found.heart_rate]
        + WARMTH_SCORES[found.temperature_tenths]
        + 2 * found.on_oxygen.astype(np.int8)
        + np.where(found.consciousness > 0, np.int8(3), np.int8(0))
    )


def latest_set(found: Vitals, stay: Ints, second: Ints) -> Ints:
    """The place of the last set of each stay at or before a time, -1 where there is none."""
    begin = int(found.second.min()) if len(found) else 0
    last = (
        np.searchsorted(found.stay << 32 | (found.second - begin), stay << 32 | np.maximum(second - begin, 0), "right")
        - 1
    )
    return np.where((last >= 0) & (found.stay[last] == stay) & (found.second[last] <= second), last, -1)
