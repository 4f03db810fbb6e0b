"""A small clinical batch to look at: some encounters of one day of a world, with all that was written about them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.errors import BadSetting
from loaders.lake import Lake
from loaders.raw.batches import HEADERS, batch_rows
from loaders.world.calendar import DAY_SECONDS, day_number, day_of
from loaders.world.clinical.chart import Chart, chart
from loaders.world.config import World
from loaders.world.network import facilities
from loaders.world.operations import day_one, months, operate
from loaders.world.patients import registry

ENCOUNTERS = 12
LONGEST_DAYS = 4


def write_sample(lake: Lake, world: World) -> list[str]:
    """Write some encounters of the last day of a world's first facility to `sample/YYYY-MM-DD/`; the keys written.

    They are, row for row, what `generate` writes about them: short stays, of as many scenarios as there are.
    """
    made = _last_day(world)
    picked = _picked(made)
    day = day_of(day_number(world.end) - 1)
    keys = []
    for rows, stay in zip(
        batch_rows(made, registry(world, made.facility, made.stays.patient)), _stay_of_rows(made), strict=True
    ):
        lines = rows.lines.filter(pa.array(np.isin(stay, picked)))
        key = f"sample/{day}/{rows.file}"
        lake.write(key, (HEADERS[rows.file] + "".join(lines.to_pylist())).encode())
        keys.append(key)
    return keys


def _last_day(world: World) -> Chart:
    facility = facilities(world)[0]
    yesterday = day_one(world, facility)
    last = day_number(world.end) - 1
    for _, stop in months(yesterday.next_day, day_number(world.end)):
        told, yesterday = operate(world, facility, yesterday, stop)
    today = told.discharges.only(told.discharges.discharged // DAY_SECONDS == last)
    if not len(today):
        raise BadSetting(f"nobody was discharged from {facility.name} on {day_of(last)}: choose another --date")
    return chart(world, facility, today)


def _picked(made: Chart) -> NDArray[np.int64]:
    """Stays to show: of each scenario the first short one, then other short ones; the shortest where none is."""
    days = (made.stays.discharged - made.stays.admitted) / DAY_SECONDS
    order = np.argsort(days > LONGEST_DAYS, kind="stable")
    _, firsts = np.unique(made.scenario[order], return_index=True)
    rest = np.setdiff1d(np.arange(len(order)), firsts)
    chosen = order[np.concatenate([np.sort(firsts), rest])]
    short = chosen[days[chosen] <= LONGEST_DAYS]
    return short[:ENCOUNTERS] if len(short) else np.argsort(days, kind="stable")[:1]


def _stay_of_rows(made: Chart) -> Iterator[NDArray[np.int64]]:
    everyone = np.arange(len(made.stays))
    yield from (everyone, everyone, made.vitals.stay, made.labs.stay, made.notes.stay)
