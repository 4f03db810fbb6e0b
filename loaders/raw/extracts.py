"""Reference extracts: every version of facilities, departments and patients, on the day it became known."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.raw.text import dates, joined, patient_ids, picked, timestamps, whole
from loaders.world.calendar import DAY_SECONDS, day_number, day_of, month_number, month_start, timestamp
from loaders.world.config import World
from loaders.world.network import Facility, baseline, changed_at, department_version, facility_version
from loaders.world.patients import Registry, moves, registered, registration_seconds, registry

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Extract:
    """What one extract of one facility says: an entity, a day number and JSON lines."""

    entity: str
    day: int
    lines: pa.Array


def extracts(world: World, facility: Facility, first_day: int, last_day: int) -> Iterator[Extract]:
    """All extracts from `first_day` to `last_day` (exclusive), which are in one month."""
    yield from _versions(world, facility, first_day, last_day)
    yield from _patients(world, facility, first_day, last_day)


def _versions(world: World, facility: Facility, first_day: int, last_day: int) -> Iterator[Extract]:
    month = month_number(day_of(first_day))
    world_start = day_number(world.start)
    if first_day == world_start:
        known = range(month_number(baseline(world)), month + 1)
    elif first_day == day_number(month_start(month)):
        known = range(month, month + 1)
    else:
        return
    makers = {"facilities": [lambda m: facility_version(world, facility, m)]} | {
        "departments": [
            lambda m, ward=ward: department_version(world, facility, ward, m) for ward in range(len(facility.wards))
        ]
    }
    for entity, versions in makers.items():
        lines = []
        for version in versions:
            for m in known:
                is_first = m == month_number(baseline(world))
                if is_first or version(m) != version(m - 1):
                    row = {
                        "extract_date": day_of(first_day).isoformat(),
                        **version(m),
                        "is_deleted": False,
                        "updated_at": timestamp(changed_at(m)),
                    }
                    lines.append(json.dumps(row, separators=(",", ":")) + "\n")
        if lines:
            yield Extract(entity, first_day, pa.array(lines, pa.large_string()))


def _patients(world: World, facility: Facility, first_day: int, last_day: int) -> Iterator[Extract]:
    """New patients on the day they registered, movers on the day they moved, and on the first day everyone."""
    month = month_start(month_number(day_of(first_day)))
    month_days = day_number(month_start(month_number(month) + 1)) - day_number(month)
    moved = moves(world, facility, month, month_days)
    known = np.array([registered(world, facility, day) for day in range(first_day, last_day + 1)])
    today = np.arange(first_day, last_day)

    new = registry(world, facility, np.arange(known[0], known[-1]))
    new_day = np.repeat(today, np.diff(known))
    told = (moved.day >= first_day) & (moved.day < last_day)
    movers = registry(world, facility, moved.number[told]).moved_to(moved.postcode_district[told])
    who, days = [new, movers], [new_day, moved.day[told]]
    updated = [new_day * DAY_SECONDS + new.registered_second, moved.day[told] * DAY_SECONDS + moved.second[told]]
    if first_day == day_number(world.start):
        who.append(registry(world, facility, np.arange(known[0])))
        days.append(np.full(known[0], first_day))
        updated.append(registration_seconds(world, facility, 0, int(known[0])))

    day, seconds = np.concatenate(days), np.concatenate(updated)
    order = np.lexsort([seconds, day])
    lines = pa.concat_arrays(
        [_patient_lines(facility, w, d, s) for w, d, s in zip(who, days, updated, strict=True)]
    ).take(pa.array(order))
    starts = np.searchsorted(day[order], np.append(today, last_day))
    for i, extract_day in enumerate(today.tolist()):
        if starts[i + 1] > starts[i]:
            yield Extract("patients", extract_day, lines[starts[i] : starts[i + 1]])


def _patient_lines(facility: Facility, who: Registry, days: Ints, updated: Ints) -> pa.Array:
    births = who.date_of_birth.astype("datetime64[D]").astype(np.int64)
    return joined(
        '{"extract_date":"', dates(days),
        '","patient_id":"', patient_ids(facility, who.numbers),
        f'","facility_id":"{facility.facility_id}","nhs_number":"', whole(who.nhs_number),
        '","given_name":"', pa.array(who.given_name.tolist(), pa.large_string()),
        '","family_name":"', pa.array(who.family_name.tolist(), pa.large_string()),
        '","sex":"', picked(["male", "female"], who.is_woman.astype(np.int64)),
        '","date_of_birth":"', dates(births),
        '","blood_group":"', pa.array(who.blood_group.tolist(), pa.large_string()),
        f'","postcode_district":"{postcode_area(facility)}', whole(who.postcode_district),
        '","is_deleted":false,"updated_at":"', timestamps(updated), '"}\n',
    )  # fmt: skip


def postcode_area(facility: Facility) -> str:
    """The letters before a facility's postcode districts; areas that start with Q, V or X do not exist."""
    return "QVX"[facility.index % 3] + chr(ord("A") + facility.index // 3 % 26)
