"""The raw records of surgical robotics that keep their contract, read by plain Python for the oracle."""

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import oracle_batches
import pyarrow as pa
import pyarrow.parquet as pq
from oracle_batches import listed
from oracle_records import ENCOUNTER, PATIENT, Faulty, Row, Rows, each_once, refuse

TEXT = r"[^\x00-\x1f]"
SPECIALITIES = (
    "urology|endocrine|gynaecology|colorectal|general_surgery|upper_gi|bariatric|hpb|thoracic|ent|cardiac|orthopaedics"
)
VISITS = (
    "instrument_inspection|preventive_quarterly|preventive_annual|calibration|software_update|"
    "sterilisation_drape_adapter|corrective_minor|corrective_major|arm_or_camera_replacement"
)
TOOLS = (
    "monopolar_scissors|bipolar_forceps|needle_driver|grasper|vessel_sealer|stapler|clip_applier|bone_saw|drill_guide"
)
FACILITY, ROBOT, SURGEON, PROCEDURE = "F[0-9]{2}", "R[0-9]{4}", "S[0-9]{4}", ENCOUNTER + "-R[0-9]"
VERSION = {"is_deleted": bool, "updated_at": datetime}
MONEY = (Decimal(0), Decimal(1_000_000))
MILLIMETRES, DEGREES = (-300.0, 300.0), (-360.0, 360.0)

# What a field must be: a pattern for texts, bounds for whole numbers, floats or money, or a type.
FIELDS: dict[str, dict[str, Any]] = {
    "surgical_facilities": VERSION | {
        "facility_id": FACILITY, "facility_name": TEXT + "{0,120}", "city": TEXT + "{0,80}",
        "facility_type": "teaching|district_general|specialist", "beds": (1, 5000),
    },
    "surgeons": VERSION | {
        "surgeon_id": SURGEON, "surgeon_name": TEXT + "{0,120}", "specialisation": SPECIALITIES,
        "grade": "fellow|consultant|senior_consultant", "years_of_experience": (0, 60), "facility_id": FACILITY,
    },
    "surgical_robots": VERSION | {
        "robot_id": ROBOT, "model": TEXT + "{0,40}", "manufacturer": TEXT + "{0,40}",
        "serial_number": "[A-Z]{2}-[0-9]{4}-[0-9]{5}", "facility_id": FACILITY, "installed_date": date,
        "software_version": r"(?=.{5,16}$)[0-9]+\.[0-9]+\.[0-9]+", "status": "active|maintenance|retired",
    },
    "surgical_procedures": {
        "procedure_id": PROCEDURE, "robot_id": ROBOT, "surgeon_id": SURGEON, "facility_id": FACILITY,
        "patient_id": PATIENT, "encounter_id": ENCOUNTER, "procedure_type": TEXT + "{0,48}",
        "procedure_category": SPECIALITIES, "start_time": datetime, "end_time": datetime,
        "duration_minutes": (1, 1440), "complexity": (1, 10), "status": "completed|converted|cancelled",
        "cancellation_reason": "patient_unwell|list_overrun|robot_unavailable", "updated_at": datetime,
    },
    "procedure_outcomes": {
        "procedure_id": PROCEDURE, "success_status": "success|partial_success|failure|not_performed",
        "has_complication": bool, "clavien_dindo_grade": "I|II|IIIa|IIIb|IVa|IVb|V", "was_converted": bool,
        "blood_loss_ml": (0, 20_000), "stay_days": (0, 400), "is_readmitted_30d": bool,
        "patient_satisfaction": (1, 10), "updated_at": datetime,
    },
    "robot_maintenance_logs": {
        "maintenance_id": ROBOT + "-M[0-9]{4}", "robot_id": ROBOT, "facility_id": FACILITY,
        "maintenance_type": VISITS, "is_emergency": bool, "technician": TEXT + "{0,60}", "start_time": datetime,
        "end_time": datetime, "downtime_hours": (0.0, 2000.0), "cost_gbp": MONEY, "parts_replaced": TEXT + "{0,120}",
        "updated_at": datetime,
    },
    "procedure_telemetry": {
        "procedure_id": PROCEDURE, "robot_id": ROBOT, "sample_number": (1, 10_000_000), "sample_time": datetime,
        "arm": (1, 8), **{f"position_{axis}_mm": MILLIMETRES for axis in "xyz"},
        **{f"rotation_{axis}_degrees": DEGREES for axis in "xyz"}, "force_n": (0.0, 40.0), "tool_type": TOOLS,
        "is_tool_active": bool, "is_camera_moving": bool, "motor_temperature_celsius": (15.0, 95.0),
        "motor_current_amperes": (0.0, 10.0), "network_latency_ms": (0.1, 1000.0), "video_fps": (0.0, 60.0),
    },
}  # fmt: skip
MAY_BE_MISSING = {
    "surgical_procedures": {"end_time", "duration_minutes", "cancellation_reason"},
    "procedure_outcomes": FIELDS["procedure_outcomes"].keys() - {"procedure_id", "success_status", "updated_at"},
    "robot_maintenance_logs": {"parts_replaced"},
}
OWN_IDS = {
    "surgical_facilities": (("facility_id", "updated_at"),),
    "surgeons": (("surgeon_id", "updated_at"),),
    "surgical_robots": (("robot_id", "updated_at"),),
    "surgical_procedures": (("procedure_id",), ("encounter_id",)),
    "procedure_outcomes": (("procedure_id", "updated_at"),),
    "robot_maintenance_logs": (("maintenance_id",),),
    "procedure_telemetry": (("procedure_id", "sample_number"),),
}
LATEST_END = timedelta(days=2)


def theatre_records(lake_root: Path) -> dict[str, Rows]:
    """The good raw records of every entity, as theatres name things but for the beds of facilities."""
    told_of = {entity: good_records(lake_root, entity) for entity in FIELDS}
    return told_of | {
        "surgical_facilities": [row | {"facility_beds": row["beds"]} for row in told_of["surgical_facilities"]]
    }


def good_records(lake_root: Path, entity: str) -> Rows:
    """The good raw records of an entity, each once: the first in order of time, raw key and line keeps an id."""
    day_of = "sample_date" if entity == "procedure_telemetry" else "updated_date"
    found = []
    for path in (lake_root / "raw/robotics" / entity).glob(f"{day_of}=*/*"):
        _, _, day = path.parent.name.partition("=")
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
            continue
        for number, fields in enumerate(told(path)):
            try:
                record = parsed(fields, entity, date.fromisoformat(day))
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


def moment_of(record: Row) -> datetime:
    return record["sample_time"] if "sample_time" in record else record["updated_at"]


def told(path: Path) -> Rows:
    """What the records of a raw object say, by name: texts of CSV fields, typed values of others."""
    name = path.name.removesuffix(".zst")
    if path.name.endswith(".parquet"):
        return columns(path)
    try:
        with pa.input_stream(str(path), compression="zstd" if path.name != name else None) as stream:
            content = stream.read()
    except OSError:
        return []
    if name.endswith(".csv"):
        return listed(content)
    if name.endswith(".ndjson"):
        lines = content.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    else:
        lines = [content] if path.name.endswith(".json") else []
    found = []
    for line in lines:
        try:
            record = json.loads(line.decode(), object_pairs_hook=each_once, parse_constant=refuse, parse_float=Decimal)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append({name: Typed(value) for name, value in record.items()})
    return found


def columns(path: Path) -> Rows:
    """The rows of a Parquet file."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):
        return []
    if len(set(table.column_names)) < table.num_columns:
        return []
    return [{name: Typed(value) for name, value in row.items()} for row in table.to_pylist()]


class Typed:
    """A value that has a type already, as JSON's and Parquet's have; CSV has texts."""

    def __init__(self, value: Any) -> None:
        self.value = value


def parsed(fields: Row, entity: str, folder_day: date) -> Row:
    """What a record says as Python values. Raises ValueError where it breaks the contract."""
    kinds = FIELDS[entity]
    if not fields.keys() <= kinds.keys():
        raise Faulty("other fields")
    record = {name: value_of(fields.get(name, ""), kind) for name, kind in kinds.items()}
    if {name for name, value in record.items() if value is None} - MAY_BE_MISSING.get(entity, set()):
        raise Faulty("missing")
    if moment_of(record).date() != folder_day:
        raise Faulty("of another day")
    if record.get("end_time"):
        ended, written = record["end_time"], record["updated_at"]
        if not max(record["start_time"], written - LATEST_END) <= ended <= written:
            raise Faulty("no end")
    if "installed_date" in record and datetime.combine(record["installed_date"], time.min) > record["updated_at"]:
        raise Faulty("not there yet")
    return record


def value_of(said: Any, kind: Any) -> Any:
    """A CSV field or a typed value as the Python value that its field holds, None where it is missing."""
    if isinstance(said, Typed):
        return value_of_typed(said.value, kind)
    if said == "":
        return None
    return money(said) if kind is MONEY else oracle_batches.value_of(said, kind)


def value_of_typed(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if kind in (datetime, date) and type(value) is kind:
        return value.astimezone(UTC).replace(tzinfo=None) if kind is datetime and value.tzinfo else value
    number = type(value) in (int, float, Decimal)
    if kind is MONEY and (number or isinstance(value, str)):
        return money(str(value))
    if kind is bool and isinstance(value, bool):
        return value
    if isinstance(kind, tuple) and number and (isinstance(kind[0], float) or type(value) is int):
        exact = type(kind[0])(value)
        if kind[0] <= exact <= kind[1]:
            return exact
    elif not isinstance(kind, tuple) and kind is not bool and isinstance(value, str):
        return oracle_batches.value_of(value, kind)
    raise Faulty(str(value))


def money(text: str) -> Decimal:
    """Pounds and pence."""
    if not re.fullmatch(oracle_batches.NUMBER, text):
        raise Faulty(text)
    try:
        amount = Decimal(text).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Faulty(text) from None
    if amount != Decimal(text) or not MONEY[0] <= amount <= MONEY[1]:
        raise Faulty(text)
    return amount
