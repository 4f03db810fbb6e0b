"""The patient registry: who lives in a facility's catchment. A function of the world; only who is busy is state."""

from dataclasses import dataclass, fields, replace
from datetime import date
from functools import lru_cache

import numpy as np
from faker import Faker
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, day_number
from loaders.world.config import Catchment, World
from loaders.world.network import Facility
from loaders.world.rng import Streams

BLOCK = 100
ATTRIBUTE_BLOCK = 4_096

# Age band from, to (years), share of patients in per cent, share of women (K, shaped to admitted patients).
AGE_BANDS = (
    (0.6, 5.0, 9, 0.46), (5.0, 15.0, 5, 0.48), (18.0, 30.0, 9, 0.60), (30.0, 45.0, 11, 0.58), (45.0, 55.0, 9, 0.51),
    (55.0, 65.0, 12, 0.48), (65.0, 75.0, 14, 0.47), (75.0, 85.0, 19, 0.50), (85.0, 101.0, 12, 0.58),
)  # fmt: skip
# Per cent of patients (S, rhesus split K).
BLOOD_GROUPS = {"O+": 37, "O-": 7, "A+": 35, "A-": 7, "B+": 8, "B-": 2, "AB+": 3, "AB-": 1}
NAME_POOL = 400


@dataclass(frozen=True)
class Slots:
    """What the patient number modulo 100 decides: age band and sex, so every hundred patients are a fair sample."""

    band: NDArray[np.int8]
    is_woman: NDArray[np.bool_]
    of: dict[Catchment, NDArray[np.int64]]


@lru_cache
def slots() -> Slots:
    """The hundred slots, spread so that any run of patients is mixed."""
    bands: list[int] = []
    women: list[bool] = []
    for i, (_, _, count, share) in enumerate(AGE_BANDS):
        bands += [i] * count
        women += [n < round(count * share) for n in range(count)]
    order = (np.arange(BLOCK) * 37) % BLOCK
    band = np.array(bands, np.int8)[order]
    is_woman = np.array(women)[order]
    return Slots(
        band,
        is_woman,
        {
            "adult": np.flatnonzero(band >= 2),
            "elder": np.flatnonzero(band >= 7),
            "woman": np.flatnonzero((band >= 2) & is_woman),
            "child": np.flatnonzero(band < 2),
        },
    )


def registered(world: World, facility: Facility, day: int) -> int:
    """How many patients of a facility's catchment are registered at the start of a day number."""
    grown = int(facility.new_patients_per_day * max(0, day - day_number(world.start)))
    return min(facility.max_patients, facility.initial_patients + grown)


@lru_cache
def names(seed: int) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.str_]]:
    """Pools of women's and men's given names and of family names."""
    fake = Faker("en_GB", use_weighting=False)
    fake.seed_instance(seed)

    def pool(name: str) -> NDArray[np.str_]:
        return np.array(sorted({getattr(fake, name)() for _ in range(NAME_POOL)}))

    return pool("first_name_female"), pool("first_name_male"), pool("last_name")


@lru_cache
def nhs_numbers() -> NDArray[np.int64]:
    """All valid NHS numbers of the 999 test range, which no person has."""
    middle = np.arange(1_000_000)
    total = 9 * (10 + 9 + 8)
    for place, weight in enumerate(range(7, 1, -1)):
        total = total + middle // 10 ** (5 - place) % 10 * weight
    check = (11 - total % 11) % 11
    return (999_000_000_0 + middle * 10 + check)[check != 10]


@dataclass(frozen=True)
class Registry:
    """Parallel arrays of a run of patients, by patient number."""

    numbers: NDArray[np.int64]
    nhs_number: NDArray[np.int64]
    given_name: NDArray[np.str_]
    family_name: NDArray[np.str_]
    is_woman: NDArray[np.bool_]
    date_of_birth: NDArray[np.datetime64]
    blood_group: NDArray[np.str_]
    postcode_district: NDArray[np.int64]
    registered_second: NDArray[np.int64]

    def only(self, which: NDArray[np.int64] | slice) -> "Registry":
        """The patients that an index picks."""
        return Registry(*(getattr(self, field.name)[which] for field in fields(self)))

    def moved_to(self, postcode_district: NDArray[np.int64]) -> "Registry":
        """The same patients at new addresses."""
        return replace(self, postcode_district=postcode_district)


def registry(world: World, facility: Facility, numbers: NDArray[np.int64]) -> Registry:
    """Patients of a facility by their numbers, as they registered."""
    block = numbers // ATTRIBUTE_BLOCK
    parts = [
        (_registry_block(world, facility, b), np.flatnonzero(block == b)) for b in np.unique(block).tolist() or [0]
    ]
    found = [part.only(numbers[at] % ATTRIBUTE_BLOCK) for part, at in parts]
    if len(found) == 1:
        return found[0]
    order = np.argsort(np.concatenate([at for _, at in parts]))
    return Registry(
        *(np.concatenate([getattr(part, field.name) for part in found])[order] for field in fields(Registry))
    )


@lru_cache(maxsize=64)
def _registry_block(world: World, facility: Facility, block: int) -> Registry:
    streams = Streams(world.seed)

    def draws(quantity: str) -> NDArray[np.float64]:
        return streams(f"patients.{quantity}", facility.index, block).random(ATTRIBUTE_BLOCK)

    numbers = block * ATTRIBUTE_BLOCK + np.arange(ATTRIBUTE_BLOCK)
    band = slots().band[numbers % BLOCK]
    is_woman = slots().is_woman[numbers % BLOCK]
    low, high = (np.array([age[i] for age in AGE_BANDS])[band] for i in (0, 1))
    age_days = ((low + (high - low) * draws("age")) * 365.25).astype(np.int64)
    women, men, families = names(world.seed)
    given = draws("given_name")
    groups = np.cumsum(list(BLOOD_GROUPS.values())) / 100
    valid = nhs_numbers()
    order = (facility.first_patient + numbers) * 7_919 % len(valid)
    return Registry(
        numbers=numbers,
        nhs_number=valid[order],
        given_name=np.where(is_woman, women[(given * len(women)).astype(int)], men[(given * len(men)).astype(int)]),
        family_name=families[(draws("family_name") * len(families)).astype(int)],
        is_woman=is_woman,
        date_of_birth=np.datetime64(world.start, "D") - age_days,
        blood_group=np.array(list(BLOOD_GROUPS))[
            np.searchsorted(groups, draws("blood_group"), side="right").clip(max=7)
        ],
        postcode_district=1 + (draws("postcode") * 40).astype(np.int64),
        registered_second=(draws("registered") * DAY_SECONDS).astype(np.int64),
    )


def registration_seconds(world: World, facility: Facility, first: int, last: int) -> NDArray[np.int64]:
    """When the patients from number `first` to `last` (exclusive) registered, in UTC seconds.

    Those of the world's first day had done so within the year before.
    """
    start = day_number(world.start)
    initial = registered(world, facility, start)
    since = Streams(world.seed)("patients.known_for", facility.index).random(initial) * 365
    before = start * DAY_SECONDS - 1 - (since * DAY_SECONDS).astype(np.int64)
    days = np.arange(start, start + world.days + 1)
    known = np.array([registered(world, facility, day) for day in days.tolist()])
    late = np.arange(max(first, initial), max(last, initial))
    day = days[np.searchsorted(known, late, side="right") - 1] if len(late) else late
    after = day * DAY_SECONDS + registry(world, facility, late).registered_second
    return np.concatenate([before[first:last], after])


@dataclass(frozen=True)
class Moves:
    """Patients who moved house within a month: day, number, second of the day and the new postcode district."""

    day: NDArray[np.int64]
    number: NDArray[np.int64]
    second: NDArray[np.int64]
    postcode_district: NDArray[np.int64]


def moves(world: World, facility: Facility, first: date, days: int) -> Moves:
    """Who moved house on each day of a month that starts with `first`, at most once a day each."""
    streams = Streams(world.seed)
    start = day_number(first)
    known = np.array([registered(world, facility, start + i) for i in range(days)])
    counts = streams("moves.count", facility.index, start).poisson(known * world.patient_moves_per_day)
    day = np.repeat(start + np.arange(days), counts)
    total = int(counts.sum())
    number = (streams("moves.who", facility.index, start).random(total) * np.repeat(known, counts)).astype(np.int64)
    second = (streams("moves.when", facility.index, start).random(total) * DAY_SECONDS).astype(np.int64)
    district = 1 + (streams("moves.where", facility.index, start).random(total) * 40).astype(np.int64)
    _, once = np.unique(day * (world.max_patients + 1) + number, return_index=True)
    return Moves(day[once], number[once], second[once], district[once])
