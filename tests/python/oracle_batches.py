"""The clinical day batches of a folder lake that keep their contract, read by plain Python for the oracle."""

import json
import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from oracle_records import ENCOUNTER, PATIENT, PLACE, Faulty, Row, Rows, each_once, refuse

# What a field must be: a pattern for texts, bounds for whole numbers and, as floats, for any numbers, or a type.
OF_STAY = {"encounter_id": ENCOUNTER, "patient_id": PATIENT}
LAB_NUMBER, TEXT = (0.0, 100_000.0), r"[^\x00-\x1f]"
SCENARIOS = (
    "sepsis|pneumonia|copd_exac|heart_failure|acute_mi|stroke|dka|aki|hip_fracture|gi_bleed|postop_elective|chest_pain|"
    "arrhythmia|syncope_collapse|frailty_fall|delirium|cellulitis|uti|seizure|overdose|asthma|acute_abdomen|biliary|"
    "limb_fracture|elective_medical|renal_colic|gynaecology|child_respiratory|child_infection|child_injury"
)
FIELDS: dict[str, dict[str, Any]] = {
    "patients.csv": {
        "patient_id": PATIENT, "facility_id": "F[0-9]{2}", "nhs_number": "999[0-9]{7}", "given_name": TEXT + "{1,60}",
        "family_name": TEXT + "{1,60}", "sex": "female|male", "date_of_birth": date, "blood_group": "(O|A|B|AB)[+-]",
    },
    "encounters.csv": OF_STAY | PLACE | {
        "admit_time": datetime, "discharge_time": datetime, "admission_method": "emergency|elective",
        "scenario": SCENARIOS, "acuity": (1, 5), "spo2_scale": (1, 2),
        "primary_diagnosis": r"[A-TV-Z][0-9]{2}(\.[0-9X])?",
        "discharge_destination": "usual_residence|care_home|other_hospital|died",
    },
    "vitals.csv": OF_STAY | {
        "observation_id": ENCOUNTER + "-V[0-9]{4,5}", "event_time": datetime, "heart_rate": (20, 220),
        "resp_rate": (4, 60), "spo2": (50, 100), "on_oxygen": bool, "temperature_celsius": (30.0, 42.5),
        "systolic_bp": (50, 260), "diastolic_bp": (20, 150), "consciousness": "[ACVPU]",
    },
    "labs.csv": OF_STAY | {
        "result_id": ENCOUNTER + "-L[0-9]{4,5}", "event_time": datetime, "result_time": datetime,
        "test_code": "(?=.{1,24}$)[a-z][a-z0-9_]*", "loinc_code": "[0-9]{3,5}-[0-9]", "value": LAB_NUMBER,
        "unit": TEXT + "{1,24}", "reference_low": LAB_NUMBER, "reference_high": LAB_NUMBER,
    },
    "notes.jsonl": OF_STAY | {
        "note_id": ENCOUNTER + "-N[0-9]{4,5}", "note_time": datetime,
        "note_type": "clerking|ward_round|nursing|deterioration_review|discharge_summary|death_verification",
        "author_role": "consultant|registrar|resident_doctor|nurse|outreach_nurse", "note_text": TEXT + "{0,4000}",
    },
}  # fmt: skip
OWN_ID = {
    "patients.csv": "patient_id", "encounters.csv": "encounter_id", "vitals.csv": "observation_id",
    "labs.csv": "result_id", "notes.jsonl": "note_id",
}  # fmt: skip
WHOLE, NUMBER = "-?(0|[1-9][0-9]*)", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
QUOTED_FIELD = re.compile(rb'(?:^|(?<=,))(?:"((?:[^"]|"")*)"|([^",]*))(?=,|$)')
QUOTED_ROW = re.compile(rb'(?:"(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*')
LONGEST_QUOTED = 1 << 16
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z"


def batches(lake_root: Path) -> dict[str, Rows]:
    """The good rows of each file of the day folders, each once and with its `batch_date`, day after day.

    An id is that of the first row that holds it: in order of days, then of the names of raw files, then of lines.
    """
    good: dict[str, Rows] = {file: [] for file in FIELDS}
    taken: set[tuple[str, str]] = set()
    for folder in sorted((lake_root / "raw/clinical").glob("????-??-??")):
        day = date.fromisoformat(folder.name)
        found = complete({file: told(folder, file, day) for file in FIELDS}, taken)
        for file, rows in found.items():
            good[file] += rows
            if file != "patients.csv":
                taken |= {(file, row[OWN_ID[file]]) for row in rows}
    return good


def complete(day: dict[str, Rows], taken: set[tuple[str, str]]) -> dict[str, Rows]:
    """A day's rows that have all that they refer to: patients and encounters each other, all others an encounter."""
    named = "patients.csv", "encounters.csv"
    patients, encounters = of_each_other(*(day[file] for file in named))
    patients, encounters = of_each_other(firsts("patients.csv", patients, taken), firsts(named[1], encounters, taken))
    stays = {row["encounter_id"]: row for row in encounters}
    charted = {
        file: firsts(file, [row for row in day[file] if is_within(row, stays.get(row["encounter_id"]))], taken)
        for file in ("vitals.csv", "labs.csv", "notes.jsonl")
    }
    return dict(zip(named, (patients, encounters), strict=True)) | charted


def of_each_other(patients: Rows, encounters: Rows) -> tuple[Rows, Rows]:
    """Encounters whose patient is there, and patients whom one of these names."""
    known = {row["patient_id"] for row in patients}
    encounters = [row for row in encounters if row["patient_id"] in known]
    named = {row["patient_id"] for row in encounters}
    return [row for row in patients if row["patient_id"] in named], encounters


def is_within(row: Row, stay: Row | None) -> bool:
    """Whether a row is about this stay, from the admission to the discharge."""
    if stay is None or row["patient_id"] != stay["patient_id"]:
        return False
    times = [row[name] for name in ("event_time", "result_time", "note_time") if name in row]
    return bool(stay["admit_time"] <= min(times) and max(times) <= stay["discharge_time"])


def firsts(file: str, rows: Rows, taken: set[tuple[str, str]]) -> Rows:
    """The first row with each id that is not taken on an earlier day."""
    name = OWN_ID[file]
    first = {row[name]: row for row in reversed(rows)}
    return [row for row in rows if first[row[name]] is row and (file, row[name]) not in taken]


def told(folder: Path, file: str, day: date) -> Rows:
    """The rows of a day's file, and of others like `vitals_2.csv`, that are good in themselves."""
    stem, _, ending = file.partition(".")
    like = re.compile(rf"{stem}([._].*)?\.{ending}(\.zst)?")
    good = []
    for path in sorted(path for path in folder.iterdir() if like.fullmatch(path.name)):
        with pa.input_stream(str(path), compression="zstd" if path.suffix == ".zst" else None) as stream:
            content = stream.read()
        for fields in noted(content) if ending == "jsonl" else listed(content):
            try:
                good.append({"batch_date": day} | row_of(fields, FIELDS[file], day))
            except ValueError:
                continue
    return good


def noted(content: bytes) -> Rows:
    """The objects of a file of JSON lines."""
    found = []
    for line in content.removesuffix(b"\n").split(b"\n"):
        try:
            record = json.loads(line.decode(), object_pairs_hook=each_once, parse_constant=refuse)
        except ValueError:
            continue
        if isinstance(record, dict) and all(isinstance(value, str) for value in record.values()):
            found.append(record)
    return found


def listed(content: bytes) -> Rows:
    """The rows of a CSV file as texts by name; the last line is none if it has no end."""
    header, *lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n")
    names = [name.decode(errors="replace") for name in quoted([header], 0)[1]]
    if len(set(names)) < len(names):
        return []
    found = []
    at = 0
    while at < len(lines) - 1:
        line, values = lines[at], lines[at].split(b",")
        at += 1
        if b'"' in line:
            more, values = quoted(lines[at - 1 : -1], len(names))
            at += more
        if len(values) == len(names) and b"\n" not in b"".join(values):
            with suppress(UnicodeDecodeError):
                found.append(dict(zip(names, [value.decode() for value in values], strict=True)))
    return found


def quoted(lines: list[bytes], columns: int) -> tuple[int, list[bytes]]:
    """How many more lines belong to a row that starts with the first of these, and its fields if it is a row.

    A quote that swallows lines without making a row of them was never closed: only its own line is no row.
    """
    text = lines[0]
    for more, line in enumerate([b"", *lines[1:]]):
        text += b"\n" + line if more else b""
        if len(text) > LONGEST_QUOTED:
            break
        if QUOTED_ROW.fullmatch(text):
            fields = [one.replace(b'""', b'"') or other for one, other in QUOTED_FIELD.findall(text)]
            return (more, fields) if len(fields) == columns or not more else (0, [])
    return 0, []


def row_of(texts: dict[str, str], fields: dict[str, Any], day: date) -> Row:
    """Texts as a row of Python values. Raises ValueError where it breaks the contract."""
    if texts.keys() != fields.keys():
        raise Faulty("other fields")
    row = {name: value_of(texts[name], kind) for name, kind in fields.items()}
    if "date_of_birth" in row and not day - timedelta(days=45_000) <= row["date_of_birth"] <= day:
        raise Faulty("no age")
    if "discharge_time" in row:
        left = row["discharge_time"]
        if left.date() != day or not left - timedelta(days=400) <= row["admit_time"] <= left:
            raise Faulty("of another day, or no stay")
    if "systolic_bp" in row and row["diastolic_bp"] >= row["systolic_bp"]:
        raise Faulty("no pulse")
    if "result_time" in row and row["event_time"] >= row["result_time"]:
        raise Faulty("known before it was taken")
    if "result_time" in row and row["reference_low"] >= row["reference_high"]:
        raise Faulty("no range")
    return row


def value_of(text: str, kind: Any) -> Any:
    """A text as the Python value that its field holds."""
    if kind is datetime:
        if re.fullmatch(TIME, text):
            return datetime.fromisoformat(text[:-1])
    elif kind is date:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    elif kind is bool:
        if text in ("true", "false"):
            return text == "true"
    elif isinstance(kind, str):
        if re.fullmatch(kind, text):
            return text
    elif re.fullmatch(WHOLE if isinstance(kind[0], int) else NUMBER, text):
        value = type(kind[0])(text)
        if kind[0] <= value <= kind[1]:
            return value
    raise Faulty(text)
