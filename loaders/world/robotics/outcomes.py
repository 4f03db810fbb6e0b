"""How procedures end: complications, blood loss, stay, readmission and what patients say, and when each is known."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS
from loaders.world.config import World
from loaders.world.operations import NEVER, Encounters
from loaders.world.robotics.candidates import of_type
from loaders.world.robotics.cases import CANCELLED, CONVERTED, Cases
from loaders.world.robotics.draws import Floats, Ints, normals, uniforms

GRADES = ("I", "II", "IIIa", "IIIb", "IVa", "IVb", "V")
NO_GRADE = -1
GRADE_SHARES = (0.40, 0.32, 0.10, 0.11, 0.04, 0.015)
"""Of those with a complication who live (F); whoever dies in hospital has grade V."""
FAILURE_FROM = GRADES.index("IVa")
MAJOR_FROM = GRADES.index("IIIa")

READMISSION_DAYS = 30
ASKED_AFTER_DAYS, ASKED_AT = 31, 9 * HOUR_SECONDS
ANSWER_SHARE = 0.72
HARDER, CONVERTED_ODDS, STAY_POWER, MEAN_FACTOR = 1.18, 1.4, 0.35, 1.1
MOST_LIKELY = 0.9
BLOOD_SIGMA, BLOOD_A_POINT = 0.85, 1.1
CONVERTED_BLOOD = (3.0, 5.0)
MOST_BLOOD_ML = 15_000


@dataclass(frozen=True)
class Followed:
    """Cases that were performed, with what becomes of the patients: parallel arrays, seconds and flags.

    `returned` is their first admission as an emergency after discharge, NEVER as long as none is known.
    """

    cases: Cases
    discharged: Ints
    has_died: NDArray[np.bool_]
    returned: Ints

    def __len__(self) -> int:
        return len(self.discharged)

    def only(self, which: NDArray[Any]) -> "Followed":
        """The ones that a mask or an index picks."""
        return Followed(self.cases.only(which), self.discharged[which], self.has_died[which], self.returned[which])

    @property
    def asked(self) -> Ints:
        """When patients are asked, and their readmission is known; NEVER for those who died."""
        morning = (self.discharged // DAY_SECONDS + ASKED_AFTER_DAYS) * DAY_SECONDS + ASKED_AT
        return np.where(self.has_died, NEVER, morning)

    @property
    def last_told(self) -> Ints:
        """When their last version is told."""
        return np.where(self.has_died, self.discharged, self.asked)


@dataclass(frozen=True)
class Outcomes:
    """How cases ended: parallel arrays. `grade` is an index of GRADES or -1, `satisfaction` from 1 to 10 or -1."""

    blood_loss_ml: Ints
    grade: Ints
    stay_days: Ints
    is_readmitted: NDArray[np.bool_]
    satisfaction: Ints


def follow(followed: Followed, admitted: Encounters, facility: int) -> Followed:
    """The same cases, with the emergency admissions of one facility that are new."""
    emergencies = admitted.only(~admitted.is_elective)
    here = np.flatnonzero((followed.cases.facility == facility) & ~followed.has_died)
    places: dict[int, list[int]] = {}
    for place, patient in zip(here.tolist(), followed.cases.patient[here].tolist(), strict=True):
        places.setdefault(patient, []).append(place)
    returned = followed.returned.copy()
    for patient, second in zip(emergencies.patient.tolist(), emergencies.admitted.tolist(), strict=True):
        for place in places.get(patient, ()):
            if followed.discharged[place] < second < returned[place]:
                returned[place] = second
    return Followed(followed.cases, followed.discharged, followed.has_died, returned)


def outcomes(world: World, followed: Followed) -> Outcomes:
    """How cases ended, all of it; what is known when is for the caller to say."""
    cases = followed.cases
    names = (cases.facility, cases.day, cases.number)
    is_converted = cases.status == CONVERTED
    harder = cases.complexity - of_type("complexity")[cases.procedure]
    stay_days = followed.discharged // DAY_SECONDS - cases.start // DAY_SECONDS
    draw, which = uniforms(world.seed, "complication", *names)
    has_complication = (draw < _complication_chance(cases, stay_days, harder)) | followed.has_died
    grade = np.searchsorted(np.cumsum(GRADE_SHARES) / sum(GRADE_SHARES), which, side="right")
    grade = np.where(has_complication, grade.clip(max=len(GRADE_SHARES) - 1), NO_GRADE)
    grade = np.where(followed.has_died, len(GRADES) - 1, grade)
    readmitted = followed.returned - followed.discharged <= READMISSION_DAYS * DAY_SECONDS
    return Outcomes(
        blood_loss_ml=_blood_loss(world, cases, is_converted, harder),
        grade=grade,
        stay_days=stay_days,
        is_readmitted=readmitted,
        satisfaction=_satisfaction(world, cases, is_converted, grade, readmitted),
    )


def _complication_chance(cases: Cases, stay_days: Ints, harder: Floats) -> Floats:
    """The type's rate, more for a complex or converted case and for a long stay."""
    longer = (stay_days + 1) / (of_type("stay_days")[cases.procedure] + 1)
    chance = of_type("complication")[cases.procedure] * HARDER**harder * longer.clip(0.4, 4.0) ** STAY_POWER
    chance *= np.where(cases.status == CONVERTED, CONVERTED_ODDS, 1.0) / MEAN_FACTOR
    return chance.clip(max=MOST_LIKELY)


def _blood_loss(world: World, cases: Cases, is_converted: NDArray[np.bool_], harder: Floats) -> Ints:
    names = (cases.facility, cases.day, cases.number)
    low, high = CONVERTED_BLOOD
    more = np.where(is_converted, low + (high - low) * uniforms(world.seed, "blood.converted", *names)[0], 1.0)
    median = of_type("blood_loss_ml")[cases.procedure] * BLOOD_A_POINT**harder * more
    lost = median * np.exp(normals(world.seed, "blood", *names) * BLOOD_SIGMA)
    return np.rint(lost).clip(0, MOST_BLOOD_ML).astype(np.int64)


def _satisfaction(
    world: World, cases: Cases, is_converted: NDArray[np.bool_], grade: Ints, readmitted: NDArray[np.bool_]
) -> Ints:
    names = (cases.facility, cases.day, cases.number)
    says = (
        8.6
        - 1.0 * (grade != NO_GRADE)
        - 1.5 * (grade >= MAJOR_FROM)
        - 0.8 * readmitted
        - 0.6 * is_converted
        + 1.2 * normals(world.seed, "satisfaction", *names)
    )
    answers = uniforms(world.seed, "answers", *names)[0] < ANSWER_SHARE
    return np.where(answers, np.rint(says).clip(1, 10).astype(np.int64), -1)


def no_followed(cases: Cases) -> Followed:
    """Nobody to follow; `cases` are none."""
    return Followed(cases, np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.int64))


def performed(cases: Cases) -> NDArray[np.bool_]:
    """Which cases were performed."""
    return cases.status != CANCELLED


def together(first: Followed, second: Followed) -> Followed:
    """Some cases and then others."""
    cases = Cases(
        *(np.concatenate([getattr(first.cases, f.name), getattr(second.cases, f.name)]) for f in fields(Cases))
    )
    return Followed(
        cases,
        np.concatenate([first.discharged, second.discharged]),
        np.concatenate([first.has_died, second.has_died]),
        np.concatenate([first.returned, second.returned]),
    )
