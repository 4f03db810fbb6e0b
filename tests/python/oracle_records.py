"""The raw records of a folder lake that keep their contract, read by plain Python for the oracle."""

import json
import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Rows = list[Row]

# What a field must be: a pattern for texts, bounds for whole numbers, or a type.
PATIENT, ENCOUNTER, BEDS = "P[0-9]{9}", "F[0-9]{2}-[0-9]{8}-[0-9]{4}", (0, 5000)
PLACE = {"facility_id": "F[0-9]{2}", "department_id": "F[0-9]{2}-[A-Z]{2,8}"}
EVENT = {"event_id": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "event_time": datetime, "schema_version": (1, 1)}
VERSION = {"extract_date": date, "facility_id": "F[0-9]{2}", "is_deleted": bool, "updated_at": datetime}
FIELDS: dict[str, dict[str, Any]] = {
    "admission": EVENT | PLACE | {
        "event_type": "admission", "patient_id": PATIENT, "encounter_id": ENCOUNTER, "request_time": datetime,
        "admission_method": "emergency|elective",
    },
    "discharge": EVENT | PLACE | {
        "event_type": "discharge", "patient_id": PATIENT, "encounter_id": ENCOUNTER, "medically_fit_time": datetime,
        "discharge_destination": "usual_residence|care_home|other_hospital|died",
    },
    "wait_snapshot": EVENT | PLACE | {
        "event_type": "wait_snapshot", "patient_id": PATIENT, "request_time": datetime, "request_date": date,
        "wait_duration_hours": float,
    },
    "dep_snapshot": EVENT | PLACE | {
        "event_type": "dep_snapshot", "snapshot_point": "sod|eod", "beds": BEDS, "capacity": BEDS,
        "occupied_beds": BEDS, "waiting_list_size": (0, 100_000),
    },
    "facilities": VERSION | {
        "facility_name": ".{1,120}", "trust_name": ".{1,120}", "region": ".{1,40}",
        "rating": "Inadequate|Requires improvement|Good|Outstanding",
    },
    "departments": VERSION | PLACE | {
        "department_code": "[A-Z]{2,8}", "department_name": ".{1,80}", "specialty_code": "[0-9]{3}",
        "is_general_acute": bool, "funded_beds": BEDS, "escalation_beds": BEDS,
    },
    "patients": VERSION | {
        "patient_id": PATIENT, "nhs_number": "999[0-9]{7}", "given_name": ".{1,60}", "family_name": ".{1,60}",
        "sex": "female|male", "date_of_birth": date, "blood_group": "(O|A|B|AB)[+-]",
        "postcode_district": "[A-Z]{2}[0-9]{1,2}",
    },
}  # fmt: skip
OWN_IDS = {
    "admission": (("event_id",), ("encounter_id",)),
    "discharge": (("event_id",), ("encounter_id",)),
    "wait_snapshot": (("event_id",), ("patient_id", "event_time")),
    "dep_snapshot": (("event_id",), ("department_id", "event_time")),
    "facilities": (("extract_date", "facility_id", "updated_at"),),
    "departments": (("extract_date", "department_id", "updated_at"),),
    "patients": (("extract_date", "patient_id", "updated_at"),),
}
MOST_DAYS_BEFORE = {"request_time": 90, "request_date": 90, "medically_fit_time": 365, "date_of_birth": 45_000}


class Faulty(ValueError):
    """A record that breaks its contract."""


def records(lake_root: Path, entity: str) -> Rows:
    """The good raw records of an entity, each once: the first in order of time, raw key and line keeps an id."""
    found = []
    for path in (lake_root / "raw/operations" / entity).glob("*=*/*.*"):
        with pa.input_stream(str(path), compression="zstd" if path.suffix == ".zst" else None) as stream:
            lines = stream.read().removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines):
            try:
                record = parsed(line, FIELDS[entity], date.fromisoformat(path.parent.name.partition("=")[2]))
            except ValueError:
                continue
            found.append((moment_of(record), path.relative_to(lake_root).as_posix(), number, record))
    taken: set[tuple[Any, ...]] = set()
    good = []
    for *_, record in sorted(found, key=lambda place: place[:3]):
        ids = {(names, *(record[name] for name in names)) for names in OWN_IDS[entity]}
        if not ids & taken:
            taken |= ids
            good.append(record)
    return good


def parsed(line: bytes, fields: dict[str, Any], folder_day: date) -> Row:
    """A line as a record of Python values. Raises ValueError where it breaks the contract."""
    record = json.loads(line.decode("utf-8", "strict"), object_pairs_hook=each_once, parse_constant=refuse)
    if not isinstance(record, dict):
        raise Faulty("no object")
    if "medically_fit_time" in fields:
        record.setdefault("medically_fit_time", None)
    if record.keys() != fields.keys():
        raise Faulty("other fields")
    record = {name: value_of(name, record[name], kind) for name, kind in fields.items()}
    moment = moment_of(record)
    if moment.date() != folder_day:
        raise Faulty("of another day")
    if "beds" in record and record["capacity"] < max(record["beds"], record["occupied_beds"]):
        raise Faulty("more beds than there are")
    day_end = datetime.combine(moment, time.max) if "extract_date" in record else moment
    for name in record.keys() & {*MOST_DAYS_BEFORE, "updated_at"} - {n for n in record if record[n] is None}:
        then = record[name] if isinstance(record[name], datetime) else datetime.combine(record[name], time.min)
        if then > day_end or moment - then > timedelta(days=MOST_DAYS_BEFORE.get(name, 10**6)):
            raise Faulty(f"{name} outside its window")
    return record


def value_of(name: str, value: Any, kind: Any) -> Any:
    """A JSON value as the Python value that its field holds."""
    if value is None and name == "medically_fit_time":
        return None
    if kind is datetime:
        text = value if isinstance(value, str) else ""
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ")
    if kind is date:
        return datetime.strptime(value if isinstance(value, str) else "", "%Y-%m-%d").date()
    fits = (
        type(value) is bool if kind is bool
        else type(value) in (int, float) and 0 <= value <= 2160 if kind is float
        else type(value) is int and kind[0] <= value <= kind[1] if isinstance(kind, tuple)
        else type(value) is str and re.fullmatch(kind, value)
    )  # fmt: skip
    if not fits:
        raise Faulty(f"{name} {value}")
    return float(value) if kind is float else value


def moment_of(record: Row) -> datetime:
    return record["event_time"] if "event_time" in record else datetime.combine(record["extract_date"], time.min)


def each_once(pairs: list[tuple[str, Any]]) -> Row:
    if len(dict(pairs)) < len(pairs):
        raise Faulty("a field twice")
    return dict(pairs)


def refuse(constant: str) -> None:
    raise Faulty(constant)
