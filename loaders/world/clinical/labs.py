"""Laboratory results: what is asked for when, what the blood then shows, and when the result is there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import HOUR_SECONDS
from loaders.world.clinical.bodies import (
    BLOOD_TAKEN,
    LEVELS,
    PANELS,
    PANELS_BY_SCENARIO,
    TEST,
    TURNAROUND,
    shifts,
)
from loaders.world.clinical.course import Course
from loaders.world.clinical.draws import Draws, Ints, Reals, Words, normals, shares
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.scenarios import CODES
from loaders.world.clinical.schedule import counted, rounds, times
from loaders.world.clinical.vitals import Vitals, latest_set

INTERVALS = (110.0, 56.0, 34.0, 14.0, 8.0)
ICU_INTERVALS = (24.0, 20.0, 16.0, 10.0, 6.0)
TURN_SAMPLES = 0.06
WORRYING, ALARMING = 5, 7
PANEL_CODES = tuple(PANELS)
PANEL_OF_TEST = np.array([PANEL_CODES.index(test.panel) for test in TESTS])
GAS = PANEL_CODES.index("gas")
SHIFTS = shifts()
ASKED_FIRST, ASKED_LATER = (
    np.array(
        [
            [PANELS_BY_SCENARIO.get(code, {}).get(panel, usual)[which] for code in CODES]
            for panel, usual in PANELS.items()
        ],
        np.float32,
    )
    for which in (0, 1)
)
TAKEN = np.array([BLOOD_TAKEN.get(code, 0.98) for code in CODES], np.float32)
DECIMALS = np.array([test.decimals for test in TESTS])
SMALLEST = np.array([round(test.physical[0] * 10**test.decimals) for test in TESTS])
LARGEST = np.array([round(test.physical[1] * 10**test.decimals) for test in TESTS])
# From the first value on, the rest is drawn in, by the second at most (negative: downwards).
SATURATION = {"crp": (200.0, 300.0), "ketones": (5.0, 6.0), "bicarbonate": (11.0, -6.5), "glucose": (30.0, 35.0)}
KPA_TO_MMHG = 7.50062
UMOL_TO_MG = 1 / 88.4
RANGES = np.array([[test.men, test.women] for test in TESTS])


@dataclass(frozen=True)
class Labs:
    """Results: parallel arrays, one element a result, by stay, time of the sample and test.

    `stay` is the place of the stay in the chart, `number` counts from 1 within it, `test` is an index in TESTS, and
    `scaled` the value in units of the test's last decimal place. Times are UTC seconds.
    """

    stay: Ints
    number: Ints
    sampled: Ints
    resulted: Ints
    test: Ints
    scaled: Ints

    def __len__(self) -> int:
        return len(self.stay)


def labs(course: Course, signs: Vitals, score: NDArray[np.int8], draws: Draws) -> Labs:
    """The laboratory results of stays, given their vital signs and the early warning score of each set."""
    intervals = np.where(course.is_icu[:, None], ICU_INTERVALS, INTERVALS)
    first = np.minimum(0.3 + 1.1 * shares(course.spare[1]).astype(np.float64), 0.25 * course.hours)
    plan = rounds(course, intervals, TURN_SAMPLES, first)
    counts = np.where(shares(course.spare[2]) < TAKEN[course.scenario], plan.counts, 0)
    stay, number = counted(counts)
    drawn = draws.words("labs", 0, len(TESTS) + 2 * len(PANELS) + 1, counts)
    noise, asked_draw, late_draw = (
        drawn[: len(TESTS)],
        drawn[len(TESTS) : -len(PANELS) - 1],
        drawn[-len(PANELS) - 1 : -1],
    )
    hour = times(plan, stay, number, shares(drawn[-1]))
    sampled = np.minimum(course.admitted[stay] + (hour * 60).astype(np.int64) * 60, course.discharged[stay])
    hour = ((sampled - course.admitted[stay]) / HOUR_SECONDS).astype(np.float32)
    worry = worst_so_far(signs, score, stay, sampled)
    asked = _asked(course, stay, number, worry, asked_draw)
    found = _found(course, stay, hour, noise)
    of_test = asked[PANEL_OF_TEST]
    of_test[TEST["bicarbonate"]] |= asked[GAS]
    of_test[TEST["egfr"]] &= ~course.is_child[stay]
    sample, test = np.nonzero(np.ascontiguousarray(of_test.T))
    waits = np.stack(
        [
            np.float32(m * 60) * np.exp(np.float32(s) * normals(late_draw[p]))
            for p, (m, s) in enumerate(TURNAROUND.values())
        ]
    )
    by_gas = (test == TEST["bicarbonate"]) & asked[GAS][sample]
    panel = np.where(by_gas, GAS, PANEL_OF_TEST[test])
    resulted = sampled[sample] + np.maximum(waits[panel, sample].astype(np.int64), 60)
    there = np.flatnonzero(resulted <= course.discharged[stay[sample]])
    sample, test, resulted = sample[there], test[there], resulted[there]
    results = stay[sample]
    amounts = np.bincount(results, minlength=len(course))
    return Labs(
        stay=results,
        number=counted(amounts)[1] + 1,
        sampled=sampled[sample],
        resulted=resulted,
        test=test,
        scaled=found[test, sample].astype(np.int64),
    )


def worst_so_far(signs: Vitals, score: NDArray[np.int8], stay: Ints, second: Ints) -> Ints:
    """The higher of the last two early warning scores before each time, 0 where there is none."""
    last = latest_set(signs, stay, second)
    before = np.where((last > 0) & (signs.stay[last - 1] == stay), score[last - 1], 0)
    return np.where(last >= 0, np.maximum(score[last], before), 0)


def _asked(course: Course, stay: Ints, number: Ints, worry: Ints, words: Words) -> NDArray[np.bool_]:
    """Which panels are asked for with each sample, shape (panels, samples); each sample has one at least."""
    scenario = course.scenario[stay]
    chance = np.where(number == 0, ASKED_FIRST[:, scenario], ASKED_LATER[:, scenario])
    chance[GAS] = np.maximum(chance[GAS], np.where(worry >= ALARMING, 0.8, np.where(worry >= WORRYING, 0.4, 0)))
    chance[GAS] = np.maximum(chance[GAS], np.where(course.is_icu[stay], 0.75, 0))
    asked = shares(words) < chance
    asked[PANEL_CODES.index("ue")] |= ~asked.any(axis=0)
    return asked


def _found(course: Course, stay: Ints, hour: Reals, noise: Words) -> NDArray[np.int32]:
    """Every test's value in every sample, asked for or not, scaled to whole numbers: shape (tests, samples)."""
    scenario = course.scenario[stay]
    severity = (np.float32(0.66) + np.float32(0.45) * course.severity)[stay]
    per_recovery = hour / course.recovery[stay]
    lasting = (course.lasting / np.maximum(course.severity, np.float32(0.01)))[stay]
    fall = np.exp(np.float32(-0.7) * per_recovery)
    since_onset = hour + np.where(course.is_elective, np.float32(5), np.float32(30))[stay]
    stage = {
        "acute": severity * (lasting + (1 - lasting) * fall),
        "late": severity
        * (1 - np.float32(0.6) * np.exp(since_onset * np.float32(-1 / 18)))
        * np.exp(per_recovery * np.float32(-0.42)),
        "slow": severity * np.exp(per_recovery * np.float32(-0.15)),
    }
    before = 1 + (hour - course.turn[stay]) / (course.turn_length[stay] + 12).astype(np.float32)
    worse = (
        course.turn_size[stay]
        * np.clip(before, 0, 1)
        * np.exp(np.maximum(hour - course.turn[stay], 0) * np.float32(-1 / 24))
    )
    own = course.blood
    years = (np.clip(course.age, 18, 95) - 50).astype(np.float32)
    level: dict[str, Reals] = {}
    for place, (code, plan) in enumerate(LEVELS.items()):
        test = TEST[code]
        centre = np.where(course.is_woman, np.float32(plan.women), np.float32(plan.men))
        centre = np.log(centre) if plan.is_log else centre
        resting = centre + np.float32(plan.between) * normals(own[place]) + np.float32(plan.age) * np.maximum(years, 0)
        value = resting[stay] + np.float32(plan.within) * normals(noise[test])
        if SHIFTS[test].any():
            value += SHIFTS[test][scenario] * stage[plan.course]
        if plan.turn:
            value += np.float32(plan.turn) * worse
        level[code] = np.exp(value) if plan.is_log else value
    _special(course, stay, level)
    return _consistent(course, stay, level)


def _special(course: Course, stay: Ints, level: dict[str, Reals]) -> None:
    """Long-standing conditions: hypercapnia, diabetes, anticoagulation, kidney disease; and children's creatinine."""
    hypercapnic = (course.spo2_scale == 2)[stay]
    level["pco2"] += np.where(hypercapnic, np.float32(2.0), np.float32(0))
    level["bicarbonate"] += np.where(hypercapnic, np.float32(4.6), np.float32(0))
    level["chloride"] -= np.where(hypercapnic, np.float32(0.6), np.float32(0))
    condition = shares(course.blood[28:])
    adult = ~course.is_child
    level["glucose"] *= np.where(adult & (condition[0] < 0.17), np.float32(1.5), np.float32(1))[stay]
    level["inr"] *= np.where(adult & (condition[1] < 0.0008 * course.age), np.float32(2.1), np.float32(1))[stay]
    ill_kidney = adult & (condition[2] < 0.002 * course.age)
    level["creatinine"] *= np.where(ill_kidney, np.float32(1.55), np.float32(1))[stay]
    level["urea"] *= np.where(ill_kidney, np.float32(1.5), np.float32(1))[stay]
    for code, (knee, room) in SATURATION.items():
        over = np.maximum((level[code] - np.float32(knee)) * np.float32(1 / room), 0)
        level[code] = np.where(over > 0, np.float32(knee) - np.float32(room) * np.expm1(-over), level[code])
    growing = np.interp(course.age, (0, 15, 18), (0.72, 0.92, 1)).astype(np.float32)
    level["creatinine"] *= growing[stay]


def _consistent(course: Course, stay: Ints, level: dict[str, Reals]) -> NDArray[np.int32]:
    """Whole numbers that keep what is always so: parts within wholes, eGFR from creatinine, pH from carbon dioxide
    and bicarbonate, chloride from sodium, bicarbonate and the anion gap."""
    found = np.empty((len(TESTS), len(stay)), np.int32)

    def put(code: str, value: NDArray[np.floating]) -> NDArray[np.int32]:
        test = TEST[code]
        np.clip(
            np.rint(value * 10 ** int(DECIMALS[test])), SMALLEST[test], LARGEST[test], out=found[test], casting="unsafe"
        )
        return found[test]

    compound = ("neutrophils", "lymphocytes", "chloride", "pco2")
    for code in LEVELS:
        if code not in compound:
            put(code, level[code])
    wcc = found[TEST["wcc"]]
    neutrophils = put("neutrophils", level["wcc"] / (1 + np.exp(-level["neutrophils"])))
    np.minimum(neutrophils, wcc, out=neutrophils)
    lymphocytes = put("lymphocytes", (wcc - neutrophils) * np.float32(0.1) * np.clip(level["lymphocytes"], 0.25, 0.95))
    np.minimum(lymphocytes, wcc - neutrophils, out=lymphocytes)
    bicarbonate = found[TEST["bicarbonate"]] / 10
    gap = np.clip(level["chloride"], 5, 34)
    put("chloride", found[TEST["sodium"]] - bicarbonate - gap)
    carbon_dioxide = put("pco2", np.maximum(level["pco2"] + 0.13 * np.minimum(bicarbonate - 25, 0), 1.9)) / 10
    put("ph", 6.1 + np.log10(bicarbonate / (0.03 * KPA_TO_MMHG * carbon_dioxide)))
    put("egfr", egfr(found[TEST["creatinine"]], course.age[stay], course.is_woman[stay]))
    return found


def egfr(creatinine: NDArray[np.int32], age: Ints, is_woman: NDArray[np.bool_]) -> NDArray[np.float64]:
    """CKD-EPI 2021, from creatinine in umol/L and whole years at admission."""
    ratio = creatinine * UMOL_TO_MG / np.where(is_woman, 0.7, 0.9)
    low = np.minimum(ratio, 1) ** np.where(is_woman, -0.241, -0.302)
    return 142 * low * np.maximum(ratio, 1) ** -1.2 * 0.9938**age * np.where(is_woman, 1.012, 1)


def is_abnormal(test: Ints, scaled: Ints, is_woman: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each result is outside its reference range for the patient's sex."""
    ranges = RANGES[test, is_woman.astype(int)]
    value = scaled / 10.0 ** DECIMALS[test]
    return (value < ranges[:, 0]) | (value > ranges[:, 1])
