"""Hospital operations as a story in three acts, a facility at a time.

Fate: when people ask for a bed, how long they will stay, who is delayed; vector draws that depend on nobody else.
Contention: patients compete for beds, the one loop. Telling: who was admitted, discharged and waiting on which day.

State passes from day to day as one frozen dataclass, and every month's fate is a function of the world, so it makes
no difference whether ninety days are made in one run or in ninety.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from heapq import heapify, heappop, heappush, heapreplace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.errors import BadSetting
from loaders.world.calendar import (
    DAY_SECONDS,
    HOUR_SECONDS,
    day_number,
    day_of,
    is_bank_holiday,
    month_number,
    month_start,
    weekday,
)
from loaders.world.config import (
    HOUR_DISCHARGE,
    HOUR_ELECTIVE,
    MONTH_OCCUPANCY,
    MONTH_REQUESTS,
    WEEKDAY_ELECTIVE,
    WEEKDAY_EMERGENCY,
    World,
)
from loaders.world.network import Facility, funded_beds
from loaders.world.patients import BLOCK, registered, slots
from loaders.world.rng import Streams
from loaders.world.stays import (
    SHIFT_STEPS,
    discharge_times,
    expected,
    request_profile,
    seconds_of_day,
    stay_seconds,
    stay_table,
    world_shifts,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER = 1 << 60
FOREVER_BUSY = 1 << 30
DESTINATIONS = ("usual_residence", "care_home", "other_hospital", "died")
DIED = DESTINATIONS.index("died")
NO_TIME = -1
LONG_DELAY_DAYS = 5
LONGEST_WAIT_DAYS = 60
RETURN_DAYS = 30
FULLEST = 0.985


@dataclass(frozen=True)
class Encounters:
    """Parallel arrays, one element an encounter. Times are UTC seconds; `medically_fit` is -1 for those who died."""

    ward: Ints
    day: Ints
    number: Ints
    patient: Ints
    is_elective: NDArray[np.bool_]
    asked: Ints
    admitted: Ints
    discharged: Ints
    medically_fit: Ints
    destination: Ints

    def __len__(self) -> int:
        return len(self.ward)

    def only(self, which: NDArray[Any]) -> "Encounters":
        """The encounters that a mask or an index picks."""
        return Encounters(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class Beds:
    """A ward's beds as the last patient found them: who leaves when, and what is open."""

    leaving: tuple[int, ...]
    offered: int
    moved: int
    staffed: int
    capacity: int
    next_review: int


@dataclass(frozen=True)
class Yesterday:
    """All that the next day needs to know about a facility.

    `openings` are changes of open beds not yet told, as rows of (ward, second, staffed beds, capacity); `busy_until` is
    the last day, by patient number, on which a patient cannot be admitted.
    """

    next_day: int
    beds: tuple[Beds, ...]
    open_encounters: Encounters
    openings: Ints
    busy_until: Ints


@dataclass(frozen=True)
class Requests:
    """Fate: parallel arrays, one element a request for a bed, in the order in which a facility hears them."""

    ward: Ints
    day: Ints
    number: Ints
    is_elective: NDArray[np.bool_]
    asked: Ints
    stay: Ints
    leave_second: Ints
    leave_draw: Ints
    transfer: Ints
    patience: Ints
    delay_draw: Floats
    delay_length_draw: Floats
    fit_draw: Floats
    destination_draw: Floats
    block_draw: Floats
    slot_draw: Floats
    return_draw: Floats

    def __len__(self) -> int:
        return len(self.ward)


@dataclass(frozen=True)
class Told:
    """What happened at a facility from `first_day` to `last_day` (exclusive).

    `snapshots` has a row a midnight and ward, `last_day`'s included: columns are staffed beds, capacity, occupied
    beds and people waiting, shape (days + 1, wards, 4). `opening` are the patients found in bed at the world's start.
    """

    facility: Facility
    first_day: int
    last_day: int
    opening: Encounters
    admissions: Encounters
    discharges: Encounters
    waiting: Encounters
    waiting_day: Ints
    snapshots: Ints


def operate(world: World, facility: Facility, yesterday: Yesterday, last_day: int) -> tuple[Told, Yesterday]:
    """A facility from `yesterday.next_day` to `last_day` (exclusive), which is in the same month."""
    asked = requests(world, facility, yesterday.next_day, last_day)
    admitted, discharged, beds, openings = compete(world, facility, asked, yesterday.beds, last_day)
    fit, destination = endings(world, facility, asked, admitted, discharged)
    patient, busy_until = identify(world, facility, asked, discharged, destination, yesterday.busy_until)
    new = Encounters(
        asked.ward,
        asked.day,
        asked.number,
        patient,
        asked.is_elective,
        asked.asked,
        admitted,
        discharged,
        fit,
        destination,
    )
    everyone = _together(yesterday.open_encounters, new)
    openings = np.concatenate([yesterday.openings, openings])
    told = tell(world, facility, everyone, openings, yesterday.next_day, last_day)
    end = last_day * DAY_SECONDS
    return told, Yesterday(
        last_day, beds, everyone.only(everyone.discharged >= end), _still_to_tell(openings, end), busy_until
    )


def months(first_day: int, last_day: int) -> Iterator[tuple[int, int]]:
    """The parts of a run of days that lie in one month each."""
    while first_day < last_day:
        following = day_number(month_start(month_number(day_of(first_day)) + 1))
        yield first_day, min(following, last_day)
        first_day = following


# --- fate ------------------------------------------------------------------------------------------------------------


def request_rates(world: World, facility: Facility, month: int) -> Floats:
    """Expected requests of a month by day, ward and method (emergency, elective): shape (days, wards, 2)."""
    start, end = day_number(month_start(month)), day_number(month_start(month + 1))
    holidays = np.array([is_bank_holiday(day_of(day)) for day in range(start, end)])
    weekdays = np.array([weekday(day) for day in range(start, end)])
    by_day = np.stack(
        [
            np.array(WEEKDAY_EMERGENCY)[weekdays] * np.where(holidays, world.bank_holiday_emergency, 1),
            np.array(WEEKDAY_ELECTIVE)[weekdays] * np.where(holidays, world.bank_holiday_elective, 1),
        ],
        axis=1,
    )
    by_ward = np.array(
        [
            (plan.emergency_share * MONTH_REQUESTS[plan.season][month % 12], 1 - plan.emergency_share)
            for plan in (ward.plan for ward in facility.wards)
        ]
    )
    daily = [ward.planned_beds * ward.plan.occupancy / expected(world, ward.plan).stay_days for ward in facility.wards]
    return world.demand * np.array(daily)[None, :, None] * by_ward[None] * by_day[:, None]


def requests(world: World, facility: Facility, first_day: int, last_day: int) -> Requests:
    """Who asks for a bed from `first_day` to `last_day` (exclusive), which are in one month, and their fate.

    The whole month is drawn whichever of its days are asked for.
    """
    month = month_number(day_of(first_day))
    start = day_number(month_start(month))
    streams = Streams(world.seed)

    def stream(quantity: str) -> np.random.Generator:
        return streams(f"operations.{quantity}", facility.index, month)

    counts = stream("requests").poisson(request_rates(world, facility, month))
    total = int(counts.sum())
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    day_index, ward, method = np.unravel_index(cell, counts.shape)
    is_elective = method == 1
    when = stream("second").random(total)
    second = np.where(
        is_elective, seconds_of_day(HOUR_ELECTIVE, when), seconds_of_day(request_profile(world.ed_hours), when)
    )
    asked = (start + day_index) * DAY_SECONDS + second
    stay_draw = stream("stay").random(total)
    stay = np.zeros(total, np.int64)
    for w, place in enumerate(facility.wards):
        stay[ward == w] = stay_seconds(place.plan, world.extreme_stay_share, stay_draw[ward == w])
    heard = np.argsort(asked, kind="stable")
    in_day = np.concatenate([np.arange(n) for n in counts.sum(axis=(1, 2))]) if total else np.zeros(0, np.int64)
    everyone = Requests(
        ward=ward[heard],
        day=(start + day_index)[heard],
        number=in_day,
        is_elective=is_elective[heard],
        asked=asked[heard],
        stay=stay[heard],
        leave_second=seconds_of_day(HOUR_DISCHARGE, stream("leave_second").random(total))[heard],
        leave_draw=stream("leave_draw").integers(0, SHIFT_STEPS, total, dtype="i4")[heard].astype(np.int64),
        transfer=_lognormal_seconds(stream("transfer"), world.transfer_hours, world.transfer_sigma, total)[heard],
        patience=_lognormal_seconds(
            stream("patience"), world.escalation_wait_hours, world.escalation_wait_sigma, total
        )[heard],
        delay_draw=stream("delay").random(total)[heard],
        delay_length_draw=stream("delay_length").random(total)[heard],
        fit_draw=stream("fit").random(total)[heard],
        destination_draw=stream("destination").random(total)[heard],
        block_draw=stream("patient_block").random(total)[heard],
        slot_draw=stream("patient_slot").random(total)[heard],
        return_draw=stream("patient_returns").random(total)[heard],
    )
    first, last = np.searchsorted(everyone.asked, [first_day * DAY_SECONDS, last_day * DAY_SECONDS])
    return Requests(*(getattr(everyone, field.name)[first:last] for field in fields(Requests)))


def _lognormal_seconds(stream: np.random.Generator, median_hours: float, sigma: float, total: int) -> Ints:
    return (np.exp(stream.standard_normal(total) * sigma) * (median_hours * HOUR_SECONDS)).astype(np.int64)


# --- contention ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BedPlan:
    """What a ward's morning reviews go by, a day each from `first_day`; `spaces` is the bound that capacity keeps."""

    first_day: int
    funded: list[int]
    fewest: list[int]
    occupancy: list[float]
    spaces: int


def compete(
    world: World, facility: Facility, asked: Requests, beds: tuple[Beds, ...], last_day: int
) -> tuple[Ints, Ints, tuple[Beds, ...], Ints]:
    """Who is admitted and discharged when, the beds they leave behind, and the changes of open beds on the way."""
    admitted, discharged = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
    after, openings = [], [np.zeros((0, 4), np.int64)]
    first_shift, shifts = world_shifts(world)
    for w in range(len(facility.wards)):
        mine = np.flatnonzero(asked.ward == w)
        starts, ends, left, changes = first_come_first_served(
            [getattr(asked, name)[mine].tolist() for name in FATE],
            shifts,
            first_shift,
            bed_plan(world, facility, w),
            beds[w],
            last_day,
        )
        admitted[mine], discharged[mine] = starts, ends
        after.append(left)
        if changes:
            openings.append(np.insert(np.array(changes, np.int64), 0, w, axis=1))
    return admitted, discharged, tuple(after), np.concatenate(openings)


FATE = ("asked", "transfer", "patience", "stay", "leave_second", "leave_draw")


@lru_cache(maxsize=4096)
def bed_plan(world: World, facility: Facility, ward: int) -> BedPlan:
    """A ward's reviews, from the lead-in to the longest wait after the world's end."""
    place = facility.wards[ward]
    goal = place.plan.occupancy * expected(world, place.plan).review_swing * world.review_occupancy
    has_season = place.plan.is_general_acute and place.plan.catchment != "child"
    first_day = day_number(world.start) - world.lead_in_days
    funded: list[int] = []
    occupancy: list[float] = []
    for first, last in months(first_day, day_number(world.end) + LONGEST_WAIT_DAYS + 1):
        month = month_number(day_of(first))
        funded += [funded_beds(world, facility.index, ward, month)] * (last - first)
        season = MONTH_OCCUPANCY[month % 12] if has_season else 1
        occupancy += [min(FULLEST * season, goal * season, 0.995)] * (last - first)
    fewest = [ceil(beds * (1 - world.closed_bed_share)) for beds in funded]
    return BedPlan(first_day, funded, fewest, occupancy, place.bed_spaces)


def first_come_first_served(
    fate: list[list[int]], shifts: list[bytes], first_shift: int, plan: BedPlan, beds: Beds, last_day: int
) -> tuple[list[int], list[int], Beds, list[tuple[int, int, int]]]:
    """One ward's queue, strictly in the order of requests.

    A bed is offered when one is open and free; a patient moves in after a transfer, never before those who asked
    earlier. Each morning's review staffs and opens the beds that today's patients need at the planned occupancy,
    within bounds. Whoever has waited longer than their patience gets an escalation bed while there is space.

    `fate` are lists in the order of FATE. Returns admissions, discharges, the beds afterwards and the changes of
    open beds as (second, staffed, capacity).
    """
    leaving = [*beds.leaving, NEVER]
    heapify(leaving)
    offered, moved = beds.offered, beds.moved
    staffed, capacity, next_review = beds.staffed, beds.capacity, beds.next_review
    spaces = plan.spaces
    starts: list[int] = []
    ends: list[int] = []
    changes: list[tuple[int, int, int]] = []
    day_seconds, hour_seconds = DAY_SECONDS, HOUR_SECONDS
    longest_wait = LONGEST_WAIT_DAYS * DAY_SECONDS

    def review() -> None:
        nonlocal staffed, capacity, next_review
        while leaving[0] <= next_review:
            heappop(leaving)
        used = len(leaving) - 1
        day = next_review // day_seconds - plan.first_day
        wanted = round(used / plan.occupancy[day])
        staffed = max(plan.fewest[day], min(plan.funded[day], wanted))
        capacity = max(used, staffed, min(spaces, wanted))
        changes.append((next_review, staffed, capacity))
        next_review += day_seconds

    for asked, transfer, patience, stay, leave_second, leave_draw in zip(*fate, strict=True):
        now = asked if asked > offered else offered
        if now - asked > longest_wait:
            raise BadSetting(
                f"a queue has grown past {LONGEST_WAIT_DAYS} days: more beds are asked for than there are; "
                "lower demand, or raise escalation_factor"
            )
        while now >= next_review:
            review()
        while len(leaving) > capacity and leaving[0] > now:
            free = leaving[0] if leaving[0] < next_review else next_review
            if capacity < spaces and max(now, asked + patience) < free:
                now = max(now, asked + patience)
                capacity += 1
                changes.append((now, staffed, capacity))
            else:
                now = free
                if now == next_review:
                    review()
        offered = now
        start = now + transfer
        if start < moved:
            start = moved
        moved = start
        end = start + stay
        day = end // day_seconds
        if day > start // day_seconds:
            end = (day + shifts[day - first_shift][leave_draw]) * day_seconds + leave_second
        elif stay < hour_seconds:
            end = start + hour_seconds
        if leaving[0] <= now:
            heapreplace(leaving, end)
        else:
            heappush(leaving, end)
        starts.append(start)
        ends.append(end)
    while next_review < last_day * day_seconds:
        review()
    leaving.remove(NEVER)
    left = Beds(tuple(sorted(leaving)), offered, moved, staffed, capacity, next_review)
    return starts, ends, left, changes


# --- endings and identities ------------------------------------------------------------------------------------------


def endings(world: World, facility: Facility, asked: Requests, admitted: Ints, discharged: Ints) -> tuple[Ints, Ints]:
    """When each patient was medically fit to leave, and where they went.

    A delayed discharge is one at least a day after the day of fitness. Only stays with nights to spare can be delayed;
    their chances are set so that the shares of all discharges are the world's. Those who died were never fit.
    """
    plans = [ward.plan for ward in facility.wards]
    draw = asked.destination_draw
    died = draw < np.array([plan.mortality for plan in plans])[asked.ward] * np.where(asked.is_elective, 0.2, 1.0)
    long_chance, short_chance = delay_chances(world, facility)
    leave_day = discharged // DAY_SECONDS
    nights = leave_day - admitted // DAY_SECONDS
    long = ~died & (nights > LONG_DELAY_DAYS) & (asked.delay_draw < long_chance)
    short = ~died & ~long & (nights >= 2) & (asked.delay_draw > 1 - short_chance)
    length = asked.delay_length_draw
    delay_days = np.where(long, LONG_DELAY_DAYS + (-16 * np.log1p(-length)).astype(np.int64), 0)
    delay_days = np.where(short, 1 + (4 * length).astype(np.int64), delay_days)
    delay_days = np.minimum(delay_days, nights - 1).clip(min=0)
    ward_round = (leave_day - delay_days) * DAY_SECONDS + ((8 + 6 * asked.fit_draw) * HOUR_SECONDS).astype(np.int64)
    earliest = np.maximum(admitted, leave_day * DAY_SECONDS)
    same_day = np.maximum(earliest, discharged - ((1 + 5 * asked.fit_draw) * HOUR_SECONDS).astype(np.int64))
    fit = np.where(died, NO_TIME, np.where(delay_days > 0, ward_round, same_day))
    care_home = np.where(delay_days > 0, 0.24, 0.025)
    survived = np.where(draw < 0.5, draw * 2, draw * 2 - 1)
    destination = np.where(survived < care_home, 1, np.where(survived > 0.97, 2, 0))
    return fit, np.where(died, DIED, destination)


def delay_chances(world: World, facility: Facility) -> tuple[float, float]:
    """The chances of a long and of a short delay for those who can have one."""
    weights = request_rates(world, facility, month_number(world.start)).sum(axis=(0, 2))
    nights = np.average([expected(world, ward.plan).nights for ward in facility.wards], axis=0, weights=weights)
    alive = 1 - np.average([ward.plan.mortality for ward in facility.wards], weights=weights)
    long = world.long_delayed_share / (nights[LONG_DELAY_DAYS + 1] * alive)
    short = (world.delayed_share - world.long_delayed_share) / (nights[2] * alive - world.long_delayed_share)
    return min(long, 1.0), min(short, 1.0)


def identify(
    world: World,
    facility: Facility,
    asked: Requests,
    discharged: Ints,
    destination: Ints,
    busy_until: Ints,
) -> tuple[Ints, Ints]:
    """Which patient each request is, and until which day each patient is busy from then on.

    A patient of the department's catchment, drawn evenly from those registered who are neither waiting nor in a bed,
    and did not leave one on the same day. Some emergency patients are back: they are drawn from those discharged in the
    30 days before.
    """
    blocks = {day: registered(world, facility, day) // BLOCK for day in np.unique(asked.day).tolist()}
    block_count = np.array([blocks[day] for day in asked.day.tolist()], np.int64)
    busy = array("q", busy_until.tobytes())
    slot = np.zeros(len(asked), np.int64)
    for w, ward in enumerate(facility.wards):
        allowed = slots().of[ward.plan.catchment]
        mine = asked.ward == w
        slot[mine] = allowed[(asked.slot_draw[mine] * len(allowed)).astype(np.int64)]
    first_choice = (asked.block_draw * block_count).astype(np.int64) * BLOCK + slot
    until = np.where(destination == DIED, FOREVER_BUSY, discharged // DAY_SECONDS)
    is_back = ~asked.is_elective & (asked.return_draw < world.returning_share)
    patients = []
    for patient, day, limit, last_day, back in zip(
        first_choice.tolist(),
        asked.day.tolist(),
        (block_count * BLOCK).tolist(),
        until.tolist(),
        is_back.tolist(),
        strict=True,
    ):
        tries = 0
        if back:
            left_of_late = (p % limit for p in range(patient, patient + limit, BLOCK))
            patient = next((p for p in left_of_late if 0 < day - busy[p] <= RETURN_DAYS), patient)
        while busy[patient] >= day:
            patient += BLOCK
            if patient >= limit:
                patient %= BLOCK
            tries += BLOCK
            if tries > limit:
                raise BadSetting(
                    "the registry has nobody left to fall ill: raise initial_patients or new_patients_per_day"
                )
        busy[patient] = last_day
        patients.append(patient)
    return np.array(patients, np.int64), np.frombuffer(busy, np.int64)


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(world: World, facility: Facility, everyone: Encounters, openings: Ints, first_day: int, last_day: int) -> Told:
    """What a facility's encounters and open beds come to, from `first_day` to `last_day` (exclusive)."""
    start, end = first_day * DAY_SECONDS, last_day * DAY_SECONDS
    midnights = np.arange(first_day, last_day + 1) * DAY_SECONDS
    snapshots = np.zeros((len(midnights), len(facility.wards), 4), np.int64)
    for w in range(len(facility.wards)):
        mine = everyone.ward == w
        times = (everyone.asked, everyone.admitted, everyone.discharged)
        before = [np.searchsorted(np.sort(time[mine]), midnights) for time in times]
        opened = openings[openings[:, 0] == w]
        latest = np.searchsorted(opened[:, 1], midnights) - 1
        snapshots[:, w, :2] = opened[latest, 2:]
        snapshots[:, w, 2] = before[1] - before[2]
        snapshots[:, w, 3] = before[0] - before[1]
    is_first = first_day == day_number(world.start)
    admissions = everyone.only((everyone.admitted >= start) & (everyone.admitted < end))
    discharges = everyone.only((everyone.discharged >= start) & (everyone.discharged < end))
    first_wait = np.maximum(-(-(everyone.asked + 1) // DAY_SECONDS), first_day)
    last_wait = np.minimum(everyone.admitted // DAY_SECONDS, last_day - 1)
    mornings = np.maximum(last_wait - first_wait + 1, 0)
    waiting = everyone.only(np.repeat(np.arange(len(everyone)), mornings))
    waiting_day = np.repeat(first_wait, mornings) + _counts_up(mornings)
    by_day = np.lexsort([waiting.asked, waiting_day])
    return Told(
        facility=facility,
        first_day=first_day,
        last_day=last_day,
        opening=_by_time(everyone.only(everyone.admitted < start), "admitted") if is_first else everyone.only(NOBODY),
        admissions=_by_time(admissions, "admitted"),
        discharges=_by_time(discharges, "discharged"),
        waiting=waiting.only(by_day),
        waiting_day=waiting_day[by_day],
        snapshots=snapshots,
    )


NOBODY = np.zeros(0, np.int64)


def _by_time(encounters: Encounters, name: str) -> Encounters:
    return encounters.only(np.lexsort([encounters.number, encounters.day, getattr(encounters, name)]))


def _counts_up(counts: Ints) -> Ints:
    """0, 1, … within each run of the given lengths."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _together(first: Encounters, second: Encounters) -> Encounters:
    return Encounters(
        *(np.concatenate([getattr(first, field.name), getattr(second, field.name)]) for field in fields(Encounters))
    )


def _still_to_tell(openings: Ints, end: int) -> Ints:
    """Changes of open beds from `end` on, and for each ward the last one before it, in order of wards."""
    openings = openings[np.argsort(openings[:, 0], kind="stable")]
    is_last = np.append(openings[1:, 0] != openings[:-1, 0], True)
    is_later = openings[:, 1] >= end
    next_is_later = np.append(is_later[1:], True) | is_last
    return openings[is_later | next_is_later]


# --- the first day ---------------------------------------------------------------------------------------------------


def day_one(world: World, facility: Facility) -> Yesterday:
    """A facility on the eve of the world's first day, in steady state.

    Its beds are filled with the patients whom a look at them would find (length-biased stays, part of each gone by)
    and it then runs for the lead-in, of which nothing is told but who is still there.
    """
    first_day = day_number(world.start) - world.lead_in_days
    yesterday = opening(world, facility, first_day)
    for _, last in months(first_day, day_number(world.start)):
        _, yesterday = operate(world, facility, yesterday, last)
    return yesterday


def opening(world: World, facility: Facility, first_day: int) -> Yesterday:
    """A facility at the midnight that starts `first_day`, all its patients drawn as of that moment."""
    now = first_day * DAY_SECONDS
    counts = [round(ward.planned_beds * ward.plan.occupancy) for ward in facility.wards]
    total = sum(counts)
    ward = np.repeat(np.arange(len(counts)), counts)
    streams = Streams(world.seed)

    def draws(quantity: str) -> Floats:
        return streams(f"opening.{quantity}", facility.index).random(total)

    stay_draw = draws("stay")
    stay = np.zeros(total, np.int64)
    for w, place in enumerate(facility.wards):
        stay[ward == w] = stay_table(place.plan, length_biased=True).at(stay_draw[ward == w])
    admitted = now - 1 - (stay * draws("elapsed")).astype(np.int64)
    leave_second = seconds_of_day(HOUR_DISCHARGE, draws("leave_second"))
    leave_draw = (draws("leave_draw") * SHIFT_STEPS).astype(np.int64)
    first_shift, shifts = world_shifts(world)
    discharged = discharge_times(admitted, stay, leave_second, leave_draw, shifts, first_shift)
    discharged = np.where(discharged < now, now + leave_second, discharged)
    transfer = np.full(total, int(world.transfer_hours * HOUR_SECONDS))
    asked = admitted - transfer
    heard = np.argsort(asked, kind="stable")
    day = asked[heard] // DAY_SECONDS
    fate = Requests(
        ward=ward[heard],
        day=day,
        number=_counts_up(np.unique(day, return_counts=True)[1]),
        is_elective=(draws("method") > np.array([w.plan.emergency_share for w in facility.wards])[ward])[heard],
        asked=asked[heard],
        stay=stay[heard],
        leave_second=leave_second[heard],
        leave_draw=leave_draw[heard],
        transfer=transfer,
        patience=transfer,
        delay_draw=draws("delay"),
        delay_length_draw=draws("delay_length"),
        fit_draw=draws("fit"),
        destination_draw=draws("destination"),
        block_draw=draws("patient_block"),
        slot_draw=draws("patient_slot"),
        return_draw=np.ones(total),
    )
    admitted, discharged = admitted[heard], discharged[heard]
    fit, destination = endings(world, facility, fate, admitted, discharged)
    nobody_busy = np.full(facility.max_patients, -1)
    patient, busy_until = identify(world, facility, fate, discharged, destination, nobody_busy)
    beds, openings = [], []
    for w, place in enumerate(facility.wards):
        leaving = np.sort(discharged[fate.ward == w])
        capacity = max(place.planned_beds, len(leaving))
        review = now + world.review_hour * HOUR_SECONDS
        beds.append(Beds(tuple(leaving.tolist()), now, now, place.planned_beds, capacity, review))
        openings.append((w, now - 1, place.planned_beds, capacity))
    encounters = Encounters(
        fate.ward, day, fate.number, patient, fate.is_elective, fate.asked, admitted, discharged, fit, destination
    )
    return Yesterday(first_day, tuple(beds), encounters, np.array(openings, np.int64), busy_until)
