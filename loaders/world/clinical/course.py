"""What each stay is about and how it goes: scenario, diagnosis, severity, recovery, and turns for the worse."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS
from loaders.world.clinical.diagnoses import DIAGNOSES
from loaders.world.clinical.draws import Draws, Ints, Reals, normals, of_patients, shares
from loaders.world.clinical.scenarios import (
    ADULT_GROUP,
    AGE_GROUPS,
    CODES,
    ELECTIVE_MEDICAL,
    EMERGENCIES,
    POSTOP,
    SCENARIOS,
    STAND_IN_PART,
    STAND_INS,
    SURGERY,
)
from loaders.world.config import World
from loaders.world.network import Facility
from loaders.world.operations import DIED, Encounters
from loaders.world.patients import registry

Flags = NDArray[np.bool_]

# How much of a scenario's shifts a patient shows, by acuity 1 to 5, and the bounds between acuities as they recover.
SEVERITY = np.array((0.25, 0.55, 1.0, 1.5, 2.0), np.float32)
SEVERITY_BOUNDS = (0.40, 0.775, 1.25, 1.75)
ACUITY_BOUNDS = (-0.10, 1.32, 2.50, 3.50)
LONG_STAY_LEAN = 0.35
STAY_CLASSES = 3


def _of_scenarios(name: str) -> Reals:
    return np.array([getattr(scenario, name) for scenario in SCENARIOS], np.float32)


RECOVERY_HOURS = _of_scenarios("recovery_hours")
ILLNESS = 0.42 * np.log(_of_scenarios("mortality") / np.float32(0.02))
CONFUSION = np.zeros(len(SCENARIOS), np.float32)
for _code, _share in {
    "delirium": 0.95, "stroke": 0.36, "sepsis": 0.24, "uti": 0.12, "frailty_fall": 0.14, "hip_fracture": 0.18,
    "seizure": 0.40, "overdose": 0.35, "pneumonia": 0.11, "aki": 0.12, "dka": 0.12,
}.items():  # fmt: skip
    CONFUSION[CODES.index(_code)] = _share
OXYGEN = _of_scenarios("oxygen")


@dataclass(frozen=True)
class Course:
    """Parallel arrays, one element a stay; hours count from admission.

    `severity` is the part of the scenario's shifts shown at admission; it falls to a third in `recovery` hours, but
    not below `lasting`. A turn for the worse builds up in the `turn_length` hours before `turn` and has `turn_size`
    (0: there is none); a death is one that ends the stay. Oxygen is given, and the patient confused, until those hours
    (-1: not at all). `baseline` (8, stays) and `blood` (32, stays) are random words of
    the patient's own, `spare` (6, stays) of the stay.
    """

    patient: Ints
    admitted: Ints
    discharged: Ints
    hours: NDArray[np.float64]
    age: Ints
    is_woman: Flags
    is_child: Flags
    is_icu: Flags
    is_elective: Flags
    died: Flags
    scenario: Ints
    acuity: Ints
    spo2_scale: Ints
    diagnosis: Ints
    severity: Reals
    recovery: Reals
    lasting: Reals
    turn: Reals
    turn_length: Reals
    turn_size: Reals
    oxygen_until: Reals
    confused_until: Reals
    baseline: NDArray[np.uint16]
    blood: NDArray[np.uint16]
    spare: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.admitted)


def courses(world: World, facility: Facility, stays: Encounters, draws: Draws) -> Course:
    """The courses of stays, which are in order of discharge."""
    drawn = draws.words("course", 0, 20)
    people = registry(world, facility, stays.patient)
    patient = facility.first_patient + stays.patient
    age = _years(people.date_of_birth, (stays.admitted // DAY_SECONDS).astype("datetime64[D]"))
    is_child = age < AGE_GROUPS[ADULT_GROUP]
    plans = [ward.plan for ward in facility.wards]
    died = stays.destination == DIED
    hours = (stays.discharged - stays.admitted) / HOUR_SECONDS
    scenario, diagnosis = _reasons(facility, stays, people.is_woman, age, hours, drawn[:2])
    is_icu = np.array([plan.code == "ICU" for plan in plans])[stays.ward]
    illness = (
        normals(drawn[2])
        + ILLNESS[scenario]
        + np.where(died, 1.0, 0.0)
        + np.where(is_icu, 1.3, 0.0)
        - np.where(stays.is_elective, 0.2, 0.0)
    )
    acuity = 1 + np.searchsorted(ACUITY_BOUNDS, illness)
    recovery = RECOVERY_HOURS[scenario] * np.exp(0.3 * normals(drawn[3]))
    severity = SEVERITY[acuity - 1] * np.exp(np.float32(0.18) * normals(drawn[4]))
    turns = ~died & (hours > 18) & (shares(drawn[5]) < np.where(stays.is_elective, 0.02, 0.035 + 0.02 * (acuity - 1)))
    turn_length = 6 + 18 * shares(drawn[6])
    turn = np.where(died, hours, hours * (0.15 + 0.7 * shares(drawn[7])))
    size = np.where(died, 0.5 + 0.85 * shares(drawn[8]), 0.35 + 0.75 * shares(drawn[8]))
    hypercapnic = (scenario == CODES.index("copd_exac")) & (shares(drawn[9]) < 0.62)
    oxygen = shares(drawn[10]) < OXYGEN[scenario] * (0.14 + 0.94 * SEVERITY[acuity - 1])
    confused = shares(drawn[12]) < CONFUSION[scenario] * np.where(age >= 75, 1.3, 1.0) * (0.4 + 0.6 * severity)
    return Course(
        patient=patient,
        admitted=stays.admitted,
        discharged=stays.discharged,
        hours=hours,
        age=age,
        is_woman=people.is_woman,
        is_child=is_child,
        is_icu=is_icu,
        is_elective=stays.is_elective,
        died=died,
        scenario=scenario,
        acuity=acuity,
        spo2_scale=np.where(hypercapnic, 2, 1),
        diagnosis=diagnosis,
        severity=severity.astype(np.float32),
        recovery=np.where(died, 1.6 * recovery, recovery).astype(np.float32),
        lasting=np.where(died, 0.3 * severity, 0).astype(np.float32),
        turn=turn.astype(np.float32),
        turn_length=(np.where(died, 1.4, 1) * turn_length).astype(np.float32),
        turn_size=np.where(turns | died, size, 0).astype(np.float32),
        oxygen_until=np.where(oxygen, recovery * (0.25 + 1.1 * shares(drawn[11])), -1).astype(np.float32),
        confused_until=np.where(confused, recovery * (0.2 + 1.3 * shares(drawn[13])), -1).astype(np.float32),
        baseline=of_patients(world.seed, "clinical.baseline", patient),
        blood=np.concatenate([of_patients(world.seed, f"clinical.blood.{i}", patient) for i in range(4)]),
        spare=drawn[14:],
    )


def _reasons(
    facility: Facility,
    stays: Encounters,
    is_woman: Flags,
    age: Ints,
    hours: NDArray[np.float64],
    words: NDArray[np.uint16],
) -> tuple[Ints, Ints]:
    """Each stay's scenario and diagnosis."""
    departments = tuple(ward.plan.code for ward in facility.wards)
    medians = np.array([ward.plan.stay_median_days for ward in facility.wards])[stays.ward]
    woman = is_woman.astype(np.int64)
    died = (stays.destination == DIED).astype(np.int64)
    group = np.searchsorted(AGE_GROUPS, age, side="right") - 1
    stay_class = (hours > 12 * medians).astype(np.int64) + (hours > 48 * medians)
    cell = np.ravel_multi_index(
        (stays.ward, stays.is_elective.astype(np.int64), woman, group, died, stay_class),
        (len(departments), 2, 2, len(AGE_GROUPS), 2, STAY_CLASSES),
    )
    scenario = _picked(scenario_table(departments), cell, shares(words[0]))
    table, choices = diagnosis_table(departments)
    is_child = (group < ADULT_GROUP).astype(np.int64)
    cell = np.ravel_multi_index((stays.ward, woman, is_child, scenario), (len(departments), 2, 2, len(SCENARIOS)))
    return scenario, choices[cell, _picked(table, cell, shares(words[1]))]


def _years(born: NDArray[np.datetime64], day: NDArray[np.datetime64]) -> Ints:
    """Whole years of age on a day."""

    def parts(days: NDArray[np.datetime64]) -> tuple[Ints, Ints]:
        month = days.astype("datetime64[M]")
        return month.astype(np.int64), (days - month).astype(np.int64)

    (born_month, born_day), (month, day_of_month) = parts(born.astype("datetime64[D]")), parts(day)
    return np.maximum((month - born_month - (day_of_month < born_day)) // 12, 0)


def _picked(table: Reals, row: Ints, draws: Reals) -> Ints:
    """For each draw, the first column of its row of cumulative shares that is not below it."""
    return (table[row] < draws[:, None]).sum(axis=1)


@lru_cache
def scenario_table(departments: tuple[str, ...]) -> Reals:
    """Cumulative shares of the scenarios: a row a department, method, sex, age group, death and class of stay.

    Operations have decided who dies, so a scenario is drawn given that: in proportion to its part of the patients and
    its mortality.
    """
    women = np.array([[1 / scenario.women**0.5, scenario.women**0.5] for scenario in SCENARIOS])
    ages = np.array([(1,) * ADULT_GROUP + scenario.ages for scenario in SCENARIOS])
    mortality = np.array([scenario.mortality for scenario in SCENARIOS])
    fate = np.stack([1 - mortality, mortality], axis=1)
    stay = _stay_lean()
    parts = np.zeros((len(departments), 2, 2, len(AGE_GROUPS), 2, STAY_CLASSES, len(SCENARIOS)))
    for d, department in enumerate(departments):
        mix = np.zeros((2, len(SCENARIOS)))
        for absent in [other for other, host in STAND_INS.items() if host == department and other not in departments]:
            for code, part in EMERGENCIES[absent].items():
                mix[0, CODES.index(code)] += part * STAND_IN_PART / sum(EMERGENCIES[absent].values())
        for code, part in EMERGENCIES[department].items():
            mix[0, CODES.index(code)] += part / sum(EMERGENCIES[department].values())
        mix[1, POSTOP] = SURGERY.get(department, 0)
        mix[1, ELECTIVE_MEDICAL] = 1 - mix[1, POSTOP]
        parts[d] = np.einsum("ms,sw,sa,sf,sc->mwafcs", mix, women, ages, fate, stay)
    flat = parts.reshape(-1, len(SCENARIOS))
    flat = flat + (flat.sum(axis=1, keepdims=True) == 0)
    summed = np.cumsum(flat, axis=1) / flat.sum(axis=1, keepdims=True)
    return np.where(summed > 1 - 1e-9, 2, summed).astype(np.float32)


def _stay_lean() -> NDArray[np.float64]:
    length = np.array([scenario.stay_days for scenario in SCENARIOS]) / 4
    return np.stack([length**-LONG_STAY_LEAN, np.ones(len(length)), length**LONG_STAY_LEAN], axis=1)


@lru_cache
def diagnosis_table(departments: tuple[str, ...]) -> tuple[Reals, Ints]:
    """Cumulative shares of diagnoses and which they are: a row a department, sex, child or adult, and scenario."""
    rows = []
    for department in departments:
        for is_woman in (False, True):
            for is_child in (False, True):
                for scenario in CODES:
                    named = [i for i, diagnosis in enumerate(DIAGNOSES) if diagnosis.scenario == scenario]
                    fitting = [
                        i
                        for i in named
                        if department in (DIAGNOSES[i].departments or (department,))
                        and DIAGNOSES[i].women in (None, is_woman)
                        and DIAGNOSES[i].child in (None, is_child)
                    ]
                    rows.append(fitting or named)
    longest = max(len(row) for row in rows)
    table, choices = np.full((len(rows), longest), 2, np.float32), np.zeros((len(rows), longest), np.int64)
    for r, row in enumerate(rows):
        weights = np.array([DIAGNOSES[i].weight for i in row])
        table[r, : len(row) - 1] = (np.cumsum(weights) / weights.sum())[:-1]
        choices[r] = row + [row[-1]] * (longest - len(row))
    return table, choices
