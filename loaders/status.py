"""How a lake stands: its world, what became of every raw record, what was refused and why."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from loaders.contracts import Contract
from loaders.duck import connect
from loaders.errors import WardhouseError
from loaders.lake import Lake
from loaders.raw.state import load_yesterday, world_of
from loaders.staging.manifest import Counts, Manifest, read_manifest, totals
from loaders.warehouse import published
from loaders.world.calendar import day_of
from loaders.world.network import facilities


@dataclass(frozen=True)
class Refusal:
    """Records of an entity refused by the same rule, with one of them as an example."""

    entity: str
    rule: str
    records: int
    raw_key: str
    line: int
    reason: str


@dataclass(frozen=True)
class Status:
    """Everything that `wardhouse status` says."""

    lake: str
    world: dict[str, Any] | None
    counts: dict[str, Counts]
    refusals: list[Refusal]
    injected: dict[str, int]
    unclaimed: dict[str, int]
    warehouse: str | None

    @property
    def total(self) -> Counts:
        """Where all raw records ended."""
        return sum(self.counts.values(), Counts())

    @property
    def caught(self) -> Counter[str]:
        """Records refused by rule, and duplicates: what is to be held beside what was injected."""
        found = Counter[str]()
        for refusal in self.refusals:
            found[refusal.rule] += refusal.records
        found["duplicates"] = self.total.duplicates
        return found


@dataclass(frozen=True)
class Standing:
    """How a lake stands as far as it can be told: what could not be told is empty, and `missing` says why.

    `staged_to` is the last day staged of each source: the folders of raw, such as operations.
    """

    status: Status
    staged_to: dict[str, str]
    missing: tuple[str, ...]


def status(lake: Lake, contracts: Mapping[str, Contract]) -> Status:
    """Look at a lake; nothing is changed."""
    manifest = read_manifest(lake)
    return Status(
        lake=str(lake),
        world=_world(lake),
        counts=totals(manifest),
        refusals=_refusals(lake, manifest),
        injected=_injected(lake, manifest),
        unclaimed=_unclaimed(lake, contracts),
        warehouse=str(published(lake)) if published(lake).exists() else None,
    )


_Piece = TypeVar("_Piece")


def standing(lake: Lake, contracts: Mapping[str, Contract]) -> Standing:
    """Look at a lake of which parts may be gone or damaged; nothing is changed."""
    missing: list[str] = []

    def tried(piece: Callable[[], _Piece], otherwise: _Piece) -> _Piece:
        try:
            return piece()
        except (WardhouseError, OSError, duckdb.Error) as error:
            missing.append(str(error).splitlines()[0])
            return otherwise

    nothing: Manifest = {}
    manifest = tried(lambda: read_manifest(lake), nothing)
    found = Status(
        lake=str(lake),
        world=tried(lambda: _world(lake), None),
        counts=totals(manifest),
        refusals=tried(lambda: _refusals(lake, manifest), []),
        injected=tried(lambda: _injected(lake, manifest), {}),
        unclaimed=tried(lambda: _unclaimed(lake, contracts), {}),
        warehouse=str(published(lake)) if published(lake).exists() else None,
    )
    return Standing(found, _staged_to(manifest, contracts), tuple(dict.fromkeys(missing)))


def _staged_to(manifest: Manifest, contracts: Mapping[str, Contract]) -> dict[str, str]:
    reached: dict[str, str] = {}
    for entity, partitions in manifest.items():
        if entity in contracts and contracts[entity].raw.startswith("raw/"):
            source = contracts[entity].raw.split("/")[1]
            days = [day for part in partitions.values() for day in part.days]
            reached[source] = max([reached.get(source, ""), *days])
    return {source: day for source, day in sorted(reached.items()) if day}


def _world(lake: Lake) -> dict[str, Any] | None:
    world = world_of(lake)
    if world is None:
        return None
    done = [load_yesterday(lake, facility) for facility in facilities(world)]
    reached = [str(day_of(state.next_day - 1)) if state else "nothing yet" for state in done]
    return {
        "preset": world.preset,
        "seed": world.seed,
        "facilities": world.facilities,
        "beds": world.beds,
        "start": str(world.start),
        "days": world.days,
        "simulated_to": dict(Counter(reached)),
    }


def _refusals(lake: Lake, manifest: Manifest) -> list[Refusal]:
    files = [lake.uri(part.quarantine.key) for parts in manifest.values() for part in parts.values() if part.quarantine]
    if not files:
        return []
    with connect(lake) as connection:
        found = connection.execute(
            """
            select entity, rule, count(*), arg_min(raw_key, raw_key), arg_min(line, raw_key), arg_min(reason, raw_key)
            from read_parquet(?, hive_partitioning = false, union_by_name = true)
            group by entity, rule
            order by entity, count(*) desc, rule
            """,
            [files],
        ).fetchall()
    return [Refusal(*row) for row in found]


def _injected(lake: Lake, manifest: Manifest) -> dict[str, int]:
    """Faults that the truth ledgers say were injected, by rule; duplicates among them."""
    ledgers = [partitions for entity, partitions in manifest.items() if entity.endswith("truth_ledger")]
    files = [lake.uri(part.data.key) for partitions in ledgers for part in partitions.values() if part.data]
    if not files:
        return {}
    with connect(lake) as connection:
        found = connection.execute(
            """
            select replace(measure, 'fault.', ''), cast(sum(total) as bigint)
            from read_parquet(?, hive_partitioning = false)
            where measure like 'fault.%' or measure = 'duplicates'
            group by all
            order by all
            """,
            [files],
        ).fetchall()
    return dict(found)


def _unclaimed(lake: Lake, contracts: Mapping[str, Contract]) -> dict[str, int]:
    """Raw folders that no contract speaks of, with how many objects they hold."""
    claimed = {contract.raw for contract in contracts.values()}
    found = {}
    for source in lake.folders("raw"):
        if f"raw/{source}" in claimed:
            continue
        for entity in lake.folders(f"raw/{source}"):
            folder = f"raw/{source}/{entity}"
            if folder not in claimed:
                found[folder] = len(lake.find(folder))
    return found


def lines(found: Status) -> list[str]:
    """The status as lines for a terminal."""
    text = [f"lake        {found.lake}"]
    if found.world:
        world = found.world
        text.append(
            f"world       {world['preset']}, seed {world['seed']}: {world['facilities']} facilities, "
            f"{world['beds']:,} beds, {world['days']} days from {world['start']}"
        )
        text += [
            f"simulated   to {day}: {facility_count} of {world['facilities']} facilities"
            for day, facility_count in world["simulated_to"].items()
        ]
    else:
        text.append("world       none: `wardhouse generate` makes one")
    if not found.counts:
        return [*text, "staged      nothing: `wardhouse stage` stages what is raw"]
    width = max(16, *(len(entity) + 1 for entity in found.counts))
    text += ["", f"{'entity':<{width}}{'raw':>12} = {'staged':>12} + {'duplicates':>10} + {'quarantined':>11}"]
    total = found.total
    for entity, counts in [*sorted(found.counts.items()), ("all", total)]:
        ends = f"{counts.staged:>12,} + {counts.duplicates:>10,} + {counts.quarantined:>11,}"
        text.append(f"{entity:<{width}}{counts.raw:>12,} = {ends}")
    if found.refusals:
        text += ["", "quarantined, with an example of each:"]
        for refusal in found.refusals:
            text.append(f"  {refusal.records:>7,}  {refusal.entity}  {refusal.rule}")
            text.append(f"           {refusal.raw_key}, line {refusal.line}: {refusal.reason}")
    if found.injected:
        caught = found.caught
        text += ["", "injected by the simulator, and caught:"]
        text += [f"  {rule:<18}{count:>7,} {caught[rule]:>7,}" for rule, count in found.injected.items()]
    for folder, objects in found.unclaimed.items():
        text.append(f"\n{objects:,} objects in {folder} belong to no contract and are not staged")
    text += ["", f"warehouse   {found.warehouse or 'none: `wardhouse build` makes it'}"]
    return text
