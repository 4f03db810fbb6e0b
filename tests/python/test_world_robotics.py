import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pytest

from loaders.raw.theatre_state import Theatres
from loaders.raw.theatres import simulate
from loaders.world.calendar import DAY_SECONDS, day_number, day_of, is_bank_holiday, month_number, weekday
from loaders.world.config import PRESETS, World
from loaders.world.network import baseline, facilities
from loaders.world.operations import DIED, Encounters, day_one, months, operate
from loaders.world.patients import slots
from loaders.world.robotics.candidates import NO_PLANS, planned_minutes
from loaders.world.robotics.cases import CANCELLED, COMPLETED, CONVERTED, NO_REASON, REASONS, Cases
from loaders.world.robotics.catalogue import MODELS, PROCEDURES, VISITS
from loaders.world.robotics.fleet import (
    GRADES,
    does,
    operates,
    robots,
    robots_at,
    surgeons,
    surgeons_at,
    theatre_facility,
)
from loaders.world.robotics.outcomes import GRADES as COMPLICATION_GRADES
from loaders.world.robotics.outcomes import no_followed
from loaders.world.robotics.theatre import no_cases
from loaders.world.robotics.versions import facility_versions, robot_versions, surgeon_versions
from loaders.world.robotics.visits import visits, wear

HOUR = 3_600
PORTFOLIO = PRESETS["portfolio"]
LATER = day_number(date(2035, 12, 31))


@dataclass(frozen=True)
class Story:
    """Two years of the portfolio: all cases, outcomes as they are told last, and the network's admissions."""

    world: World
    cases: Cases
    outcomes: dict[str, dict]
    versions: Counter
    stays: dict[tuple[int, int, int], tuple]
    emergencies: dict[tuple[int, int], list[int]]


@pytest.fixture(scope="module")
def story() -> Story:
    world = PORTFOLIO
    theatres = Theatres(day_number(world.start), np.zeros(world.surgeons, np.int64), NO_PLANS, no_followed(no_cases()))
    yesterdays = {place: day_one(world, place) for place in facilities(world)}
    cases, outcomes, versions, stays, emergencies = [], {}, Counter(), {}, defaultdict(list)
    for _, last_day in months(theatres.next_day, day_number(world.end)):
        admitted: dict[int, Encounters] = {}
        for place in facilities(world):
            told, yesterdays[place] = operate(world, place, yesterdays[place], last_day)
            who = admitted[place.index] = told.admissions
            for i in range(len(who)):
                stays[place.index, who.day[i].item(), who.number[i].item()] = (
                    who.admitted[i],
                    who.discharged[i],
                    who.medically_fit[i],
                    who.is_elective[i],
                    who.patient[i],
                    who.destination[i],
                    place.wards[who.ward[i]].plan.code,
                )
                if not who.is_elective[i]:
                    emergencies[place.index, who.patient[i].item()].append(who.admitted[i].item())
        days, theatres = simulate(world, theatres, admitted, last_day)
        cases.append(days.cases)
        for table in days.tables:
            if table.entity == "procedure_outcomes":
                for row in table.rows.to_pylist():
                    outcomes[row["procedure_id"]] = row
                    versions[row["procedure_id"]] += 1
    together = Cases(*(np.concatenate([getattr(part, name) for part in cases]) for name in Cases.__match_args__))
    return Story(world, together, outcomes, versions, stays, emergencies)


def name_of(cases: Cases, i: int) -> str:
    day = day_of(cases.day[i].item())
    return f"F{cases.facility[i] + 1:02d}-{day:%Y%m%d}-{cases.number[i]:04d}-R1"


def share(flags: np.ndarray) -> float:
    return float(np.mean(flags))


# --- fleet -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_a_hospital_can_always_do_a_list(preset):
    world = PRESETS[preset]
    for month in range(month_number(world.start), month_number(world.end)):
        for place in facilities(world):
            here, staff = robots_at(world, place.index, month), surgeons_at(world, place.index, month)
            domains = {MODELS[robot.model].domain for robot in here}
            assert {"soft_tissue", "joint"} <= domains
            fields = {surgeon.specialisation for surgeon in staff}
            assert {"orthopaedics", "general_surgery", "urology", "gynaecology", "colorectal"} <= fields


def test_the_fleet_is_as_large_and_as_mixed_as_asked():
    assert len(robots(PORTFOLIO)) == 50
    assert len({MODELS[robot.model].name for robot in robots(PORTFOLIO)}) >= 10
    assert len({robot.serial_number for robot in robots(PORTFOLIO)}) == 50
    assert len({surgeon.surgeon_id for surgeon in surgeons(PORTFOLIO)}) == PORTFOLIO.surgeons
    assert len(robots(PRESETS["demo"])) == 8
    assert len(robots(PRESETS["large"])) == 100
    assert robots(replace(PORTFOLIO, robots=0)) == ()


def test_no_robot_is_older_than_its_model():
    for robot in robots(PORTFOLIO):
        assert day_of(robot.installed).year >= MODELS[robot.model].release_year
        assert robot.installed * DAY_SECONDS <= robot.known


def test_every_version_says_something_new_and_the_last_of_all_is_the_tombstone():
    first, last = day_number(baseline(PORTFOLIO)), day_number(PORTFOLIO.end)
    counts = {}
    for key, known in (
        ("facility_id", facility_versions),
        ("surgeon_id", surgeon_versions),
        ("robot_id", robot_versions),
    ):
        by_key = defaultdict(list)
        for row in sorted(known(PORTFOLIO, first, last), key=lambda row: row["updated_at"]):
            by_key[row[key]].append(row)
        for rows in by_key.values():
            for before, after in itertools.pairwise(rows):
                assert before["updated_at"] < after["updated_at"]
                assert {**before, "updated_at": 0} != {**after, "updated_at": 0}
                assert not before["is_deleted"]
        counts[key] = (len(by_key), sum(len(rows) > 1 for rows in by_key.values()))
        counts[key, "gone"] = sum(rows[-1]["is_deleted"] for rows in by_key.values())
    assert counts["facility_id"] == (10, 10)
    assert counts["surgeon_id"][0] == 120
    assert counts["surgeon_id", "gone"] > 0
    assert counts["robot_id"][0] == 50
    assert counts["robot_id", "gone"] > 0


def test_robots_and_surgeons_move_and_are_promoted_and_away_for_long_repairs():
    first, last = day_number(baseline(PORTFOLIO)), day_number(PORTFOLIO.end)
    of_robot, of_surgeon = defaultdict(lambda: defaultdict(set)), defaultdict(lambda: defaultdict(set))
    for row in robot_versions(PORTFOLIO, first, last):
        for name in ("facility_id", "software_version", "status"):
            of_robot[row["robot_id"]][name].add(row[name])
        assert day_number(row["installed_date"]) <= row["updated_at"] // DAY_SECONDS
    for row in surgeon_versions(PORTFOLIO, first, last):
        for name in ("facility_id", "grade", "years_of_experience"):
            of_surgeon[row["surgeon_id"]][name].add(row[name])
        assert row["grade"] in GRADES
    assert any(len(said["facility_id"]) > 1 for said in of_robot.values())
    assert all(len(said["software_version"]) > 1 for said in of_robot.values())
    assert any("maintenance" in said["status"] for said in of_robot.values())
    assert any(len(said["facility_id"]) > 1 for said in of_surgeon.values())
    assert any(len(said["grade"]) > 1 for said in of_surgeon.values())
    assert max(len(said["years_of_experience"]) for said in of_surgeon.values()) == 4


def test_versions_of_a_year_are_those_of_its_days():
    first, last = day_number(date(2023, 6, 1)), day_number(date(2023, 9, 1))
    for known in (facility_versions, surgeon_versions, robot_versions):
        at_once = list(known(PORTFOLIO, first, last))
        by_day = [row for day in range(first, last) for row in known(PORTFOLIO, day, day + 1)]
        assert sorted(map(str, at_once)) == sorted(map(str, by_day))


def test_beds_are_reviewed_in_april():
    world = PORTFOLIO
    for month in range(month_number(baseline(world)) + 1, month_number(world.end)):
        if month % 12 != 3:
            assert theatre_facility(world, 0, month)["beds"] == theatre_facility(world, 0, month - 1)["beds"]


# --- visits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["demo", "portfolio"])
def test_visits_to_a_robot_never_overlap(preset):
    world = PRESETS[preset]
    for robot in robots(world):
        found = visits(world, robot, day_number(world.end))
        assert [visit.number for visit in found] == list(range(1, len(found) + 1))
        for before, after in itertools.pairwise(found):
            assert before.start < before.end < after.start
        for visit in found:
            low, high = visit.plan.cost_low_gbp, visit.plan.cost_high_gbp
            assert 100 * low <= visit.cost_pence <= 100 * high
            assert (visit.failing >= 0) == visit.plan.is_emergency


def test_what_is_known_of_visits_does_not_change_with_the_days_asked_for():
    robot = robots(PRESETS["demo"])[0]
    early = visits(PRESETS["demo"], robot, day_number(date(2024, 3, 1)))
    late = visits(PRESETS["demo"], robot, LATER)
    assert len(late) > len(early)
    until = day_number(date(2024, 12, 31)) * DAY_SECONDS
    assert [v for v in early if v.start < until] == [v for v in late if v.start < until]


def test_the_interval_factor_stretches_visits():
    counts = []
    for factor in (1.0, 4.0):
        world = replace(PRESETS["demo"], maintenance_interval_factor=factor)
        counts.append(sum(len(visits(world, robot, day_number(date(2024, 12, 31)))) for robot in robots(world)))
    assert 2.5 < counts[0] / counts[1] < 5


def test_wear_ramps_up_to_the_fault():
    world = PRESETS["demo"]
    fault = next(v for r in robots(world)[:1] for v in visits(world, r, LATER) if v.failing >= 0)
    robot = robots(world)[0]
    levels = [wear(world, robot, fault.start - hours * HOUR)[0] for hours in (13 * 24, 7 * 24, 24, 1)]
    assert levels == sorted(levels)
    assert levels[0] > 0
    assert levels[-1] > 0.99
    assert wear(world, robot, fault.start - HOUR)[1] == fault.failing


# --- lists -----------------------------------------------------------------------------------------------------------


def test_nobody_is_in_two_places(story):
    done = story.cases.only(story.cases.status != CANCELLED)
    for who in (done.robot, done.surgeon):
        order = np.lexsort([done.start, who])
        same = who[order][1:] == who[order][:-1]
        gaps = done.start[order][1:] - done.end[order][:-1]
        assert same.any()
        assert gaps[same].min() >= 30 * 60


def test_no_robot_operates_under_maintenance(story):
    done = story.cases.only(story.cases.status != CANCELLED)
    for robot in robots(story.world):
        mine = done.robot == robot.index
        for visit in visits(story.world, robot, day_number(story.world.end)):
            assert not (mine & (done.start < visit.end) & (done.end > visit.start)).any()


def test_theatres_work_in_business_hours(story):
    cases = story.cases
    done = cases.status != CANCELLED
    assert all(
        weekday(day) < 5 and not is_bank_holiday(day_of(day)) for day in set((cases.start // DAY_SECONDS).tolist())
    )
    assert (cases.start % DAY_SECONDS).min() >= 8 * HOUR
    assert (cases.start % DAY_SECONDS).max() < 18 * HOUR
    assert (cases.end[done] % DAY_SECONDS).max() <= 18 * HOUR
    assert not (cases.start % 60).any()
    assert not (cases.end % 60).any()
    assert (cases.end > cases.start).all()


def test_an_operation_lies_within_a_stay_that_was_for_it(story):
    cases = story.cases
    for i in range(len(cases)):
        key = (cases.facility[i].item(), cases.day[i].item(), cases.number[i].item())
        admitted, discharged, fit, is_elective, patient, _, ward = story.stays[key]
        kind = PROCEDURES[cases.procedure[i]]
        assert is_elective
        assert patient == cases.patient[i]
        assert (kind.category == "orthopaedics") == (ward == "ORTH")
        if kind.who != "anyone":
            assert slots().is_woman[patient % 100] == (kind.who == "woman")
        if cases.status[i] != CANCELLED:
            assert cases.start[i] >= admitted + HOUR
            assert cases.end[i] <= discharged - HOUR
            assert fit < 0 or cases.end[i] <= fit - HOUR
        else:
            assert admitted <= cases.start[i] < discharged


def test_robot_and_surgeon_are_there_and_do_such_things(story):
    cases = story.cases
    for i in range(len(cases)):
        at = month_number(day_of(cases.start[i].item() // DAY_SECONDS)) - month_number(baseline(story.world))
        robot, surgeon = robots(story.world)[cases.robot[i]], surgeons(story.world)[cases.surgeon[i]]
        assert robot.places[at] == surgeon.places[at] == cases.facility[i]
        assert robot.model == cases.model[i]
        assert does(robot.model, int(cases.procedure[i]))
        assert operates(surgeon.specialisation, PROCEDURES[cases.procedure[i]].category)


def test_a_stay_has_one_procedure_at_most(story):
    cases = story.cases
    names = {name_of(cases, i) for i in range(len(cases))}
    assert len(names) == len(cases) == len(story.outcomes)
    assert names == set(story.outcomes)


def test_surgeons_get_faster_with_cases(story):
    world = story.world
    cases = story.cases.only(story.cases.status == COMPLETED)
    minutes = (cases.end - cases.start) / 60
    usual = planned_minutes(cases.procedure, cases.complexity)
    pace = np.array([surgeon.pace for surgeon in surgeons(world)])[cases.surgeon]
    before = np.array([surgeon.prior for surgeon in surgeons(world)])
    so_far = np.zeros(len(cases))
    for i, surgeon in enumerate(cases.surgeon.tolist()):
        so_far[i] = before[surgeon]
        before[surgeon] += 1
    ratio = minutes / usual / pace
    beginners, experts = ratio[so_far < 10], ratio[so_far > 80]
    assert 1.25 < beginners.mean() < 1.5
    assert 0.95 < experts.mean() < 1.05


def test_parts_wear_before_a_fault_and_fail_in_passing(story):
    world, cases = story.world, story.cases
    known = [wear(world, robots(world)[r], s) for r, s in zip(cases.robot.tolist(), cases.start.tolist(), strict=True)]
    before_fault = np.array([level for level, _ in known])
    assert ((cases.wear > 0) == (cases.failing >= 0)).all()
    assert (cases.wear >= before_fault).all()
    assert share(before_fault > 0) > 0.01
    assert 0.015 < share(cases.wear > before_fault) < 0.025


def test_most_lists_begin_in_the_morning(story):
    done = story.cases.only(story.cases.status != CANCELLED)
    order = np.lexsort([done.start, done.robot])
    robot, day = done.robot[order], done.start[order] // DAY_SECONDS
    is_first = np.append(True, (robot[1:] != robot[:-1]) | (day[1:] != day[:-1]))
    assert share(done.start[order][is_first] % DAY_SECONDS <= 9 * HOUR) > 0.8


def test_conversions_take_longer(story):
    cases = story.cases
    extra = (cases.end - cases.start) / 60 - planned_minutes(cases.procedure, cases.complexity)
    assert extra[cases.status == CONVERTED].mean() - extra[cases.status == COMPLETED].mean() > 50


def test_the_portfolio_is_as_large_as_it_says_and_near_what_is_published(story):
    cases = story.cases
    assert 4_850 <= len(cases) <= 5_150
    assert len(set(cases.procedure.tolist())) >= 30
    assert 0.91 <= share(cases.status == COMPLETED) <= 0.94
    assert 0.04 <= share(cases.status == CANCELLED) <= 0.08
    assert set(cases.reason[cases.status == CANCELLED].tolist()) == set(range(len(REASONS)))
    assert set(cases.reason[cases.status != CANCELLED].tolist()) == {NO_REASON}
    done = cases.only(cases.status != CANCELLED)
    converted = share(done.status == CONVERTED)
    published = np.mean([PROCEDURES[p].conversion for p in done.procedure])
    assert abs(converted - published) < 0.01
    end = day_number(story.world.end) * DAY_SECONDS
    logs = [v for r in robots(story.world) for v in visits(story.world, r, day_number(story.world.end)) if v.end < end]
    assert 190 <= len(logs) <= 210
    assert {VISITS[visit.kind].name for visit in logs} == {kind.name for kind in VISITS}


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_outcomes_are_told_three_times_at_most_and_cancelled_ones_once(story):
    cases = story.cases
    long_ago = day_number(story.world.end) - 400
    for i in np.flatnonzero(cases.start // DAY_SECONDS < long_ago).tolist():
        name = name_of(cases, i)
        row = story.outcomes[name]
        if cases.status[i] == CANCELLED:
            assert story.versions[name] == 1
            assert row["success_status"] == "not_performed"
            assert {row[field] for field in row} == {name, "not_performed", None, row["updated_at"]}
        else:
            died = row["clavien_dindo_grade"] == "V"
            assert story.versions[name] == (2 if died else 3)
            assert (row["is_readmitted_30d"] is None) == died


def test_outcomes_agree_with_the_hospital_stay(story):
    cases = story.cases
    checked = 0
    for i in np.flatnonzero(cases.status != CANCELLED).tolist():
        row = story.outcomes[name_of(cases, i)]
        key = (cases.facility[i].item(), cases.day[i].item(), cases.number[i].item())
        _, discharged, _, _, patient, destination, _ = story.stays[key]
        assert row["was_converted"] == (cases.status[i] == CONVERTED)
        if row["stay_days"] is None:
            continue
        assert row["stay_days"] == discharged // DAY_SECONDS - cases.start[i] // DAY_SECONDS
        assert (row["clavien_dindo_grade"] == "V") == (destination == DIED)
        assert row["has_complication"] == (row["clavien_dindo_grade"] is not None)
        assert (row["success_status"] == "failure") == (row["clavien_dindo_grade"] in ("IVa", "IVb", "V"))
        if row["is_readmitted_30d"] is not None:
            returns = story.emergencies[key[0], patient.item()]
            expected = any(0 < second - discharged <= 30 * DAY_SECONDS for second in returns)
            assert row["is_readmitted_30d"] == expected
            told = row["updated_at"]
            assert told.time() == datetime(2000, 1, 1, 9).time()
            assert day_number(told.date()) == discharged // DAY_SECONDS + 31
            checked += 1
    assert checked > 4_000


def test_outcomes_are_near_what_is_published(story):
    cases = story.cases
    rows = [story.outcomes[name_of(cases, i)] for i in np.flatnonzero(cases.status != CANCELLED).tolist()]
    rows = [row for row in rows if row["has_complication"] is not None]
    kinds = [PROCEDURES[p] for p in cases.procedure[cases.status != CANCELLED].tolist()]
    complications = share([row["has_complication"] for row in rows])
    assert abs(complications - np.mean([kind.complication for kind in kinds])) < 0.02
    grades = Counter(row["clavien_dindo_grade"] for row in rows if row["has_complication"])
    assert set(grades) == set(COMPLICATION_GRADES)
    minor = (grades["I"] + grades["II"]) / grades.total()
    assert 0.60 <= minor <= 0.78
    assert 0.005 <= grades["V"] / grades.total() <= 0.03
    assert 0.001 <= grades["V"] / len(rows) <= 0.005
    blood = {True: [], False: []}
    for row in rows:
        blood[row["was_converted"]].append(row["blood_loss_ml"])
    assert 2.5 < np.median(blood[True]) / np.median(blood[False]) < 8
    says = [row["patient_satisfaction"] for row in rows if row["patient_satisfaction"] is not None]
    assert 0.6 < len(says) / len(rows) < 0.8
    assert set(says) <= set(range(1, 11))
