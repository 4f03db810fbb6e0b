import csv
import io
import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import digest, killed_until_done

from loaders.contracts import contracts
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.project import PROJECT
from loaders.raw.batch_dirt import FAULTS
from loaders.raw.batches import ENTITY_OF_FILE, HEADERS
from loaders.raw.clinical import NEXT_DAY_KEY, write_batches
from loaders.raw.dirt import CAUGHT_AS
from loaders.raw.generate import generate, operate_all
from loaders.raw.sample import write_sample
from loaders.world.config import PRESETS

BATCHES = ("raw/clinical/**/*", "truth/clinical/**/*", "state/clinical/**/*", "state/*.csv")
SAMPLE_DAY = "2024-01-31"


def content(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    return data.decode()


def rows(path: Path) -> list[dict[str, str]]:
    text = content(path)
    if ".jsonl" in path.name:
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


def folders(lake: Lake) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Rows by day and file."""
    return {
        day.name: {path.name: rows(path) for path in sorted(day.iterdir())}
        for day in sorted((lake.root / "raw/clinical").iterdir())
    }


def test_a_day_has_its_five_files_with_the_columns_of_their_contracts(raw_lake):
    days = folders(raw_lake)
    assert len(days) == 21
    for files in days.values():
        assert list(files) == sorted(HEADERS)
    for file, entity in ENTITY_OF_FILE.items():
        names = [column.name for column in contracts()[entity].columns if column.name != "batch_date"]
        found = [row for files in days.values() for row in files[file]]
        assert len(found) > 100
        assert all(list(row) == names for row in found)


def test_a_day_is_complete_in_itself(raw_lake):
    for day, files in folders(raw_lake).items():
        stays = {row["encounter_id"]: row for row in files["encounters.csv"]}
        assert len(stays) == len(files["encounters.csv"])
        assert sorted(row["patient_id"] for row in files["patients.csv"]) == sorted(
            row["patient_id"] for row in stays.values()
        )
        for stay in stays.values():
            assert stay["discharge_time"].startswith(day)
            assert stay["admit_time"] < stay["discharge_time"]
        for file, time in (("vitals.csv", "event_time"), ("labs.csv", "event_time"), ("notes.jsonl", "note_time")):
            for row in files[file]:
                stay = stays[row["encounter_id"]]
                assert row["patient_id"] == stay["patient_id"]
                assert stay["admit_time"] <= row[time] <= stay["discharge_time"]
        assert all(row["event_time"] < row["result_time"] <= stays[row["encounter_id"]]["discharge_time"]
                   for row in files["labs.csv"])  # fmt: skip


def test_batches_hold_the_discharges_of_operations_one_to_one(raw_lake):
    sent = {
        event["encounter_id"]: event
        for path in (raw_lake.root / "raw/operations/discharge").glob("*/*")
        for event in map(json.loads, content(path).splitlines())
    }
    told = {row["encounter_id"]: row for files in folders(raw_lake).values() for row in files["encounters.csv"]}
    assert sent.keys() == told.keys()
    for encounter_id, event in sent.items():
        row = told[encounter_id]
        assert row["discharge_time"] == event["event_time"]
        assert (row["patient_id"], row["department_id"], row["facility_id"], row["discharge_destination"]) == (
            event["patient_id"], event["department_id"], event["facility_id"], event["discharge_destination"]
        )  # fmt: skip


def test_a_patient_never_changes_and_is_the_one_of_the_registry(raw_lake):
    known = defaultdict(set)
    for files in folders(raw_lake).values():
        for row in files["patients.csv"]:
            known[row["patient_id"]].add(tuple(row.values()))
    assert all(len(versions) == 1 for versions in known.values())
    everyone = {row["patient_id"]: row for row in rows(raw_lake.root / "state/patients_master.csv")}
    assert len(everyone) > 2_400
    assert len({row["nhs_number"] for row in everyone.values()}) == len(everyone)
    for patient_id, (version,) in known.items():
        assert version == tuple(everyone[patient_id].values())[:-1]


def test_the_registry_grows_to_its_bound(small_world, tmp_path):
    sizes = []
    for days in (1, 11, 21):
        lake = Lake.at(tmp_path / str(days))
        generate(lake, replace(small_world, days=days, new_patients_per_day=20, max_patients=2_700))
        sizes.append(len(rows(lake.root / "state/patients_master.csv")))
    assert sizes == [2_419, 2_619, 2_700]


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_a_byte_of_a_batch(raw_lake, small_world, tmp_path, workers):
    other = Lake.at(tmp_path / "other")
    generate(other, small_world, workers=workers)
    assert digest(other.root, *BATCHES) == digest(raw_lake.root, *BATCHES)


def test_a_day_at_a_time_is_as_all_at_once(raw_lake, small_world, tmp_path):
    other = Lake.at(tmp_path / "other")
    for days in range(1, 22):
        generate(other, replace(small_world, days=days))
    assert digest(other.root, *BATCHES) == digest(raw_lake.root, *BATCHES)


def test_batches_wait_for_the_slowest_facility(raw_lake, small_world, tmp_path):
    other = Lake.at(tmp_path / "other")
    assert generate(other, small_world, shard="2/2").batches.days == 0
    assert not (other.root / "raw/clinical").exists()
    assert generate(other, small_world, shard="1/2").batches.days == 21
    assert digest(other.root, *BATCHES) == digest(raw_lake.root, *BATCHES)


def test_a_facility_made_again_from_the_first_day_leaves_the_batches_as_they_are(raw_lake, small_world):
    before = digest(raw_lake.root, *BATCHES)
    (raw_lake.root / "state/operations/F01.npz").unlink()
    assert generate(raw_lake, small_world).batches.days == 0
    assert digest(raw_lake.root, *BATCHES) == before


def test_killed_batches_go_on_to_the_same_bytes(small_world, tmp_path):
    world = replace(small_world, days=60)
    undisturbed, killed = Lake.at(tmp_path / "undisturbed"), Lake.at(tmp_path / "killed")
    generate(undisturbed, world)
    operate_all(killed, world)
    code = (
        "import sys; from dataclasses import replace; from datetime import date\n"
        "from loaders.lake import Lake; from loaders.raw import clinical\n"
        "from loaders.world.config import PRESETS\n"
        "world = replace(PRESETS['demo'], start=date(2024, 2, 17), days=60, beds=80,"
        " initial_patients=2_400, max_patients=4_000)\n"
        "clinical.CHUNK_ENCOUNTERS = 30\n"
        "print('ready', flush=True); clinical.write_batches(Lake.at(sys.argv[1]), world)"
    )
    assert killed_until_done(code, tmp_path / "killed", first_seconds=0.02, more_seconds=0.05) >= 2
    assert digest(killed.root, *BATCHES) == digest(undisturbed.root, *BATCHES)


def test_a_batch_says_the_same_packed_or_not(raw_lake, small_world, tmp_path):
    packed = Lake.at(tmp_path / "packed")
    generate(packed, replace(small_world, packed=True))
    plain = {path.relative_to(raw_lake.root): content(path) for path in (raw_lake.root / "raw/clinical").glob("*/*")}
    unpacked = {
        path.relative_to(packed.root).with_suffix(""): content(path)
        for path in (packed.root / "raw/clinical").glob("*/*.zst")
    }
    assert plain == unpacked


def test_dirt_stands_beside_good_rows_and_in_the_ledger(raw_lake, small_world, tmp_path):
    dirty = Lake.at(tmp_path / "dirty")
    made = generate(dirty, replace(small_world, dirty_share=0.1)).batches
    told = Counter()
    for path in (dirty.root / "truth/clinical").glob("*/*"):
        for row in map(json.loads, content(path).splitlines()):
            if row["measure"] == "duplicates" or row["measure"].startswith("fault."):
                fault = row["measure"].removeprefix("fault.").replace("duplicates", "duplicate")
                told[row["entity"], fault] += row["total"]
    assert told.total() == made.faults
    assert set(told) == {
        (ENTITY_OF_FILE[file], CAUGHT_AS.get(fault, fault)) for file, faults in FAULTS.items() for fault in faults
    }
    added = line_breaks = 0
    for path in (raw_lake.root / "raw/clinical").glob("*/*"):
        good = path.read_bytes().splitlines()
        all_of_it = (dirty.root / path.relative_to(raw_lake.root)).read_bytes().splitlines()
        missing = Counter(good) - Counter(all_of_it)
        assert not missing
        added += len(all_of_it) - len(good)
        line_breaks += sum(line.startswith(b'"') for line in all_of_it)
    assert added == made.faults + line_breaks


def test_damaged_state_of_the_batches_is_explained(raw_lake, small_world):
    raw_lake.write(NEXT_DAY_KEY, b"[]")
    with pytest.raises(LakeError, match=r"next_day.json is damaged: delete .*state"):
        write_batches(raw_lake, small_world)
    raw_lake.write("state/clinical/discharges/F01/2024-03-09.npz", b"no arrays")
    raw_lake.write(NEXT_DAY_KEY, b'{"next_day": "2024-03-09"}')
    with pytest.raises(LakeError, match=r"2024-03-09.npz is damaged: delete .*state"):
        write_batches(raw_lake, small_world)


def test_the_committed_sample_is_what_the_command_writes(tmp_path):
    """`wardhouse generate --date 2024-01-31 --mode sample` of the demo. When the simulation changes, run it again."""
    lake = Lake.at(tmp_path)
    keys = write_sample(lake, replace(PRESETS["demo"], days=31))
    committed = PROJECT / "data" / "sample" / SAMPLE_DAY
    assert sorted(Path(key).name for key in keys) == sorted(path.name for path in committed.iterdir())
    for key in keys:
        assert lake.read(key) == (committed / Path(key).name).read_bytes()


def test_the_sample_is_a_small_whole_batch_out_of_the_day(small_world, tmp_path):
    lake, whole = Lake.at(tmp_path / "sample"), Lake.at(tmp_path / "whole")
    write_sample(lake, small_world)
    generate(whole, small_world)
    (day,) = (lake.root / "sample").iterdir()
    assert day.name == "2024-03-08"
    stays = {row["encounter_id"] for row in rows(day / "encounters.csv")}
    assert 1 <= len(stays) <= 12
    for path in day.iterdir():
        assert set(content(path).splitlines()) <= set(
            content(whole.root / "raw/clinical" / day.name / path.name).splitlines()
        )
        assert all(row["encounter_id"] in stays for row in rows(path) if path.name != "patients.csv")
    admitted, discharged = (
        [datetime.fromisoformat(stay[name].replace("Z", "+00:00")) for stay in rows(day / "encounters.csv")]
        for name in ("admit_time", "discharge_time")
    )
    longest = max(end - start for start, end in zip(admitted, discharged, strict=True))
    assert longest.days <= 4 or len(stays) == 1
