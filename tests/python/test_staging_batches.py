"""Day batches: complete in themselves, the same whatever the order, and never held up by one bad day."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import digest, digest_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from loaders.cli import app
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.quality.gates import check_staging
from loaders.staging import ids
from loaders.staging.manifest import Counts, Partition, StagedFile, read_manifest, totals, write_manifest
from loaders.staging.stage import stage
from loaders.status import lines, status

STAGED = ("staging/**/*", "quarantine/**/*", "state/staged/**/*")
ENTITIES = {
    "clinical_patients": "patients.csv",
    "encounters": "encounters.csv",
    "vitals": "vitals.csv",
    "labs": "labs.csv",
    "notes": "notes.jsonl",
}
DAY = "2024-02-29"
CLINICAL = {name: contract for name, contract in contracts().items() if name in ENTITIES}

Rows = dict[str, list[dict]]


def encounter(number: int, day: str = DAY, vitals: int = 2, **changes: object) -> Rows:
    """A stay with all that was written down about it."""
    stay = f"F01-{day.replace('-', '')}-{number:04d}"
    patient = f"P{number:09d}"
    whose = {"encounter_id": stay, "patient_id": patient}
    return {
        "clinical_patients": [
            {
                "patient_id": patient,
                "facility_id": "F01",
                "nhs_number": f"999{number:07d}",
                "given_name": "Zoë",
                "family_name": "O'Hara",
                "sex": "female",
                "date_of_birth": "1950-02-28",
                "blood_group": "O+",
            }
        ],
        "encounters": [
            {
                **whose,
                "facility_id": "F01",
                "department_id": "F01-GMED",
                "admit_time": f"{day}T01:00:00Z",
                "discharge_time": f"{day}T20:00:00Z",
                "admission_method": "emergency",
                "scenario": "sepsis",
                "acuity": 3,
                "spo2_scale": 1,
                "primary_diagnosis": "A41.9",
                "discharge_destination": "usual_residence",
                **changes,
            }
        ],
        "vitals": [
            {
                "observation_id": f"{stay}-V{i:04d}",
                **whose,
                "event_time": f"{day}T{2 + i:02d}:00:00Z",
                "heart_rate": 80,
                "resp_rate": 16,
                "spo2": 97,
                "on_oxygen": "false",
                "temperature_celsius": 36.8,
                "systolic_bp": 120,
                "diastolic_bp": 70,
                "consciousness": "A",
            }
            for i in range(vitals)
        ],
        "labs": [
            {
                "result_id": f"{stay}-L0001",
                **whose,
                "event_time": f"{day}T03:00:00Z",
                "result_time": f"{day}T04:00:00Z",
                "test_code": "sodium",
                "loinc_code": "2951-2",
                "value": 140,
                "unit": "mmol/L",
                "reference_low": 133,
                "reference_high": 146,
            }
        ],
        "notes": [
            {
                "note_id": f"{stay}-N0001",
                **whose,
                "note_time": f"{day}T05:00:00Z",
                "note_type": "nursing",
                "author_role": "nurse",
                "note_text": "Settled.",
            }
        ],
    }


def together(*parts: Rows) -> Rows:
    return {entity: [row for part in parts for row in part.get(entity, [])] for entity in ENTITIES}


def text_of(entity: str, rows: list[dict]) -> bytes:
    if entity == "notes":
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in CLINICAL[entity].file_columns])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().encode()


def raw(lake: Lake, name: str, data: bytes, day: str = DAY) -> None:
    assert lake.create(f"raw/clinical/{day}/{name}", data)


def put(lake: Lake, rows: Rows, day: str = DAY, part: str = "", without: tuple[str, ...] = ()) -> None:
    for entity, file in ENTITIES.items():
        if entity in rows and entity not in without:
            stem, _, extension = file.partition(".")
            raw(lake, f"{stem}{part}.{extension}", text_of(entity, rows[entity]), day)


def parts(lake: Lake, entity: str, kind: str) -> list[dict]:
    files = [getattr(part, kind) for part in read_manifest(lake).get(entity, {}).values()]
    return [row for file in files if file for row in pq.read_table(lake.uri(file.key)).to_pylist()]


def staged(lake: Lake, entity: str) -> list[dict]:
    return parts(lake, entity, "data")


def refused(lake: Lake) -> dict[str, list[str]]:
    """Rules by entity, in order of files and lines."""
    found = {entity: [row["rule"] for row in parts(lake, entity, "quarantine")] for entity in ENTITIES}
    return {entity: rules for entity, rules in found.items() if rules}


def counts(lake: Lake) -> dict[str, tuple[int, int, int, int]]:
    """Raw, staged, duplicates and quarantined by entity; that they add up is held day by day."""
    for partitions in read_manifest(lake).values():
        for part in partitions.values():
            for of_day in part.days.values():
                assert of_day.raw == of_day.staged + of_day.duplicates + of_day.quarantined
            assert sum(of_day.staged for of_day in part.days.values()) == (part.data.rows if part.data else 0)
            held = part.quarantine.rows if part.quarantine else 0
            assert sum(of_day.quarantined for of_day in part.days.values()) == held
    return {entity: (c.raw, c.staged, c.duplicates, c.quarantined) for entity, c in totals(read_manifest(lake)).items()}


def hold_together(lake: Lake) -> None:
    """Every staged row agrees with those that it refers to, and every patient is somebody's."""
    stays = {(row["batch_date"], row["encounter_id"]): row for row in staged(lake, "encounters")}
    people = {(row["batch_date"], row["patient_id"]) for row in staged(lake, "clinical_patients")}
    assert {(row["batch_date"], row["patient_id"]) for row in stays.values()} == people
    for entity, time in (
        ("vitals", "event_time"),
        ("labs", "event_time"),
        ("labs", "result_time"),
        ("notes", "note_time"),
    ):
        for row in staged(lake, entity):
            stay = stays[row["batch_date"], row["encounter_id"]]
            assert row["patient_id"] == stay["patient_id"]
            assert stay["admit_time"] <= row[time] <= stay["discharge_time"]


def run(lake: Lake) -> list[str]:
    """Stage, and say which days failed."""
    return [failure.day for failure in stage(lake, contracts()).failed]


@pytest.fixture
def good(lake: Lake) -> Lake:
    put(lake, together(encounter(1), encounter(2)))
    put(lake, encounter(3, "2024-03-01"), "2024-03-01")
    assert run(lake) == []
    return lake


def test_days_are_staged_with_the_day_of_their_folder(good):
    for entity, contract in CLINICAL.items():
        for month, part in read_manifest(good)[entity].items():
            assert part.data.key.startswith(f"staging/{entity}/batch_date={month}/")
            table = pq.read_table(good.uri(part.data.key))
            assert table.schema.equals(contract.arrow_schema, check_metadata=True)
            order = [(name, "ascending") for name in dict.fromkeys(["batch_date", *contract.key])]
            assert table.equals(table.sort_by(order))
    assert counts(good) == {entity: (n, n, 0, 0) for entity, n in zip(sorted(ENTITIES), (3, 3, 3, 3, 6), strict=True)}
    assert {str(row["batch_date"]) for row in staged(good, "vitals")} == {DAY, "2024-03-01"}
    assert staged(good, "encounters")[0]["encounter_id"] == "F01-20240229-0001"


def test_nothing_new_changes_nothing(good):
    before = digest(good.root)
    done = stage(good, contracts())
    assert (done.partitions, done.new, done.failed) == (0, Counts(), ())
    assert digest(good.root) == before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_good_days_pass_the_gate_and_are_in_the_status(good):
    outcomes = check_staging(good, contracts())
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    said = {outcome.expectation for outcome in outcomes if outcome.relation == "staged.vitals"}
    assert {
        "encounter_id is among the day's encounters.encounter_id",
        "patient_id is encounters.patient_id",
        "event_time is not before encounters.admit_time",
        "event_time is not after encounters.discharge_time",
    } <= said
    found = status(good, contracts())
    assert found.unclaimed == {}
    assert any(re.match(r"clinical_patients +3 = ", line) for line in lines(found))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_rows_at_odds_with_what_they_refer_to_shut_the_gate(good):
    """Staged files changed behind staging's back, with a manifest that agrees."""
    manifest = read_manifest(good)

    def rewrite(entity, name, values):
        part = manifest[entity]["2024-02"]
        path = good.root / part.data.key
        table = pq.read_table(path)
        at = table.schema.get_field_index(name)
        pq.write_table(
            table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type)), path
        )
        file = replace(part.data, size=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        manifest[entity]["2024-02"] = replace(part, data=file)

    early, late = datetime(2024, 2, 29, 0, 59), datetime(2024, 2, 29, 21)
    rewrite("vitals", "event_time", [early, early, late, late])
    rewrite("labs", "patient_id", ["P000000002", "P000000001"])
    rewrite("notes", "encounter_id", ["F01-20240301-0003"] * 2)
    rewrite("encounters", "discharge_time", [datetime(2024, 3, 1)] * 2)
    write_manifest(good, manifest)
    failed = {(o.relation, o.expectation): o for o in check_staging(good, contracts()) if not o.passed}
    assert {key: outcome.unexpected for key, outcome in failed.items()} == {
        ("staged.vitals", "event_time is not before encounters.admit_time"): 2,
        ("staged.labs", "patient_id is encounters.patient_id"): 2,
        ("staged.notes", "encounter_id is among the day's encounters.encounter_id"): 2,
        ("staged.encounters", "discharge_time is on batch_date"): 2,
    }


def spoil(rows: Rows, entity: str, at: int = 0, **changes: object) -> Rows:
    found = [dict(row) for row in rows[entity]]
    found[at] |= changes
    return rows | {entity: found}


BROKEN = {
    "no such encounter": (
        spoil(encounter(2), "vitals", encounter_id="F01-20240229-9999"),
        {"vitals": ["unknown_reference"]},
    ),
    "another encounter's patient": (
        spoil(encounter(2), "labs", patient_id="P000000001"),
        {"labs": ["unknown_reference"]},
    ),
    "before it began": (spoil(encounter(2), "vitals", event_time=f"{DAY}T00:59:59Z"), {"vitals": ["outside_window"]}),
    "after it ended": (spoil(encounter(2), "notes", note_time=f"{DAY}T20:00:01Z"), {"notes": ["outside_window"]}),
    "a result after the end": (
        spoil(encounter(2), "labs", result_time=f"{DAY}T20:00:01Z"),
        {"labs": ["outside_window"]},
    ),
    "a patient whom nobody treats": (
        {"clinical_patients": encounter(9)["clinical_patients"]},
        {"clinical_patients": ["unknown_reference"]},
    ),
    "an encounter of nobody": (
        encounter(2) | {"clinical_patients": []},
        {"vitals": ["unknown_reference"] * 2} | {e: ["unknown_reference"] for e in ("encounters", "labs", "notes")},
    ),
    "an encounter that ended on another day": (
        encounter(2, discharge_time="2024-03-01T07:00:00Z"),
        {
            "clinical_patients": ["unknown_reference"],
            "encounters": ["outside_window"],
            "vitals": ["unknown_reference"] * 2,
            "labs": ["unknown_reference"],
            "notes": ["unknown_reference"],
        },
    ),
    "a patient with a fault": (
        spoil(encounter(2), "clinical_patients", sex="F"),
        {
            "clinical_patients": ["out_of_range"],
            "encounters": ["unknown_reference"],
            "vitals": ["unknown_reference"] * 2,
            "labs": ["unknown_reference"],
            "notes": ["unknown_reference"],
        },
    ),
    "an encounter of another's number": (
        {"encounters": spoil(encounter(1), "encounters", acuity=1)["encounters"]},
        {"encounters": ["colliding_id"]},
    ),
    "the same row twice, with what refers to it missing": (
        {"vitals": encounter(2)["vitals"][:1] * 2},
        {"vitals": ["unknown_reference"] * 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_that_is_at_odds_with_its_day_is_refused_and_the_others_stay(lake, name):
    rows, rules = BROKEN[name]
    put(lake, together(encounter(1), rows))
    assert run(lake) == []
    assert refused(lake) == rules
    total = {entity: len(encounter(1)[entity]) + len(rows.get(entity, [])) for entity in ENTITIES}
    assert {entity: c[0] for entity, c in counts(lake).items()} == total
    for entity in ENTITIES:
        kept = [row for row in staged(lake, entity) if row["patient_id"] == "P000000001"]
        assert len(kept) == len(encounter(1)[entity])
    hold_together(lake)


def test_times_at_the_very_bounds_are_inside(lake):
    rows = spoil(spoil(encounter(1), "vitals", event_time=f"{DAY}T01:00:00Z"), "labs", result_time=f"{DAY}T20:00:00Z")
    put(lake, rows)
    run(lake)
    assert refused(lake) == {}


def test_a_patient_of_two_encounters_stays_while_one_is_good(lake):
    second = encounter(2) | {"clinical_patients": []}
    second = {entity: [row | {"patient_id": "P000000001"} for row in rows] for entity, rows in second.items()}
    put(lake, together(encounter(1, discharge_time=f"{DAY}T00:30:00Z"), second))
    run(lake)
    assert [row["patient_id"] for row in staged(lake, "clinical_patients")] == ["P000000001"]
    assert refused(lake)["encounters"] == ["outside_window"]
    assert [row["encounter_id"][-4:] for row in staged(lake, "vitals")] == ["0002", "0002"]


def test_the_same_row_twice_is_a_duplicate(lake):
    put(lake, together(encounter(1), encounter(1)))
    run(lake)
    assert refused(lake) == {}
    assert counts(lake)["vitals"] == (4, 2, 2, 0)
    assert counts(lake)["encounters"] == (2, 1, 1, 0)


def test_quarantine_keeps_the_row_with_its_place_and_header(lake):
    put(lake, together(encounter(1), spoil(encounter(2), "vitals", at=1, spo2=101)))
    run(lake)
    (row,) = parts(lake, "vitals", "quarantine")
    content = lake.read(f"raw/clinical/{DAY}/vitals.csv").split(b"\n")
    assert row == {
        "entity": "vitals",
        "folder_day": DAY,
        "raw_key": f"raw/clinical/{DAY}/vitals.csv",
        "line": 5,
        "rule": "out_of_range",
        "reason": "spo2 is 101, more than 100",
        "record": content[4],
        "header": content[0],
    }
    put(lake, encounter(3, "2024-03-02") | {"notes": [{"note_id": 7}]}, "2024-03-02")
    run(lake)
    (note,) = parts(lake, "notes", "quarantine")
    assert (note["header"], note["record"], note["rule"]) == (None, b'{"note_id": 7}', "wrong_type")


# --- files and folders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_missing_file_is_said_until_it_comes(lake, entity):
    put(lake, encounter(1), without=(entity,))
    run(lake)
    key = f"raw/clinical/{DAY}/{ENTITIES[entity]}"
    missing = [row for row in parts(lake, entity, "quarantine") if row["rule"] == "missing_file"]
    assert [(row["raw_key"], row["line"], row["record"]) for row in missing] == [(key, 0, b"")]
    assert counts(lake)[entity] == (1, 0, 0, 1)
    raw(lake, ENTITIES[entity], text_of(entity, encounter(1)[entity]))
    done = stage(lake, contracts())
    assert done.new.quarantined < 0
    assert refused(lake) == {}
    assert counts(lake) == {e: (n, n, 0, 0) for e, n in {e: len(encounter(1)[e]) for e in ENTITIES}.items()}


def test_a_late_file_makes_its_day_again_and_no_other(good):
    before = read_manifest(good)
    put(good, encounter(4), part="_2")
    done = stage(good, contracts())
    assert (done.partitions, done.new) == (5, Counts(raw=6, staged=6))
    assert counts(good)["vitals"] == (8, 8, 0, 0)
    for entity, months in read_manifest(good).items():
        assert months["2024-03"] == before[entity]["2024-03"]


def test_files_of_an_entity_come_under_several_names(lake):
    rows = [encounter(number) for number in range(1, 5)]
    put(lake, rows[0])
    put(lake, rows[1], part="_2")
    put(lake, rows[2], part="_F01.late")
    for entity, file in ENTITIES.items():
        raw(lake, f"{file}.zst", pa.Codec("zstd").compress(text_of(entity, rows[3][entity]), asbytes=True))
    run(lake)
    assert refused(lake) == {}
    assert counts(lake)["vitals"] == (8, 8, 0, 0)
    assert counts(lake)["notes"] == (4, 4, 0, 0)


def test_other_files_and_folders_are_counted_under_the_first_entity(lake):
    put(lake, encounter(1))
    strange = ("readme.txt", "vitals.csv.bak", "vitals.jsonl", "notes.csv", "vital.csv", "more/vitals.csv", ".csv")
    for name in strange:
        raw(lake, name, b"hello")
    for key in ("2024-02-30/vitals.csv", "2024-W09-4/vitals.csv", "batch_date=2024-02-29/labs.csv", "loose.csv"):
        assert lake.create(f"raw/clinical/{key}", b"hello")
    assert run(lake) == []
    assert Counter(refused(lake)["clinical_patients"]) == {"unknown_file": len(strange), "unknown_folder": 4}
    assert set(refused(lake)) == {"clinical_patients"}
    assert counts(lake)["clinical_patients"] == (12, 1, 0, 11)
    assert {row["record"] for row in parts(lake, "clinical_patients", "quarantine")} == {b"hello"}
    before = digest(lake.root)
    assert stage(lake, contracts()).partitions == 0
    assert digest(lake.root) == before


UNREADABLE = {
    "UTF-16": ("vitals.csv", lambda data: data.decode().encode("utf-16"), "it is UTF-16, not UTF-8"),
    "binary": ("labs.csv", lambda _: bytes(range(256)), "its header holds control characters"),
    "empty": ("encounters.csv", lambda _: b"", "it is empty, without even a header"),
    "notes in UTF-16": ("notes.jsonl", lambda data: data.decode().encode("utf-16"), "its first line holds NULs"),
    "a damaged archive": (
        "vitals_2.csv.zst",
        lambda _: pa.Codec("zstd").compress(b"x" * 9_000, asbytes=True)[:-5],
        "not a whole zstd file",
    ),
    "no archive": ("vitals_2.csv.zst", lambda _: b"not zstd", "not a whole zstd file"),
    "an empty archive": ("vitals_2.csv.zst", lambda _: b"", "it is empty"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_fails_its_day_alone(lake, name):
    file, change, why = UNREADABLE[name]
    for number, day in enumerate(("2024-02-28", DAY, "2024-03-01"), 1):
        put(lake, encounter(number, day), day)
    path = lake.root / f"raw/clinical/{DAY}/{file}"
    good_data = path.read_bytes() if path.exists() else None
    path.write_bytes(change(good_data))
    for _ in range(2):
        (failure,) = stage(lake, contracts()).failed
        assert failure.day == DAY
        assert str(path) in str(failure)
        assert why in str(failure)
        assert "\n" not in str(failure)
        assert {str(row["batch_date"]) for row in staged(lake, "vitals")} == {"2024-02-28", "2024-03-01"}
        assert counts(lake)["vitals"] == (4, 4, 0, 0)
        assert refused(lake) == {}
    path.unlink()
    if good_data is not None:
        path.write_bytes(good_data)
    assert run(lake) == []
    assert counts(lake)["vitals"] == (6, 6, 0, 0)


def test_a_folder_in_the_place_of_a_file_fails_its_day(lake):
    put(lake, encounter(1))
    put(lake, encounter(2, "2024-02-28"), "2024-02-28")
    path = lake.root / f"raw/clinical/{DAY}/vitals.csv"
    path.unlink()
    (path / "deeper").mkdir(parents=True)
    (failure,) = stage(lake, contracts()).failed
    assert "vitals.csv cannot be read: it is a folder, not a file" in str(failure)
    assert len(staged(lake, "encounters")) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_fails_its_day(lake):
    put(lake, encounter(1))
    (lake.root / f"raw/clinical/{DAY}/labs.csv").chmod(0)
    assert run(lake) == [DAY]


def test_an_object_that_cannot_be_got_fails_its_day(lake, monkeypatch):
    put(lake, encounter(1))
    put(lake, encounter(2, "2024-02-28"), "2024-02-28")
    real = os.open

    def denied(path, *arguments, **named):
        if str(path) == "labs.csv":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    whole = Path.read_bytes

    def refused_bytes(path):
        if path.name == "labs.csv" and path.parent.name == DAY:
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr("loaders.lake.folder.os.open", denied)
    monkeypatch.setattr(Path, "read_bytes", refused_bytes)
    (failure,) = stage(lake, contracts()).failed
    assert failure.day == DAY
    assert f"{DAY}/labs.csv cannot be read: permission denied" in str(failure)
    assert len(staged(lake, "labs")) == 1


def test_folders_that_cannot_be_listed_or_named_fail_alone(lake, monkeypatch):
    for number, day in enumerate(("2024-02-27", "2024-02-28", DAY), 1):
        put(lake, encounter(number, day), day)
    (lake.root / "raw/clinical/2024-02-28").joinpath(os.fsdecode(b"vitals_\xff.csv")).write_bytes(b"")
    put(lake, {"labs": []}, "lost")
    put(lake, {"labs": []}, os.fsdecode(b"\xff"))
    real = os.scandir

    def denied(path):
        if str(path).endswith((f"clinical/{DAY}", "clinical/lost")):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("loaders.lake.folder.os.scandir", denied)
    said = [str(failure) for failure in stage(lake, contracts()).failed]
    assert [line.split(" ", 1)[0] for line in said] == ["2024-02-28", DAY, "\\udcff", "lost"]
    assert r"2024-02-28: 'vitals_\udcff.csv' cannot be read: the name is not UTF-8" in said[0]
    assert f"{lake.root}/raw/clinical/{DAY} cannot be read: permission denied" in said[1]
    assert {str(row["batch_date"]) for row in staged(lake, "vitals")} == {"2024-02-27"}
    monkeypatch.undo()
    assert run(lake) == ["2024-02-28", "\\udcff"]
    assert refused(lake) == {"clinical_patients": ["unknown_folder"]}


def test_a_late_file_that_cannot_be_read_leaves_the_day_as_it_was(good):
    before = digest(good.root, *STAGED)
    raw(good, "vitals_2.csv", b"")
    assert run(good) == [DAY]
    assert digest(good.root, *STAGED) == before


def test_the_command_names_each_failed_day_after_it_has_staged_the_others(lake):
    for number, day in enumerate(("2024-02-28", DAY, "2024-03-01"), 1):
        put(lake, encounter(number, day), day)
    for day in (DAY, "2024-03-01"):
        path = lake.root / f"raw/clinical/{day}/labs.csv"
        path.write_bytes(b"")
    done = CliRunner().invoke(app, ["stage", "--lake", str(lake)])
    assert done.exit_code == 1
    assert "6 records = 6 staged + 0 duplicates + 0 quarantined" in done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split()[1] for line in errors] == [DAY, "2024-03-01"]
    for line in errors:
        assert line.endswith("put it right and run again, other days are staged")
        assert "labs.csv cannot be read: it is empty, without even a header" in line


# --- order -----------------------------------------------------------------------------------------------------------


def delivered(lake: Lake, parcels: list[tuple[str, str, Rows]], pauses: list[bool]) -> None:
    for (day, part, rows), pause in zip(parcels, pauses, strict=True):
        put(lake, rows, day, part)
        if pause:
            stage(lake, CLINICAL)
    stage(lake, CLINICAL)


def test_an_encounter_that_loses_its_id_takes_its_rows_along_and_gets_them_back(lake, tmp_path):
    first, second = encounter(1, "2024-02-28"), encounter(1, "2024-03-01")
    number = {"encounter_id": first["encounters"][0]["encounter_id"]}
    second = {e: [row | number if "encounter_id" in row else row for row in rows] for e, rows in second.items()}
    put(lake, second, "2024-03-01")
    run(lake)
    assert refused(lake) == {}
    put(lake, first, "2024-02-28")
    run(lake)
    assert refused(lake) == {
        "clinical_patients": ["unknown_reference"],
        "encounters": ["colliding_id"],
        "vitals": ["unknown_reference"] * 2,
        "labs": ["unknown_reference"],
        "notes": ["unknown_reference"],
    }
    assert {str(row["batch_date"]) for row in staged(lake, "vitals")} == {"2024-02-28"}
    taken = spoil(encounter(7, "2024-02-28"), "encounters", **number)
    put(lake, taken, "2024-02-28", part="-0")
    at_once = Lake.at(tmp_path / "at_once")
    shutil.copytree(lake.root / "raw", at_once.root / "raw")
    run(lake)
    run(at_once)
    assert digest(lake.root, *STAGED) == digest(at_once.root, *STAGED)


DAYS = ("2024-01-31", "2024-02-28", DAY)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_delivery_in_any_order_ends_in_the_same_bytes(tmp_path_factory, data):
    """Stays of three days in several files each, ids shared within and between days, rows without their stay."""
    parcels = []
    for i in range(data.draw(st.integers(1, 6))):
        day = data.draw(st.sampled_from(DAYS))
        number = data.draw(st.integers(1, 3))
        rows = encounter(number, data.draw(st.sampled_from([day, DAYS[0]])), vitals=1)
        rows = json.loads(json.dumps(rows).replace(f"{DAYS[0]}T", f"{day}T"))
        rows = spoil(rows, "encounters", acuity=data.draw(st.sampled_from([1, 2])))
        if data.draw(st.booleans()):
            rows = spoil(rows, "vitals", observation_id="F01-20240131-0001-V0001")
        some = data.draw(st.sets(st.sampled_from(sorted(ENTITIES)), min_size=1))
        parcels.append((day, f"_{i}", {entity: rows[entity] for entity in some}))
    folder = tmp_path_factory.mktemp("orders")
    one_by_one, at_once = Lake.at(folder / "one_by_one"), Lake.at(folder / "at_once")
    shuffled = data.draw(st.permutations(parcels))
    delivered(one_by_one, shuffled, data.draw(st.lists(st.booleans(), min_size=len(parcels), max_size=len(parcels))))
    delivered(at_once, parcels, [False] * len(parcels))
    assert counts(one_by_one) == counts(at_once)
    assert digest(one_by_one.root, *STAGED) == digest(at_once.root, *STAGED)


def test_workers_do_not_change_a_byte(good, tmp_path):
    other = Lake.at(tmp_path / "other")
    shutil.copytree(good.root / "raw", other.root / "raw")
    stage(other, contracts(), workers=2)
    assert digest(good.root, *STAGED) == digest(other.root, *STAGED)


def test_a_lake_in_a_bucket_holds_the_same_bytes(good, s3_lake):
    for key, _ in good.find("raw"):
        assert s3_lake.create(key, good.read(key))
    raw(s3_lake, "labs.csv", b"", "2024-03-02")
    (failure,) = stage(s3_lake, contracts()).failed
    assert f"{s3_lake}/raw/clinical/2024-03-02/labs.csv cannot be read: it is empty" in str(failure)
    assert digest_of(s3_lake, "staging", "quarantine") == digest_of(good, "staging", "quarantine")


def shared_ids(lake: Lake) -> None:
    """Two months, faults, and a stay of the second month that has an id of the first."""
    put(lake, together(encounter(1, "2024-01-31"), spoil(encounter(2, "2024-01-31"), "vitals", spo2=7)), "2024-01-31")
    later = json.loads(json.dumps(encounter(1, "2024-01-31")).replace("2024-01-31T", f"{DAY}T"))
    put(lake, together(later, encounter(4)), DAY)


def test_ids_that_cannot_be_settled_are_settled_once_their_days_can_be_read(tmp_path):
    lake, at_once = Lake.at(tmp_path / "lake"), Lake.at(tmp_path / "at_once")
    shared_ids(lake)
    assert run(lake) == []
    path = lake.root / "raw/clinical/2024-01-31/vitals.csv"
    data = path.read_bytes()
    path.write_bytes(b"\0" * len(data))
    put(lake, {"encounters": encounter(8, vitals=0)["encounters"]}, part="_2")
    for _ in range(2):
        assert run(lake) == ["2024-01-31"]
        assert counts(lake)["encounters"] == (5, 3, 0, 2)
    path.write_bytes(data)
    assert run(lake) == []
    shutil.copytree(lake.root / "raw", at_once.root / "raw")
    run(at_once)
    assert digest(lake.root, *STAGED) == digest(at_once.root, *STAGED)


@pytest.mark.parametrize("at_a_time", [1, 2, 1000])
def test_shared_ids_are_settled_however_many_are_held_at_a_time(tmp_path, monkeypatch, at_a_time):
    monkeypatch.setattr(ids, "ROWS_AT_A_TIME", at_a_time)
    lake = Lake.at(tmp_path)
    shared_ids(lake)
    run(lake)
    assert refused(lake)["encounters"] == ["colliding_id"]


def test_more_ids_than_fit_in_memory_are_held_against_each_other(tmp_path):
    """Six million ids, the first of which comes back in the other month."""
    lake, contract, rows = Lake.at(tmp_path), contracts()["vitals"], 3_000_000
    partitions = {}
    for start, day in ((0, "2024-01-31"), (rows - 1, DAY)):
        table = pa.table({"n": pa.array(range(start, start + rows), pa.int64())})
        named = pc.binary_join_element_wise("F01-20240131-0000-V", table["n"].cast(pa.string()), "")
        times = pa.repeat(pa.scalar(datetime.fromisoformat(day), pa.timestamp("us")), rows)
        key = f"staging/vitals/{day[:7]}.parquet"
        lake.write(key, b"")
        pq.write_table(pa.table({"observation_id": named, contract.partition: times}), lake.root / key)
        partitions[day[:7]] = Partition(StagedFile(key, rows, 0, ""), StagedFile("", 0, 0, ""), None)
    found = ids.ids_of_several_days(lake, contract, partitions)
    assert found == {("observation_id",): {(f"F01-20240131-0000-V{rows - 1}",): {"2024-01-31", DAY}}}


KILL = """
import os, sys
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.staging import stage

left = int(sys.argv[2])

def counted(function):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os._exit(137)
        return function(*arguments, **named)
    return call

os.replace, os.fsync = counted(os.replace), counted(os.fsync)
stage.stage(Lake.at(sys.argv[1]), contracts())
print("done")
"""


def test_killed_at_any_step_it_ends_in_the_same_bytes(tmp_path):
    """Die before the n-th rename or sync, for each n of a few, and run again, until it gets through."""
    undisturbed, disturbed = Lake.at(tmp_path / "undisturbed"), tmp_path / "disturbed"
    shared_ids(undisturbed)
    shutil.copytree(undisturbed.root, disturbed)
    run(undisturbed)
    assert refused(undisturbed)["encounters"] == ["colliding_id"]
    deaths = 0
    for step in count(3, 9):
        code = [sys.executable, "-c", KILL, str(disturbed), str(step)]
        done = subprocess.run(code, capture_output=True, text=True)
        if done.stdout.strip() == "done":
            break
        assert done.returncode == 137, done.stderr
        deaths += 1
    assert deaths >= 3
    assert digest(disturbed, *STAGED) == digest(undisturbed.root, *STAGED)


def test_killed_between_staging_and_settling_ids_it_ends_in_the_same_bytes(tmp_path, monkeypatch):
    undisturbed = Lake.at(tmp_path / "undisturbed")
    shared_ids(undisturbed)
    run(undisturbed)
    for writes in count(0):
        lake = Lake.at(tmp_path / f"killed-{writes}")
        shared_ids(lake)
        left = iter(range(writes))

        def dying(lake, manifest, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            write_manifest(lake, manifest)

        with monkeypatch.context() as patched:
            patched.setattr("loaders.staging.stage.write_manifest", dying)
            try:
                run(lake)
                break
            except KeyboardInterrupt:
                pass
        run(lake)
        assert digest(lake.root, *STAGED) == digest(undisturbed.root, *STAGED), writes
    assert writes >= 4


# --- anything at all -------------------------------------------------------------------------------------------------

spoiled = st.lists(
    st.tuples(
        st.sampled_from(["patients.csv", "encounters.csv", "vitals.csv", "labs.csv", "notes.jsonl"]),
        st.integers(0, 2_000),
        st.one_of(
            st.binary(min_size=1, max_size=6), st.sampled_from([b"", b'"', b"\n", b",", b"\r\n", b"\xff", b'"\n'])
        ),
        st.integers(0, 8),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoiled)
def test_whatever_is_done_to_files_every_record_is_accounted_for(tmp_path_factory, changes):
    lake = Lake.at(tmp_path_factory.mktemp("spoiled"))
    rows = together(*(encounter(number) for number in range(1, 5)))
    contents = {file: text_of(entity, rows[entity]) for entity, file in ENTITIES.items()}
    touched = set()
    for file, place, data, cut in changes:
        at = place % (len(contents[file]) + 1)
        contents[file] = contents[file][:at] + data + contents[file][at + cut :]
        touched.add(file)
    for file, content in contents.items():
        raw(lake, file, content)
    put(lake, encounter(9, "2024-03-01"), "2024-03-01")
    failed = run(lake)
    assert failed in ([], [DAY])
    counted = counts(lake)
    assert len(staged(lake, "vitals")) >= 2
    if not failed:
        for entity, file in ENTITIES.items():
            ends = contents[file].count(b"\n")
            held = counted[entity][0] - 1 - (entity == "vitals")
            assert held <= ends + 1
            if file not in touched:
                assert held == len(rows[entity])
    hold_together(lake)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.integers(0, 110), st.binary(min_size=1, max_size=3)), min_size=1, max_size=3
    )
)
def test_good_rows_survive_bad_ones(tmp_path_factory, changes):
    """Bytes changed within some lines, but for quotes and line ends: all other lines are staged."""
    lake = Lake.at(tmp_path_factory.mktemp("rows"))
    rows = together(*(encounter(number) for number in range(1, 5)))
    lines = text_of("vitals", rows["vitals"]).splitlines()
    for number, place, data in changes:
        clean = data.replace(b"\n", b"").replace(b'"', b"").replace(b"\r", b"")
        lines[number] = lines[number][:place] + clean + lines[number][place + 1 :]
    put(lake, rows, without=("vitals",))
    raw(lake, "vitals.csv", b"\n".join(lines) + b"\n")
    assert run(lake) == []
    touched = {number for number, _, _ in changes}
    kept = {row["observation_id"] for row in staged(lake, "vitals")}
    assert {row["observation_id"] for i, row in enumerate(rows["vitals"], 1) if i not in touched} <= kept
    assert counts(lake)["vitals"][0] == 8
