"""Land surgical robotics: for each day that every facility has reached, the theatre system's tables and telemetry.

Operations leave their admissions in the lake's `state/`. Days are simulated in order, in this process, some at a time;
what they come to is written by workers, and once it is, `state/` says which day is next.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from loaders.lake import Lake
from loaders.raw.kept import ADMISSIONS, Kept, all_kept, forget, reached, told_between
from loaders.raw.theatre_files import Days, Written, write_days
from loaders.raw.theatre_state import Theatres, keep_theatres, load_theatres
from loaders.raw.theatre_tables import tables
from loaders.workers import pool
from loaders.world.calendar import DAY_SECONDS
from loaders.world.config import World
from loaders.world.network import facilities
from loaders.world.operations import NEVER, Encounters, months
from loaders.world.robotics.candidates import Planned, planned
from loaders.world.robotics.outcomes import Followed, follow, performed, together
from loaders.world.robotics.theatre import lists

Source = Callable[[Mapping[str, pa.Table]], None]
"""Where operational tables go instead of CSV: it is given the rows of some days by entity, days in order."""


NOTHING_WRITTEN = Written(0, Counter(), 0, 0)


def write_theatres(
    lake: Lake,
    world: World,
    workers: int = 1,
    source: Source | None = None,
    progress: Callable[[int, int], Any] = lambda done, total: None,
) -> Written:
    """Write all days that every facility has reached; `progress` hears of days done and in all.

    Operational tables go into the `source` if one is given, and become CSV files if none is. Safe to run again: objects
    are created once, and it resumes after the last days that were written whole.
    """
    theatres = load_theatres(lake, world)
    first = theatres.next_day
    kept = all_kept(lake, ADMISSIONS)
    last = reached(world, kept, first)
    total = NOTHING_WRITTEN
    if last > first:
        for done, after in _written(lake, world, _simulated(lake, world, theatres, kept, last), workers, source):
            total += done
            keep_theatres(lake, after)
            progress(total.days, last - first)
    forget(lake, kept, last)
    return total


def _simulated(
    lake: Lake, world: World, theatres: Theatres, kept: list[Kept], last_day: int
) -> Iterator[tuple[Days, Theatres]]:
    """What happened month by month, and where theatres stand then."""
    for first, last in months(theatres.next_day, last_day):
        admitted = {
            place.index: told_between(lake, kept, place.facility_id, first, last) for place in facilities(world)
        }
        days, theatres = simulate(world, theatres, admitted, last)
        yield days, theatres


def simulate(
    world: World, theatres: Theatres, admitted: Mapping[int, Encounters], last_day: int
) -> tuple[Days, Theatres]:
    """Theatres from `theatres.next_day` to `last_day` (exclusive), given who was admitted to each facility on them."""
    first_day = theatres.next_day
    plans = [planned(world, facilities(world)[index], who) for index, who in admitted.items()]
    waiting = Planned(
        *(np.concatenate([getattr(plan, f.name) for plan in (theatres.planned, *plans)]) for f in fields(Planned))
    )
    today = waiting.only(waiting.on < last_day)
    cases, which, done = lists(world, today, theatres.performed)
    is_performed = performed(cases)
    patients = today.only(which[is_performed])
    new = Followed(cases.only(is_performed), patients.discharged, patients.has_died, np.full(len(patients), NEVER))
    followed = together(theatres.followed, new)
    for index, who in admitted.items():
        followed = follow(followed, who, index)
    days = Days(first_day, last_day, cases, tables(world, cases, followed, first_day, last_day))
    still = followed.only(followed.last_told >= last_day * DAY_SECONDS)
    return days, Theatres(last_day, done, waiting.only(waiting.on >= last_day), still)


def _written(
    lake: Lake, world: World, simulated: Iterator[tuple[Days, Theatres]], workers: int, source: Source | None
) -> Iterator[tuple[Written, Theatres]]:
    """What was written of each part, in order; no more parts than twice the workers are under way at a time."""
    if workers <= 1:
        for days, after in simulated:
            _write_source(days, source)
            yield write_days(lake, world, days, source is None), after
        return
    with ExitStack() as stack:
        processes = stack.enter_context(pool(workers))
        stack.callback(processes.shutdown, wait=True, cancel_futures=True)
        running: list[tuple[Future[Written], Days, Theatres]] = []
        for days, after in simulated:
            running.append((processes.submit(write_days, lake, world, days, source is None), days, after))
            if len(running) > 2 * workers:
                yield _finished(running, source)
        while running:
            yield _finished(running, source)


def _finished(
    running: list[tuple["Future[Written]", Days, Theatres]], source: Source | None
) -> tuple[Written, Theatres]:
    future, days, after = running.pop(0)
    _write_source(days, source)
    return future.result(), after


def _write_source(days: Days, source: Source | None) -> None:
    if source is not None:
        source({table.entity: table.rows for table in days.tables if len(table.rows)})
