"""What theatres' reference tables say: every version of hospitals, surgeons and robots, when it became known."""

from collections.abc import Iterator
from typing import Any

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS, day_number, day_of, month_number, month_start
from loaders.world.config import World
from loaders.world.network import baseline, changed_at, facilities
from loaders.world.robotics.catalogue import MODELS
from loaders.world.robotics.fleet import (
    GRADES,
    NOWHERE,
    SOFTWARE_MONTHS,
    Robot,
    Surgeon,
    grade,
    robots,
    surgeons,
    theatre_facility,
    years_of_experience,
)
from loaders.world.robotics.visits import visits, visits_on

SOFTWARE_HOUR = 3
SOFTWARE_EPOCH = 2002

Row = dict[str, Any]


def facility_versions(world: World, first_day: int, last_day: int) -> Iterator[Row]:
    """Versions of facilities from a day number to another (exclusive); `updated_at` is UTC seconds."""
    for facility in facilities(world):
        for month in _months(world, first_day, last_day):
            version = theatre_facility(world, facility.index, month)
            is_first = month == month_number(baseline(world))
            if is_first or version != theatre_facility(world, facility.index, month - 1):
                yield {**version, "is_deleted": False, "updated_at": changed_at(month)}


def surgeon_versions(world: World, first_day: int, last_day: int) -> Iterator[Row]:
    """Versions of surgeons: they move, gain experience, are promoted, and leave, at the start of a month."""
    for surgeon in surgeons(world):
        for month in _months(world, first_day, last_day):
            version, before = _surgeon(world, surgeon, month), _surgeon(world, surgeon, month - 1)
            if version is not None and version != before:
                yield {**version, "is_deleted": False, "updated_at": changed_at(month)}
            elif version is None and before is not None:
                yield {**before, "is_deleted": True, "updated_at": changed_at(month)}


def _surgeon(world: World, surgeon: Surgeon, month: int) -> Row | None:
    at = month - month_number(baseline(world))
    if at < 0 or surgeon.places[at] == NOWHERE:
        return None
    return {
        "surgeon_id": surgeon.surgeon_id,
        "surgeon_name": surgeon.name,
        "specialisation": surgeon.specialisation,
        "grade": GRADES[grade(world, surgeon, month)],
        "years_of_experience": years_of_experience(world, surgeon, month),
        "facility_id": facilities(world)[surgeon.places[at]].facility_id,
    }


def robot_versions(world: World, first_day: int, last_day: int) -> Iterator[Row]:
    """Versions of robots: they come, move and retire, get new software, and are away for long repairs."""
    for robot in robots(world):
        for second in _changes(world, robot, first_day, last_day):
            version, before = _robot(world, robot, second), _robot(world, robot, second - 1)
            if version is not None and version != before:
                yield {**version, "is_deleted": False, "updated_at": second}
            elif version is None and before is not None:
                yield {**before, "status": "retired", "is_deleted": True, "updated_at": second}


def _changes(world: World, robot: Robot, first_day: int, last_day: int) -> list[int]:
    """Every second of some days at which something about a robot may change."""
    seconds = {robot.known}
    _, day, _ = robot.software
    for month in _months(world, first_day - 31, last_day):
        seconds |= {changed_at(month), _updated_at(month, day)}
    if last_day > day_number(world.start):
        for visit in visits(world, robot, last_day):
            if visit.is_long:
                seconds |= {visit.start, visit.end}
    return sorted(second for second in seconds if first_day <= second // DAY_SECONDS < last_day)


def _robot(world: World, robot: Robot, second: int) -> Row | None:
    """What a robot's row says at a second; None before it is known and once it has gone."""
    at = month_number(day_of(second // DAY_SECONDS)) - month_number(baseline(world))
    if second < robot.known or robot.places[at] == NOWHERE:
        return None
    model = MODELS[robot.model]
    day = second // DAY_SECONDS
    is_away = day >= day_number(world.start) and any(
        visit.is_long and visit.start <= second < visit.end for visit in visits_on(world, robot, day)
    )
    return {
        "robot_id": robot.robot_id,
        "model": model.name,
        "manufacturer": model.manufacturer,
        "serial_number": robot.serial_number,
        "facility_id": facilities(world)[robot.places[at]].facility_id,
        "installed_date": day_of(robot.installed),
        "software_version": software_version(robot, second),
        "status": "maintenance" if is_away else "active",
    }


def software_version(robot: Robot, second: int) -> str:
    """The version of a robot's software at a second: updates come twice a year."""
    phase, day, patch = robot.software
    month = month_number(day_of(second // DAY_SECONDS))
    updates = (month - SOFTWARE_EPOCH * 12 - phase) // SOFTWARE_MONTHS
    if (month - phase) % SOFTWARE_MONTHS == 0 and second < _updated_at(month, day):
        updates -= 1
    return f"{1 + updates // 10}.{updates % 10}.{patch}"


def _updated_at(month: int, day: int) -> int:
    return (day_number(month_start(month)) + day - 1) * DAY_SECONDS + SOFTWARE_HOUR * HOUR_SECONDS


def _months(world: World, first_day: int, last_day: int) -> list[int]:
    """The months since the baseline that start from a day number to another (exclusive)."""
    first = max(month_number(day_of(first_day - 1)) + 1, month_number(baseline(world)))
    return list(range(first, month_number(day_of(last_day - 1)) + 1))
