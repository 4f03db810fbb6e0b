"""Hand-made raw objects of surgical robotics: what is easily got wrong, for a lake of one hospital in December 2023.

Files whose names start with `late` are to come only when the rest is built.
"""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from loaders.lake import Lake

Said = dict[str, Any]
LATE = "late"


def land(lake: Lake, entity: str, rows: list[Said], name: str = "odd") -> None:
    """Write rows into the folders of their days: as CSV, telemetry as lines of JSON."""
    is_telemetry = entity == "procedure_telemetry"
    moment, day_of = ("sample_time", "sample_date") if is_telemetry else ("updated_at", "updated_date")
    days: dict[str, list[Said]] = defaultdict(list)
    for row in rows:
        days[row[moment][:10]].append(row)
    for day, of_day in days.items():
        text = io.StringIO()
        if is_telemetry:
            text.write("".join(json.dumps(row) + "\n" for row in of_day))
        else:
            writer = csv.DictWriter(text, list(of_day[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(of_day)
        ending = "ndjson" if is_telemetry else "csv"
        key = f"raw/robotics/{entity}/{day_of}={day}/{name}.{ending}"
        assert lake.create(key, text.getvalue().encode()), key


def tell_odd_versions(lake: Lake) -> None:
    """Only robots, surgeons and hospitals, of which the truth ledger knows too; robots of models that there are."""
    versions = {
        "surgical_robots": [row | {"model": "da Vinci Xi"} for row in ROBOTS + LATE_ROBOTS],
        "surgeons": SURGEONS + LATE_SURGEONS,
        "surgical_facilities": HOSPITALS + LATE_HOSPITALS,
    }
    for entity, rows in versions.items():
        land(lake, entity, rows)
        for day, number in Counter(row["updated_at"][:10] for row in rows).items():
            ledger = {"ledger_date": day, "facility_id": "F01", "entity": entity, "event_date": day, "measure": "rows"}
            line = json.dumps(ledger | {"total": number}) + "\n"
            assert lake.create(f"truth/robotics/ledger_date={day}/odd_{entity}.ndjson", line.encode())


def robot(number: int, updated_at: str, **changes: Any) -> Said:
    version = {
        "robot_id": f"R9{number:03d}", "model": "da Vinci Xi", "manufacturer": "Intuitive Surgical",
        "serial_number": f"XI-2020-{number:05d}", "facility_id": "F01", "installed_date": "2023-12-01",
        "software_version": "1.0.0", "status": "active", "is_deleted": "false", "updated_at": updated_at,
    }  # fmt: skip
    return version | changes


def surgeon(number: int, updated_at: str, **changes: Any) -> Said:
    version = {
        "surgeon_id": f"S9{number:03d}", "surgeon_name": "Zoë “Ž” O'Hara, MD", "specialisation": "urology",
        "grade": "consultant", "years_of_experience": 7, "facility_id": "F01", "is_deleted": "false",
        "updated_at": updated_at,
    }  # fmt: skip
    return version | changes


def hospital(one: str, updated_at: str, **changes: Any) -> Said:
    version = {
        "facility_id": one, "facility_name": f"Theatres of {one}", "city": "Ełk", "facility_type": "specialist",
        "beds": 20, "is_deleted": "false", "updated_at": updated_at,
    }  # fmt: skip
    return version | changes


def case(number: int, start: str, minutes: int = 60, **changes: Any) -> Said:
    """A completed procedure of R9001 and S9001, or as changed."""
    stay = f"F01-20231201-{number:04d}"
    began = datetime.fromisoformat(start[:-1])
    ended = f"{(began + timedelta(minutes=minutes)).isoformat()}Z"
    row = {
        "procedure_id": f"{stay}-R1", "robot_id": "R9001", "surgeon_id": "S9001", "facility_id": "F01",
        "patient_id": f"P98{number:07d}", "encounter_id": stay, "procedure_type": "Radical prostatectomy",
        "procedure_category": "urology", "start_time": start, "end_time": ended, "duration_minutes": minutes,
        "complexity": 5, "status": "completed", "cancellation_reason": "", "updated_at": ended,
    }  # fmt: skip
    return row | changes


def cancelled(number: int, start: str, **changes: Any) -> Said:
    never = {"end_time": "", "duration_minutes": "", "status": "cancelled", "updated_at": start}
    return case(number, start) | never | {"cancellation_reason": "list_overrun"} | changes


def outcome(number: int, updated_at: str, **changes: Any) -> Said:
    version = {
        "procedure_id": f"F01-20231201-{number:04d}-R1", "success_status": "success", "has_complication": "",
        "clavien_dindo_grade": "", "was_converted": "false", "blood_loss_ml": 100, "stay_days": "",
        "is_readmitted_30d": "", "patient_satisfaction": "", "updated_at": updated_at,
    }  # fmt: skip
    return version | changes


def visit(number: int, start: str, end: str, **changes: Any) -> Said:
    row = {
        "maintenance_id": f"R9001-M{number:04d}", "robot_id": "R9001", "facility_id": "F01",
        "maintenance_type": "calibration", "is_emergency": "false", "technician": "Ann", "start_time": start,
        "end_time": end, "downtime_hours": 1.5, "cost_gbp": "10.5", "parts_replaced": "", "updated_at": end,
    }  # fmt: skip
    return row | changes


def sample(number: int, moment: str, case_number: int = 1, **changes: Any) -> Said:
    row = {
        "procedure_id": f"F01-20231201-{case_number:04d}-R1", "robot_id": "R9001", "sample_number": number,
        "sample_time": moment, "arm": 1, "position_x_mm": -0.5, "position_y_mm": 300, "position_z_mm": -300.0,
        "rotation_x_degrees": 0.1, "rotation_y_degrees": 1e-7, "rotation_z_degrees": -359.99, "force_n": 0.1 * number,
        "tool_type": "grasper", "is_tool_active": True, "is_camera_moving": False, "motor_temperature_celsius": 65,
        "motor_current_amperes": 0.3 + 0.01 * (number % 7), "network_latency_ms": 20.0, "video_fps": 45,
    }  # fmt: skip
    return row | changes


def tell_odd_theatres(lake: Lake) -> None:
    """All of it."""
    land(lake, "surgical_robots", ROBOTS)
    land(lake, "surgical_robots", LATE_ROBOTS, LATE)
    land(lake, "surgeons", SURGEONS)
    land(lake, "surgeons", LATE_SURGEONS, LATE)
    land(lake, "surgical_facilities", HOSPITALS)
    land(lake, "surgical_facilities", LATE_HOSPITALS, LATE)
    land(lake, "surgical_procedures", [*CASES, *many_cases()])
    land(lake, "surgical_procedures", LATE_CASES, LATE)
    land(lake, "procedure_outcomes", OUTCOMES)
    land(lake, "procedure_outcomes", LATE_OUTCOMES, LATE)
    land(lake, "robot_maintenance_logs", VISITS)
    land(lake, "procedure_telemetry", [*SAMPLES, *many_samples()])
    land(lake, "procedure_telemetry", LATE_SAMPLES, LATE)


ROBOTS = [
    # taken away, and back ten days later
    robot(1, "2023-12-05T10:00:00Z"),
    robot(1, "2023-12-10T00:00:00Z", is_deleted="true"),
    robot(1, "2023-12-20T00:00:00Z", software_version="2.0.0"),
    # first known at noon
    robot(2, "2023-12-15T12:00:00Z"),
    # a model that nobody knows; moves to where only theatres are, and is retired in a month of its own
    robot(3, "2023-12-04T00:00:00Z", model="Moonraker, Mk 1", manufacturer="Hugo Drax"),
    robot(3, "2023-12-18T23:59:59.999999Z", model="Moonraker, Mk 1", manufacturer="Hugo Drax", facility_id="F90"),
    robot(3, "2023-12-31T00:00:00Z", model="Moonraker, Mk 1", manufacturer="Hugo Drax", status="retired"),
    robot(4, "2023-12-05T00:00:00Z"),
    robot(4, "2023-12-20T00:00:00Z", software_version="4.0.0"),
    # gone before it came
    robot(5, "2023-12-06T00:00:00Z", is_deleted="true"),
    robot(6, "2023-11-20T00:00:00Z", installed_date="2023-11-20", status="maintenance"),
]  # fmt: skip
LATE_ROBOTS = [
    robot(4, "2023-12-12T06:00:00Z", software_version="2.0.0"),
    robot(4, "2023-12-12T18:00:00Z", software_version="3.0.0", facility_id="F90"),
    robot(2, "2023-12-15T09:00:00Z", software_version="0.9.0"),
]
SURGEONS = [
    surgeon(1, "2023-12-03T00:00:00Z"),
    surgeon(1, "2023-12-19T00:00:00Z", grade="senior_consultant", years_of_experience=8),
    surgeon(2, "2023-12-03T00:00:00Z", facility_id="F91"),
    surgeon(2, "2023-12-09T00:00:00Z", is_deleted="true", facility_id="F92"),
    surgeon(3, "2023-12-03T00:00:00Z", specialisation="hpb"),
    surgeon(4, "2023-12-03T00:00:00Z"),
]
LATE_SURGEONS = [surgeon(3, "2023-12-04T09:30:00Z", grade="fellow", specialisation="urology")]
HOSPITALS = [
    # only theatres know it; it closes, and opens again
    hospital("F90", "2023-12-04T00:00:00Z"),
    hospital("F90", "2023-12-08T00:00:00Z", is_deleted="true"),
    hospital("F90", "2023-12-16T00:00:00Z", beds=30),
    # theatres leave a hospital that the registry still knows, at the moment at which the registry says something
    hospital("F01", "2023-12-06T12:00:00Z", city="Łódź"),
    hospital("F01", "2023-12-22T00:00:00Z", is_deleted="true"),
    hospital("F01", "2023-12-28T00:00:00Z", city="Ełk"),
    # the registry gives it up later, and theatres never
    hospital("F93", "2023-12-10T00:00:00Z"),
    hospital("F94", "2023-12-10T00:00:00Z", is_deleted="true"),
]
LATE_HOSPITALS = [
    hospital("F90", "2023-12-12T00:00:00Z", beds=25),
    hospital("F91", "2023-12-20T00:00:00Z"),
    hospital("F01", "2023-12-24T12:00:00Z", city="Čadca"),
]
REGISTERED = [
    # only the registry knows it, until theatres tell of it late
    ("F91", "2023-12-05T00:00:00Z", {}),
    ("F01", "2023-12-22T00:00:00Z", {"rating": "Outstanding"}),
    ("F93", "2023-12-05T00:00:00Z", {}),
    ("F93", "2023-12-15T00:00:00Z", {"is_deleted": True}),
    ("F94", "2023-12-12T00:00:00Z", {}),
    ("F95", "2023-12-12T00:00:00Z", {}),
    ("F95", "2023-12-14T00:00:00Z", {"is_deleted": True}),
]
CASES = [
    # before the first version of its robot, at the moment of it, while it was away, and when it was back
    case(1, "2023-12-05T09:00:00Z"),
    case(2, "2023-12-05T10:00:00Z"),
    case(3, "2023-12-12T09:00:30Z"),
    case(4, "2023-12-20T00:00:00Z"),
    cancelled(5, "2023-12-15T11:59:59.999999Z", robot_id="R9002", surgeon_id="S9002"),
    case(6, "2023-12-15T12:00:00Z", robot_id="R9002", surgeon_id="S9002"),
    # what nobody knows: robot, surgeon and hospital
    case(7, "2023-12-06T08:59:59Z", robot_id="R9998", surgeon_id="S9998", facility_id="F98"),
    # a list with a cancelled case within it, two that begin at once, and one that begins before the last ends
    case(8, "2023-12-13T08:30:00Z", robot_id="R9004", surgeon_id="S9003"),
    cancelled(9, "2023-12-13T10:00:00Z", robot_id="R9004", surgeon_id="S9003"),
    case(11, "2023-12-13T11:00:00Z", 45, robot_id="R9004", surgeon_id="S9003", status="converted"),
    case(10, "2023-12-13T11:00:00Z", 30, robot_id="R9004", surgeon_id="S9003"),
    case(12, "2023-12-13T11:40:00Z", 700, robot_id="R9004", surgeon_id="S9004"),
    # a second after the last, and within a minute
    case(21, "2023-12-07T08:00:00Z", 30, robot_id="R9006", surgeon_id="S9004"),
    case(22, "2023-12-07T08:30:01Z", 30, robot_id="R9006", surgeon_id="S9004"),
    # over midnight, and the next on the day after
    case(13, "2023-12-13T23:50:00Z", 20, robot_id="R9004", surgeon_id="S9004"),
    case(14, "2023-12-14T09:00:00Z", robot_id="R9004", surgeon_id="S9004"),
    # nobody operated in the hospital that only theatres know, but was to
    cancelled(15, "2023-12-14T09:00:00Z", robot_id="R9003", surgeon_id="S9002", facility_id="F90"),
    # a retired robot, and one in maintenance
    case(16, "2024-01-02T08:30:00Z", robot_id="R9003", surgeon_id="S9003"),
    case(17, "2023-12-14T08:30:00Z", robot_id="R9006", surgeon_id="S9004", complexity=10),
    # a year before, on the first day and the last of a month
    case(18, "2022-12-01T09:00:00Z", robot_id="R9006", surgeon_id="S9005"),
    case(19, "2022-12-31T10:00:00Z", robot_id="R9006", surgeon_id="S9005", procedure_category="thoracic"),
    case(20, "2023-02-28T09:01:00Z", robot_id="R9006", surgeon_id="S9005"),
]  # fmt: skip
LATE_CASES = [
    case(30, "2023-12-13T07:00:00Z", robot_id="R9004", surgeon_id="S9003"),
    case(31, "2023-12-07T09:00:00Z", robot_id="R9001", surgeon_id="S9001"),
]


def many_cases() -> Iterator[Said]:
    """A surgeon's 24 cases in a week, so that the 26th is among those of Saturday."""
    for n in range(24):
        yield case(
            100 + n, f"2023-12-{25 + n // 4:02d}T{8 + 2 * (n % 4):02d}:00:00Z", 40 + n,
            complexity=1 + n % 10, procedure_type="Partial nephrectomy" if n % 3 else "Radical prostatectomy",
        )  # fmt: skip


KNOWN = {"has_complication": "false", "stay_days": 2}
OUTCOMES = [
    # told three times, and once more after that
    outcome(1, "2023-12-05T10:00:00Z"),
    outcome(1, "2023-12-07T10:00:00Z", **KNOWN),
    outcome(1, "2024-01-07T09:00:00Z", **KNOWN, is_readmitted_30d="true", patient_satisfaction=3),
    # complications of every grade, by surgeons who rank the same
    outcome(2, "2023-12-06T10:00:00Z", has_complication="true", clavien_dindo_grade="II", stay_days=0),
    outcome(3, "2023-12-13T10:00:00Z", has_complication="true", clavien_dindo_grade="IIIa", stay_days=400),
    outcome(4, "2023-12-21T10:00:00Z", has_complication="true", clavien_dindo_grade="IIIb", stay_days=1),
    outcome(13, "2023-12-16T10:00:00Z", has_complication="true", clavien_dindo_grade="IVa", success_status="failure"),
    outcome(6, "2023-12-16T10:00:00Z", has_complication="true", clavien_dindo_grade="IVb", success_status="failure"),
    outcome(7, "2023-12-16T10:00:00Z", has_complication="true", clavien_dindo_grade="V", success_status="failure"),
    outcome(8, "2023-12-16T10:00:00Z", has_complication="true", clavien_dindo_grade="I", blood_loss_ml=""),
    # called off: nothing is known, nor ever will be
    outcome(9, "2023-12-13T10:00:00Z", success_status="not_performed", was_converted="", blood_loss_ml=""),
    outcome(11, "2023-12-16T10:00:00Z", **KNOWN, was_converted="true", success_status="partial_success"),
    outcome(12, "2023-12-14T10:00:00Z", **KNOWN, is_readmitted_30d="false"),
    # of no procedure that is known
    outcome(99, "2023-12-14T10:00:00Z", **KNOWN),
]
LATE_OUTCOMES = [
    # newer and older than what is known
    outcome(2, "2023-12-31T09:00:00Z", has_complication="true", clavien_dindo_grade="II", is_readmitted_30d="false"),
    outcome(3, "2023-12-12T10:00:00Z", blood_loss_ml=1),
]
VISITS = [
    visit(1, "2023-12-31T22:00:00Z", "2024-01-01T03:00:00Z", parts_replaced="belt; big;seal", downtime_hours=5),
    visit(2, "2023-12-12T09:00:00Z", "2023-12-12T10:30:00Z", parts_replaced="Kabel “ä”", cost_gbp="1000000"),
    visit(3, "2023-12-20T00:00:00Z", "2023-12-20T00:00:00Z", downtime_hours="0", cost_gbp="1e3", is_emergency="true"),
    visit(4, "2023-12-28T09:00:00Z", "2023-12-28T10:30:00Z", is_emergency="true", cost_gbp="0.10"),
    # down for longer than it was in service
    visit(5, "2023-11-21T09:00:00Z", "2023-11-21T10:30:00Z", robot_id="R9006", downtime_hours=1999.9),
    # when the robot was retired, of a robot that nobody knows, and where only theatres are
    visit(6, "2024-01-02T09:00:00Z", "2024-01-02T10:30:00Z", robot_id="R9003", facility_id="F90"),
    visit(7, "2023-12-28T09:00:00Z", "2023-12-28T10:30:00Z", robot_id="R9997", facility_id="F97"),
]
SAMPLES = [
    # at the limits, which is not beyond them
    sample(1, "2023-12-05T09:00:00Z"),
    sample(2, "2023-12-05T09:00:00.000001Z", video_fps=44.99, network_latency_ms=20.000001),
    # of no procedure that is known, and of another robot than the procedure's
    sample(1, "2023-12-06T09:00:00Z", 99),
    sample(1, "2023-12-15T12:00:00Z", 6, robot_id="R9997", motor_temperature_celsius=75.01),
    sample(1, "2023-12-14T23:59:59.999999Z", 14, motor_current_amperes=10, force_n=40.0),
    sample(2, "2023-12-28T09:00:00Z", 14, motor_current_amperes=4.5, force_n=0),
]
LATE_SAMPLES = [
    # another sample of a procedure that is known, and one of a procedure that comes late too
    sample(3, "2023-12-05T09:30:00Z", network_latency_ms=50.5),
    sample(1, "2023-12-13T07:00:00Z", 30, robot_id="R9004"),
]


def many_samples() -> Iterator[Said]:
    """Days of a hundred samples, with one beyond an alarm limit, two and one beyond a warn limit."""
    for day, (channel, value, times) in enumerate((
        ("motor_temperature_celsius", 75.5, 1), ("video_fps", 29.9, 1), ("network_latency_ms", 20.5, 2),
        ("motor_current_amperes", 4.01, 1), ("motor_current_amperes", 6.0, 2),
    )):  # fmt: skip
        for n in range(100):
            moment = f"2023-12-{25 + day}T08:00:{n // 2:02d}.{5 * (n % 2)}Z"
            beyond = {channel: value} if n < times else {}
            yield sample(n + 1, moment, 100 + 4 * day, **beyond)
