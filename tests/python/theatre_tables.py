"""Small operational tables, made by hand: a robotic programme of one hospital over some days."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa

from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.tables import csv_bytes

FIRST = date(2024, 2, 27)
DAYS = 5


def table(entity: str, rows: list[dict]) -> pa.Table:
    schema = contracts()[entity].arrow_schema
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def facility(day: int = 0, beds: int = 400) -> dict:
    return {
        "facility_id": "F01",
        "facility_name": 'St "Anne", North',
        "city": "Zürich",
        "facility_type": "teaching",
        "beds": beds,
        "is_deleted": False,
        "updated_at": at(day, 6),
    }


def surgeon(number: int, day: int = 0, grade: str = "consultant", is_deleted: bool = False) -> dict:
    return {
        "surgeon_id": f"S{number:04d}",
        "surgeon_name": f"Dr N. O'{number}",
        "specialisation": "urology",
        "grade": grade,
        "years_of_experience": 9,
        "facility_id": "F01",
        "is_deleted": is_deleted,
        "updated_at": at(day, 7),
    }


def robot(number: int, day: int = 0, status: str = "active", is_deleted: bool = False) -> dict:
    return {
        "robot_id": f"R{number:04d}",
        "model": "da Vinci X",
        "manufacturer": "Intuitive",
        "serial_number": f"SX-2019-{number:05d}",
        "facility_id": "F01",
        "installed_date": date(2019, 5, 1),
        "software_version": "4.1.0",
        "status": status,
        "is_deleted": is_deleted,
        "updated_at": at(day, 8),
    }


def procedure(number: int, day: int) -> dict:
    encounter = f"F01-{FIRST + timedelta(day):%Y%m%d}-{number:04d}"
    start = at(day, 9) + timedelta(minutes=7 * number % 600)
    return {
        "procedure_id": f"{encounter}-R1",
        "robot_id": f"R{1 + number % 2:04d}",
        "surgeon_id": f"S{1 + number % 3:04d}",
        "facility_id": "F01",
        "patient_id": f"P01{number:07d}",
        "encounter_id": encounter,
        "procedure_type": "radical_prostatectomy",
        "procedure_category": "urology",
        "start_time": start,
        "end_time": start + timedelta(minutes=90),
        "duration_minutes": 90,
        "complexity": 1 + number % 10,
        "status": "completed",
        "updated_at": start + timedelta(minutes=90),
    }


def outcome(of: dict, days_later: int = 0) -> dict:
    last = {"has_complication": False, "stay_days": days_later} if days_later else {}
    return {
        "procedure_id": of["procedure_id"],
        "success_status": "success",
        "was_converted": False,
        "blood_loss_ml": 120,
        "updated_at": of["updated_at"] + timedelta(days_later),
        **last,
    }


def visit(number: int, day: int, cost: str = "1200.50", downtime: float = 2.5) -> dict:
    return {
        "maintenance_id": f"R0001-M{number:04d}",
        "robot_id": "R0001",
        "facility_id": "F01",
        "maintenance_type": "calibration",
        "is_emergency": False,
        "technician": "A. Smith",
        "start_time": at(day, 20),
        "end_time": at(day, 22),
        "downtime_hours": downtime,
        "cost_gbp": Decimal(cost),
        "parts_replaced": "arm, left" if number % 2 else None,
        "updated_at": at(day, 22),
    }


def at(day: int, hour: int) -> datetime:
    return datetime.combine(FIRST + timedelta(day), time(hour))


def programme(days: int = DAYS, a_day: int = 4) -> dict[str, pa.Table]:
    """All tables of the first days: two robots, three surgeons, and every kind of change."""
    done = [procedure(number, day) for day in range(days) for number in range(1, a_day + 1)]
    later = [outcome(each, 2) for each in done if each["updated_at"] + timedelta(2) < at(days, 0)]
    rows = {
        "surgical_facilities": [facility(), facility(2, beds=410)],
        "surgeons": [
            *(surgeon(n) for n in (1, 2, 3)),
            surgeon(2, 1, "senior_consultant"),
            surgeon(3, 3, is_deleted=True),
        ],
        "surgical_robots": [robot(1), robot(2), robot(1, 2, "maintenance"), robot(1, 3), robot(2, 4, is_deleted=True)],
        "surgical_procedures": done,
        "procedure_outcomes": [*map(outcome, done), *later],
        "robot_maintenance_logs": [visit(1 + day, day) for day in range(days)],
    }
    end = at(days, 0)
    return {entity: table(entity, [row for row in some if row["updated_at"] < end]) for entity, some in rows.items()}


def land_csv(lake: Lake, tables: dict[str, pa.Table]) -> None:
    """The tables as the raw objects of the CSV way."""
    for entity, rows in tables.items():
        by_day: dict[date, list[dict]] = {}
        for row in rows.to_pylist():
            by_day.setdefault(row["updated_at"].date(), []).append(row)
        for day, some in by_day.items():
            ordered = sorted(some, key=lambda row: (row["updated_at"], *map(str, row.values())))
            lake.create(f"raw/robotics/{entity}/updated_date={day}/{entity}.csv", csv_bytes(table(entity, ordered)))
