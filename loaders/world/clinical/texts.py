"""The texts of notes: phrases, and what the rows of the same stay say, joined for all notes of a type at once."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
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
from loaders.world.clinical.draws import Ints, Words
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.labs import DECIMALS, RANGES, Labs
from loaders.world.clinical.scenarios import CODES
from loaders.world.clinical.vitals import (
    BREATH_SCORES,
    HEART_SCORES,
    UPPER_SCORES,
    WARMTH_SCORES,
    Vitals,
    latest_set,
    saturation_scores,
)

Texts = Any  # a pyarrow LargeStringArray; pyarrow has no types

REVIEWED_FROM, OUTREACH_FROM = 5, 7
HIGHEST_SCORE = 20
FOCUS = np.array([[TEST[code] for code in phrases.FOCUS.get(scenario, phrases.USUAL_FOCUS)] for scenario in CODES])
WHOLES, TENTHS = 50_001, 1_001


@dataclass(frozen=True)
class Quotable:
    """The results that notes may quote, in order of `key`: stay, test and second of the result in one number."""

    begin: int
    key: Ints
    scaled: Ints


def quotable(course: Course, results: Labs) -> Quotable:
    """The results of the tests that matter in each stay's scenario."""
    begin = int(course.admitted.min(initial=0))
    focus = FOCUS[course.scenario[results.stay]]
    row = np.flatnonzero((results.test == focus[:, 0]) | (results.test == focus[:, 1]))
    key = _key(results.stay[row], results.test[row], results.resulted[row] - begin)
    order = np.argsort(key, kind="stable")
    return Quotable(begin, key[order], results.scaled[row][order])


def _key(stay: Ints, test: Ints, second: Ints) -> Ints:
    return ((stay * len(TESTS) + test) << 32) | second


@dataclass(frozen=True)
class About:
    """What notes are about: what is known of all stays; and for each note its stay, its second, eight random words
    and the set of vital signs that was the latest."""

    course: Course
    destination: Ints
    signs: Vitals
    score: NDArray[np.int8]
    results: Quotable
    stay: Ints
    second: Ints
    drawn: Words
    set: Ints

    def only(self, which: Ints) -> "About":
        """The same for some of the notes."""
        return About(
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


def clerking(about: About) -> Texts:
    """Notes on admission."""
    drawn = about.drawn
    return _joined(
        _opening("clerking", drawn[0]),
        _person(about),
        _presenting(about, drawn[1]),
        *_observed(about, drawn[2]),
        _warned(about),
        *_blood(about, drawn[3]),
        _from(_diagnoses(" Impression: ", ". "), about.course.diagnosis[about.stay]),
        _pick(phrases.SEVERITY_WORDS, _bearing(about), drawn[4]),
        _plan(about, drawn[5]),
        _oxygen(about),
    )


def ward_round(about: About) -> Texts:
    """Notes of doctors on their rounds."""
    drawn = about.drawn
    return _joined(
        _opening("ward_round", drawn[0]),
        _from(_numbers("Day ", ", "), _day(about, about.second)),
        _from(_diagnoses("", ". "), about.course.diagnosis[about.stay]),
        _trend(about, drawn[1]),
        *_observed(about, drawn[2]),
        _warned(about),
        *_blood(about, drawn[3]),
        _plan(about, drawn[4]),
        _oxygen(about),
    )


def nursing(about: About) -> Texts:
    """Notes of nurses."""
    drawn = about.drawn
    is_ill = (about.score[about.set] >= REVIEWED_FROM).astype(np.int64)
    care = np.where(about.course.is_child[about.stay], 3, is_ill)
    care = np.where(about.signs.consciousness[about.set] > 0, 2, care)
    return _joined(
        _opening("nursing", drawn[0]),
        *_observed(about, drawn[2]),
        _warned(about),
        _pick(phrases.NURSING, care, drawn[1]),
    )


def deterioration_review(about: About) -> Texts:
    """Notes of those who were called to a patient with a high early warning score."""
    drawn, score = about.drawn, about.score[about.set]
    return _joined(
        _from(_flat((phrases.CALLS,)), (score >= OUTREACH_FROM).astype(np.int64)),
        _from(_numbers("NEWS2 ", ", mainly ", HIGHEST_SCORE + 1), score),
        _from(_flat((phrases.FINDINGS,)), _main_finding(about)),
        *_observed(about, drawn[2]),
        *_blood(about, drawn[3]),
        _pick((phrases.REVIEW_PLANS,), 0, drawn[4]),
        _oxygen(about),
    )


def discharge_summary(about: About) -> Texts:
    """Notes to the general practitioner when patients leave."""
    drawn, course = about.drawn, about.course
    elective = course.is_elective[about.stay].astype(np.int64)
    nights = _day(about, course.discharged[about.stay]) - 1
    score, day = _worst(about)
    is_child = course.is_child[about.stay]
    return _joined(
        _person(about),
        _from(_flat(((", emergency admission, ", ", planned admission, "),)), elective),
        _from(_nights(), nights),
        _from(_diagnoses(" Diagnosis: ", "."), course.diagnosis[about.stay]),
        _from(_numbers(" Highest NEWS2 ", " on day "), np.where(is_child, _BLANK, score)),
        _from(_numbers("", "."), np.where(is_child, _BLANK, day)),
        *_blood(about, drawn[3]),
        " Before leaving: ",
        *_observed(about, drawn[2]),
        _from(_flat((phrases.DESTINATIONS,)), about.destination[about.stay]),
        _pick((phrases.FOLLOW_UPS,), 0, drawn[4]),
    )


def death_verification(about: About) -> Texts:
    """Notes of those who verified a death."""
    drawn = about.drawn
    return _joined(
        "Called to verify death. ",
        _pick((phrases.DEATHS,), 0, drawn[0]),
        _from(_clock(" Death verified at ", "."), about.second % DAY_SECONDS // 60),
        _from(_clock(" Last observations at ", ": "), about.signs.second[about.set] % DAY_SECONDS // 60),
        *_observed(about, drawn[2]),
        _from(_diagnoses(" Diagnosis: ", ". "), about.course.diagnosis[about.stay]),
        _pick((phrases.DEATH_ENDINGS,), 0, drawn[4]),
    )


# --- parts of notes --------------------------------------------------------------------------------------------------


def _opening(name: str, words: Words) -> Texts:
    return _pick((phrases.OPENINGS[name],), 0, words)


def _person(about: About) -> Texts:
    course = about.course
    return _from(_people(), (course.age * 2 + course.is_woman)[about.stay])


def _presenting(about: About, words: Words) -> Texts:
    course = about.course
    row = course.is_elective[about.stay] * len(CODES) + course.scenario[about.stay]
    return _pick(_presentations(), row, words)


def _plan(about: About, words: Words) -> Texts:
    return _pick(_plans(), about.course.scenario[about.stay], words)


def _oxygen(about: About) -> Texts:
    kind = about.signs.on_oxygen[about.set].astype(np.int64) * about.course.spo2_scale[about.stay]
    return _from(_flat((phrases.OXYGEN,)), kind)


def _bearing(about: About) -> Ints:
    """How ill a patient looks, 0 to 4: by the set at hand; a child, by acuity at admission."""
    by_score = np.digitize(about.score[about.set], (2, 5, 7, 11))
    by_acuity = np.minimum(about.course.acuity[about.stay], 4) - 1
    return np.where(about.course.is_child[about.stay], by_acuity, by_score)


def _day(about: About, second: Ints) -> Ints:
    return second // DAY_SECONDS - about.course.admitted[about.stay] // DAY_SECONDS + 1


def _observed(about: About, words: Words) -> list[Texts]:
    """The latest set of vital signs."""
    signs, at = about.signs, about.set
    style = (words.astype(np.int64) * len(phrases.OBSERVED)) >> 16
    tables = _observations()
    return [
        _from(tables[0], style * 256 + signs.heart_rate[at]),
        _from(tables[1], style * 300 + signs.systolic_bp[at]),
        _from(tables[2], signs.diastolic_bp[at]),
        _from(tables[3], style * 64 + signs.resp_rate[at]),
        _from(tables[4], (style * 101 + signs.spo2[at]) * 2 + signs.on_oxygen[at]),
        _from(tables[5], (style * 500 + signs.temperature_tenths[at]) * 5 + signs.consciousness[at]),
    ]


def _warned(about: About) -> Texts:
    """The early warning score of the latest set of an adult."""
    score = np.where(about.course.is_child[about.stay], _BLANK, about.score[about.set])
    return _from(_numbers(" NEWS2 ", ".", HIGHEST_SCORE + 1), score)


def _blood(about: About, words: Words) -> list[Texts]:
    """The latest result of a test that matters in the scenario, how it compares with the range, and with the result
    before; nothing where there is none."""
    results, course = about.results, about.course
    if not len(results.key):
        return []
    test = FOCUS[course.scenario[about.stay], words & 1]
    first = _key(about.stay, test, np.zeros(1, np.int64))
    place = np.searchsorted(results.key, first + (about.second - results.begin), "right") - 1
    there = (place >= 0) & (results.key[place] >= first)
    previous = np.maximum(place - 1, 0)
    earlier = there & (place >= 1) & (results.key[previous] >= first)
    value, before = results.scaled[place], results.scaled[previous]
    places = DECIMALS[test]
    low, high = (RANGES[test, course.is_woman[about.stay].astype(int)] * 10.0 ** places[:, None]).T
    side = 1 + (value > np.rint(high)).astype(np.int64) - (value < np.rint(low))
    change = np.where(earlier, 1 + np.sign(value - before), 3)
    lead = (words.astype(np.int64) >> 1) % len(phrases.BLOOD_LEADS)
    shift = np.where(places == 0, 0, WHOLES)
    return [
        _from(_leads(), np.where(there, lead * len(TESTS) + test, _BLANK)),
        _from(_values(), np.where(there, shift + value, _BLANK)),
        _from(_verdicts(), np.where(there, (test * 3 + side) * 4 + change, _BLANK)),
        _from(_values(), np.where(earlier, shift + before, _BLANK)),
        _from(_flat(((").", ""),)), np.where(earlier, 0, _BLANK)),
    ]


def _trend(about: About, words: Words) -> Texts:
    """How the early warning score compares with that of a day before; nothing where there was none, and of children."""
    earlier = latest_set(about.signs, about.stay, about.second - DAY_SECONDS + 2 * HOUR_SECONDS)
    change = about.score[about.set].astype(np.int64) - about.score[earlier]
    known = (earlier >= 0) & (earlier != about.set) & ~about.course.is_child[about.stay]
    row = np.where(known, np.where(change <= -2, 0, np.where(change >= 2, 2, 1)), 3)
    return _pick(phrases.TRENDS, row, words)


def _main_finding(about: About) -> Ints:
    """Which sign scores highest in the latest set, as an index in phrases.FINDINGS."""
    signs, at = about.signs, about.set
    scores = np.stack(
        [
            BREATH_SCORES[signs.resp_rate[at]],
            saturation_scores(signs, about.course.spo2_scale)[at],
            UPPER_SCORES[signs.systolic_bp[at]],
            HEART_SCORES[signs.heart_rate[at]],
            WARMTH_SCORES[signs.temperature_tenths[at]],
            np.where(signs.consciousness[at] > 0, np.int8(3), np.int8(0)),
            2 * signs.on_oxygen[at].astype(np.int8),
        ]
    )
    other_side = np.stack(
        [
            signs.resp_rate[at] < 15,
            (signs.spo2[at] > 92) & (about.course.spo2_scale[about.stay] == 2),
            signs.systolic_bp[at] > 150,
            signs.heart_rate[at] < 60,
            signs.temperature_tenths[at] < 370,
            np.zeros(len(at), np.bool_),
            np.zeros(len(at), np.bool_),
        ]
    )
    main = np.argmax(scores, axis=0)
    return np.where(main == 6, 11, 2 * main + other_side[main, np.arange(len(at))])


def _worst(about: About) -> tuple[Ints, Ints]:
    """The highest early warning score of each note's stay, and the day of the stay on which it was first so high."""
    signs, rows = about.signs, np.arange(len(about.signs))
    starts = np.flatnonzero(signs.number == 1)
    highest = np.zeros(len(about.course), np.int64)
    highest[signs.stay[starts]] = np.maximum.reduceat((about.score.astype(np.int64) << 32) + (len(rows) - rows), starts)
    row = len(rows) - (highest[about.stay] & 0xFFFFFFFF)
    return about.score[row].astype(np.int64), _day(about, signs.second[row])


# --- tables of texts, the last entry empty where nothing is to be said -----------------------------------------------

_BLANK = -1


def _texts(texts: list[str]) -> Texts:
    return pa.array(texts, pa.large_string())


def _from(table: Texts, index: NDArray[Any]) -> Texts:
    return table.take(pa.array(np.where(index < 0, len(table) + index, index)))


def _pick(options: tuple[tuple[str, ...], ...], row: Ints | int, words: Words) -> Texts:
    """A phrase of each row's options, of which all rows have equally many."""
    width = len(options[0])
    return _from(_flat(options), row * width + ((words.astype(np.int64) * width) >> 16))


def _joined(*parts: Texts | str) -> Texts:
    return pc.binary_join_element_wise(*(_scalar(p) if isinstance(p, str) else p for p in parts), _scalar(""))


def _scalar(text: str) -> Any:
    return pa.scalar(text, pa.large_string())


@lru_cache
def _flat(options: tuple[tuple[str, ...], ...]) -> Texts:
    return _texts([phrase for row in options for phrase in row])


@lru_cache
def _numbers(before: str, after: str, size: int = 1_000) -> Texts:
    return _texts([*(f"{before}{i}{after}" for i in range(size)), ""])


@lru_cache
def _nights() -> Texts:
    return _texts([f"{n} night{'' if n == 1 else 's'}." for n in range(1_000)])


@lru_cache
def _clock(before: str, after: str) -> Texts:
    return _texts([f"{before}{hour:02d}:{minute:02d}{after}" for hour, minute in product(range(24), range(60))])


@lru_cache
def _diagnoses(before: str, after: str) -> Texts:
    return _texts([f"{before}{diagnosis.name}{after}" for diagnosis in DIAGNOSES])


@lru_cache
def _people() -> Texts:
    ages = ["Infant", *(f"{age}-year-old" for age in range(1, 130))]
    return _texts(
        [f"{age} {word}" for i, age in enumerate(ages) for word in (("boy", "girl") if i < 18 else ("man", "woman"))]
    )


@lru_cache
def _presentations() -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(f"{how}{phrase}. " for phrase in phrases.PRESENTING[code])
        for how, code in product((" admitted as an emergency with ", " admitted for "), CODES)
    )


@lru_cache
def _plans() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(f" Plan: {plan}." for plan in phrases.PLANS[code]) for code in CODES)


@lru_cache
def _observations() -> tuple[Texts, ...]:
    styles = phrases.OBSERVED
    return (
        _texts([f"{style[0]}{n}" for style, n in product(styles, range(256))]),
        _texts([f"{style[1]}{n}" for style, n in product(styles, range(300))]),
        _texts([f"/{n}" for n in range(200)]),
        _texts([f"{style[2]}{n}" for style, n in product(styles, range(64))]),
        _texts([f"{style[3]}{n} % {how}" for style, n, how in product(styles, range(101), ("on air", "on oxygen"))]),
        _texts(
            [f"{s[4]}{n / 10:.1f} °C, {how}." for s, n, how in product(styles, range(500), phrases.CONSCIOUSNESS_WORDS)]
        ),
    )


@lru_cache
def _leads() -> Texts:
    named = [phrases.TEST_WORDS.get(test.code, test.code) for test in TESTS]
    return _texts([*(f" {lead} {name} " for lead, name in product(phrases.BLOOD_LEADS, named)), ""])


@lru_cache
def _values() -> Texts:
    """Values by their scaled number: WHOLES without a decimal place, then TENTHS with one."""
    return _texts([*map(str, range(WHOLES)), *(f"{n / 10:.1f}" for n in range(TENTHS)), ""])


@lru_cache
def _verdicts() -> Texts:
    units = ["" if test.unit == "ratio" else f" {test.unit}" for test in TESTS]
    sides = ("low", "in range", "high")
    changes = (", down from ", ", same as ", ", up from ", ").")
    return _texts([*(f"{unit} ({side}{change}" for unit, side, change in product(units, sides, changes)), ""])
