"""Operational events as JSON, one object a line: what a facility's bed system would send."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.raw.lines import DayLines
from loaders.raw.text import dates, hundredths, joined, patient_ids, picked, timestamps, uuids, whole
from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS
from loaders.world.config import World
from loaders.world.network import Facility
from loaders.world.operations import DESTINATIONS, NO_TIME, Encounters, Told
from loaders.world.rng import Streams

Ints = NDArray[np.int64]

SCHEMA_VERSION = 1
METHODS = ["emergency", "elective"]


@dataclass(frozen=True)
class Lines(DayLines):
    """Events of one type as JSON lines, and their ids."""

    event_type: str
    event_ids: pa.Array


def events(world: World, told: Told) -> list[Lines]:
    """All events of what was told of a facility; the patients found in bed on the first day come as admissions."""
    facility = told.facility
    return [
        _admissions(world, facility, told.opening),
        _admissions(world, facility, told.admissions),
        _discharges(world, facility, told.discharges),
        _wait_snapshots(world, told),
        _dep_snapshots(world, told),
    ]


def _admissions(world: World, facility: Facility, who: Encounters) -> Lines:
    return _lines(
        world, "admission", facility, (who.day, who.number), who.admitted, who.ward,
        ',"patient_id":"', patient_ids(facility, who.patient),
        '","encounter_id":"', encounter_ids(facility, who),
        '","request_time":"', timestamps(who.asked),
        '","admission_method":"', picked(METHODS, who.is_elective.astype(np.int64)), '"}\n',
    )  # fmt: skip


def _discharges(world: World, facility: Facility, who: Encounters) -> Lines:
    was_fit = pa.array(who.medically_fit != NO_TIME)
    fit = joined('"', timestamps(np.where(was_fit, who.medically_fit, who.discharged)), '"')
    return _lines(
        world, "discharge", facility, (who.day, who.number), who.discharged, who.ward,
        ',"patient_id":"', patient_ids(facility, who.patient),
        '","encounter_id":"', encounter_ids(facility, who),
        '","medically_fit_time":', pc.if_else(was_fit, fit, pa.scalar("null", pa.large_string())),
        ',"discharge_destination":"', picked(list(DESTINATIONS), who.destination), '"}\n',
    )  # fmt: skip


def _wait_snapshots(world: World, told: Told) -> Lines:
    who, facility = told.waiting, told.facility
    return _lines(
        world, "wait_snapshot", facility, (who.day, who.number, told.waiting_day),
        told.waiting_day * DAY_SECONDS, who.ward,
        ',"patient_id":"', patient_ids(facility, who.patient),
        '","request_time":"', timestamps(who.asked),
        '","request_date":"', dates(who.asked // DAY_SECONDS),
        '","wait_duration_hours":', hundredths(wait_hundredths(told)), "}\n",
    )  # fmt: skip


def wait_hundredths(told: Told) -> Ints:
    """How long each waiting patient has waited at midnight, in hundredths of an hour, halves up."""
    waited = told.waiting_day * DAY_SECONDS - told.waiting.asked
    return (waited * 100 + HOUR_SECONDS // 2) // HOUR_SECONDS


def _dep_snapshots(world: World, told: Told) -> Lines:
    days, wards = told.last_day - told.first_day, len(told.facility.wards)
    day_index, point, ward = np.unravel_index(np.arange(days * 2 * wards), (days, 2, wards))
    day = told.first_day + day_index
    counts = told.snapshots[day_index + point, ward]
    return _lines(
        world, "dep_snapshot", told.facility, (day, ward, point),
        day * DAY_SECONDS + np.where(point == 0, 0, DAY_SECONDS - 1), ward,
        ',"snapshot_point":"', picked(["sod", "eod"], point),
        '","beds":', whole(counts[:, 0]), ',"capacity":', whole(counts[:, 1]),
        ',"occupied_beds":', whole(counts[:, 2]), ',"waiting_list_size":', whole(counts[:, 3]), "}\n",
    )  # fmt: skip


def _lines(
    world: World,
    event_type: str,
    facility: Facility,
    coordinates: tuple[Ints, ...],
    seconds: Ints,
    ward: Ints,
    *rest: pa.Array | str,
) -> Lines:
    where = picked(
        [
            f'","facility_id":"{facility.facility_id}","department_id":"{place.department_id}",'
            f'"schema_version":{SCHEMA_VERSION}'
            for place in facility.wards
        ],
        ward,
    )
    place = np.full(len(seconds), facility.index)
    event_ids = uuids(Streams(world.seed).words(f"event_id.{event_type}", place, *coordinates))
    text = joined(
        '{"event_id":"', event_ids, f'","event_type":"{event_type}","event_time":"', timestamps(seconds), where, *rest
    )
    return Lines(text, seconds // DAY_SECONDS, event_type, event_ids)


def encounter_ids(facility: Facility, who: Encounters) -> pa.Array:
    """Ids of encounters: facility, day of the request and its number in that day, such as F01-20240229-0017."""
    numbers = pc.utf8_lpad(whole(who.number), 4, "0")
    return joined(f"{facility.facility_id}-", dates(who.day, compact=True), "-", numbers)
