"""Notes: when staff write, and texts that quote the rows of the stay they are about."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS
from loaders.world.clinical import phrases
from loaders.world.clinical.bodies import TEST
from loaders.world.clinical.course import Course
from loaders.world.clinical.diagnoses import DIAGNOSES
from loaders.world.clinical.draws import Draws, Ints, Words, shares
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.labs import DECIMALS, RANGES, Labs
from loaders.world.clinical.scenarios import CODES
from loaders.world.clinical.schedule import counted, rounds, times
from loaders.world.clinical.vitals import (
    BREATH_SCORES,
    HEART_SCORES,
    UPPER_SCORES,
    WARMTH_SCORES,
    Vitals,
    latest_set,
    numbered,
    saturation_scores,
)

NOTE_TYPES = ("clerking", "ward_round", "nursing", "deterioration_review", "discharge_summary", "death_verification")
AUTHOR_ROLES = ("consultant", "registrar", "resident_doctor", "nurse", "outreach_nurse")
CLERKING, WARD_ROUND, NURSING, REVIEW, SUMMARY, DEATH = range(6)
CONSULTANT, REGISTRAR, RESIDENT, NURSE, OUTREACH = range(5)

NURSING_INTERVALS = (60.0, 44.0, 30.0, 16.0, 10.0)
ROUND_SEEN, ROUND_SEEN_LATER, FIRST_DAYS = 0.8, 0.35, 5
REVIEWED_FROM, OUTREACH_FROM = 5, 7
REVIEWED = 0.8

Texts = Any  # a pyarrow LargeStringArray; pyarrow has no types


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
    drawn = draws.words(8, np.bincount(stay, minlength=len(course)))
    told = _Told(course, destination, signs, score, results, stay, second, drawn, latest_set(signs, stay, second))
    texts, places = [], []
    for kind, write in enumerate((_clerking, _ward_round, _nursing, _review, _summary, _death)):
        of_kind = np.flatnonzero(note_type == kind)
        if len(of_kind):
            texts.append(write(told.only(of_kind)))
            places.append(of_kind)
    back = np.argsort(np.concatenate(places)) if places else np.zeros(0, np.int64)
    text = pa.concat_arrays(texts).take(pa.array(back)) if texts else pa.array([], pa.large_string())
    return Notes(stay, numbered(stay) + 1, second, note_type, _authors(note_type, drawn, told), text)


def _authors(note_type: Ints, drawn: Words, told: "_Told") -> Ints:
    draw = shares(drawn[7])
    by_outreach = (draw < 0.3) | (told.score[told.set] >= OUTREACH_FROM)
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


# --- when ------------------------------------------------------------------------------------------------------------


def _occasions(course: Course, signs: Vitals, score: NDArray[np.int8], draws: Draws) -> tuple[Ints, Ints, Ints]:
    """Stay, second and type of every note, by stay and time; each has a set of vital signs before it."""
    everyone = np.arange(len(course))
    drawn = draws.words(3)
    first_set = course.admitted.copy()
    first_set[signs.stay[::-1]] = signs.second[::-1]
    half = course.admitted + (course.hours * (HOUR_SECONDS / 2)).astype(np.int64)
    clerked = course.admitted + 2400 + (6600 * shares(drawn[0])).astype(np.int64)
    clerked = np.maximum(np.minimum(clerked, half), first_set + 120)
    written = course.discharged - np.minimum(600 + (3600 * shares(drawn[1])).astype(np.int64), 300)
    summed_up = np.where(course.died, course.discharged, np.maximum(written, clerked + 60))
    last = np.where(course.died, course.discharged, summed_up) - 60

    mornings = np.maximum(course.discharged // DAY_SECONDS - course.admitted // DAY_SECONDS, 0)
    round_stay, day = counted(mornings)
    drawn_rounds = draws.words(2, mornings)
    seen = shares(drawn_rounds[1]) < np.where(day < FIRST_DAYS, np.float32(ROUND_SEEN), np.float32(ROUND_SEEN_LATER))
    morning = (course.admitted[round_stay] // DAY_SECONDS + 1 + day) * DAY_SECONDS
    seen_at = morning + 9 * HOUR_SECONDS + (3 * HOUR_SECONDS * shares(drawn_rounds[0])).astype(np.int64)

    long_enough = course.hours > 6
    plan = rounds(
        course, NURSING_INTERVALS, 0.03, np.minimum(2.5 + 6 * shares(drawn[2]).astype(np.float64), course.hours)
    )
    nurse_stay, nurse_number = counted(np.where(long_enough, plan.counts, 0))
    nursed = times(plan, nurse_stay, nurse_number, shares(draws.words(1, np.where(long_enough, plan.counts, 0))[0]))
    nursed_at = course.admitted[nurse_stay] + (nursed * HOUR_SECONDS).astype(np.int64)

    crossed = (score >= REVIEWED_FROM) & (signs.number > 1)
    crossed[1:] &= (score[:-1] < REVIEWED_FROM) | (signs.stay[1:] != signs.stay[:-1])
    crossed &= ~course.is_child[signs.stay]
    alarm = np.flatnonzero(crossed)
    alarm_stay = signs.stay[alarm]
    drawn_alarms = draws.words(2, np.bincount(alarm_stay, minlength=len(course)))
    answered = shares(drawn_alarms[1]) < REVIEWED
    next_set = np.append(signs.second[1:], 0)[alarm]
    wait = 300 + (2400 * shares(drawn_alarms[0])).astype(np.int64)
    reviewed_at = signs.second[alarm] + wait
    reviewed_at = np.where((next_set > signs.second[alarm]) & (next_set <= reviewed_at), next_set - 60, reviewed_at)

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


# --- what ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """What notes are about: the rows of their stays, and for each note its stay, time, draws and latest set."""

    course: Course
    destination: Ints
    signs: Vitals
    score: NDArray[np.int8]
    results: Labs
    stay: Ints
    second: Ints
    drawn: Words
    set: Ints

    def only(self, which: Ints) -> "_Told":
        return _Told(
            self.course,
            self.destination,
            self.signs,
            self.score,
            self.results,
            self.stay[which],
            self.second[which],
            self.drawn[:, which],
            self.set[which],
        )


def _strings(values: list[str]) -> Texts:
    return pa.array(values, pa.large_string())


@lru_cache
def _table(name: str) -> Texts:
    """Tables of texts that are looked up by number."""
    if name == "numbers":
        return _strings([str(i) for i in range(500)])
    if name == "tenths":
        return _strings([f"{i / 10:.1f}" for i in range(500)])
    if name == "clock":
        return _strings([f"{i // 60:02d}:{i % 60:02d}" for i in range(1440)])
    if name == "fractions":
        return _strings(["", *(f".{i}" for i in range(10))])
    if name == "presenting":
        return _strings([phrase for code in CODES for phrase in phrases.PRESENTING[code]])
    if name == "plans":
        return _strings([phrase for code in CODES for phrase in phrases.PLANS[code]])
    if name == "diagnoses":
        return _strings([diagnosis.name for diagnosis in DIAGNOSES])
    if name == "tests":
        return _strings([phrases.TEST_WORDS.get(test.code, test.code) for test in TESTS])
    if name == "units":
        return _strings(["" if test.unit == "ratio" else f" {test.unit}" for test in TESTS])
    if name == "people":
        return _strings(
            [
                f"{years} {word}" if years != "infant" else f"Infant {word}"
                for years in ("infant", *(f"{age}-year-old" for age in range(1, 130)))
                for word in (
                    ("boy", "girl") if years == "infant" or int(years.split("-")[0]) < 18 else ("man", "woman")
                )
            ]
        )
    raise KeyError(name)


def _from(table: Texts, index: NDArray[Any]) -> Texts:
    return table.take(pa.array(index))


def _one_of(options: tuple[str, ...], words: Words) -> Texts:
    return _from(_strings(list(options)), (words.astype(np.int64) * len(options)) >> 16)


def _one_of_rows(options: tuple[tuple[str, ...], ...], row: Ints, words: Words) -> Texts:
    """A phrase of each row's options, all rows having equally many."""
    width = len(options[0])
    return _from(
        _strings([o for some in options for o in some]), row * width + ((words.astype(np.int64) * width) >> 16)
    )


def _if(which: NDArray[np.bool_], text: Texts | str, other: str = "") -> Texts:
    text = pa.scalar(text, pa.large_string()) if isinstance(text, str) else text
    return pc.if_else(pa.array(which), text, pa.scalar(other, pa.large_string()))


def _joined(*parts: Texts | str) -> Texts:
    scalars = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, pa.scalar("", pa.large_string()))


def _number(values: NDArray[Any]) -> Texts:
    return _from(_table("numbers"), values)


OBSERVED = (
    ("HR ", ", BP ", ", RR ", ", SpO₂ ", ", T "),
    ("Pulse ", ", blood pressure ", ", resps ", ", SpO₂ ", ", temp "),
    ("BP/HR/RR as charted: HR ", ", BP ", ", RR ", ", sats ", ", temperature "),
)


def _observed(told: _Told, at: Ints, words: Words) -> Texts:
    """A set of vital signs in words."""
    style = (words.astype(np.int64) * len(OBSERVED)) >> 16
    names = [_from(_strings([style[i] for style in OBSERVED]), style) for i in range(5)]
    signs = told.signs
    return _joined(
        names[0], _number(signs.heart_rate[at]),
        names[1], _number(signs.systolic_bp[at]), "/", _number(signs.diastolic_bp[at]),
        names[2], _number(signs.resp_rate[at]),
        names[3], _number(signs.spo2[at]), _from(_strings([" % on air", " % on oxygen"]), signs.on_oxygen[at].astype(np.int64)),
        names[4], _from(_table("tenths"), signs.temperature_tenths[at]), " °C, ",
        _from(_strings(list(phrases.CONSCIOUSNESS_WORDS)), signs.consciousness[at]), ".",
    )  # fmt: skip


def _warned(told: _Told, at: Ints) -> Texts:
    """The early warning score of a set of an adult."""
    score = told.score[at].astype(np.int64)
    texts = _strings([f" NEWS2 {i}." for i in range(24)] + [""])
    return _from(texts, np.where(told.course.is_child[told.stay], 24, score))


@lru_cache
def _focus() -> Ints:
    return np.array([[TEST[code] for code in phrases.FOCUS.get(scenario, phrases.USUAL_FOCUS)] for scenario in CODES])


def _blood(told: _Told, words: Words) -> Texts:
    """The latest result of a test that matters in the scenario, and how it compares with the range and with the one
    before; nothing where there is none."""
    results, course = told.results, told.course
    wanted = _focus()[course.scenario[told.stay], words & 1]
    begin = int(results.resulted.min(initial=0)) if len(results) else 0
    key = ((results.stay * len(TESTS) + results.test) << 32) | (results.resulted - begin)
    order = np.argsort(key, kind="stable")
    key = key[order]
    group = told.stay * len(TESTS) + wanted
    place = np.searchsorted(key, (group << 32) | np.maximum(told.second - begin, 0), "right") - 1
    if not len(results):
        return pa.nulls(len(told.stay), pa.large_string()).fill_null("")
    has = (place >= 0) & (key[place] >> 32 == group) & (told.second >= begin)
    row = order[np.maximum(place, 0)]
    previous = (place >= 1) & (key[np.maximum(place - 1, 0)] >> 32 == group)
    before = results.scaled[order[np.maximum(place - 1, 0)]]
    value, test = results.scaled[row], results.test[row]
    places = DECIMALS[test]
    ranges = RANGES[test, course.is_woman[told.stay].astype(int)] * 10.0 ** places[:, None]
    side = np.where(value < np.rint(ranges[:, 0]), 0, np.where(value > np.rint(ranges[:, 1]), 2, 1))
    change = np.where(~previous, 3, 1 + np.sign(value - before))
    text = _joined(
        _from(_table("tests"), test), " ", _scaled(value, places), _from(_table("units"), test),
        _from(_strings([" (low", " (in range", " (high"]), side),
        _from(_strings([", down from ", ", same as ", ", up from ", ""]), change),
        _if(previous, _scaled(before, places)), ").",
    )  # fmt: skip
    return _if(has, _joined(" ", _from(_strings(["Latest ", "Bloods: ", "Note "]), words.astype(np.int64) % 3), text))


def _scaled(value: Ints, places: Ints) -> Texts:
    whole = np.where(places == 0, value, value // 10)
    return _joined(
        pc.cast(pa.array(whole), pa.large_string()),
        _from(_table("fractions"), np.where(places == 0, 0, 1 + value % 10)),
    )


def _person(told: _Told) -> Texts:
    course = told.course
    return _from(_table("people"), (course.age * 2 + course.is_woman)[told.stay])


def _by_scenario(table: str, told: _Told, words: Words) -> Texts:
    return _from(_table(table), told.course.scenario[told.stay] * 3 + ((words.astype(np.int64) * 3) >> 16))


def _oxygen(told: _Told) -> Texts:
    on = told.signs.on_oxygen[told.set].astype(np.int64)
    texts = _strings(["", " Oxygen to a target of 94 to 98 %.", "", " Oxygen to a target of 88 to 92 %."])
    return _from(texts, on + 2 * (told.course.spo2_scale[told.stay] == 2))


def _clerking(told: _Told) -> Texts:
    drawn = told.drawn
    elective = told.course.is_elective[told.stay].astype(np.int64)
    return _joined(
        _one_of(phrases.OPENINGS["clerking"], drawn[0]), " ", _person(told),
        _from(_strings([" admitted as an emergency with ", " admitted for "]), elective),
        _by_scenario("presenting", told, drawn[1]), ". ", _observed(told, told.set, drawn[2]), _warned(told, told.set),
        _blood(told, drawn[3]), " Impression: ", _from(_table("diagnoses"), told.course.diagnosis[told.stay]), ". ",
        _one_of_rows(phrases.SEVERITY_WORDS, _bearing(told), drawn[4]),
        " Plan: ", _by_scenario("plans", told, drawn[5]), ".", _oxygen(told),
    )  # fmt: skip


def _bearing(told: _Told) -> Ints:
    """How ill a patient looks, 0 to 4: by the set at hand; a child, by acuity at admission."""
    by_score = np.digitize(told.score[told.set], (2, 5, 7, 11))
    return np.where(told.course.is_child[told.stay], np.minimum(told.course.acuity[told.stay], 4) - 1, by_score)


def _ward_round(told: _Told) -> Texts:
    drawn = told.drawn
    day = told.second // DAY_SECONDS - told.course.admitted[told.stay] // DAY_SECONDS + 1
    return _joined(
        _one_of(phrases.OPENINGS["ward_round"], drawn[0]), " Day ", _number(day), ", ",
        _from(_table("diagnoses"), told.course.diagnosis[told.stay]), ". ", _trend(told, drawn[1]),
        _observed(told, told.set, drawn[2]), _warned(told, told.set), _blood(told, drawn[3]),
        " Plan: ", _by_scenario("plans", told, drawn[4]), ".", _oxygen(told),
    )  # fmt: skip


def _trend(told: _Told, words: Words) -> Texts:
    """How the early warning score compares with a day ago; nothing where there was none, and for children."""
    earlier = latest_set(told.signs, told.stay, told.second - DAY_SECONDS + 2 * HOUR_SECONDS)
    change = told.score[told.set].astype(np.int64) - told.score[earlier]
    known = (earlier >= 0) & (earlier != told.set) & ~told.course.is_child[told.stay]
    trend = _one_of_rows(phrases.TRENDS, np.where(change <= -2, 0, np.where(change >= 2, 2, 1)), words)
    return _if(known, _joined(trend, ". "))


def _nursing(told: _Told) -> Texts:
    drawn = told.drawn
    ill = (told.score[told.set] >= REVIEWED_FROM) & ~told.course.is_child[told.stay]
    drowsy = told.signs.consciousness[told.set] > 0
    care = pc.if_else(
        pa.array(drowsy),
        _one_of(phrases.NURSING_DROWSY, drawn[1]),
        pc.if_else(pa.array(ill), _one_of(phrases.NURSING_ILL, drawn[1]), _one_of(phrases.NURSING_WELL, drawn[1])),
    )
    return _joined(
        _one_of(phrases.OPENINGS["nursing"], drawn[0]), " ", _observed(told, told.set, drawn[2]),
        _warned(told, told.set), " ", care,
    )  # fmt: skip


WORST = (
    "fast breathing", "slow breathing", "low saturation", "saturation above target", "low blood pressure",
    "very high blood pressure", "fast pulse", "slow pulse", "fever", "low temperature", "reduced alertness",
    "need for oxygen",
)  # fmt: skip


def _review(told: _Told) -> Texts:
    drawn, signs, at = told.drawn, told.signs, told.set
    parts = np.stack(
        [
            BREATH_SCORES[signs.resp_rate[at]],
            saturation_scores(signs, told.course.spo2_scale)[at],
            UPPER_SCORES[signs.systolic_bp[at]],
            HEART_SCORES[signs.heart_rate[at]],
            WARMTH_SCORES[signs.temperature_tenths[at]],
            np.where(signs.consciousness[at] > 0, np.int8(3), np.int8(0)),
            2 * signs.on_oxygen[at].astype(np.int8),
        ]
    )
    high = np.stack(
        [
            signs.resp_rate[at] < 15,
            signs.spo2[at] > 92,
            signs.systolic_bp[at] > 150,
            signs.heart_rate[at] < 60,
            signs.temperature_tenths[at] < 370,
            np.zeros(len(at), bool),
            np.zeros(len(at), bool),
        ]
    )
    high[1] &= (told.course.spo2_scale == 2)[told.stay]
    worst = np.argmax(parts, axis=0)
    word = 2 * worst + high[worst, np.arange(len(at))]
    word = np.where(worst == 6, len(WORST) - 1, word)
    score = told.score[at]
    called = _from(
        _strings(["Review asked for by the ward: ", "Outreach call: "]), (score >= OUTREACH_FROM).astype(np.int64)
    )
    return _joined(
        called, _from(_strings([f"NEWS2 {i}" for i in range(24)]), score.astype(np.int64)), ", mainly ",
        _from(_strings(list(WORST)), word), ". ", _observed(told, at, drawn[2]), _blood(told, drawn[3]),
        " ", _one_of(phrases.REVIEW_PLANS, drawn[4]), _oxygen(told),
    )  # fmt: skip


def _summary(told: _Told) -> Texts:
    drawn, course = told.drawn, told.course
    days = course.discharged[told.stay] // DAY_SECONDS - course.admitted[told.stay] // DAY_SECONDS
    adult = ~course.is_child[told.stay]
    elective = course.is_elective[told.stay].astype(np.int64)
    worst, on_day = _worst(told)
    return _joined(
        _person(told), ", ", _from(_strings(["emergency admission", "planned admission"]), elective),
        ", ", _from(_strings([*(f"{n} nights" if n != 1 else "1 night" for n in range(500))]), days), ". Diagnosis: ",
        _from(_table("diagnoses"), course.diagnosis[told.stay]), _from(_strings([". Came with ", ". Came for "]), elective), _by_scenario("presenting", told, drawn[0]), ".",
        _if(adult, _joined(" Highest NEWS2 ", _number(worst), " on day ", _number(on_day), ".")),
        _blood(told, drawn[3]), " Before leaving: ", _observed(told, told.set, drawn[2]),
        " Discharged to ", _from(_strings(list(phrases.DESTINATION_WORDS)), told.destination[told.stay]), ". ",
        _one_of(phrases.FOLLOW_UPS, drawn[4]),
    )  # fmt: skip


def _worst(told: _Told) -> tuple[Ints, Ints]:
    """The highest early warning score of each note's stay, and the day of the stay on which it first was so high."""
    signs = told.signs
    starts = np.flatnonzero(signs.number == 1)
    stays = signs.stay[starts]
    packed = (told.score.astype(np.int64) << 32) - np.arange(len(signs))
    highest = np.maximum.reduceat(packed, starts)
    score = (highest + (1 << 32) - 1) >> 32
    row = (score << 32) - highest
    at = np.zeros(len(told.course), np.int64)
    at[stays] = row
    first = at[told.stay]
    day = signs.second[first] // DAY_SECONDS - told.course.admitted[told.stay] // DAY_SECONDS + 1
    return told.score[first].astype(np.int64), day


def _death(told: _Told) -> Texts:
    drawn = told.drawn
    minute = told.second % DAY_SECONDS // 60
    return _joined(
        "Called to verify death. ", _one_of(phrases.DEATH_WORDS, drawn[0]), " Death verified at ",
        _from(_table("clock"), minute), ". Last observations at ",
        _from(_table("clock"), told.signs.second[told.set] % DAY_SECONDS // 60), ": ",
        _observed(told, told.set, drawn[2]), " Diagnosis: ", _from(_table("diagnoses"), told.course.diagnosis[told.stay]),
        ". ", _one_of(phrases.DEATH_ENDINGS, drawn[4]),
    )  # fmt: skip
