"""The theatre system's operational tables: what the world says, as typed tables in the contracts' columns."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.contracts import Contract, contracts
from loaders.raw.text import dates, joined, picked, whole
from loaders.world.calendar import DAY_SECONDS, day_number
from loaders.world.config import World
from loaders.world.network import baseline, facilities
from loaders.world.robotics.cases import CONVERTED, NO_REASON, REASONS, STATUSES, Cases
from loaders.world.robotics.catalogue import PROCEDURES
from loaders.world.robotics.fleet import robots
from loaders.world.robotics.outcomes import FAILURE_FROM, GRADES, NO_GRADE, Followed, Outcomes, outcomes, performed
from loaders.world.robotics.versions import facility_versions, robot_versions, surgeon_versions
from loaders.world.robotics.visits import visits

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ENTITIES = (
    "surgical_facilities", "surgeons", "surgical_robots", "surgical_procedures", "procedure_outcomes",
    "robot_maintenance_logs",
)  # fmt: skip


SUCCESS = ("success", "partial_success", "failure", "not_performed")


@dataclass(frozen=True)
class Table:
    """Rows of an entity in order of `updated_at` and key, with what the ledger sums of them."""

    entity: str
    rows: pa.Table
    facility: Ints
    measures: Mapping[str, Ints]

    @property
    def days(self) -> Ints:
        """The day number of each row."""
        seconds = self.rows["updated_at"].cast(pa.timestamp("s")).cast(pa.int64())
        return seconds.to_numpy() // DAY_SECONDS


def tables(world: World, cases: Cases, followed: Followed, first_day: int, last_day: int) -> list[Table]:
    """All rows written from a day number to another (exclusive), by entity in the order of ENTITIES.

    `cases` are those of these days, `followed` the performed ones of which something is told on them. What was known
    before the world's start is told with its first day.
    """
    known_from = day_number(baseline(world)) if first_day == day_number(world.start) else first_day
    reference: dict[str, Callable[[World, int, int], Iterable[dict[str, Any]]]] = {
        "surgical_facilities": facility_versions,
        "surgeons": surgeon_versions,
        "surgical_robots": robot_versions,
    }
    return [
        *(_from_rows(entity, known(world, known_from, last_day)) for entity, known in reference.items()),
        procedures_table(world, cases),
        outcomes_table(world, cases, followed, first_day, last_day),
        maintenance_table(world, first_day, last_day),
    ]


def procedures_table(world: World, cases: Cases) -> Table:
    """Procedures, each written when it is over, or at its planned start when it is called off."""
    done = performed(cases)
    minutes = (cases.end - cases.start) // 60
    columns = {
        "procedure_id": procedure_ids(cases),
        "robot_id": _numbered("R", cases.robot),
        "surgeon_id": _numbered("S", cases.surgeon),
        "facility_id": _facility_ids(world, cases.facility),
        "patient_id": joined("P", pc.utf8_lpad(whole(cases.facility + 1), 2, "0"), _padded(cases.patient, 7)),
        "encounter_id": encounter_ids(cases),
        "procedure_type": picked([kind.name for kind in PROCEDURES], cases.procedure),
        "procedure_category": picked([kind.category for kind in PROCEDURES], cases.procedure),
        "start_time": _times(cases.start),
        "end_time": _times(cases.end, done),
        "duration_minutes": _where(done, minutes),
        "complexity": pa.array(cases.complexity),
        "status": picked(list(STATUSES), cases.status),
        "cancellation_reason": _names(REASONS, cases.reason, cases.reason != NO_REASON),
        "updated_at": _times(np.where(done, cases.end, cases.start)),
    }
    return _table(
        "surgical_procedures",
        columns,
        cases.facility,
        minutes=np.where(done, minutes, 0),
        cancelled=(~done).astype(np.int64),
    )


def outcomes_table(world: World, cases: Cases, followed: Followed, first_day: int, last_day: int) -> Table:
    """What is told of outcomes on some days: at the end of a case, at discharge, and a month after."""
    first, last = first_day * DAY_SECONDS, last_day * DAY_SECONDS
    off = cases.only(~performed(cases))
    ended = outcomes(world, followed)
    told = [
        (followed.cases.end, 1, "end"),
        (followed.discharged, 2, "discharge"),
        (followed.asked, 3, "month"),
    ]
    parts, where, blood = [_not_performed(off)], [off.facility], [np.zeros(len(off), np.int64)]
    for seconds, known, _ in told:
        here = (seconds >= first) & (seconds < last)
        parts.append(_version(followed.only(here), _only(ended, here), known, seconds[here]))
        where.append(followed.cases.facility[here])
        blood.append(ended.blood_loss_ml[here])
    columns = {name: pa.concat_arrays([part[name] for part in parts]) for name in parts[0]}
    return _table("procedure_outcomes", columns, np.concatenate(where), blood_loss_ml=np.concatenate(blood))


def _not_performed(cases: Cases) -> dict[str, pa.Array]:
    no, nothing = np.zeros(len(cases), np.bool_), np.zeros(len(cases), np.int64)
    not_performed = np.full(len(cases), SUCCESS.index("not_performed"))
    return _outcome_columns(cases, not_performed, no, Outcomes(nothing, nothing, nothing, no, nothing), 0, cases.start)


def _version(followed: Followed, ended: Outcomes, known: int, updated: Ints) -> dict[str, pa.Array]:
    is_converted = followed.cases.status == CONVERTED
    success = is_converted.astype(np.int64)
    if known > 1:
        success = np.where(ended.grade >= FAILURE_FROM, SUCCESS.index("failure"), success)
    return _outcome_columns(followed.cases, success, is_converted, ended, known, updated)


def _outcome_columns(
    cases: Cases, success: Ints, is_converted: Flags, ended: Outcomes, known: int, updated: Ints
) -> dict[str, pa.Array]:
    """A version of outcomes; what is not `known` yet (1 at the end, 2 at discharge, 3 a month after) is null."""
    n = len(cases)

    def when(version: int, flags: Flags | None = None) -> Flags:
        return np.full(n, known >= version) & (np.ones(n, np.bool_) if flags is None else flags)

    return {
        "procedure_id": procedure_ids(cases),
        "success_status": picked(list(SUCCESS), success),
        "has_complication": _where(when(2), ended.grade != NO_GRADE),
        "clavien_dindo_grade": _names(GRADES, ended.grade, when(2, ended.grade != NO_GRADE)),
        "was_converted": _where(when(1), is_converted),
        "blood_loss_ml": _where(when(1), ended.blood_loss_ml),
        "stay_days": _where(when(2), ended.stay_days),
        "is_readmitted_30d": _where(when(3), np.asarray(ended.is_readmitted, np.bool_)),
        "patient_satisfaction": _where(when(3, ended.satisfaction > 0), ended.satisfaction),
        "updated_at": _times(updated),
    }


def _only(ended: Outcomes, which: Flags) -> Outcomes:
    return Outcomes(
        ended.blood_loss_ml[which],
        ended.grade[which],
        ended.stay_days[which],
        ended.is_readmitted[which],
        ended.satisfaction[which],
    )


def maintenance_table(world: World, first_day: int, last_day: int) -> Table:
    """Service visits, each written when it is over."""
    rows, pence = [], []
    for robot in robots(world):
        for visit in visits(world, robot, last_day):
            if not first_day <= visit.end // DAY_SECONDS < last_day:
                continue
            pence.append(visit.cost_pence)
            rows.append(
                {
                    "maintenance_id": f"{robot.robot_id}-M{visit.number:04d}",
                    "robot_id": robot.robot_id,
                    "facility_id": facilities(world)[visit.facility].facility_id,
                    "maintenance_type": visit.plan.name,
                    "is_emergency": visit.plan.is_emergency,
                    "technician": visit.technician,
                    "start_time": visit.start,
                    "end_time": visit.end,
                    "downtime_hours": round((visit.end - visit.start) / 3600, 2),
                    "cost_gbp": visit.cost_pence,
                    "parts_replaced": ";".join(visit.parts) or None,
                    "updated_at": visit.end,
                }
            )
    return _from_rows("robot_maintenance_logs", rows, cost_pence=np.array(pence, np.int64))


def _from_rows(entity: str, rows: Iterable[dict[str, Any]], **measures: Ints) -> Table:
    """Rows as dictionaries; times are UTC seconds, decimals are hundredths."""
    contract, rows = contracts()[entity], list(rows)
    columns = {}
    for column in contract.columns:
        values = [row[column.name] for row in rows]
        if pa.types.is_timestamp(column.arrow_type):
            columns[column.name] = _times(np.array(values, np.int64))
        elif pa.types.is_decimal(column.arrow_type):
            columns[column.name] = pa.array([Decimal(value).scaleb(-2) for value in values], column.arrow_type)
        else:
            columns[column.name] = pa.array(values, column.arrow_type)
    where = np.array([int(row["facility_id"][1:]) - 1 for row in rows], np.int64)
    return _table(entity, columns, where, **measures)


def _table(entity: str, columns: dict[str, pa.Array], facility: Ints, **measures: Ints) -> Table:
    contract: Contract = contracts()[entity]
    schema = contract.arrow_schema
    rows = pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)
    keys = [("updated_at", "ascending"), *((name, "ascending") for name in contract.key if name != "updated_at")]
    order = pc.sort_indices(rows, sort_keys=keys)
    picked_order = order.to_numpy()
    return Table(
        entity,
        rows.take(order).combine_chunks(),
        facility[picked_order],
        {name: numbers[picked_order] for name, numbers in measures.items()},
    )


# --- columns ---------------------------------------------------------------------------------------------------------


def encounter_ids(cases: Cases) -> pa.Array:
    """Ids of the cases' encounters, such as F01-20240229-0017."""
    facility, number = _padded(cases.facility + 1, 2), _padded(cases.number, 4)
    return joined("F", facility, "-", dates(cases.day, compact=True), "-", number)


def procedure_ids(cases: Cases) -> pa.Array:
    """Ids of cases, such as F01-20240229-0017-R1."""
    return joined(encounter_ids(cases), "-R1")


def _numbered(letter: str, index: Ints) -> pa.Array:
    return joined(letter, _padded(index + 1, 4))


def _padded(numbers: Ints, width: int) -> pa.Array:
    return pc.utf8_lpad(whole(numbers), width, "0")


def _facility_ids(world: World, index: Ints) -> pa.Array:
    return picked([facility.facility_id for facility in facilities(world)], index)


def _times(seconds: Ints, known: Flags | None = None) -> pa.Array:
    mask = None if known is None else ~known
    return pa.array(seconds, pa.int64(), mask=mask).cast(pa.timestamp("s")).cast(pa.timestamp("us"))


def _where(known: Flags, values: NDArray[Any]) -> pa.Array:
    return pa.array(values, mask=~known)


def _names(names: tuple[str, ...], index: Ints, known: Flags) -> pa.Array:
    return pa.array(list(names), pa.large_string()).take(pa.array(index, mask=~known))
