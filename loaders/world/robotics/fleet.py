"""Who and what theatres have: robots, surgeons and hospitals as they know them, and how these change by month.

Everything here is a function of the world alone: no state, no history to replay. The first robots and surgeons of a
hospital stay there, so that it can always do a list; the others move, and leave in the end.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, day_number, day_of, month_number, month_start
from loaders.world.config import World
from loaders.world.network import baseline, facilities, funded_beds
from loaders.world.patients import names
from loaders.world.rng import Streams
from loaders.world.robotics.catalogue import MODELS, PROCEDURES

Ints = NDArray[np.int64]

MONTHS = 480
"""How many months from the baseline on are laid out: more than any world has."""
NOWHERE = -1

# K: how often a robot or surgeon moves in a month, or leaves; the share that comes while the world is watched.
ROBOT_MOVES, SURGEON_MOVES, SURGEON_LEAVES = 0.008, 0.004, 0.003
OLD_ROBOT_YEARS, ROBOT_RETIRES, OLD_ROBOT_RETIRES = 9, 0.001, 0.012
LATE_SHARE, LATE_MONTHS = 0.1, 14
LONGEST_SERVICE_YEARS = 8
SOFTWARE_MONTHS = 6

ROBOT_DOMAINS = ("soft_tissue", "joint", "soft_tissue", "other", "soft_tissue")
OTHER_DOMAINS = ("spine", "single_port", "joint", "spine")
SOFT_TISSUE_MODELS = (
    "da Vinci Xi", "da Vinci X", "Versius", "da Vinci Xi", "Hugo RAS", "da Vinci Si", "da Vinci Xi", "Senhance",
    "da Vinci X", "hinotori", "Versius", "Toumai",
)  # fmt: skip
NEW_SOFT_TISSUE_MODELS = ("da Vinci 5", "Hugo RAS", "Toumai")
JOINT_MODELS = ("Mako SmartRobotics", "Mako SmartRobotics", "ROSA Knee", "Mako SmartRobotics", "CORI")
SINGLE_PORT_CATEGORIES = ("urology", "gynaecology", "ent", "colorectal")
KNEE_ROBOTS = ("ROSA Knee", "CORI")

SPECIALISATIONS = (
    "orthopaedics", "general_surgery", "urology", "gynaecology", "colorectal", "orthopaedics", "upper_gi", "hpb",
    "rare", "urology", "general_surgery", "rare",
)  # fmt: skip
RARE_SPECIALISATIONS = ("thoracic", "bariatric", "ent", "cardiac", "endocrine", "thoracic")
RELATED = {
    "general_surgery": ("colorectal", "upper_gi", "endocrine"),
    "colorectal": ("general_surgery",),
    "upper_gi": ("general_surgery", "bariatric", "hpb"),
    "bariatric": ("general_surgery", "upper_gi"),
    "hpb": ("general_surgery", "upper_gi"),
    "urology": ("endocrine",),
    "endocrine": ("general_surgery", "ent"),
    "thoracic": ("cardiac",),
    "cardiac": ("thoracic",),
    "ent": ("endocrine",),
}
SURGEONS_THAT_STAY = 5
ROBOTS_THAT_STAY = 2
GRADES = ("fellow", "consultant", "senior_consultant")
FELLOW = 0
MOST_YEARS = 60

FACILITY_TYPES = ("teaching", "district_general", "district_general", "specialist", "district_general")
FACILITY_TYPE_CHANGES = 0.05


@dataclass(frozen=True)
class Robot:
    """A robot: its model, where it is by month from the baseline on (NOWHERE when it is not), and since when.

    `known` is the second of its first version, `software` the month (modulo SOFTWARE_MONTHS), day and version of its
    updates.
    """

    index: int
    robot_id: str
    model: int
    serial_number: str
    installed: int
    known: int
    places: tuple[int, ...]
    software: tuple[int, int, int]

    def __hash__(self) -> int:
        return hash(self.serial_number)


@dataclass(frozen=True)
class Surgeon:
    """A surgeon: what they do, where they are by month from the baseline on, and their years at the baseline.

    `promoted` are the years of experience with which they become consultant and senior consultant, `prior` the robotic
    cases they had done before the world's first day, `pace` their own factor of durations.
    """

    index: int
    surgeon_id: str
    name: str
    specialisation: str
    places: tuple[int, ...]
    years: int
    promoted: tuple[int, int]
    prior: int
    pace: float

    def __hash__(self) -> int:
        return hash((self.surgeon_id, self.name))


@lru_cache
def robots(world: World) -> tuple[Robot, ...]:
    """All robots that the network ever has, in order of their ids."""
    found: list[Robot] = []
    in_domain: dict[str, int] = {}
    late_from = world.robots - int(world.robots * LATE_SHARE)
    first_month = month_number(baseline(world))
    for index in range(world.robots):
        home, place = index % world.facilities, index // world.facilities
        stays = place < ROBOTS_THAT_STAY
        is_late = not stays and index >= late_from
        domain = ROBOT_DOMAINS[place % len(ROBOT_DOMAINS)]
        if domain == "other":
            domain = OTHER_DOMAINS[(home + place // len(ROBOT_DOMAINS)) % len(OTHER_DOMAINS)]
        count = in_domain[domain] = in_domain.get(domain, -1) + 1
        draws = Streams(world.seed)("robots", index).random(4)
        arrival = month_number(world.start) + 1 + int(draws[0] * LATE_MONTHS)
        year = arrival // 12 if is_late else world.start.year - 1
        model = _model(domain, count, is_late, year)
        if is_late:
            installed = known = day_number(month_start(arrival))
        else:
            first = max(MODELS[model].release_year + 1, world.start.year - LONGEST_SERVICE_YEARS)
            months = range(min(first, year) * 12, year * 12 + 12)
            installed = day_number(month_start(months[int(draws[0] * len(months))]))
            known = max(installed, day_number(baseline(world)))
        maker = "".join(word[0] for word in MODELS[model].manufacturer.upper().replace("+", " ").split())
        found.append(
            Robot(
                index=index,
                robot_id=f"R{index + 1:04d}",
                model=model,
                serial_number=f"{(maker + 'X')[:2]}-{day_of(installed).year}-{int(draws[1] * 9e4) + 10_000}",
                installed=installed,
                known=known * DAY_SECONDS,
                places=_robot_places(world, index, home, month_number(day_of(known)) - first_month, installed, stays),
                software=(index % SOFTWARE_MONTHS, 1 + int(draws[2] * 27), int(draws[3] * 5)),
            )
        )
    return tuple(found)


def _model(domain: str, count: int, is_late: bool, year: int) -> int:
    """The model of a domain's robot of this number, one that there was by that year if there was any."""
    cycle = {
        "soft_tissue": NEW_SOFT_TISSUE_MODELS if is_late else SOFT_TISSUE_MODELS,
        "joint": JOINT_MODELS,
    }.get(domain, tuple(model.name for model in MODELS if model.domain == domain))
    by_name = {model.name: i for i, model in enumerate(MODELS)}
    wanted = [by_name[cycle[(count + i) % len(cycle)]] for i in range(len(cycle))]
    there = [model for model in wanted if MODELS[model].release_year <= year - (not is_late)]
    return there[0] if there else min(wanted, key=lambda model: MODELS[model].release_year)


def _robot_places(world: World, index: int, home: int, first: int, installed: int, stays: bool) -> tuple[int, ...]:
    draws = Streams(world.seed)("robots.places", index).random((3, MONTHS))
    start = month_number(baseline(world))
    age = np.arange(start, start + MONTHS) - month_number(day_of(installed))
    retires = np.where(age > 12 * OLD_ROBOT_YEARS, OLD_ROBOT_RETIRES, ROBOT_RETIRES)
    return _places(
        world, home, first, (draws[0] < ROBOT_MOVES) & ~stays, (draws[1] < retires) & ~np.bool_(stays), draws[2]
    )


def _places(
    world: World, home: int, first: int, moves: NDArray[np.bool_], leaves: NDArray[np.bool_], where: NDArray[np.float64]
) -> tuple[int, ...]:
    """Facilities by month: nowhere before the `first` month and once gone, elsewhere after a move."""
    places = np.full(MONTHS, home)
    months = np.arange(MONTHS)
    for month in np.flatnonzero(moves & (months > first)).tolist() if world.facilities > 1 else []:
        step = 1 + int(where[month] * (world.facilities - 1))
        places[month:] = (places[month] + step) % world.facilities
    gone = np.flatnonzero(leaves & (months > first))
    if len(gone):
        places[gone[0] :] = NOWHERE
    places[:first] = NOWHERE
    return tuple(places.tolist())


@lru_cache
def surgeons(world: World) -> tuple[Surgeon, ...]:
    """All surgeons that the network ever has, in order of their ids."""
    found: list[Surgeon] = []
    women, men, families = names(world.seed)
    late_from = world.surgeons - int(world.surgeons * LATE_SHARE)
    first_month = month_number(baseline(world))
    for index in range(world.surgeons):
        home, place = index % world.facilities, index // world.facilities
        stays = place < SURGEONS_THAT_STAY
        streams = Streams(world.seed)
        draws = streams("surgeons", index).random(7)
        given = women if draws[0] < 0.35 else men
        arrival = month_number(world.start) + 1 + int(draws[1] * LATE_MONTHS)
        is_late = not stays and index >= late_from
        specialisation = SPECIALISATIONS[place % len(SPECIALISATIONS)]
        if specialisation == "rare":
            number = home + place // 4
            specialisation = RARE_SPECIALISATIONS[number % len(RARE_SPECIALISATIONS)]
        years = 4 + int(draws[2] * 24) if stays else int(draws[2] ** 1.3 * 32)
        promoted = (6 + int(draws[3] * 4), 16 + int(draws[4] * 6))
        changes = streams("surgeons.places", index).random((3, MONTHS))
        months = np.arange(MONTHS)
        still = np.zeros(MONTHS, np.bool_) if stays else np.ones(MONTHS, np.bool_)
        found.append(
            Surgeon(
                index=index,
                surgeon_id=f"S{index + 1:04d}",
                name=f"{given[int(draws[5] * len(given))]} {families[int(draws[6] * len(families))]}",
                specialisation=specialisation,
                places=_places(
                    world,
                    home,
                    arrival - first_month if is_late else 0,
                    (changes[0] < SURGEON_MOVES) & still,
                    ((changes[1] < SURGEON_LEAVES) | (years + months // 12 >= MOST_YEARS - 20)) & still,
                    changes[2],
                ),
                years=years,
                promoted=promoted,
                prior=_prior(streams, index, years),
                pace=float(np.exp(streams("surgeons.pace", index).standard_normal() * 0.12 - 0.0072)),
            )
        )
    return tuple(found)


def _prior(streams: Streams, index: int, years: int) -> int:
    """Robotic cases before the world's first day: none for beginners, some years of 10 to 40 for the others."""
    draw = float(streams("surgeons.prior", index).random())
    return int(max(0, min(years, 8) - 3) * (10 + 30 * draw))


@lru_cache(maxsize=4096)
def robots_at(world: World, facility: int, month: int) -> tuple[Robot, ...]:
    """The robots of a facility in a month."""
    at = month - month_number(baseline(world))
    return tuple(robot for robot in robots(world) if robot.places[at] == facility)


@lru_cache(maxsize=4096)
def surgeons_at(world: World, facility: int, month: int) -> tuple[Surgeon, ...]:
    """The surgeons of a facility in a month."""
    at = month - month_number(baseline(world))
    return tuple(surgeon for surgeon in surgeons(world) if surgeon.places[at] == facility)


@lru_cache
def does(model: int, procedure: int) -> bool:
    """Whether a model of robot is for a type of procedure."""
    robot, kind = MODELS[model], PROCEDURES[procedure]
    if robot.domain == "single_port":
        return kind.domain == "soft_tissue" and kind.category in SINGLE_PORT_CATEGORIES
    if robot.name in KNEE_ROBOTS:
        return "knee" in kind.name
    return kind.domain == robot.domain


def operates(specialisation: str, category: str) -> bool:
    """Whether a surgeon of a specialisation does procedures of a category: their own, and related ones."""
    return category == specialisation or category in RELATED.get(specialisation, ())


def years_of_experience(world: World, surgeon: Surgeon, month: int) -> int:
    """A surgeon's years of experience in a month: one more each April."""
    return surgeon.years + (month - month_number(baseline(world))) // 12


def grade(world: World, surgeon: Surgeon, month: int) -> int:
    """A surgeon's grade in a month, as an index of GRADES: promotions come in August."""
    years = surgeon.years + (month - month_number(baseline(world)) - 4) // 12
    return sum(years >= needed for needed in surgeon.promoted)


@lru_cache(maxsize=4096)
def facility_type(world: World, facility: int, month: int) -> str:
    """What kind of hospital a facility is in a month: now and then it becomes another in April."""
    years = (month - month_number(baseline(world))) // 12
    draws = Streams(world.seed)("facility_type", facility).random((2, MONTHS // 12))[:, : years + 1]
    steps = 1 + (draws[1] * 2).astype(np.int64)
    changes = int(steps[1:][draws[0, 1:] < FACILITY_TYPE_CHANGES].sum())
    kinds = ("teaching", "district_general", "specialist")
    return kinds[(kinds.index(FACILITY_TYPES[facility % len(FACILITY_TYPES)]) + changes) % len(kinds)]


def theatre_facility(world: World, facility: int, month: int) -> dict[str, str | int]:
    """What theatres' row of a facility says in a month, without its time; beds are those of the last April."""
    place = facilities(world)[facility]
    april = month - (month - month_number(baseline(world))) % 12
    return {
        "facility_id": place.facility_id,
        "facility_name": place.name,
        "city": place.name.removesuffix(" General Hospital"),
        "facility_type": facility_type(world, facility, month),
        "beds": sum(funded_beds(world, facility, ward, april) for ward in range(len(place.wards))),
    }
