"""Notes: when staff write, and texts that quote the rows of the stay they are about."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS
from loaders.world.clinical.course import Course
from loaders.world.clinical.draws import Draws, Ints, Words, shares
from loaders.world.clinical.labs import Labs
from loaders.world.clinical.schedule import counted, rounds, times
from loaders.world.clinical.texts import (
    OUTREACH_FROM,
    REVIEWED_FROM,
    About,
    Texts,
    clerking,
    death_verification,
    deterioration_review,
    discharge_summary,
    nursing,
    quotable,
    ward_round,
)
from loaders.world.clinical.vitals import Vitals, latest_set, numbered

NOTE_TYPES = ("clerking", "ward_round", "nursing", "deterioration_review", "discharge_summary", "death_verification")
AUTHOR_ROLES = ("consultant", "registrar", "resident_doctor", "nurse", "outreach_nurse")
CLERKING, WARD_ROUND, NURSING, REVIEW, SUMMARY, DEATH = range(6)
CONSULTANT, REGISTRAR, RESIDENT, NURSE, OUTREACH = range(5)

NURSING_INTERVALS = (60.0, 44.0, 30.0, 16.0, 10.0)
ROUND_SEEN, ROUND_SEEN_LATER, FIRST_DAYS = 0.8, 0.35, 5
REVIEWED = 0.8
TURN_NURSING = 0.03
SHORTEST_NURSED = 6


@dataclass(frozen=True)
class Notes:
    """Notes: parallel arrays, one element a note, by stay and time.

    `stay` is the place of the stay in the chart, `number` counts from 1 within it, `second` is UTC; `note_type` and
    `author_role` are indexes in NOTE_TYPES and AUTHOR_ROLES; `text` is an Arrow array of large strings.
    """

    stay: Ints
    number: Ints
    second: Ints
    note_type: Ints
    author_role: Ints
    text: Texts

    def __len__(self) -> int:
        return len(self.stay)


def notes(
    course: Course, destination: Ints, signs: Vitals, score: NDArray[np.int8], results: Labs, draws: Draws
) -> Notes:
    """The notes of stays, given everything else that is written down about them."""
    stay, second, note_type = _occasions(course, signs, score, draws)
    drawn = draws.words("notes", 0, 8, np.bincount(stay, minlength=len(course)))
    latest = latest_set(signs, stay, second)
    about = About(course, destination, signs, score, quotable(course, results), stay, second, drawn, latest)
    texts, places = [], []
    for kind, write in enumerate(WRITERS):
        of_kind = np.flatnonzero(note_type == kind)
        if len(of_kind):
            texts.append(write(about.only(of_kind)))
            places.append(of_kind)
    text = pa.array([], pa.large_string())
    if texts:
        back = np.empty(len(stay), np.int64)
        back[np.concatenate(places)] = np.arange(len(stay))
        text = pa.concat_arrays(texts).take(pa.array(back))
    return Notes(stay, numbered(stay) + 1, second, note_type, _authors(note_type, drawn[7], score[latest]), text)


WRITERS = (clerking, ward_round, nursing, deterioration_review, discharge_summary, death_verification)


def _authors(note_type: Ints, words: Words, score: NDArray[np.int8]) -> Ints:
    draw = shares(words)
    by_outreach = (draw < 0.3) | (score >= OUTREACH_FROM)
    return np.select(
        [note_type == kind for kind in range(6)],
        [
            np.where(draw < 0.4, REGISTRAR, RESIDENT),
            np.where(draw < 0.4, CONSULTANT, np.where(draw < 0.8, REGISTRAR, RESIDENT)),
            np.full(len(draw), NURSE),
            np.where(by_outreach, OUTREACH, RESIDENT),
            np.full(len(draw), RESIDENT),
            np.where(draw < 0.3, REGISTRAR, RESIDENT),
        ],
    )


def _occasions(course: Course, signs: Vitals, score: NDArray[np.int8], draws: Draws) -> tuple[Ints, Ints, Ints]:
    """Stay, second and type of every note, by stay and time; each has a set of vital signs before it."""
    everyone = np.arange(len(course))
    drawn = course.spare[3:]
    first_set = course.admitted.copy()
    first_set[signs.stay[::-1]] = signs.second[::-1]
    half = course.admitted + (course.hours * (HOUR_SECONDS / 2)).astype(np.int64)
    clerked = course.admitted + 2400 + (6600 * shares(drawn[0])).astype(np.int64)
    clerked = np.maximum(np.minimum(clerked, half), first_set + 120)
    written = course.discharged - 600 - (3600 * shares(drawn[1])).astype(np.int64)
    summed_up = np.where(course.died, course.discharged, np.maximum(written, clerked + 60))
    last = np.where(course.died, course.discharged, summed_up) - 60

    mornings = np.maximum(course.discharged // DAY_SECONDS - course.admitted // DAY_SECONDS, 0)
    round_stay, day = counted(mornings)
    drawn_rounds = draws.words("notes", 1, 2, mornings)
    seen = shares(drawn_rounds[1]) < np.where(day < FIRST_DAYS, np.float32(ROUND_SEEN), np.float32(ROUND_SEEN_LATER))
    morning = (course.admitted[round_stay] // DAY_SECONDS + 1 + day) * DAY_SECONDS
    seen_at = morning + 9 * HOUR_SECONDS + (3 * HOUR_SECONDS * shares(drawn_rounds[0])).astype(np.int64)

    first_nursing = np.minimum(2.5 + 6 * shares(drawn[2]).astype(np.float64), course.hours)
    plan = rounds(course, NURSING_INTERVALS, TURN_NURSING, first_nursing)
    nursings = np.where(course.hours > SHORTEST_NURSED, plan.counts, 0)
    nurse_stay, nurse_number = counted(nursings)
    nursed = times(plan, nurse_stay, nurse_number, shares(draws.words("notes", 2, 1, nursings)[0]))
    nursed_at = course.admitted[nurse_stay] + (nursed * HOUR_SECONDS).astype(np.int64)

    crossed = (score >= REVIEWED_FROM) & (signs.number > 1)
    crossed[1:] &= (score[:-1] < REVIEWED_FROM) | (signs.stay[1:] != signs.stay[:-1])
    crossed &= ~course.is_child[signs.stay]
    alarm = np.flatnonzero(crossed)
    alarm_stay = signs.stay[alarm]
    drawn_alarms = draws.words("notes", 3, 2, np.bincount(alarm_stay, minlength=len(course)))
    answered = shares(drawn_alarms[1]) < REVIEWED
    reviewed_at = signs.second[alarm] + 300 + (2400 * shares(drawn_alarms[0])).astype(np.int64)
    following = np.minimum(alarm + 1, len(signs) - 1)
    has_following = (following > alarm) & (signs.stay[following] == alarm_stay)
    reviewed_at = np.where(has_following, np.minimum(reviewed_at, signs.second[following] - 60), reviewed_at)

    stay = np.concatenate([everyone, round_stay[seen], nurse_stay, alarm_stay[answered], everyone])
    second = np.concatenate([clerked, seen_at[seen], nursed_at, reviewed_at[answered], summed_up])
    kind = np.concatenate(
        [
            np.full(len(everyone), CLERKING),
            np.full(int(seen.sum()), WARD_ROUND),
            np.full(len(nurse_stay), NURSING),
            np.full(int(answered.sum()), REVIEW),
            np.where(course.died, DEATH, SUMMARY),
        ]
    )
    between = (kind == CLERKING) | (kind >= SUMMARY) | ((second > clerked[stay]) & (second < last[stay]))
    order = np.argsort((stay << 40) + (second - int(course.admitted.min(initial=0))) * 8 + kind, kind="stable")
    order = order[between[order]]
    return stay[order], second[order], kind[order]
