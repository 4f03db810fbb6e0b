import re
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS, day_number
from loaders.world.clinical.chart import Chart, chart
from loaders.world.clinical.course import courses, diagnosis_table
from loaders.world.clinical.diagnoses import DIAGNOSES
from loaders.world.clinical.draws import Draws, normals, shares
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.labs import egfr, is_abnormal
from loaders.world.clinical.notes import AUTHOR_ROLES, NOTE_TYPES
from loaders.world.clinical.phrases import TEST_WORDS
from loaders.world.clinical.scenarios import CODES, EMERGENCIES, PUBLISHED_MORTALITY
from loaders.world.clinical.schedule import counted
from loaders.world.clinical.vitals import CONSCIOUSNESS, Vitals, early_warning
from loaders.world.config import DEPARTMENTS, PRESETS, World
from loaders.world.network import Facility, facilities
from loaders.world.operations import DIED, Encounters, day_one, months, operate
from loaders.world.patients import registry
from loaders.world.rng import Streams
from loaders.world.seeds import seeds

ROOT = Path(__file__).parents[2]
TEST = {test.code: i for i, test in enumerate(TESTS)}


def discharges(world: World, facility: Facility) -> Encounters:
    yesterday = day_one(world, facility)
    parts = []
    for _, last in months(day_number(world.start), day_number(world.end)):
        told, yesterday = operate(world, facility, yesterday, last)
        parts.append(told.discharges)
    return Encounters(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Encounters)))


@dataclass(frozen=True)
class Hospital:
    """A chart with what the tests ask of its patients; samples of blood are rows, their values columns (-1: none)."""

    world: World
    facility: Facility
    chart: Chart
    is_woman: np.ndarray
    born: np.ndarray
    samples: np.ndarray
    sample_stay: np.ndarray

    def value(self, code: str) -> np.ndarray:
        return np.where(
            self.samples[TEST[code]] < 0, np.nan, self.samples[TEST[code]] / 10.0 ** TESTS[TEST[code]].decimals
        )


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    """Four months of a hospital of 600 beds."""
    world = replace(
        PRESETS["demo"], start=date(2023, 1, 1), days=120, facilities=1, beds=600, initial_patients=18_000,
        max_patients=30_000,
    )  # fmt: skip
    facility = facilities(world)[0]
    stays = discharges(world, facility)
    found = chart(world, facility, stays)
    people = registry(world, facility, stays.patient)
    key = found.labs.stay << 32 | (found.labs.sampled - found.labs.sampled.min())
    unique, place = np.unique(key, return_inverse=True)
    samples = np.full((len(TESTS), len(unique)), -1)
    samples[found.labs.test, place] = found.labs.scaled
    return Hospital(world, facility, found, people.is_woman, people.date_of_birth, samples, unique >> 32)


@pytest.fixture(scope="module")
def adults(hospital: Hospital) -> np.ndarray:
    """Which stays are of people who were 18 or older when they came, by the calendar."""
    admitted = (hospital.chart.stays.admitted // DAY_SECONDS).astype("datetime64[D]")
    return ages(hospital.born, admitted) >= 18


def ages(born: np.ndarray, on: np.ndarray) -> np.ndarray:
    pairs = zip(born.astype("datetime64[D]").tolist(), on.tolist(), strict=True)
    return np.array([d.year - b.year - ((d.month, d.day) < (b.month, b.day)) for b, d in pairs])


def news2(found: Vitals, spo2_scale: np.ndarray) -> np.ndarray:
    """NEWS2 by the Royal College of Physicians' chart, a condition a box."""
    rr, sat, sbp, hr = found.resp_rate, found.spo2, found.systolic_bp, found.heart_rate
    tenths, oxygen = found.temperature_tenths, found.on_oxygen
    scale_2 = (spo2_scale == 2)[found.stay]

    def box(*cases: tuple[Any, int]) -> np.ndarray:
        return np.select([case for case, _ in cases], [score for _, score in cases], 0)

    return (
        box((rr <= 8, 3), (rr <= 11, 1), (rr <= 20, 0), (rr <= 24, 2), (rr >= 25, 3))
        + np.where(
            scale_2,
            box(
                (sat <= 83, 3), (sat <= 85, 2), (sat <= 87, 1), (sat <= 92, 0), (~oxygen, 0), (sat <= 94, 1),
                (sat <= 96, 2), (sat >= 97, 3),
            ),
            box((sat <= 91, 3), (sat <= 93, 2), (sat <= 95, 1)),
        )
        + 2 * oxygen
        + box((sbp <= 90, 3), (sbp <= 100, 2), (sbp <= 110, 1), (sbp <= 219, 0), (sbp >= 220, 3))
        + box((hr <= 40, 3), (hr <= 50, 1), (hr <= 90, 0), (hr <= 110, 1), (hr <= 130, 2), (hr >= 131, 3))
        + box((tenths <= 350, 3), (tenths <= 360, 1), (tenths <= 380, 0), (tenths <= 390, 1), (tenths >= 391, 2))
        + 3 * (found.consciousness > 0)
    )  # fmt: skip


@pytest.fixture(scope="module")
def scores(hospital: Hospital) -> np.ndarray:
    return news2(hospital.chart.vitals, hospital.chart.spo2_scale)


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_seeds_are_the_tables():
    for name, text in seeds().items():
        assert (ROOT / "seeds" / name).read_text(encoding="utf-8") == text, f"make seeds: {name}"


def test_the_tables_agree_with_the_contracts():
    contract = yaml.safe_load((ROOT / "models/staging/clinical/_clinical__sources.yml").read_text())
    tables = {table["name"]: {c["name"]: c for c in table["columns"]} for table in contract["sources"][0]["tables"]}

    def accepted(table: str, column: str) -> list[str]:
        tests = tables[table][column]["data_tests"]
        return next(t["accepted_values"]["arguments"]["values"] for t in tests if "accepted_values" in t)

    assert list(CODES) == accepted("encounters", "scenario")
    assert list(NOTE_TYPES) == accepted("notes", "note_type")
    assert list(AUTHOR_ROLES) == accepted("notes", "author_role")
    assert list(CONSCIOUSNESS) == accepted("vitals", "consciousness")
    pattern = tables["encounters"]["primary_diagnosis"]["config"]["meta"]["pattern"]
    assert all(re.fullmatch(pattern, diagnosis.code) for diagnosis in DIAGNOSES)
    assert all(re.fullmatch(tables["labs"]["loinc_code"]["config"]["meta"]["pattern"], test.loinc) for test in TESTS)
    assert all(re.fullmatch(tables["labs"]["test_code"]["config"]["meta"]["pattern"], test.code) for test in TESTS)
    assert {diagnosis.scenario for diagnosis in DIAGNOSES} == set(CODES)
    assert {code for mix in EMERGENCIES.values() for code in mix} <= set(CODES)
    assert set(EMERGENCIES) == {department.code for department in DEPARTMENTS}


def test_every_mix_of_diagnoses_is_a_whole():
    table, choices = diagnosis_table(tuple(department.code for department in DEPARTMENTS))
    assert (np.diff(table, axis=1) >= 0).all()
    assert (table[:, -1] >= 1).all()
    rows = choices.reshape(len(DEPARTMENTS), 2, 2, len(CODES), -1)
    for scenario, code in enumerate(CODES):
        assert {DIAGNOSES[i].scenario for i in np.unique(rows[:, :, :, scenario])} == {code}


# --- determinism -----------------------------------------------------------------------------------------------------


def columns(found: Chart, stays_before: int = 0) -> dict[str, np.ndarray]:
    whole = {name: getattr(found, name) for name in ("scenario", "acuity", "spo2_scale", "diagnosis")}
    for part in ("vitals", "labs", "notes"):
        rows = getattr(found, part)
        for field in fields(rows):
            column = getattr(rows, field.name)
            column = np.array(column.to_pylist(), object) if field.name == "text" else column
            whole[f"{part}.{field.name}"] = column + stays_before if field.name == "stay" else column
    return whole


def test_thirty_days_at_once_are_thirty_days_one_by_one(small_world):
    world = replace(small_world, days=30)
    facility = facilities(world)[1]
    stays = discharges(world, facility)
    day = stays.discharged // DAY_SECONDS
    whole = columns(chart(world, facility, stays))
    parts, before = [], 0
    for one in np.unique(day):
        some = stays.only(day == one)
        parts.append(columns(chart(world, facility, some), before))
        before += len(some)
    assert len(parts) > 20
    for name, column in whole.items():
        assert (np.concatenate([part[name] for part in parts]) == column).all(), name


def test_a_day_without_discharges_has_an_empty_chart(small_world):
    facility = facilities(small_world)[0]
    none = discharges(small_world, facility).only(np.zeros(0, np.int64))
    empty = chart(small_world, facility, none)
    assert len(empty.vitals) == len(empty.labs) == len(empty.notes) == len(empty.notes.text) == 0


def test_a_hospital_of_one_department_sees_patients_of_those_it_lacks():
    world = replace(PRESETS["demo"], beds=20, facilities=1, days=40, initial_patients=400, max_patients=800)
    facility = facilities(world)[0]
    assert [ward.plan.code for ward in facility.wards] == ["GMED"]
    found = chart(world, facility, discharges(world, facility))
    assert {"stroke", "copd_exac", "acute_mi"} & {CODES[i] for i in found.scenario}
    assert len(found.vitals) > 500


def test_another_seed_is_another_chart(small_world):
    facility = facilities(small_world)[0]
    stays = discharges(small_world, facility)
    one, other = (chart(replace(small_world, seed=seed), facility, stays) for seed in (1, 2))
    assert (one.scenario != other.scenario).mean() > 0.5


# --- rows in order and in time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "time"), [("vitals", "second"), ("labs", "sampled"), ("notes", "second")])
def test_rows_are_in_order_numbered_and_within_their_stay(hospital, part, time):
    rows, stays = getattr(hospital.chart, part), hospital.chart.stays
    stay, second = rows.stay, getattr(rows, time)
    assert (np.diff(stay) >= 0).all()
    same = stay[1:] == stay[:-1]
    assert (np.diff(second)[same] >= 0).all()
    assert (rows.number == counted(np.bincount(stay, minlength=len(stays)))[1] + 1).all()
    assert (second >= stays.admitted[stay]).all()
    assert (second <= stays.discharged[stay]).all()


def test_every_stay_has_vital_signs_within_the_hour_and_never_two_sets_at_once(hospital):
    found, stays = hospital.chart.vitals, hospital.chart.stays
    assert (np.bincount(found.stay, minlength=len(stays)) > 0).all()
    assert (np.diff(found.second)[found.stay[1:] == found.stay[:-1]] > 0).all()
    first = found.number == 1
    wait = found.second[first] - stays.admitted[found.stay[first]]
    assert wait.max() <= HOUR_SECONDS
    assert np.median(wait) > 15 * 60


def test_results_come_after_their_samples_and_before_discharge(hospital):
    found, stays = hospital.chart.labs, hospital.chart.stays
    assert (found.sampled < found.resulted).all()
    assert (found.resulted <= stays.discharged[found.stay]).all()
    minutes = (found.resulted - found.sampled) / 60
    for code, low, high in (("ph", 4, 6), ("haemoglobin", 55, 70), ("sodium", 70, 86), ("troponin_t_hs", 55, 70)):
        assert low < np.median(minutes[found.test == TEST[code]]) < high, code


def test_a_test_has_one_result_a_sample(hospital):
    found = hospital.chart.labs
    same = (found.stay[1:] == found.stay[:-1]) & (found.sampled[1:] == found.sampled[:-1])
    assert (np.diff(found.test)[same] > 0).all()


def test_volumes_are_of_a_real_chart(hospital):
    found, stays = hospital.chart, hospital.chart.stays
    days = (stays.discharged - stays.admitted).sum() / DAY_SECONDS
    assert 4 < len(found.vitals) / days < 6
    assert 24 < len(found.vitals) / len(stays) < 32
    assert 20 < len(found.labs) / len(stays) < 35
    assert 5 < len(found.notes) / len(stays) < 10


# --- scenarios -------------------------------------------------------------------------------------------------------


def test_mortality_by_scenario_is_as_published(hospital):
    """Deaths are drawn anew many times over: a hospital has too few of them in four months."""
    stays = hospital.chart.stays.only(np.repeat(np.arange(len(hospital.chart.stays)), 12))
    chances = np.array([ward.plan.mortality for ward in hospital.facility.wards])[stays.ward]
    died = Streams(7)("test").random(len(stays)) < np.where(stays.is_elective, 0.2, 1) * chances
    draws = Draws.of(hospital.world.seed, hospital.facility.index, stays.discharged)
    course = courses(hospital.world, hospital.facility, replace(stays, destination=np.where(died, DIED, 0)), draws)
    for code, (low, high) in PUBLISHED_MORTALITY.items():
        share = died[course.scenario == CODES.index(code)].mean()
        assert low <= share <= high, (code, share)


def test_scenarios_fit_departments_methods_sexes_and_ages(hospital, adults):
    found = hospital.chart
    code = np.array(CODES)[found.scenario]
    ward = np.array([w.plan.code for w in hospital.facility.wards])[found.stays.ward]
    is_childs = np.char.startswith(code, "child_")
    assert (ward[is_childs] == "PAED").all()
    assert hospital.is_woman[code == "gynaecology"].all()
    planned = (code == "postop_elective") | (code == "elective_medical")
    assert (planned == found.stays.is_elective).all()
    born = hospital.born[code == "hip_fracture"]
    age = ages(born, np.full(len(born), np.datetime64(hospital.world.start)))
    assert np.median(age) >= 75
    diagnosis = np.array([d.scenario for d in DIAGNOSES])[found.diagnosis]
    assert (diagnosis == code).all()
    for d, rule in enumerate(DIAGNOSES):
        those = found.diagnosis == d
        if rule.women is not None:
            assert (hospital.is_woman[those] == rule.women).all(), rule.code
        if rule.child is not None:
            assert (adults[those] != rule.child).all(), rule.code
        if rule.departments:
            assert set(ward[those]) <= set(rule.departments), rule.code


def test_longer_stays_lean_to_scenarios_with_longer_ones(hospital):
    found = hospital.chart
    days = (found.stays.discharged - found.stays.admitted) / DAY_SECONDS
    amu = np.array([w.plan.code for w in hospital.facility.wards])[found.stays.ward] == "AMU"
    falls, pain = (amu & (found.scenario == CODES.index(code)) for code in ("frailty_fall", "chest_pain"))
    assert days[falls].mean() > 1.3 * days[pain].mean()


def test_the_sicker_die_more_and_only_copd_is_scored_on_scale_2(hospital):
    found = hospital.chart
    died = found.stays.destination == DIED
    by_acuity = [died[found.acuity == acuity].mean() for acuity in (1, 2, 3, 4)]
    assert by_acuity == sorted(by_acuity)
    assert set(np.unique(found.acuity)) == {1, 2, 3, 4, 5}
    copd = found.scenario == CODES.index("copd_exac")
    assert not (found.spo2_scale[~copd] == 2).any()
    assert 0.5 < (found.spo2_scale[copd] == 2).mean() < 0.75


# --- vital signs -----------------------------------------------------------------------------------------------------

SIGNS = {
    "heart_rate": (20, 220), "resp_rate": (4, 60), "spo2": (50, 100), "temperature_tenths": (300, 425),
    "systolic_bp": (50, 260), "diastolic_bp": (20, 150),
}  # fmt: skip


def test_vital_signs_keep_physical_bounds_without_piling_up_there(hospital):
    found = hospital.chart.vitals
    for name, (low, high) in SIGNS.items():
        values = getattr(found, name)
        assert low <= values.min(), name
        assert values.max() <= high, name
        if name != "spo2":
            at_the_ends = (values == values.min()) | (values == values.max())
            assert at_the_ends.mean() < 0.0005, name
    assert (found.systolic_bp - found.diastolic_bp >= 10).all()
    assert (found.spo2 == 100).mean() < (found.spo2 == 99).mean()


def test_the_first_news2_of_adults_is_spread_as_published(hospital, adults, scores):
    found = hospital.chart.vitals
    first = scores[(found.number == 1) & adults[found.stay]]
    assert 0.65 <= (first < 3).mean() <= 0.80
    assert 0.15 <= ((first >= 3) & (first <= 5)).mean() <= 0.25
    assert 0.04 <= (first > 5).mean() <= 0.10
    assert 0.01 <= (scores[adults[found.stay]] >= 7).mean() <= 0.05


def test_news2_foretells_death_within_a_day_as_published(hospital, adults, scores):
    found, stays = hospital.chart.vitals, hospital.chart.stays
    left = stays.discharged[found.stay] - found.second
    dying = ((stays.destination == DIED)[found.stay] & (left <= DAY_SECONDS))[adults[found.stay]]
    score = scores[adults[found.stay]]
    events, others = (np.bincount(score[which], minlength=25) for which in (dying, ~dying))
    area = (events * (np.cumsum(others) - others / 2)).sum() / (events.sum() * others.sum())
    assert 0.80 <= area <= 0.92
    shares_by_score = [dying[(score >= low) & (score < low + 3)].mean() for low in (0, 3, 6, 9)]
    assert shares_by_score == sorted(shares_by_score)


def test_the_score_that_staff_add_up_is_news2(hospital, scores):
    assert (early_warning(hospital.chart.vitals, hospital.chart.spo2_scale) == scores).all()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_score_that_staff_add_up_is_news2_at_every_edge(data):
    def some(*edges: int) -> np.ndarray:
        values = st.sampled_from([edge + step for edge in edges for step in (-1, 0, 1)])
        return np.array(data.draw(st.lists(values, min_size=20, max_size=20)))

    bools = st.lists(st.booleans(), min_size=20, max_size=20)
    found = Vitals(
        stay=np.arange(20),
        number=np.ones(20, np.int64),
        second=np.zeros(20, np.int64),
        heart_rate=some(40, 50, 90, 110, 130),
        resp_rate=some(8, 11, 20, 24),
        spo2=some(83, 85, 87, 91, 92, 94, 96),
        temperature_tenths=some(350, 360, 380, 390),
        systolic_bp=some(90, 100, 110, 219),
        diastolic_bp=np.full(20, 60),
        on_oxygen=np.array(data.draw(bools)),
        consciousness=np.array(data.draw(bools)).astype(np.int64),
    )
    scale = 1 + np.array(data.draw(bools)).astype(np.int64)
    assert (early_warning(found, scale) == news2(found, scale)).all()


def test_first_sets_are_correlated_as_published(hospital, adults):
    found = hospital.chart.vitals
    first = (found.number == 1) & adults[found.stay]
    published = {
        ("heart_rate", "resp_rate"): 0.30, ("heart_rate", "spo2"): -0.22, ("systolic_bp", "diastolic_bp"): 0.60,
        ("heart_rate", "temperature_tenths"): 0.23, ("resp_rate", "spo2"): -0.22, ("heart_rate", "systolic_bp"): -0.15,
    }  # fmt: skip
    for (one, other), expected in published.items():
        reached = np.corrcoef(getattr(found, one)[first], getattr(found, other)[first])[0, 1]
        assert abs(reached - expected) <= 0.12, (one, other, reached)


def test_sets_remember_the_one_before(hospital, adults):
    found = hospital.chart.vitals
    pairs = (found.stay[1:] == found.stay[:-1]) & adults[found.stay[1:]]
    for name in SIGNS:
        values = getattr(found, name).astype(float)
        assert 0.5 < np.corrcoef(values[:-1][pairs], values[1:][pairs])[0, 1] < 0.9, name


def test_oxygen_is_given_by_need_and_does_not_flicker(hospital, adults):
    found, stays = hospital.chart.vitals, hospital.chart.stays
    first = (found.number == 1) & adults[found.stay] & ~stays.is_elective[found.stay]
    assert 0.11 <= found.on_oxygen[first].mean() <= 0.19
    switches = (found.on_oxygen[1:] != found.on_oxygen[:-1]) & (found.stay[1:] == found.stay[:-1])
    assert switches.sum() / len(stays) < 0.3
    low = (found.spo2 < 88) & (hospital.chart.spo2_scale[found.stay] == 1)
    assert found.on_oxygen[low].mean() > 0.8


def test_nearly_everyone_is_alert(hospital):
    found, stays = hospital.chart.vitals, hospital.chart.stays
    assert 0.97 <= (found.consciousness == 0).mean() <= 0.985
    hours_left = (stays.discharged[found.stay] - found.second) / HOUR_SECONDS
    last_hours = (stays.destination == DIED)[found.stay] & (hours_left < 3)
    assert (found.consciousness[last_hours] >= 3).mean() > 0.2
    assert (found.consciousness[(stays.destination != DIED)[found.stay]] <= 2).all()


def test_patients_get_worse_before_they_die_and_better_otherwise(hospital):
    found, stays = hospital.chart.vitals, hospital.chart.stays
    hours_left = (stays.discharged[found.stay] - found.second) / HOUR_SECONDS
    died = (stays.destination == DIED)[found.stay]
    last, earlier = died & (hours_left < 4), died & (hours_left > 30)
    assert found.heart_rate[last].mean() > found.heart_rate[earlier].mean() + 10
    assert found.resp_rate[last].mean() > found.resp_rate[earlier].mean() + 3
    assert found.systolic_bp[last].mean() < found.systolic_bp[earlier].mean() - 10
    pneumonia = (hospital.chart.scenario == CODES.index("pneumonia"))[found.stay] & ~died
    hours_in = (found.second - stays.admitted[found.stay]) / HOUR_SECONDS
    start, later = pneumonia & (hours_in < 12), pneumonia & (hours_in > 120)
    assert found.heart_rate[start].mean() > found.heart_rate[later].mean() + 4
    assert found.temperature_tenths[start].mean() > found.temperature_tenths[later].mean() + 2


def test_before_a_death_pulse_and_breathing_move_first_and_pressure_last(hospital):
    found, stays = hospital.chart.vitals, hospital.chart.stays
    hours_left = (stays.discharged[found.stay] - found.second) / HOUR_SECONDS
    long_enough = stays.discharged - stays.admitted > 3 * DAY_SECONDS
    died = ((stays.destination == DIED) & long_enough)[found.stay]

    def moved(name: str) -> float:
        values = getattr(found, name)
        before, midway, end = (
            values[died & (hours_left >= low) & (hours_left < high)].mean() for low, high in ((36, 60), (8, 14), (0, 2))
        )
        return (midway - before) / (end - before)

    assert moved("heart_rate") > 0.25
    assert moved("resp_rate") > 0.25
    assert moved("systolic_bp") < 0.7 * moved("heart_rate")


def test_children_have_the_vital_signs_of_their_age(hospital, adults):
    found = hospital.chart.vitals
    born = hospital.born[found.stay].astype("datetime64[D]")
    age = ((found.second // DAY_SECONDS).astype("datetime64[D]") - born).astype(int) / 365.25
    toddlers, adult = (age >= 1) & (age < 4), adults[found.stay]
    assert found.heart_rate[toddlers].mean() > found.heart_rate[adult].mean() + 25
    assert found.resp_rate[toddlers].mean() > found.resp_rate[adult].mean() + 8
    assert found.systolic_bp[toddlers].mean() < found.systolic_bp[adult].mean() - 20


def test_night_rounds_are_sometimes_missed(hospital):
    found = hospital.chart.vitals
    hour = found.second % DAY_SECONDS // HOUR_SECONDS
    night = ((hour < 6) | (hour >= 22)).mean() / (8 / 24)
    day = ((hour >= 6) & (hour < 22)).mean() / (16 / 24)
    assert 0.92 < night / day < 0.99


# --- laboratory ------------------------------------------------------------------------------------------------------


def test_values_are_whole_in_their_last_place_and_within_physical_bounds(hospital):
    found = hospital.chart.labs
    assert found.scaled.dtype == np.int64
    for i, test in enumerate(TESTS):
        values = found.scaled[found.test == i]
        low, high = (round(bound * 10**test.decimals) for bound in test.physical)
        assert low <= values.min(), test.code
        assert values.max() <= high, test.code
        assert (values == high).mean() < 0.002, test.code


def test_blood_gases_obey_henderson_and_hasselbalch(hospital):
    ph, bicarbonate, kpa = (hospital.value(code) for code in ("ph", "bicarbonate", "pco2"))
    has = ~np.isnan(ph)
    assert (has == ~np.isnan(kpa)).all()
    assert not np.isnan(bicarbonate[has]).any()
    expected = 6.1 + np.log10(bicarbonate[has] / (0.03 * kpa[has] * 7.50062))
    assert np.abs(expected - ph[has]).max() <= 0.005 + 1e-9


def test_white_cells_contain_neutrophils_and_lymphocytes(hospital):
    wcc, neutrophils, lymphocytes = (hospital.samples[TEST[c]] for c in ("wcc", "neutrophils", "lymphocytes"))
    has = wcc >= 0
    assert (neutrophils[has] + lymphocytes[has] <= wcc[has]).all()


def test_the_anion_gap_is_of_this_world(hospital):
    gap = hospital.value("sodium") - hospital.value("chloride") - hospital.value("bicarbonate")
    gap = gap[~np.isnan(gap)]
    assert ((gap >= 4) & (gap <= 20)).mean() > 0.98


def test_egfr_is_ckd_epi_2021_of_creatinine_age_and_sex(hospital, adults):
    value, creatinine = hospital.value("egfr"), hospital.value("creatinine")
    has = ~np.isnan(value) & ~np.isnan(creatinine)
    stay = hospital.sample_stay[has]
    assert adults[stay].all()
    age = ages(hospital.born, (hospital.chart.stays.admitted // DAY_SECONDS).astype("datetime64[D]"))[stay]
    mg = creatinine[has] / 88.4
    woman = hospital.is_woman[stay]
    kappa, alpha = np.where(woman, 0.7, 0.9), np.where(woman, -0.241, -0.302)
    expected = (
        142 * np.minimum(mg / kappa, 1) ** alpha * np.maximum(mg / kappa, 1) ** -1.2 * 0.9938**age
        * np.where(woman, 1.012, 1)
    )  # fmt: skip
    assert np.abs(np.clip(expected, 2, 150) - value[has]).max() <= 0.5 + 1e-6


def test_egfr_is_what_calculators_say():
    umol = np.array([88.4, 88.4, 176.8])
    assert egfr(umol, np.array([50, 50, 80]), np.array([False, True, False])).round().tolist() == [92, 69, 33]


def test_abnormal_results_are_as_many_as_in_hospitals(hospital):
    found = hospital.chart.labs
    abnormal = is_abnormal(found.test, found.scaled, hospital.is_woman[found.stay])
    assert 0.25 <= abnormal.mean() <= 0.45
    assert 0.60 <= abnormal[found.test == TEST["crp"]].mean() <= 0.80
    assert 0.40 <= abnormal[found.test == TEST["haemoglobin"]].mean() <= 0.55


def test_blood_shows_what_the_patient_has(hospital):
    scenario = hospital.chart.scenario[hospital.sample_stay]
    first = np.append(True, hospital.sample_stay[1:] != hospital.sample_stay[:-1])

    def median(test: str, code: str) -> float:
        return float(np.nanmedian(hospital.value(test)[first & (scenario == CODES.index(code))]))

    assert median("crp", "sepsis") > 60
    assert median("lactate", "sepsis") > 2
    assert median("glucose", "dka") > 11
    assert median("ketones", "dka") >= 3 or median("bicarbonate", "dka") < 16
    assert median("creatinine", "aki") > 1.8 * median("creatinine", "chest_pain")
    assert median("haemoglobin", "gi_bleed") < median("haemoglobin", "chest_pain") - 20
    assert median("troponin_t_hs", "acute_mi") > 100 > 30 > median("troponin_t_hs", "chest_pain")
    assert median("nt_probnp", "heart_failure") > 1500
    assert median("pco2", "copd_exac") > 6


# --- notes -----------------------------------------------------------------------------------------------------------

SETS = re.compile(
    r"(?:HR|Pulse|Heart rate) (\d+), (?:BP|blood pressure) (\d+)/(\d+), (?:RR|resps) (\d+), "
    r"(?:SpO₂|sats) (\d+) % on (air|oxygen), (?:T|temp|temperature) (\d+\.\d) °C, ([a-z ]+)\."
)
STATES = ("alert", "newly confused", "responding to voice", "responding to pain only", "unresponsive")
RESULT = re.compile(
    r"(?:Latest|Bloods:|Last) ([A-Za-z ]+) (\d+(?:\.\d)?)(?: [a-zA-Z0-9/^]+)? \((low|in range|high)"
    r"(?:, (down from|same as|up from) (\d+(?:\.\d)?))?\)\."
)


def test_each_stay_has_one_note_at_its_start_and_one_at_its_end(hospital):
    found, stays = hospital.chart.notes, hospital.chart.stays
    kinds = {name: found.note_type == i for i, name in enumerate(NOTE_TYPES)}
    assert (np.bincount(found.stay[kinds["clerking"]], minlength=len(stays)) == 1).all()
    died = stays.destination == DIED
    assert (np.bincount(found.stay[kinds["discharge_summary"]], minlength=len(stays)) == ~died).all()
    assert (np.bincount(found.stay[kinds["death_verification"]], minlength=len(stays)) == died).all()
    last = np.append(found.stay[1:] != found.stay[:-1], True)
    assert (last == (kinds["discharge_summary"] | kinds["death_verification"])).all()
    rounds = found.second[kinds["ward_round"]] % DAY_SECONDS
    assert ((rounds >= 9 * HOUR_SECONDS) & (rounds <= 12 * HOUR_SECONDS)).all()


def test_authors_write_what_is_theirs_to_write(hospital):
    found = hospital.chart.notes
    role, kind = np.array(AUTHOR_ROLES)[found.author_role], np.array(NOTE_TYPES)[found.note_type]
    assert set(role[kind == "nursing"]) == {"nurse"}
    assert set(kind[role == "nurse"]) == {"nursing"}
    assert set(kind[role == "outreach_nurse"]) == {"deterioration_review"}
    assert set(kind[role == "consultant"]) == {"ward_round"}


def test_texts_are_plain_short_and_varied(hospital):
    text = hospital.chart.notes.text
    assert text.null_count == 0
    assert pc.max(pc.utf8_length(text)).as_py() < 1_500
    assert pc.min(pc.utf8_length(text)).as_py() > 60
    assert not pc.any(pc.match_substring_regex(text, r'[\x00-\x1f"\\]|  |\.\.|,,| \.')).as_py()
    assert len(pc.unique(text)) > 0.97 * len(text)


@pytest.fixture(scope="module")
def some_notes(hospital: Hospital) -> np.ndarray:
    return np.arange(0, len(hospital.chart.notes), 7)


def test_notes_quote_the_latest_set_and_its_score(hospital, adults, scores, some_notes):
    found, written = hospital.chart.vitals, hospital.chart.notes
    texts = written.text.take(some_notes).to_pylist()
    starts = np.searchsorted(found.stay, np.arange(len(hospital.chart.stays) + 1))
    for i, text in zip(some_notes.tolist(), texts, strict=True):
        stay = written.stay[i]
        first, last = starts[stay], starts[stay + 1]
        at = first + np.searchsorted(found.second[first:last], written.second[i], "right") - 1
        assert at >= first
        quoted = SETS.search(text)
        assert quoted, text
        hr, sbp, dbp, rr, spo2, how, temperature, state = quoted.groups()
        assert [int(x) for x in (hr, sbp, dbp, rr, spo2)] == [
            getattr(found, name)[at] for name in ("heart_rate", "systolic_bp", "diastolic_bp", "resp_rate", "spo2")
        ]
        assert (how == "oxygen") == found.on_oxygen[at]
        assert round(float(temperature) * 10) == found.temperature_tenths[at]
        assert STATES.index(state) == found.consciousness[at]
        highest = re.search(r"Highest NEWS2 (\d+) on day (\d+)", text)
        assert bool(highest) == (NOTE_TYPES[written.note_type[i]] == "discharge_summary" and adults[stay])
        if highest:
            where = first + np.argmax(scores[first:last])
            day = found.second[where] // DAY_SECONDS - hospital.chart.stays.admitted[stay] // DAY_SECONDS + 1
            assert (int(highest[1]), int(highest[2])) == (scores[where], day)
        score = re.search(r"(?<!Highest )NEWS2 (\d+)", text)
        if score:
            assert int(score[1]) == scores[at]
            assert adults[stay]
        if "Oxygen to a target" in text:
            assert how == "oxygen"
            assert ("88 to 92" in text) == (hospital.chart.spo2_scale[stay] == 2)
        if "Comfortable at rest" in text or "Looks well" in text:
            assert scores[at] < 2 or not adults[stay]
        if "fever." in text:
            assert found.temperature_tenths[at] > 380


def test_notes_quote_results_that_are_there(hospital, some_notes):
    labs, written = hospital.chart.labs, hospital.chart.notes
    code_of = {word: code for code, word in TEST_WORDS.items()}
    texts = written.text.take(some_notes).to_pylist()
    starts = np.searchsorted(labs.stay, np.arange(len(hospital.chart.stays) + 1))
    quoted = 0
    for i, text in zip(some_notes.tolist(), texts, strict=True):
        found = RESULT.search(text)
        assert bool(found) == bool(re.search(r"Latest|Bloods:|Last (?!obs)", text)), text
        if not found:
            continue
        quoted += 1
        name, value, side, change, before = found.groups()
        test = TESTS[TEST[code_of[name]]]
        stay = written.stay[i]
        rows = np.arange(starts[stay], starts[stay + 1])
        rows = rows[(labs.test[rows] == TEST[test.code]) & (labs.resulted[rows] <= written.second[i])]
        rows = rows[np.argsort(labs.resulted[rows], kind="stable")]
        assert float(value) == labs.scaled[rows[-1]] / 10**test.decimals
        low, high = test.women if hospital.is_woman[stay] else test.men
        assert side == ("low" if float(value) < low else "high" if float(value) > high else "in range")
        assert bool(change) == (len(rows) > 1)
        if change:
            assert float(before) == labs.scaled[rows[-2]] / 10**test.decimals
            difference = float(value) - float(before)
            assert change == ("down from" if difference < 0 else "up from" if difference > 0 else "same as")
    assert quoted > 2_000


def test_trends_are_computed_from_the_score_a_day_before(hospital, adults, scores, some_notes):
    found, written = hospital.chart.vitals, hospital.chart.notes
    texts = written.text.take(some_notes).to_pylist()
    starts = np.searchsorted(found.stay, np.arange(len(hospital.chart.stays) + 1))
    words = {
        "Better than yesterday": -1, "Improving": -1, "Observations better": -1, "Much the same": 0,
        "No great change": 0, "Observations steady": 0, "Less well": 1, "Deteriorating": 1, "Observations worse": 1,
    }  # fmt: skip
    seen = set()
    for i, text in zip(some_notes.tolist(), texts, strict=True):
        trend = next((change for word, change in words.items() if word in text), None)
        if trend is None:
            continue
        first, last = starts[written.stay[i]], starts[written.stay[i] + 1]
        seconds = found.second[first:last]
        now = first + np.searchsorted(seconds, written.second[i], "right") - 1
        then = first + np.searchsorted(seconds, written.second[i] - 22 * HOUR_SECONDS, "right") - 1
        assert then >= first
        change = scores[now] - scores[then]
        assert trend == (-1 if change <= -2 else 1 if change >= 2 else 0)
        seen.add(trend)
    assert seen == {-1, 0, 1}


def test_patients_who_cross_news2_5_are_reviewed(hospital, adults, scores):
    found, written = hospital.chart.vitals, hospital.chart.notes
    crossed = (scores >= 5) & adults[found.stay] & (found.number > 1)
    crossed[1:] &= scores[:-1] < 5
    reviews = np.flatnonzero(written.note_type == NOTE_TYPES.index("deterioration_review"))
    share = len(reviews) / crossed.sum()
    assert 0.7 < share < 0.9
    key = found.stay << 32 | (found.second - found.second.min())
    before = np.searchsorted(key, written.stay[reviews] << 32 | (written.second[reviews] - found.second.min()), "right")
    assert (scores[before - 1] >= 5).all()


# --- parts -----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=4, max_size=4), st.integers(1, 9))
def test_a_days_draws_do_not_depend_on_other_days(counts, width):
    discharged = np.array([0, 0, 1, 3]) * DAY_SECONDS
    runs = np.array(counts)
    whole = Draws.of(1, 2, discharged)
    everything = [whole.words("test", 0, width, runs), whole.words("test", 1, 3)]
    parts = []
    for day in (0, 1, 3):
        which = discharged == day * DAY_SECONDS
        one = Draws.of(1, 2, discharged[which])
        parts.append([one.words("test", 0, width, runs[which]), one.words("test", 1, 3)])
    for i, drawn in enumerate(everything):
        assert (np.concatenate([part[i] for part in parts], axis=1) == drawn).all()


def test_lanes_are_independent_and_the_first_is_the_stream():
    streams = Streams(5)
    first, second = (streams.raw("stay", 3, lane)(19_000, 64) for lane in (0, 1))
    assert (first == streams("stay", 3, 19_000).bit_generator.random_raw(64)).all()
    assert not np.isin(first, second).any()
    assert (streams.raw("stay", 3, 0)(19_001, 64) != first).all()


def test_words_become_uniform_and_normal_numbers():
    words = np.arange(1 << 16).astype(np.uint16)
    uniform, normal = shares(words), normals(words)
    assert 0 < uniform.min() < uniform.max() < 1
    assert abs(normal.mean()) < 1e-4
    assert abs(normal.std() - 1) < 2e-3
    assert (np.diff(normal) > 0).all()
    assert 4 < normal.max() < 4.4
