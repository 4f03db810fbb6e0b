import csv
import io
import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import digest, killed_until_done

from loaders.contracts import contracts
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.raw.generate import generate, operate_all
from loaders.raw.tables import csv_bytes
from loaders.raw.theatre_dirt import TELEMETRY
from loaders.raw.theatre_state import STATE_KEY
from loaders.raw.theatre_tables import ENTITIES
from loaders.raw.theatres import write_theatres
from loaders.world.config import PRESETS

THEATRES = ("raw/robotics/**/*", "truth/robotics/**/*", "state/robotics/**/*")


@pytest.fixture(scope="module")
def world():
    """Two hospitals of 150 beds for seven weeks."""
    return replace(
        PRESETS["demo"], days=50, beds=300, initial_patients=9_000, max_patients=10_000, telemetry_samples=5,
        robotic_share=0.8,
    )  # fmt: skip


@pytest.fixture(scope="module")
def operated(world, tmp_path_factory):
    """A lake of operations alone."""
    lake = Lake.at(tmp_path_factory.mktemp("operated") / "lake")
    operate_all(lake, world)
    return lake


@pytest.fixture(scope="module")
def theatre_lake(operated, world, tmp_path_factory):
    lake = Lake.at(tmp_path_factory.mktemp("theatres") / "lake")
    shutil.copytree(operated.root, lake.root)
    write_theatres(lake, world)
    return lake


@pytest.fixture
def other(operated, tmp_path):
    """A lake in which operations have left what theatres need."""
    shutil.copytree(operated.root / "state", tmp_path / "other/state")
    return Lake.at(tmp_path / "other")


def content(path: Path) -> str:
    data = path.read_bytes()
    return (pa.CompressedInputStream(pa.BufferReader(data), "zstd").read() if path.suffix == ".zst" else data).decode()


def rows(lake: Lake, entity: str) -> list[dict[str, str]]:
    """Rows of an entity, with the day of their folder under `day`."""
    found = []
    for path in sorted((lake.root / "raw/robotics" / entity).glob("*/*")):
        text = content(path)
        some = map(json.loads, text.splitlines()) if entity == TELEMETRY else csv.DictReader(io.StringIO(text))
        found += [{**row, "day": path.parent.name.partition("=")[2]} for row in some]
    return found


def ledger(lake: Lake) -> Counter:
    totals = Counter()
    for path in (lake.root / "truth/robotics").glob("*/*"):
        for row in map(json.loads, content(path).splitlines()):
            assert row["facility_id"] in path.name
            assert row["ledger_date"] == row["event_date"] in str(path)
            totals[row["entity"], row["event_date"], row["measure"]] += row["total"]
    return totals


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_says_times_truths_numbers_and_nothing():
    table = pa.table(
        {
            "name": ["plain", None, 'a "b", c', "two\nlines"],
            "at": pa.array([datetime(2024, 2, 29, 7, 5), None, None, None], pa.timestamp("us")),
            "day": pa.array([date(2024, 2, 29), None, None, None]),
            "is_so": [True, False, None, None],
            "hours": [1.5, 4.0, None, 1e-7],
            "cost": pa.array([Decimal("12.50"), Decimal("0.07"), None, None], pa.decimal128(12, 2)),
        }
    )
    text = csv_bytes(table).decode()
    assert text == (
        "name,at,day,is_so,hours,cost\n"
        "plain,2024-02-29T07:05:00Z,2024-02-29,true,1.5,12.50\n"
        ",,,false,4,0.07\n"
        '"a ""b"", c",,,,,\n'
        '"two\nlines",,,,1e-7,\n'
    )
    assert list(csv.DictReader(io.StringIO(text)))[2]["name"] == 'a "b", c'
    assert csv_bytes(table.slice(0, 0)) == b"name,at,day,is_so,hours,cost\n"


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_have_the_columns_of_their_contracts_in_order_of_time_and_key(theatre_lake):
    for entity in ENTITIES:
        contract = contracts()[entity]
        found = rows(theatre_lake, entity)
        assert found
        assert all(list(row)[:-1] == [column.name for column in contract.columns] for row in found)
        assert all(row["updated_at"][:10] == row["day"] for row in found)
        order = [(row["updated_at"], *(row[name] for name in contract.key)) for row in found]
        assert order == sorted(order)
        keys = [tuple(row[name] for name in contract.key) for row in found]
        assert len(set(keys)) == len(keys)
        for column in contract.columns:
            values = {row[column.name] for row in found}
            assert not (column.required and "" in values), column.name
            if column.accepted:
                assert values - {""} <= set(column.accepted), column.name


def test_every_id_that_is_named_is_there(theatre_lake):
    robots = {row["robot_id"] for row in rows(theatre_lake, "surgical_robots")}
    surgeons = {row["surgeon_id"] for row in rows(theatre_lake, "surgeons")}
    procedures = {row["procedure_id"]: row for row in rows(theatre_lake, "surgical_procedures")}
    assert len(procedures) > 100
    for row in procedures.values():
        assert row["procedure_id"] == row["encounter_id"] + "-R1"
        assert row["robot_id"] in robots
        assert row["surgeon_id"] in surgeons
        assert row["facility_id"] == row["encounter_id"][:3] == "F" + row["patient_id"][1:3]
    assert {row["procedure_id"] for row in rows(theatre_lake, "procedure_outcomes")} == set(procedures)
    assert {row["robot_id"] for row in rows(theatre_lake, "robot_maintenance_logs")} <= robots


def test_encounters_of_procedures_are_elective_admissions(theatre_lake):
    admissions = {}
    for path in (theatre_lake.root / "raw/operations/admission").glob("*/*"):
        row = json.loads(path.read_bytes())
        admissions[row["encounter_id"]] = row
    for row in rows(theatre_lake, "surgical_procedures"):
        admission = admissions[row["encounter_id"]]
        assert admission["admission_method"] == "elective"
        assert admission["patient_id"] == row["patient_id"]
        if row["status"] != "cancelled":
            assert admission["event_time"] < row["start_time"]


def test_cancelled_procedures_have_no_end(theatre_lake):
    found = rows(theatre_lake, "surgical_procedures")
    assert {row["status"] for row in found} == {"completed", "converted", "cancelled"}
    for row in found:
        is_off = row["status"] == "cancelled"
        assert (row["end_time"] == "") == (row["duration_minutes"] == "") == is_off
        assert (row["cancellation_reason"] != "") == is_off
        assert row["updated_at"] == (row["start_time"] if is_off else row["end_time"])


def test_versions_of_outcomes_follow_upon_each_other(theatre_lake):
    by_procedure = {}
    for row in rows(theatre_lake, "procedure_outcomes"):
        by_procedure.setdefault(row["procedure_id"], []).append(row)
    assert {len(versions) for versions in by_procedure.values()} == {1, 2, 3}
    for versions in by_procedure.values():
        first = versions[0]
        assert first["has_complication"] == first["stay_days"] == first["is_readmitted_30d"] == ""
        for later in versions[1:]:
            assert later["blood_loss_ml"] == first["blood_loss_ml"] != ""
            assert later["has_complication"] in ("true", "false")
        if len(versions) == 3:
            assert versions[1]["is_readmitted_30d"] == "" != versions[2]["is_readmitted_30d"]
            assert versions[2]["updated_at"].endswith("T09:00:00Z")


def test_completed_cases_have_their_samples_on_their_day(world, theatre_lake):
    completed = {
        row["procedure_id"]: row for row in rows(theatre_lake, "surgical_procedures") if row["status"] == "completed"
    }
    samples = rows(theatre_lake, TELEMETRY)
    assert Counter(row["procedure_id"] for row in samples) == dict.fromkeys(completed, world.telemetry_samples)
    for row in samples:
        case = completed[row["procedure_id"]]
        assert case["start_time"] <= row["sample_time"] < case["end_time"]
        assert row["robot_id"] == case["robot_id"]
        assert row["sample_time"][:10] == row["day"]


def test_the_ledger_says_what_was_written(theatre_lake):
    counted = Counter()
    sums = {
        "surgical_procedures": {"minutes": lambda row: int(row["duration_minutes"] or 0),
                                "cancelled": lambda row: row["status"] == "cancelled"},
        "procedure_outcomes": {"blood_loss_ml": lambda row: int(row["blood_loss_ml"] or 0)},
        "robot_maintenance_logs": {"cost_pence": lambda row: int(Decimal(row["cost_gbp"]) * 100)},
        TELEMETRY: {"force_hundredths": lambda row: round(row["force_n"] * 100)},
    }  # fmt: skip
    for entity in (*ENTITIES, TELEMETRY):
        for row in rows(theatre_lake, entity):
            counted[entity, row["day"], "rows"] += 1
            for measure, number in sums.get(entity, {}).items():
                counted[entity, row["day"], measure] += number(row)
    assert ledger(theatre_lake) == counted


def test_what_was_known_before_the_first_day_comes_with_it(world, theatre_lake):
    days = {row["day"] for row in rows(theatre_lake, "surgical_facilities")}
    assert "2022-04-01" in days
    assert max(days) < str(world.end)
    assert len({row["robot_id"] for row in rows(theatre_lake, "surgical_robots")}) == world.robots
    assert not any(row["day"] < str(world.start) for row in rows(theatre_lake, "robot_maintenance_logs"))


# --- runs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_a_byte_of_robotics(world, theatre_lake, other, workers):
    write_theatres(other, world, workers)
    assert digest(other.root, *THEATRES) == digest(theatre_lake.root, *THEATRES)


def test_any_number_of_runs_ends_in_the_same_bytes(world, theatre_lake, tmp_path):
    other = Lake.at(tmp_path / "other")
    written = 0
    for days in (1, 2, 3, 9, 30, 31, 32, 45, 50):
        operate_all(other, replace(world, days=days))
        written += write_theatres(other, replace(world, days=days)).days
    assert written == 50
    assert digest(other.root, *THEATRES) == digest(theatre_lake.root, *THEATRES)


def test_theatres_wait_for_the_slowest_facility(world, theatre_lake, tmp_path):
    other = Lake.at(tmp_path / "other")
    operate_all(other, world, "2/2")
    assert write_theatres(other, world).days == 0
    assert not (other.root / "raw/robotics").exists()
    operate_all(other, world, "1/2")
    assert write_theatres(other, world).days == 50
    assert digest(other.root, *THEATRES) == digest(theatre_lake.root, *THEATRES)


def test_killed_theatres_go_on_to_the_same_bytes(world, theatre_lake, other):
    code = (
        "import sys; from dataclasses import replace\n"
        "from loaders.lake import Lake; from loaders.raw import theatres\n"
        "from loaders.contracts import contracts; from loaders.world.config import PRESETS\n"
        "world = replace(PRESETS['demo'], days=50, beds=300, initial_patients=9_000, max_patients=10_000,"
        " telemetry_samples=5, robotic_share=0.8)\n"
        "contracts(); print('ready', flush=True); theatres.write_theatres(Lake.at(sys.argv[1]), world)"
    )
    assert killed_until_done(code, other.root, first_seconds=0.05, more_seconds=0.15) >= 2
    assert digest(other.root, *THEATRES) == digest(theatre_lake.root, *THEATRES)


def test_a_source_gets_the_tables_instead_of_the_lake(world, theatre_lake, other):
    given = []
    made = write_theatres(other, world, source=lambda tables: given.append(dict(tables)))
    assert {path.name for path in (other.root / "raw/robotics").iterdir()} == {TELEMETRY}
    assert digest(other.root, "truth/robotics/**/*") == digest(theatre_lake.root, "truth/robotics/**/*")
    assert len(given) == 2
    for entity in ENTITIES:
        parts = [tables[entity] for tables in given if entity in tables]
        assert all(part.schema.equals(contracts()[entity].arrow_schema) for part in parts)
        together = list(csv.DictReader(io.StringIO(csv_bytes(pa.concat_tables(parts)).decode())))
        assert together == [{k: v for k, v in row.items() if k != "day"} for row in rows(theatre_lake, entity)]
        assert made.rows[entity] == len(together)


def test_robotics_say_the_same_packed_or_not(world, theatre_lake, other):
    write_theatres(other, replace(world, packed=True))
    for entity in (*ENTITIES, TELEMETRY):
        assert rows(other, entity) == rows(theatre_lake, entity)
        assert all(path.suffix == ".zst" for path in (other.root / "raw/robotics" / entity).glob("*/*"))


def test_telemetry_can_be_parquet(world, theatre_lake, other):
    write_theatres(other, replace(world, telemetry_format="parquet"))
    lines = {path.parent.name: content(path) for path in (theatre_lake.root / "raw/robotics" / TELEMETRY).glob("*/*")}
    files = {path.parent.name: path for path in (other.root / "raw/robotics" / TELEMETRY).glob("*/*.parquet")}
    assert set(files) == set(lines)
    for day, path in files.items():
        found = pq.ParquetFile(path).read()
        assert found.schema.names == contracts()[TELEMETRY].arrow_schema.names
        assert found["force_n"].to_pylist() == [json.loads(line)["force_n"] for line in lines[day].splitlines()]
    assert digest(other.root, "truth/robotics/**/*") == digest(theatre_lake.root, "truth/robotics/**/*")


def test_samples_of_a_large_day_are_made_in_parts(world, theatre_lake, other, monkeypatch):
    monkeypatch.setattr("loaders.raw.theatre_files.SAMPLES_AT_A_TIME", 12)
    write_theatres(other, world)
    assert digest(other.root, *THEATRES) == digest(theatre_lake.root, *THEATRES)


def test_dirt_in_robotics_stands_beside_good_rows_and_in_the_ledger(world, theatre_lake, other):
    dirty_world = replace(world, dirty_share=0.1)
    made = write_theatres(other, dirty_world)
    clean, told = ledger(theatre_lake), ledger(other)
    faults = {key: total for key, total in told.items() if key[2].partition(".")[0] in ("fault", "duplicates")}
    assert {key: total for key, total in told.items() if key not in faults} == clean
    assert sum(faults.values()) == made.faults > 1_000
    both = {"duplicates", *(f"fault.{rule}" for rule in (
        "invalid_utf8", "missing_required", "wrong_type", "out_of_range", "outside_window", "colliding_id"
    ))}  # fmt: skip
    found = {entity: {key[2] for key in faults if key[0] == entity} for entity in (*ENTITIES, TELEMETRY)}
    assert found[TELEMETRY] == both | {"fault.malformed_json", "fault.unknown_field"}
    assert found["procedure_outcomes"] == both | {"fault.malformed_csv"}
    added = breaks = 0
    for path in (theatre_lake.root / "raw/robotics").glob("*/*/*"):
        good = path.read_bytes().splitlines()
        all_of_it = (other.root / path.relative_to(theatre_lake.root)).read_bytes().splitlines()
        assert not Counter(good) - Counter(all_of_it)
        added += len(all_of_it) - len(good)
        breaks += sum(line.count(b'"') % 2 for line in all_of_it) // 2 if path.suffix == ".csv" else 0
    assert added - breaks == made.faults


def test_a_network_without_robots_has_theatres_that_stand_empty(world, tmp_path):
    lake = Lake.at(tmp_path / "lake")
    empty = replace(world, robots=0, surgeons=0, days=12)
    operate_all(lake, empty)
    made = write_theatres(lake, empty)
    assert made.days == 12
    assert {path.name for path in (lake.root / "raw/robotics").iterdir()} == {"surgical_facilities"}


def test_damaged_state_of_theatres_is_explained(world, tmp_path):
    lake = Lake.at(tmp_path / "lake")
    operate_all(lake, replace(world, days=3))
    write_theatres(lake, replace(world, days=3))
    (lake.root / STATE_KEY).write_bytes(b"\0")
    with pytest.raises(LakeError, match=r"theatres\.npz is damaged: delete"):
        write_theatres(lake, world)


def test_generate_makes_robotics_too(world, tmp_path):
    lake = Lake.at(tmp_path / "lake")
    made = generate(lake, replace(world, days=8))
    assert made.theatres.days == 8
    assert made.theatres.rows["surgical_procedures"] == len(rows(lake, "surgical_procedures")) > 0
    again = generate(lake, replace(world, days=8))
    assert (again.theatres.days, again.theatres.objects) == (0, 0)
