"""One robot's history to read: its versions, as the type 2 dimension keeps them, and its visits of service."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from loaders.errors import BadSetting
from loaders.show.timeline import Moment, rows, timeline
from loaders.targets import Warehouse

ROBOT_ID = re.compile(r"R[0-9]{4}")
CHANGES = {"facility_id": "moves to", "software_version": "software", "status": "status"}


def robot_lines(warehouse: Warehouse, robot_id: str | None, everything: bool = False) -> list[str]:
    """A robot's history as lines of text; of the one with most places, then versions, where no id is given.

    Planned visits of service are told with `everything` only. Raises BadSetting for an id that is none, or is not in
    the warehouse.
    """
    if robot_id is None:
        robot_id = _changeable(warehouse)
    if not ROBOT_ID.fullmatch(robot_id):
        raise BadSetting(f"'{robot_id}' is no robot id: they look like R0001")
    versions = _versions(warehouse, robot_id)
    visits = _visits(warehouse, robot_id)
    told = [visit for visit in visits if everything or visit["is_emergency"]]
    events = sorted([*_told(versions), *map(_visit, told)], key=lambda event: event.at)
    return [*_heading(warehouse, versions, visits), *_table(versions), *timeline(events)]


def _changeable(warehouse: Warehouse) -> str:
    found = warehouse.rows("""
        select robot_id, count(distinct facility_id) as places, count(*) as versions
        from core.dim_robot
        where robot_id <> 'unknown'
        group by robot_id
        order by places desc, versions desc, robot_id
        limit 1
    """)
    if not found:
        raise BadSetting(f"there is no robot in {warehouse.label}: its lake has no robotics")
    return str(found[0][0])


def _versions(warehouse: Warehouse, robot_id: str) -> list[dict[str, Any]]:
    found = rows(warehouse, f"""
        select
            robots.robot_id,
            robots.model,
            robots.manufacturer,
            robots.serial_number,
            robots.installed_date,
            robots.facility_id,
            facilities.facility_name,
            robots.software_version,
            robots.status,
            robots.effective_date,
            robots.expiration_date,
            robots.is_current
        from core.dim_robot as robots
        left join core.dim_facility as facilities
            on robots.facility_id = facilities.facility_id and facilities.is_current
        where robots.robot_id = '{robot_id}'
        order by robots.effective_date
    """)  # fmt: skip
    if not found:
        raise BadSetting(
            f"there is no robot {robot_id} in {warehouse.label}: `wardhouse show robot` shows one that there is"
        )
    return found


def _visits(warehouse: Warehouse, robot_id: str) -> list[dict[str, Any]]:
    return rows(warehouse, f"""
        select
            maintenance_type,
            is_emergency,
            downtime_hours,
            cost_gbp,
            parts_replaced,
            started_at
        from core.fact_robot_maintenance
        where robot_id = '{robot_id}'
        order by started_at
    """)  # fmt: skip


def _heading(warehouse: Warehouse, versions: list[dict[str, Any]], visits: list[dict[str, Any]]) -> Iterator[str]:
    robot = versions[-1]
    cases, minutes = warehouse.rows(
        "select count(*), coalesce(sum(duration_minutes), 0) from core.fact_procedures "
        f"where robot_id = '{robot['robot_id']}' and is_performed"
    )[0]
    repairs = sum(bool(visit["is_emergency"]) for visit in visits)
    yield f"robot       {robot['robot_id']}: {robot['model']} of {robot['manufacturer']}, {robot['serial_number']}"
    yield f"installed   {robot['installed_date']}"
    yield f"cases       {cases:,} performed, {minutes / 60:,.0f} hours"
    yield (
        f"service     {len(visits)} visits, {repairs} of them repairs: "
        f"{sum(visit['downtime_hours'] for visit in visits):,.0f} hours, "
        f"{sum(visit['cost_gbp'] for visit in visits):,.0f} GBP"
    )


def _table(versions: list[dict[str, Any]]) -> Iterator[str]:
    """The versions as they stand in the dimension."""
    yield ""
    yield f"{'from':<17} {'until':<17} {'facility':<9} {'software':<9} status"
    for version in versions:
        is_last = version["expiration_date"].year == 9999
        until = "now" if version["is_current"] else "" if is_last else _minute(version["expiration_date"])
        yield (
            f"{_minute(version['effective_date']):<17} {until:<17} {version['facility_id']:<9} "
            f"{version['software_version']:<9} {version['status']}"
        )


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _told(versions: list[dict[str, Any]]) -> Iterator[Moment]:
    """What each version changed."""
    first = versions[0]
    place = f"{first['facility_name']} ({first['facility_id']})"
    yield Moment(
        first["effective_date"], "known", f"at {place}, software {first['software_version']}, {first['status']}"
    )
    for before, after in pairwise(versions):
        if before["expiration_date"] < after["effective_date"]:
            yield Moment(before["expiration_date"], "gone", "no longer in the network")
        names = {"facility_id": f"{after['facility_name']} ({after['facility_id']})"}
        changes = [
            f"{words} {names.get(name, after[name])}" for name, words in CHANGES.items() if before[name] != after[name]
        ]
        yield Moment(after["effective_date"], "changed", ", ".join(changes) or "told again")
    if versions[-1]["expiration_date"].year != 9999:
        yield Moment(versions[-1]["expiration_date"], "gone", "no longer in the network")


def _visit(visit: dict[str, Any]) -> Moment:
    kind = "repair" if visit["is_emergency"] else "service"
    parts = f"; replaced: {visit['parts_replaced'].replace(';', ', ')}" if visit["parts_replaced"] else ""
    what = visit["maintenance_type"].replace("_", " ")
    return Moment(
        visit["started_at"], kind, f"{what}, {visit['downtime_hours']:.1f} h, {visit['cost_gbp']:,.0f} GBP{parts}"
    )
