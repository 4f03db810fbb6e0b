"""Where a world stands: its settings, and each facility's yesterday, kept in the lake's `state/`."""

import io
import json
from dataclasses import asdict, fields, replace

import numpy as np

from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.world.config import CONTINUABLE, World, settings_of, world_from
from loaders.world.network import Facility
from loaders.world.operations import Beds, Encounters, Yesterday

WORLD_KEY = "state/world.json"
STATE_VERSION = 3


def world_of(lake: Lake) -> World | None:
    """The world that a lake holds, if any. Raises LakeError when its description cannot be read."""
    if not lake.exists(WORLD_KEY):
        return None
    try:
        kept = json.loads(lake.read(WORLD_KEY))
        if kept["version"] != STATE_VERSION:
            raise ValueError("another version")
        return world_from(kept["preset"], kept["settings"])
    except (ValueError, KeyError, TypeError):
        raise LakeError(
            f"{lake.uri(WORLD_KEY)} was not written by this version of wardhouse: "
            "choose another --lake, or delete this one"
        ) from None


def settle(lake: Lake, preset: str | None, settings: dict[str, str | None]) -> World:
    """The world to simulate: the one that the lake holds, continued, or a new one.

    Raises LakeError when the lake holds another world than the one asked for.
    """
    kept = world_of(lake)
    asked = {name: value for name, value in settings.items() if value is not None}
    if kept is None:
        world = world_from(preset or "demo", asked)
    else:
        world = world_from(preset or kept.preset, ({} if preset else settings_of(kept)) | asked)
        if preset and "days" not in asked:
            world = replace(world, days=max(world.days, kept.days))
        differences = [
            f"{name} = {mine} (asked for {yours})"
            for (name, mine), yours in zip(settings_of(kept).items(), settings_of(world).values(), strict=True)
            if mine != yours and name not in CONTINUABLE
        ]
        if kept.preset != world.preset:
            differences.insert(0, f"preset = {kept.preset} (asked for {world.preset})")
        if differences:
            raise LakeError(
                f"{lake} holds another world, with {differences[0]}: choose another --lake, or delete this one"
            )
        if world.days < kept.days:
            world = replace(world, days=kept.days)
    return world


def keep_world(lake: Lake, world: World) -> None:
    """Write down which world the lake holds."""
    kept = {"version": STATE_VERSION, "preset": world.preset, "settings": settings_of(world)}
    text = json.dumps(kept, indent=1).encode()
    if not lake.exists(WORLD_KEY) or lake.read(WORLD_KEY) != text:
        lake.write(WORLD_KEY, text)


def yesterday_key(facility: Facility) -> str:
    """Where a facility's state is."""
    return f"state/operations/{facility.facility_id}.npz"


def load_yesterday(lake: Lake, facility: Facility) -> Yesterday | None:
    """A facility's state, if it has been simulated before."""
    key = yesterday_key(facility)
    if not lake.exists(key):
        return None
    try:
        with np.load(io.BytesIO(lake.read(key)), allow_pickle=False) as kept:
            beds = tuple(
                Beds(tuple(kept[f"leaving_{w}"].tolist()), *row) for w, row in enumerate(kept["beds"].tolist())
            )
            return Yesterday(
                next_day=int(kept["next_day"]),
                beds=beds,
                open_encounters=Encounters(*(kept[f"open_{field.name}"] for field in fields(Encounters))),
                openings=kept["openings"],
                busy_until=kept["busy_until"].astype(np.int64),
            )
    except (ValueError, KeyError, OSError, TypeError):
        raise LakeError(
            f"{lake.uri(key)} is damaged: delete it, and the next run makes it again from the first day"
        ) from None


def keep_yesterday(lake: Lake, facility: Facility, yesterday: Yesterday) -> None:
    """Write down where a facility stands: the commit of all that was written for it."""
    arrays: dict[str, np.ndarray] = {
        "next_day": np.array(yesterday.next_day),
        "beds": np.array([list(asdict(beds).values())[1:] for beds in yesterday.beds], np.int64),
        "openings": yesterday.openings,
        "busy_until": yesterday.busy_until.astype(np.int32),
    }
    arrays |= {f"leaving_{w}": np.array(beds.leaving, np.int64) for w, beds in enumerate(yesterday.beds)}
    arrays |= {f"open_{field.name}": getattr(yesterday.open_encounters, field.name) for field in fields(Encounters)}
    whole = io.BytesIO()
    np.savez(whole, allow_pickle=False, **arrays)
    lake.write(yesterday_key(facility), whole.getvalue())
