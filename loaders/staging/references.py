"""A day's records that refer to each other: whose row is there, and what it says of theirs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.contracts import Column, Contract
from loaders.staging.check import Fault, Mask, check_not_after, check_not_before
from loaders.staging.repeats import Kept, Source, Taken, repeats


@dataclass
class Day:
    """A day's good records of an entity as far as they are judged: which are still in, and why others are not.

    `twins` are duplicates, with the rows that they repeat.
    """

    contract: Contract
    rows: pa.Table
    sources: list[Source[Kept]]
    live: NDArray[np.bool_] = field(init=False)
    faults: dict[int, Fault] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.live = np.ones(self.rows.num_rows, bool)

    def staged(self) -> pa.Table:
        """The rows that are still in."""
        return self.rows if self.live.all() else self.rows.filter(pa.array(self.live))

    def drop(self, faults: Mapping[int, Fault]) -> None:
        """Take out rows, by their index among those that are still in, with the rule they break and why."""
        at = np.flatnonzero(self.live)
        for row, fault in faults.items():
            self.faults[int(at[row])] = fault
            self.live[at[row]] = False


def settle_references(days: Mapping[str, Day], taken: Mapping[str, Taken]) -> None:
    """Take out records that refer to nothing, say something else than what they refer to, or repeat others.

    What is referred to is settled first; where entities refer to each other, all are held together until none lacks
    what it refers to. `taken` are ids, by entity, that belong to records of other days.
    """
    for group in _groups([day.contract for day in days.values()]):
        together = [days[contract.entity] for contract in group]
        is_cycle = any(_refers(contract, other) for contract in group for other in group)
        _hold(together, days, bounds=not is_cycle)
        for day in together:
            _drop_repeats(day, taken.get(day.contract.entity, {}))
        if is_cycle:
            _hold(together, days, bounds=True)
        for day in together:
            day.faults |= {row: day.faults[twin] for row, twin in day.twins.items() if twin in day.faults}


def _hold(group: Sequence[Day], days: Mapping[str, Day], bounds: bool) -> None:
    """Take out what does not hold until all that is left does."""
    changed = True
    while changed:
        changed = False
        for day in group:
            faults = _broken(day, days, bounds)
            day.drop(faults)
            changed |= bool(faults) and len(group) > 1


def _broken(day: Day, days: Mapping[str, Day], bounds: bool) -> dict[int, Fault]:
    """Rows that refer to none of the rows that are in, or are at odds with the one they refer to."""
    faults: dict[int, Fault] = {}

    def refuse(bad: Mask, rule: str, why: Callable[[int], str]) -> None:
        if bad.true_count:
            for row in np.flatnonzero(bad.to_numpy(zero_copy_only=False)).tolist():
                faults.setdefault(row, (rule, why(row)))

    own = day.staged()
    for key in day.contract.columns:
        if not key.refers_to:
            continue
        entity = key.refers_to.entity
        other = days[entity].staged()
        values = own.column(key.name).combine_chunks()
        at = pc.index_in(values, value_set=other.column(key.refers_to.column).combine_chunks())
        _refuse_unknown(key, values, at, refuse)
        for column in day.contract.columns if bounds else ():
            named = {str(bound): bound.column for bound in column.bounds if bound.entity == entity}
            theirs = {name: other.column(of).combine_chunks().take(at) for name, of in named.items()}
            _refuse_bounds(column, own.column(column.name).combine_chunks(), theirs, refuse)
    return faults


def _refuse_unknown(key: Column, values: pa.Array, at: pa.Array, refuse: Callable[..., None]) -> None:
    refuse(
        pc.and_(at.is_null(), values.is_valid()),
        "unknown_reference",
        lambda i: f"{key.name} {values[i]} is not among the day's good {key.refers_to}",
    )


def _refuse_bounds(column: Column, own: pa.Array, theirs: Mapping[str, pa.Array], refuse: Callable[..., None]) -> None:
    """Hold a column against the columns of the row referred to, by `table.column`."""
    if column.same_as and str(column.same_as) in theirs:
        bound = theirs[str(column.same_as)]
        refuse(
            pc.fill_null(pc.not_equal(own, bound), fill_value=False),
            "unknown_reference",
            lambda i: f"{column.name} {own[i]} is not {column.same_as} {bound[i]}",
        )
    if column.not_before and column.not_before in theirs:
        check_not_before(column, own, theirs[column.not_before], refuse)
    if column.not_after and column.not_after in theirs:
        check_not_after(column, own, theirs[column.not_after], refuse)


def _drop_repeats(day: Day, taken: Taken) -> None:
    at = np.flatnonzero(day.live)
    sources = []
    first = 0
    for source in day.sources:
        live = day.live[first : first + len(source.lines)]
        sources.append(Source(source.records, source.lines[live]))
        first += len(source.lines)
    found = repeats(day.contract, None, day.staged(), sources, taken)
    day.twins = {int(at[row]): int(at[twin]) for row, twin in found.duplicates.items()}
    day.drop({row: ("colliding_id", why) for row, (_, _, why) in found.refused.items()})
    day.live[list(day.twins)] = False


def _groups(contracts: Sequence[Contract]) -> list[list[Contract]]:
    """Contracts in an order in which what is referred to comes first; those that refer to each other are together."""
    reached: dict[str, set[str]] = {contract.entity: set() for contract in contracts}
    for _ in contracts:
        for contract in contracts:
            direct = {column.refers_to.entity for column in contract.columns if column.refers_to}
            reached[contract.entity] |= direct.union(*(reached[entity] for entity in direct))
    groups: list[list[Contract]] = []
    for contract in sorted(contracts, key=lambda contract: len(reached[contract.entity])):
        entity = contract.entity
        for group in groups:
            if group[0].entity in reached[entity] and entity in reached[group[0].entity]:
                group.append(contract)
                break
        else:
            groups.append([contract])
    return groups


def _refers(contract: Contract, other: Contract) -> bool:
    return any(column.refers_to and column.refers_to.entity == other.entity for column in contract.columns)
