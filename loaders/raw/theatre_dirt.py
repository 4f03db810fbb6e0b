"""Dirty rows on request in surgical robotics: faulty twins of good rows, a stated share of each fault.

As with events and batches, a twin stands after its good original, and the truth ledger knows of it. Only text is dirty:
neither Parquet nor PostgreSQL takes such rows.
"""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from loaders.contracts import contracts
from loaders.raw.dirt import CAUGHT_AS, DUPLICATE, KEEP_ID, cut_short, much_later, with_twins
from loaders.world.config import World
from loaders.world.rng import Streams

Record = dict[str, Any]
Twins = list[tuple[int, str]]

TELEMETRY = "procedure_telemetry"
LISTED = {
    "surgical_facilities": "facility_type",
    "surgeons": "grade",
    "surgical_robots": "status",
    "surgical_procedures": "status",
    "procedure_outcomes": "success_status",
    "robot_maintenance_logs": "maintenance_type",
    TELEMETRY: "tool_type",
}
TYPED = {
    "surgical_facilities": "beds",
    "surgeons": "years_of_experience",
    "surgical_robots": "is_deleted",
    "surgical_procedures": "complexity",
    "procedure_outcomes": "blood_loss_ml",
    "robot_maintenance_logs": "downtime_hours",
    TELEMETRY: "force_n",
}
OTHERWISE = {
    "surgical_facilities": ("city", "Nowhere"),
    "surgeons": ("surgeon_name", "Somebody Else"),
    "surgical_robots": ("software_version", "99.9.9"),
    "surgical_procedures": ("patient_id", "P990000001"),
    "procedure_outcomes": ("blood_loss_ml", "19999"),
    "robot_maintenance_logs": ("technician", "Somebody Else"),
    TELEMETRY: ("robot_id", "R9999"),
}
"""What a twin of the same key says that no good row says."""


def spoiled(world: World, entity: str, day: int, lines: list[bytes]) -> tuple[bytes, Twins]:
    """A day's lines with faulty twins among them, and for each twin whose it is and which rule it breaks."""
    after: dict[int, list[bytes]] = {}
    found: Twins = []
    for fault, spoil in (_JSON if entity == TELEMETRY else _CSV).items():
        draws = Streams(world.seed)(f"dirt.{entity}.{fault}", 0, day).random(len(lines))
        for position in (draws < world.dirty_share).nonzero()[0].tolist():
            record = _record(entity, lines[position])
            if fault not in KEEP_ID:
                _give_new_key(entity, record, len(found))
            after.setdefault(position, []).append(spoil(entity, record))
            found.append((position, CAUGHT_AS.get(fault, fault)))
    return with_twins(lines, after), found


def _record(entity: str, line: bytes) -> Record:
    if entity == TELEMETRY:
        return dict(json.loads(line))
    values = next(csv.reader([line.decode().rstrip("\n")]))
    return dict(zip((column.name for column in contracts()[entity].columns), values, strict=True))


def _line(entity: str, record: Record) -> bytes:
    if entity == TELEMETRY:
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(record.values())
    return text.getvalue().encode()


def _give_new_key(entity: str, record: Record, number: int) -> None:
    """A key that no good row has, of the right form."""
    key = contracts()[entity].key[0]
    if key == "facility_id":
        record[key] = f"F{90 + number % 10}"
    elif key in ("surgeon_id", "robot_id"):
        record[key] = f"{record[key][0]}{9_000 + number % 1_000}"
    elif key == "maintenance_id":
        record[key] = f"{record[key][:-4]}{9_000 + number % 1_000}"
    else:
        record[key] = f"{record[key][:13]}{9_000 + number % 1_000}-R1"


def _cut_short(entity: str, record: Record) -> bytes:
    line = _line(entity, record)
    return cut_short(line) + b"\n" if entity == TELEMETRY else line.rpartition(b",")[0] + b"\n"


def _invalid_utf8(entity: str, record: Record) -> bytes:
    return _line(entity, record).replace(b"-", b"\xff", 1)


def _missing_required(entity: str, record: Record) -> bytes:
    name = LISTED[entity]
    if entity == TELEMETRY:
        return _line(entity, {field: value for field, value in record.items() if field != name})
    return _line(entity, record | {name: ""})


def _wrong_type(entity: str, record: Record) -> bytes:
    return _line(entity, record | {TYPED[entity]: "high"})


def _out_of_range(entity: str, record: Record) -> bytes:
    return _line(entity, record | {LISTED[entity]: "limerick"})


def _outside_window(entity: str, record: Record) -> bytes:
    """Every time of the record moves, so that they agree with each other and not with the folder."""
    times = [c.name for c in contracts()[entity].columns if c.data_type == "timestamp" and record[c.name]]
    return _line(entity, record | {name: much_later(record[name]) for name in times})


def _quoted_line_break(entity: str, record: Record) -> bytes:
    return _line(entity, record | {LISTED[entity]: record[LISTED[entity]] + "\n"})


def _colliding_id(entity: str, record: Record) -> bytes:
    name, value = OTHERWISE[entity]
    return _line(entity, record | {name: value})


def _unknown_field(entity: str, record: Record) -> bytes:
    return _line(entity, record | {"ward_colour": "blue"})


_EVERYWHERE: dict[str, Callable[[str, Record], bytes]] = {
    "invalid_utf8": _invalid_utf8,
    "missing_required": _missing_required,
    "wrong_type": _wrong_type,
    "out_of_range": _out_of_range,
    "outside_window": _outside_window,
    "colliding_id": _colliding_id,
    DUPLICATE: _line,
}
_CSV = _EVERYWHERE | {"malformed_csv": _cut_short, "quoted_line_break": _quoted_line_break}
_JSON = _EVERYWHERE | {"malformed_json": _cut_short, "unknown_field": _unknown_field}
