"""Who is in the network: facilities, their departments, and how their beds and ratings change from month to month.

Everything here is a function of the world alone: no state, no history to replay.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate

from faker import Faker

from loaders.world.calendar import DAY_SECONDS, day_number, month_number, month_start
from loaders.world.config import WINTER_BEDS, WINTER_MONTHS, Department, World
from loaders.world.rng import Streams

REGIONS = (
    "East of England", "London", "Midlands", "North East and Yorkshire", "North West", "South East", "South West",
)  # fmt: skip
RATINGS = ("Inadequate", "Requires improvement", "Good", "Outstanding")


@dataclass(frozen=True)
class Ward:
    """A department of one facility: its plan, its ids and the bed spaces it has."""

    plan: Department
    department_id: str
    planned_beds: int
    bed_spaces: int


@dataclass(frozen=True)
class Facility:
    """A hospital of the network, with the part of the patient registry that is its catchment."""

    index: int
    facility_id: str
    name: str
    trust_name: str
    region: str
    beds: int
    wards: tuple[Ward, ...]
    first_patient: int
    initial_patients: int
    max_patients: int
    new_patients_per_day: float

    def __hash__(self) -> int:
        return hash((self.facility_id, self.name))


def shares(total: int, weights: list[int]) -> list[int]:
    """`total` in whole parts, in proportion to the weights, by largest remainder."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


@lru_cache
def facilities(world: World) -> tuple[Facility, ...]:
    """The hospitals of a world, in order of their ids."""
    names = Faker("en_GB")
    names.seed_instance(world.seed)
    sizes = shares(world.beds, [100 + (7, -7, 3, -3, 0)[i % 5] for i in range(world.facilities)])
    limits = shares(world.max_patients, sizes)
    firsts = [0, *accumulate(limits)]
    towns = [names.unique.city() for _ in range(world.facilities)]
    return tuple(
        Facility(
            index=i,
            facility_id=f"F{i + 1:02d}",
            name=f"{town} General Hospital",
            trust_name=f"{town} NHS Foundation Trust",
            region=REGIONS[i % len(REGIONS)],
            beds=size,
            wards=_wards(world, i, size),
            first_patient=firsts[i],
            initial_patients=initial,
            max_patients=limits[i],
            new_patients_per_day=world.new_patients_per_day * size / world.beds,
        )
        for i, (town, size, initial) in enumerate(zip(towns, sizes, shares(world.initial_patients, sizes), strict=True))
    )


def _wards(world: World, facility: int, beds: int) -> tuple[Ward, ...]:
    """The departments that a hospital of this size can keep, sharing all its beds."""
    total = sum(department.beds for department in world.departments)
    kept = [d for d in world.departments if d.beds * beds >= (world.smallest_department_beds - 0.5) * total]
    kept = kept or [max(world.departments, key=lambda d: d.beds)]
    return tuple(
        Ward(
            plan=department,
            department_id=f"F{facility + 1:02d}-{department.code}",
            planned_beds=planned,
            bed_spaces=planned + max(2, round(world.escalation_factor * planned**0.5)),
        )
        for department, planned in zip(kept, shares(beds, [d.beds for d in kept]), strict=True)
    )


def baseline(world: World) -> date:
    """The day from which the network's reference data is known: well before any stay that touches the first day."""
    return date(world.start.year - 2, 4, 1)


@lru_cache(maxsize=4096)
def funded_beds(world: World, facility: int, ward: int, month: int) -> int:
    """Funded beds of a department in a month: its plan, the winter plan, and now and then a bed more or fewer."""
    place = facilities(world)[facility].wards[ward]
    base = place.planned_beds
    winter = round(base * WINTER_BEDS.get(place.plan.code, 0)) if month % 12 + 1 in WINTER_MONTHS else 0
    draws = Streams(world.seed)(f"beds.{place.plan.code}", facility).random(_months_since_baseline(world, month))
    chance = world.bed_change_chance
    drift = int((draws < chance / 2).sum() - ((draws >= chance / 2) & (draws < chance)).sum())
    bound = max(1, base // 12)
    return max(1, min(place.bed_spaces - 1, base + winter + max(-bound, min(bound, drift))))


@lru_cache(maxsize=4096)
def rating(world: World, facility: int, month: int) -> str:
    """The inspectors' rating of a facility in a month: it moves a step now and then."""
    streams = Streams(world.seed)
    level = int(streams("rating", facility).integers(1, 3, dtype="i4"))
    chance = world.rating_change_chance
    for draw in streams("rating.change", facility).random(_months_since_baseline(world, month)):
        if draw < chance:
            level = max(0, min(len(RATINGS) - 1, level + (1 if draw < chance / 2 else -1)))
    return RATINGS[level]


def _months_since_baseline(world: World, month: int) -> int:
    return month - month_number(baseline(world))


def facility_version(world: World, facility: Facility, month: int) -> dict[str, str]:
    """What the facility's reference row says in a month, without its dates."""
    return {
        "facility_id": facility.facility_id,
        "facility_name": facility.name,
        "trust_name": facility.trust_name,
        "region": facility.region,
        "rating": rating(world, facility.index, month),
    }


def department_version(world: World, facility: Facility, ward: int, month: int) -> dict[str, str | int | bool]:
    """What a department's reference row says in a month, without its dates."""
    place = facility.wards[ward]
    funded = funded_beds(world, facility.index, ward, month)
    return {
        "department_id": place.department_id,
        "facility_id": facility.facility_id,
        "department_code": place.plan.code,
        "department_name": place.plan.name,
        "specialty_code": place.plan.specialty_code,
        "is_general_acute": place.plan.is_general_acute,
        "funded_beds": funded,
        "escalation_beds": place.bed_spaces - funded,
    }


def changed_at(month: int) -> int:
    """When a month's changes take effect, in seconds since 1970: its first midnight."""
    return day_number(month_start(month)) * DAY_SECONDS
