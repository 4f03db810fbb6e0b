"""Encounters that operations leave in the lake's `state/` for what waits until every facility has got there."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.world.calendar import DAY_SECONDS, day_of
from loaders.world.config import World
from loaders.world.network import facilities
from loaders.world.operations import Encounters, Told

ADMISSIONS = "state/robotics/admissions"
DISCHARGES = "state/clinical/discharges"
_TIME = {ADMISSIONS: "admitted", DISCHARGES: "discharged"}


@dataclass(frozen=True)
class Kept:
    """Encounters of a facility from a day number to another (exclusive), how many by day, and where they are."""

    key: str
    facility_id: str
    first_day: int
    last_day: int
    by_day: NDArray[np.int64]


def keep(lake: Lake, told: Told) -> None:
    """Leave what was told of a facility's admissions and discharges."""
    for folder, who in ((ADMISSIONS, told.admissions), (DISCHARGES, told.discharges)):
        arrays = {field.name: getattr(who, field.name) for field in fields(Encounters)}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, days=np.array([told.first_day, told.last_day]), **arrays)
        place, name = f"{folder}/{told.facility.facility_id}", f"{day_of(told.first_day)}.npz"
        lake.write(f"{place}/{name}", content.getvalue())
        for later, _ in lake.objects(place):
            if later > name:
                lake.remove(f"{place}/{later}")


def all_kept(lake: Lake, folder: str) -> list[Kept]:
    """Everything that is kept in a folder."""
    return list(_all_kept(lake, folder))


def _all_kept(lake: Lake, folder: str) -> Iterator[Kept]:
    for key, _ in lake.find(folder):
        days, who = load_kept(lake, key)
        by_day = np.bincount(getattr(who, _TIME[folder]) // DAY_SECONDS - days[0], minlength=days[1] - days[0])
        yield Kept(key, key.split("/")[-2], days[0], days[1], by_day)


def load_kept(lake: Lake, key: str) -> tuple[tuple[int, int], Encounters]:
    """The days of a kept object and its encounters, in the order in which they were told."""
    try:
        with np.load(io.BytesIO(lake.read(key)), allow_pickle=False) as arrays:
            first, last = arrays["days"].tolist()
            return (first, last), Encounters(*(arrays[field.name] for field in fields(Encounters)))
    except (ValueError, KeyError, OSError, TypeError):
        raise LakeError(
            f"{lake.uri(key)} is damaged: delete {lake.uri('state')}, and the next run makes all of it again"
        ) from None


def told_between(lake: Lake, kept: list[Kept], facility_id: str, first_day: int, last_day: int) -> Encounters:
    """A facility's encounters of days from one to another (exclusive), in the order in which they were told."""
    parts = [
        (part, load_kept(lake, part.key)[1])
        for part in kept
        if part.facility_id == facility_id and part.first_day < last_day and part.last_day > first_day
    ]
    who = Encounters(*(np.concatenate([getattr(one, field.name) for _, one in parts]) for field in fields(Encounters)))
    day = getattr(who, _TIME[_folder_of(parts[0][0])]) // DAY_SECONDS
    return who.only((day >= first_day) & (day < last_day))


def _folder_of(part: Kept) -> str:
    return part.key.rsplit("/", 2)[0]


def reached(world: World, kept: list[Kept], first_day: int) -> int:
    """The day number before which every facility has told all, counting on from `first_day`."""
    days = {facility.facility_id: first_day for facility in facilities(world)}
    for part in kept:
        days[part.facility_id] = max(days[part.facility_id], part.last_day)
    return min(days.values())


def forget(lake: Lake, kept: list[Kept], last_day: int) -> None:
    """Remove what nobody needs any more: all of the days before `last_day`."""
    for part in kept:
        if part.last_day <= last_day:
            lake.remove(part.key)
