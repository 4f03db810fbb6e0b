from dataclasses import fields, replace
from heapq import heapify, heappop, heappush

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.errors import BadSetting
from loaders.world.calendar import DAY_SECONDS, day_number
from loaders.world.config import PRESETS, World, world_from
from loaders.world.network import facilities
from loaders.world.operations import (
    DIED,
    NO_TIME,
    BedPlan,
    Beds,
    Encounters,
    Told,
    day_one,
    first_come_first_served,
    months,
    operate,
)
from loaders.world.patients import nhs_numbers, registry, slots
from loaders.world.stays import discharge_times, expected, stay_seconds, world_shifts


def play(world: World, facility: int, days_at_a_time: int = 31) -> tuple[list[Told], object]:
    place = facilities(world)[facility]
    yesterday = day_one(world, place)
    told = []
    for first, last in months(day_number(world.start), day_number(world.end)):
        for start in range(first, last, days_at_a_time):
            part, yesterday = operate(world, place, yesterday, min(start + days_at_a_time, last))
            told.append(part)
    return told, yesterday


def together(told: list[Told], name: str) -> Encounters:
    parts = [getattr(part, name) for part in told]
    return Encounters(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Encounters)))


@pytest.fixture(scope="module")
def year() -> tuple[World, list[list[Told]]]:
    world = replace(PRESETS["demo"], days=366)
    return world, [play(world, facility)[0] for facility in range(world.facilities)]


@pytest.mark.parametrize("days_at_a_time", [1, 5, 13])
def test_ninety_runs_are_one_run(small_world, days_at_a_time):
    whole, end = play(small_world, 0)
    parts, end_of_parts = play(small_world, 0, days_at_a_time)
    for name in ("opening", "admissions", "discharges", "waiting"):
        for field in fields(Encounters):
            one, many = (getattr(together(told, name), field.name) for told in (whole, parts))
            assert (one == many).all(), (name, field.name)
    assert end.beds == end_of_parts.beds
    assert (end.busy_until == end_of_parts.busy_until).all()
    assert (end.openings == end_of_parts.openings).all()
    snapshots = [np.concatenate([t.snapshots[:-1] for t in told]) for told in (whole, parts)]
    assert (snapshots[0] == snapshots[1]).all()


def test_a_longer_world_begins_with_the_shorter_one(small_world):
    short, _ = play(replace(small_world, days=10), 1)
    long, _ = play(small_world, 1)
    few, many = together(short, "admissions"), together(long, "admissions")
    assert (few.admitted == many.admitted[: len(few)]).all()
    assert (few.patient == many.patient[: len(few)]).all()


def test_a_patient_is_in_one_bed_at_a_time_and_never_admitted_twice_on_a_day(year):
    for told in year[1]:
        stays = together(told, "admissions")
        order = np.lexsort([stays.admitted, stays.patient])
        same = stays.patient[order][1:] == stays.patient[order][:-1]
        days_between = stays.asked[order][1:] // DAY_SECONDS - stays.discharged[order][:-1] // DAY_SECONDS
        assert (days_between[same] >= 1).all()
        assert same.sum() > 1000


def test_the_dead_are_not_admitted_again(year):
    for told in year[1]:
        stays = together(told, "admissions")
        dead = set(stays.patient[stays.destination == DIED].tolist())
        last = {}
        for patient, admitted, destination in zip(stays.patient, stays.admitted, stays.destination, strict=True):
            if patient in dead:
                assert last.get(patient) != DIED
                last[patient] = destination
                assert admitted > 0


def test_beds_are_given_in_the_order_of_requests(year):
    for told in year[1]:
        stays = together(told, "admissions")
        for ward in range(12):
            mine = stays.only(stays.ward == ward)
            order = np.argsort(mine.asked, kind="stable")
            assert (np.diff(mine.admitted[order]) >= 0).all()
            assert (mine.admitted >= mine.asked).all()


def test_occupied_beds_are_open_beds_within_the_bound(year):
    world, network = year
    for facility, told in zip(facilities(world), network, strict=True):
        snapshots = np.concatenate([part.snapshots for part in told])
        staffed, capacity, occupied, waiting = (snapshots[:, :, i] for i in range(4))
        assert (occupied <= capacity).all()
        assert (staffed <= capacity).all()
        assert (capacity <= np.array([ward.bed_spaces for ward in facility.wards])).all()
        assert (waiting >= 0).all()
        assert (capacity > staffed).any()


def test_the_census_is_admissions_less_discharges(year):
    for told in year[1]:
        admissions, discharges = together(told, "admissions"), together(told, "discharges")
        opening = together(told, "opening")
        for ward in (0, 5, 11):
            snapshots = np.concatenate([part.snapshots[:-1, ward, 2] for part in told])
            days = np.concatenate([np.arange(part.first_day, part.last_day) for part in told]) * DAY_SECONDS
            came = np.searchsorted(np.sort(admissions.admitted[admissions.ward == ward]), days)
            left = np.searchsorted(np.sort(discharges.discharged[discharges.ward == ward]), days)
            assert (snapshots == (opening.ward == ward).sum() + came - left).all()


def test_everyone_who_waits_is_on_the_list_every_morning(year):
    for told in year[1]:
        admissions, waiting = together(told, "admissions"), together(told, "waiting")
        days = np.concatenate([part.waiting_day for part in told])
        assert (waiting.asked < days * DAY_SECONDS).all()
        assert (waiting.admitted >= days * DAY_SECONDS).all()
        for part in told[:2]:
            lengths = part.snapshots[:-1, :, 3].sum(axis=1)
            counted = np.bincount(part.waiting_day - part.first_day, minlength=len(lengths))
            assert (counted == lengths).all()
        overnight = admissions.admitted // DAY_SECONDS > admissions.asked // DAY_SECONDS
        assert set(
            admissions.patient[overnight & (admissions.asked >= told[0].first_day * DAY_SECONDS)].tolist()
        ) <= set(waiting.patient.tolist())


def test_the_first_day_is_like_any_other(year):
    for told in year[1]:
        census = np.concatenate([part.snapshots[:-1, :, 2].sum(axis=1) for part in told])
        assert 0.9 < census[:7].mean() / census.mean() < 1.1
        admissions, discharges = (together(told, name) for name in ("admissions", "discharges"))
        first_fortnight = told[0].first_day * DAY_SECONDS + 14 * DAY_SECONDS
        expected_share = 14 / 366
        for times in (admissions.admitted, discharges.discharged):
            assert 0.7 < (times < first_fortnight).mean() / expected_share < 1.3
        elapsed = (told[0].first_day * DAY_SECONDS - together(told, "opening").admitted) / DAY_SECONDS
        assert 0.1 < (elapsed > 21).mean() < 0.3


def test_people_fit_and_delayed_are_as_many_as_set(year):
    for told in year[1]:
        left = together(told, "discharges")
        alive = left.destination != DIED
        assert (left.medically_fit[~alive] == NO_TIME).all()
        assert (left.medically_fit[alive] >= left.admitted[alive]).all()
        assert (left.medically_fit[alive] <= left.discharged[alive]).all()
        delay = np.where(alive, left.discharged // DAY_SECONDS - left.medically_fit // DAY_SECONDS, 0)
        assert 0.11 < (delay >= 1).mean() < 0.155
        assert 0.035 < (delay >= 5).mean() < 0.065
        assert 4 < delay[delay >= 1].mean() < 9


@pytest.mark.parametrize(("share", "long_share"), [(0.0, 0.0), (0.2, 0.08)])
def test_shares_of_delayed_discharges_are_settings(share, long_share):
    world = replace(PRESETS["demo"], days=120, delayed_share=share, long_delayed_share=long_share)
    left = together(play(world, 0)[0], "discharges")
    delay = np.where(left.destination == DIED, 0, left.discharged // DAY_SECONDS - left.medically_fit // DAY_SECONDS)
    assert (delay >= 1).mean() == pytest.approx(share, abs=0.025)
    assert (delay >= 5).mean() == pytest.approx(long_share, abs=0.02)


def test_the_year_agrees_with_what_is_published(year):
    world, network = year
    wards = facilities(world)[0].wards
    general = [i for i, ward in enumerate(wards) if ward.plan.is_general_acute]
    snapshots = np.sum([np.concatenate([part.snapshots[:-1] for part in told]) for told in network], axis=0)
    occupancy = snapshots[:, general, 2].sum(axis=1) / snapshots[:, general, 1].sum(axis=1)
    starts = np.cumsum([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    by_month = np.add.reduceat(occupancy, starts) / np.diff([*starts, 366])
    assert (by_month >= 0.915).all()
    assert (by_month <= 0.955).all()
    assert 0.02 <= by_month.max() - by_month.min() <= 0.05

    left = [together(told, "discharges") for told in network]
    stays = np.concatenate([(d.discharged - d.admitted) / DAY_SECONDS for d in left])
    assert 2 <= np.median(stays) <= 4
    assert 4.5 <= stays.mean() <= 9

    days = np.concatenate([d.discharged // DAY_SECONDS for d in left])
    index = np.bincount((days + 3) % 7, minlength=7)
    assert index.argmax() == 4
    assert index.argmin() == 6

    came = [together(told, "admissions") for told in network]
    waits = np.concatenate([(a.admitted - a.asked)[~a.is_elective] / 3600 for a in came])
    assert 1.2 <= np.median(waits) <= 2.3
    assert 11 <= np.percentile(waits, 95) <= 18
    assert 0.21 <= (waits > 4).mean() <= 0.32


def test_littles_law_holds(year):
    """Mean census = admissions a day × mean stay: nobody appears, vanishes or stays uncounted."""
    world, network = year
    for told in network:
        start, end = told[0].first_day * DAY_SECONDS, told[-1].last_day * DAY_SECONDS
        everyone = [together(told, name) for name in ("opening", "admissions")]
        in_bed = sum(
            (np.minimum(e.discharged, end) - np.maximum(e.admitted, start)).clip(min=0).sum() for e in everyone
        )
        census = np.concatenate([part.snapshots[:, :, 2].sum(axis=1) for part in told])
        assert in_bed / (world.days * DAY_SECONDS) == pytest.approx(census.mean(), rel=0.03)


# --- contention against a queue written the long way -----------------------------------------------------------------


def the_long_way(requests, first_shift, shifts, plan, beds, last_day):
    """One event at a time: reviews, departures and the head of the queue, in order of time."""
    leaving = list(beds.leaving)
    heapify(leaving)
    capacity, staffed, review = beds.capacity, beds.staffed, beds.next_review
    moved, offered = beds.moved, beds.offered
    starts, ends, changes = [], [], []
    for asked, transfer, patience, stay, leave_second, leave_draw in requests:
        now = max(asked, offered)
        while True:
            while leaving and leaving[0] <= min(now, review):
                heappop(leaving)
            if review <= now:
                day = review // DAY_SECONDS - plan.first_day
                while leaving and leaving[0] <= review:
                    heappop(leaving)
                wanted = round(len(leaving) / plan.occupancy[day])
                staffed = max(plan.fewest[day], min(plan.funded[day], wanted))
                capacity = max(len(leaving), staffed, min(plan.spaces, wanted))
                changes.append((review, staffed, capacity))
                review += DAY_SECONDS
                continue
            while leaving and leaving[0] <= now:
                heappop(leaving)
            if len(leaving) < capacity:
                break
            moments = [leaving[0], review]
            if capacity < plan.spaces:
                moments.append(max(now, asked + patience))
            following = min(moments)
            if capacity < plan.spaces and following == moments[2] and following < min(leaving[0], review):
                now = following
                capacity += 1
                changes.append((now, staffed, capacity))
                break
            now = following
        offered = now
        moved = max(moved, now + transfer)
        end = int(
            discharge_times(
                np.array([moved]),
                np.array([stay]),
                np.array([leave_second]),
                np.array([leave_draw]),
                shifts,
                first_shift,
            )[0]
        )
        heappush(leaving, end)
        starts.append(moved)
        ends.append(end)
    while review < last_day * DAY_SECONDS:
        while leaving and leaving[0] <= review:
            heappop(leaving)
        day = review // DAY_SECONDS - plan.first_day
        wanted = round(len(leaving) / plan.occupancy[day])
        staffed = max(plan.fewest[day], min(plan.funded[day], wanted))
        capacity = max(len(leaving), staffed, min(plan.spaces, wanted))
        changes.append((review, staffed, capacity))
        review += DAY_SECONDS
    return starts, ends, changes


one_request = st.tuples(
    st.integers(0, 9 * DAY_SECONDS),
    st.integers(0, 7_200),
    st.integers(0, 2 * DAY_SECONDS),
    st.integers(600, 6 * DAY_SECONDS),
    st.integers(0, DAY_SECONDS - 1),
    st.integers(0, 255),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(one_request, max_size=60), st.integers(1, 6), st.integers(0, 3), st.integers(1, 8))
def test_the_queue_is_the_one_written_the_long_way(requests, funded, escalation, patients_at_first):
    world = PRESETS["demo"]
    first_shift, shifts = world_shifts(world)
    first_day = day_number(world.start)
    base = first_day * DAY_SECONDS
    requests = sorted((asked + base, *rest) for asked, *rest in requests)
    days = 80
    plan = BedPlan(first_day, [funded] * days, [max(1, funded - 1)] * days, [0.9] * days, funded + escalation + 1)
    leaving = tuple(base + 3_600 * (i + 1) for i in range(min(patients_at_first, plan.spaces)))
    beds = Beds(leaving, base, base, funded, max(funded, len(leaving)), base + 9 * 3_600)
    fate = [list(column) for column in zip(*requests, strict=True)] or [[] for _ in range(6)]
    starts, ends, _, changes = first_come_first_served(fate, shifts, first_shift, plan, beds, first_day + 10)
    assert (starts, ends, changes) == the_long_way(requests, first_shift, shifts, plan, beds, first_day + 10)


def test_a_queue_that_can_only_grow_is_an_error_that_says_so():
    world = world_from("demo", {"demand": "1.15", "escalation_factor": "0", "days": "366", "review_occupancy": "1.3"})
    with pytest.raises(BadSetting, match="lower demand, or raise escalation_factor"):
        play(replace(world, days=800), 0)


def test_a_registry_that_runs_out_is_an_error_that_says_so():
    world = replace(PRESETS["demo"], days=200, initial_patients=300, max_patients=300, new_patients_per_day=0)
    with pytest.raises(BadSetting, match="nobody left to fall ill"):
        play(world, 0)


# --- stays and patients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("department", PRESETS["demo"].departments, ids=lambda d: d.code)
def test_stays_are_truncated_lognormals(department):
    draws = (np.arange(20_000) + 0.5) / 20_000
    days = stay_seconds(department, 0.0, draws) / DAY_SECONDS
    assert np.median(days) == pytest.approx(department.stay_median_days, rel=0.04)
    assert days.mean() == pytest.approx(department.stay_mean_days, rel=0.14)
    assert days.max() <= department.stay_max_days
    longer = stay_seconds(department, 0.01, draws) / DAY_SECONDS
    assert 1.0 < longer.mean() / days.mean() < 1.12
    assert expected(PRESETS["demo"], department).stay_days > days.mean()


def test_a_hundred_slots_are_a_fair_sample():
    found = slots()
    assert len(found.band) == 100
    assert 0.48 < found.is_woman.mean() < 0.54
    assert set(found.of["elder"]) <= set(found.of["adult"])
    assert not set(found.of["child"]) & set(found.of["adult"])
    assert found.is_woman[found.of["woman"]].all()


def test_patients_are_who_they_are_whoever_asks():
    world, place = PRESETS["demo"], facilities(PRESETS["demo"])[1]
    everyone = registry(world, place, np.arange(2_000))
    some = registry(world, place, np.array([1_999, 3, 77]))
    assert some.given_name.tolist() == everyone.given_name[[1_999, 3, 77]].tolist()
    assert some.nhs_number.tolist() == everyone.nhs_number[[1_999, 3, 77]].tolist()


def test_departments_get_the_patients_they_are_for(year):
    world, network = year
    place = facilities(world)[0]
    stays = together(network[0], "admissions")
    code = np.array([ward.plan.code for ward in place.wards])[stays.ward]
    start = np.datetime64(world.start, "D")
    for department, oldest, youngest in (("PAED", 18, 0), ("GERI", 110, 74), ("CARD", 110, 17)):
        who = registry(world, place, np.unique(stays.patient[code == department]))
        age = (start - who.date_of_birth).astype(int) / 365.25
        assert age.max() < oldest
        assert age.min() >= youngest
    assert registry(world, place, np.unique(stays.patient[code == "GYNA"])).is_woman.all()


def test_nhs_numbers_are_valid_unique_and_of_the_test_range():
    world = PRESETS["demo"]
    numbers = np.concatenate(
        [registry(world, place, np.arange(place.max_patients)).nhs_number for place in facilities(world)]
    )
    assert len(np.unique(numbers)) == len(numbers) == world.max_patients
    for number in numbers[:500].tolist():
        digits = [int(d) for d in str(number)]
        assert digits[:3] == [9, 9, 9]
        check = 11 - sum(d * w for d, w in zip(digits, range(10, 1, -1), strict=False)) % 11
        assert digits[9] == check % 11
    assert len(nhs_numbers()) > 900_000
