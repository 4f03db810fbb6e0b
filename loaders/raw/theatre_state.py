"""Where theatres stand: what the next day needs of the days before, kept in the lake's `state/`."""

import io
from dataclasses import dataclass, fields

import numpy as np

from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.world.calendar import day_number
from loaders.world.config import World
from loaders.world.robotics.candidates import NO_PLANS, Planned
from loaders.world.robotics.cases import Cases
from loaders.world.robotics.draws import Ints
from loaders.world.robotics.outcomes import Followed, no_followed
from loaders.world.robotics.theatre import no_cases

STATE_KEY = "state/robotics/theatres.npz"


@dataclass(frozen=True)
class Theatres:
    """The eve of `next_day`: cases that each surgeon has performed, who is planned, and who is still followed."""

    next_day: int
    performed: Ints
    planned: Planned
    followed: Followed


def load_theatres(lake: Lake, world: World) -> Theatres:
    """Where theatres stand: at the world's first day, if nothing is kept."""
    if not lake.exists(STATE_KEY):
        return Theatres(day_number(world.start), np.zeros(world.surgeons, np.int64), NO_PLANS, no_followed(no_cases()))
    try:
        with np.load(io.BytesIO(lake.read(STATE_KEY)), allow_pickle=False) as kept:
            return Theatres(
                next_day=int(kept["next_day"]),
                performed=kept["performed"],
                planned=Planned(*(kept[f"planned_{field.name}"] for field in fields(Planned))),
                followed=Followed(
                    Cases(*(kept[f"case_{field.name}"] for field in fields(Cases))),
                    kept["discharged"],
                    kept["has_died"],
                    kept["returned"],
                ),
            )
    except (ValueError, KeyError, OSError, TypeError):
        raise LakeError(
            f"{lake.uri(STATE_KEY)} is damaged: delete {lake.uri('state')}, and the next run makes all of it again"
        ) from None


def keep_theatres(lake: Lake, theatres: Theatres) -> None:
    """Write down where theatres stand: the commit of all that was written of the days before."""
    followed = theatres.followed
    arrays = {
        "next_day": np.array(theatres.next_day),
        "performed": theatres.performed,
        "discharged": followed.discharged,
        "has_died": followed.has_died,
        "returned": followed.returned,
    }
    arrays |= {f"planned_{field.name}": getattr(theatres.planned, field.name) for field in fields(Planned)}
    arrays |= {f"case_{field.name}": getattr(followed.cases, field.name) for field in fields(Cases)}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    lake.write(STATE_KEY, content.getvalue())
