"""Staging as a whole: nothing lost, nothing twice, whatever the order, whenever it is killed."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import digest, killed_until_done
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.contracts import Contract, contracts
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.raw.generate import generate
from loaders.staging.manifest import Counts, read_manifest, totals, write_manifest
from loaders.staging.stage import stage

STAGED = ("staging/**/*", "quarantine/**/*", "state/staged/**/*")
ADMISSIONS = "raw/operations/admission"


def admission(number: int, day: str = "2024-02-29", **changes: object) -> dict:
    return {
        "event_id": f"00000000-0000-4000-8000-{number:012d}",
        "event_type": "admission",
        "event_time": f"{day}T12:{number % 60:02d}:00Z",
        "facility_id": "F01",
        "department_id": "F01-GMED",
        "schema_version": 1,
        "patient_id": f"P01{number:07d}",
        "encounter_id": f"F01-19990101-{number:04d}",
        "request_time": f"{day}T10:00:00Z",
        "admission_method": "emergency",
    } | changes


def put(lake: Lake, name: str, *records: dict, day: str = "2024-02-29") -> None:
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    assert lake.create(f"{ADMISSIONS}/event_date={day}/{name}", data)


def staged_rows(lake: Lake, entity: str = "admissions") -> list[dict]:
    parts = read_manifest(lake).get(entity, {})
    return [row for part in parts.values() if part.data for row in pq.read_table(lake.uri(part.data.key)).to_pylist()]


def quarantined(lake: Lake, entity: str = "admissions") -> list[dict]:
    parts = read_manifest(lake).get(entity, {})
    return [
        row
        for part in parts.values()
        if part.quarantine
        for row in pq.read_table(lake.uri(part.quarantine.key)).to_pylist()
    ]


def counts(lake: Lake, entity: str = "admissions") -> Counts:
    return totals(read_manifest(lake)).get(entity, Counts())


def raw_records(lake: Lake, contract: Contract) -> int:
    total = 0
    for path in (lake.root / contract.raw).glob(f"*/{contract.file}" if contract.file else "**/*.*"):
        data = path.read_bytes()
        if path.suffix == ".zst":
            data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
        total += data.count(b"\n") - (".csv" in path.suffixes)
    return total


def test_everything_raw_is_staged(staged_lake):
    for entity, contract in contracts().items():
        assert counts(staged_lake, entity).raw == raw_records(staged_lake, contract)
        assert counts(staged_lake, entity) == Counts(
            raw=counts(staged_lake, entity).raw, staged=counts(staged_lake, entity).raw
        )


def test_staged_files_keep_the_contracts_schema_and_order(staged_lake):
    for entity, parts in read_manifest(staged_lake).items():
        contract = contracts()[entity]
        for name, part in parts.items():
            file = pq.ParquetFile(staged_lake.uri(part.data.key))
            assert file.schema_arrow.equals(contract.arrow_schema, check_metadata=True)
            table = file.read()
            assert table.num_rows == part.data.rows
            order = table.sort_by([(contract.partition, "ascending"), *((key, "ascending") for key in contract.key)])
            assert table.equals(order)
            assert str(table.column(contract.partition)[0])[:7] == name
            assert part.data.sha256.startswith(part.data.key[-20:-8])


def test_one_event_a_file_and_packed_stage_to_the_same_rows(staged_lake, small_world, tmp_path):
    packed = Lake.at(tmp_path / "packed")
    generate(packed, replace(small_world, packed=True))
    stage(packed, contracts())
    for entity in read_manifest(staged_lake):
        files = [
            {p: part.data.sha256 for p, part in read_manifest(lake)[entity].items()} for lake in (staged_lake, packed)
        ]
        assert files[0] == files[1], entity


def test_workers_do_not_change_a_byte(raw_lake, tmp_path):
    other = Lake.at(tmp_path / "other")
    shutil.copytree(raw_lake.root, other.root)
    stage(raw_lake, contracts(), workers=1)
    stage(other, contracts(), workers=3)
    assert digest(raw_lake.root, *STAGED) == digest(other.root, *STAGED)


def test_day_by_day_ends_where_at_once_does(small_world, tmp_path):
    daily, once = Lake.at(tmp_path / "daily"), Lake.at(tmp_path / "once")
    world = replace(small_world, dirty_share=0.03)
    for days in range(1, 22, 4):
        generate(daily, replace(world, days=days))
        assert stage(daily, contracts()).new.raw > 0
    generate(daily, world)
    stage(daily, contracts())
    generate(once, world)
    stage(once, contracts())
    assert digest(daily.root, *STAGED) == digest(once.root, *STAGED)


def test_nothing_new_changes_nothing(staged_lake):
    before = digest(staged_lake.root)
    done = stage(staged_lake, contracts())
    assert (done.partitions, done.new) == (0, Counts())
    assert digest(staged_lake.root) == before


def test_late_events_restage_only_their_partition(staged_lake):
    before = read_manifest(staged_lake)
    put(staged_lake, "late.json", admission(1, "2024-02-20"), day="2024-02-20")
    done = stage(staged_lake, contracts())
    after = read_manifest(staged_lake)
    assert (done.partitions, done.new) == (1, Counts(raw=1, staged=1))
    changed = [(e, p) for e in after for p in after[e] if before[e].get(p) != after[e][p]]
    assert changed == [("admissions", "2024-02")]
    gained = Counter(map(str, staged_rows(staged_lake))).total()
    assert (
        gained
        == before["admissions"]["2024-02"].data.rows
        + sum(part.data.rows for name, part in before["admissions"].items() if name != "2024-02")
        + 1
    )


def test_the_same_record_again_is_a_duplicate(lake):
    put(lake, "a.json", admission(1))
    put(lake, "b.json", admission(1))
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=2, staged=1, duplicates=1)
    put(lake, "c.ndjson", admission(1), admission(1), admission(2))
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=5, staged=2, duplicates=3)
    assert quarantined(lake) == []


@pytest.mark.parametrize("name", ["event_id", "encounter_id"])
def test_a_taken_id_is_refused_and_the_first_record_stays(lake, name):
    first = admission(1)
    second = admission(2, **{name: first[name]})
    put(lake, "a.json", first)
    put(lake, "b.json", second)
    put(lake, "c.json", admission(3))
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=3, staged=2, quarantined=1)
    assert {row["patient_id"] for row in staged_rows(lake)} == {first["patient_id"], admission(3)["patient_id"]}
    (refused,) = quarantined(lake)
    assert refused["rule"] == "colliding_id"
    assert (
        refused["reason"]
        == f"{name} {first[name]} belongs to another record, in {ADMISSIONS}/event_date=2024-02-29/a.json"
    )
    assert refused["raw_key"].endswith("b.json")
    assert json.loads(refused["record"]) == second


@pytest.mark.parametrize("first_staged", ["a.json", "b.json"])
def test_a_collision_ends_the_same_whichever_came_first(lake, first_staged):
    records = {"a.json": admission(1), "b.json": admission(1, patient_id="P019999999")}
    put(lake, first_staged, records.pop(first_staged))
    stage(lake, contracts())
    ((name, record),) = records.items()
    put(lake, name, record)
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=2, staged=1, quarantined=1)
    assert staged_rows(lake)[0]["patient_id"] == "P010000001"
    assert quarantined(lake)[0]["raw_key"].endswith("b.json")


@pytest.mark.parametrize("late_first", [False, True])
def test_an_id_of_another_day_or_month_is_refused(lake, late_first):
    put(lake, "early.json", admission(1, "2024-01-31"), day="2024-01-31")
    if late_first:
        stage(lake, contracts())
    put(lake, "later.ndjson", admission(1, "2024-02-29", patient_id="P010000002"), admission(5))
    put(lake, "next.json", admission(1, "2024-03-01", event_id=admission(9)["event_id"]), day="2024-03-01")
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=4, staged=2, quarantined=2)
    assert {row["rule"] for row in quarantined(lake)} == {"colliding_id"}
    assert {str(row["event_time"].date()) for row in staged_rows(lake)} == {"2024-01-31", "2024-02-29"}
    assert "belongs to a record of another day" in quarantined(lake)[0]["reason"]
    before = digest(lake.root, *STAGED)
    put(lake, "more.json", admission(6))
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=5, staged=3, quarantined=2)
    assert digest(lake.root, *STAGED) != before


def test_a_late_record_takes_its_id_from_a_later_one(lake):
    put(lake, "later.json", admission(1, "2024-02-29", patient_id="P010000002"))
    stage(lake, contracts())
    assert counts(lake).staged == 1
    put(lake, "early.json", admission(1, "2024-01-31"), day="2024-01-31")
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=2, staged=1, quarantined=1)
    assert staged_rows(lake)[0]["patient_id"] == "P010000001"


def test_every_fault_of_a_dirty_world_is_caught_and_every_good_row_goes_through(small_world, tmp_path):
    clean, dirty = Lake.at(tmp_path / "clean"), Lake.at(tmp_path / "dirty")
    for lake, share in ((clean, 0.0), (dirty, 0.03)):
        generate(lake, replace(small_world, dirty_share=share))
        stage(lake, contracts())
    injected = Counter()
    for row in staged_rows(dirty, "truth_ledger"):
        injected[row["entity"], row["measure"]] += row["total"]
    for entity in ("admissions", "discharges", "wait_snapshots", "dep_snapshots"):
        assert staged_rows(dirty, entity) == staged_rows(clean, entity)
        caught = Counter(row["rule"] for row in quarantined(dirty, entity))
        assert caught == Counter(
            {m.removeprefix("fault."): n for (e, m), n in injected.items() if e == entity and m.startswith("fault.")}
        )
        assert counts(dirty, entity).duplicates == injected[entity, "duplicates"]


def test_quarantine_says_file_line_and_reason_and_keeps_the_record(lake):
    bad = b'{"event_id": 7}'
    lake.create(f"{ADMISSIONS}/event_date=2024-02-29/x.ndjson", json.dumps(admission(1)).encode() + b"\n" + bad + b"\n")
    stage(lake, contracts())
    (row,) = quarantined(lake)
    assert row == {
        "entity": "admissions",
        "folder_day": "2024-02-29",
        "raw_key": f"{ADMISSIONS}/event_date=2024-02-29/x.ndjson",
        "line": 2,
        "rule": "wrong_type",
        "reason": "event_id is 7, not a text",
        "record": bad,
        "header": None,
    }


def test_objects_in_strange_places_are_counted_and_explained(lake):
    line = json.dumps(admission(1)).encode()
    for key in (
        f"{ADMISSIONS}/loose.json",
        f"{ADMISSIONS}/event_date=2024-02-30/x.json",
        f"{ADMISSIONS}/event_date=2024-02/x.json",
        f"{ADMISSIONS}/2024-02-29/x.json",
        f"{ADMISSIONS}/event_date=2024-02-29/deeper/x.json",
        f"{ADMISSIONS}/event_date=2024-02-29/notes.txt",
    ):
        lake.create(key, line)
    stage(lake, contracts())
    assert counts(lake) == Counts(raw=6, staged=1, quarantined=5)
    assert Counter(row["rule"] for row in quarantined(lake)) == {"unknown_folder": 4, "unknown_file": 1}
    assert stage(lake, contracts()).partitions == 0


def test_a_raw_object_that_changed_is_an_error_that_says_so(staged_lake):
    path = next((staged_lake.root / ADMISSIONS).glob("*/*.json"))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(LakeError, match="has changed since it was staged, and raw objects never change"):
        stage(staged_lake, contracts())


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": 99, "entity": "admissions"}', b"\xff"])
def test_a_foreign_manifest_is_an_error_that_says_what_to_do(staged_lake, content):
    staged_lake.write("staging/manifest.json", content)
    with pytest.raises(LakeError, match="was not written by this version"):
        stage(staged_lake, contracts())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_delivery_in_any_order_ends_the_same(tmp_path_factory, data):
    """Events delivered one to three times, in any batches, with collisions among them: staged as if all at once."""
    numbers = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))
    records = [
        admission(
            number,
            data.draw(st.sampled_from(["2024-01-31", "2024-02-28", "2024-02-29"])),
            patient_id=data.draw(st.sampled_from(["P010000001", "P010000002"])),
            encounter_id=data.draw(st.sampled_from(["F01-19990101-0001", f"F01-19990101-{number + 10:04d}"])),
        )
        for number in numbers
    ]
    folder = tmp_path_factory.mktemp("orders")
    lakes = [Lake.at(folder / name) for name in ("one_by_one", "at_once")]
    contract = {"admissions": contracts()["admissions"]}
    deliveries = data.draw(st.permutations(list(enumerate(records))))
    for i, record in deliveries:
        for lake in lakes:
            put(lake, f"{i:02d}.json", record, day=record["event_time"][:10])
        if data.draw(st.booleans()):
            stage(lakes[0], contract)
    for lake in lakes:
        stage(lake, contract)
        total = counts(lake)
        assert total.raw == len(records) == total.staged + total.duplicates + total.quarantined
    assert staged_rows(lakes[0]) == staged_rows(lakes[1])
    assert counts(lakes[0]) == counts(lakes[1])


KILL = """
import os, sys
from loaders.contracts import Contract, contracts
from loaders.lake import Lake
from loaders.staging import files, manifest, stage

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


def test_killed_at_any_step_it_ends_in_the_same_bytes(small_world, tmp_path):
    """Die before the n-th rename or sync, for each n, and run again: the lake is that of an undisturbed run."""
    undisturbed = Lake.at(tmp_path / "undisturbed")
    generate(undisturbed, replace(small_world, days=14, dirty_share=0.01, packed=True))
    raw = tmp_path / "raw"
    shutil.copytree(undisturbed.root, raw)
    stage(undisturbed, contracts())
    expected = digest(undisturbed.root, *STAGED)
    disturbed = tmp_path / "disturbed"
    shutil.copytree(raw, disturbed)
    deaths, step = 0, 1
    while True:
        run = subprocess.run([sys.executable, "-c", KILL, str(disturbed), str(step)], capture_output=True, text=True)
        if run.stdout.strip() == "done":
            break
        assert run.returncode == 137, run.stderr
        deaths += 1
        step += 11
    assert deaths >= 5
    assert digest(disturbed, *STAGED) == expected


def test_killed_between_staging_and_settling_ids_it_ends_in_the_same_bytes(tmp_path, monkeypatch):
    """A chain of three months: the first takes an id from the second, which lets go of one that the third wants."""

    def delivered(lake: Lake) -> None:
        stage(lake, contracts())
        put(lake, "late.json", admission(1, "2024-01-10"), day="2024-01-10")

    def prepared(name: str) -> Lake:
        lake = Lake.at(tmp_path / name)
        put(lake, "b.json", admission(1, "2024-02-10", encounter_id=admission(2)["encounter_id"]), day="2024-02-10")
        put(lake, "c.json", admission(2, "2024-03-10"), day="2024-03-10")
        delivered(lake)
        return lake

    undisturbed = prepared("undisturbed")
    stage(undisturbed, contracts())
    assert [row["event_time"].month for row in staged_rows(undisturbed)] == [1, 3]
    for writes in count(0):
        lake = prepared(f"killed-{writes}")
        left = iter(range(writes))

        def dying(lake, manifest, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            write_manifest(lake, manifest)

        with monkeypatch.context() as patched:
            patched.setattr("loaders.staging.stage.write_manifest", dying)
            try:
                stage(lake, contracts())
                break
            except KeyboardInterrupt:
                pass
        stage(lake, contracts())
        assert digest(lake.root, *STAGED) == digest(undisturbed.root, *STAGED), writes
    assert writes >= 4


def test_killed_at_random_it_ends_in_the_same_bytes(small_world, tmp_path):
    undisturbed = Lake.at(tmp_path / "undisturbed")
    generate(undisturbed, replace(small_world, dirty_share=0.01))
    disturbed = tmp_path / "disturbed"
    shutil.copytree(undisturbed.root, disturbed)
    stage(undisturbed, contracts())
    code = (
        "import sys; from loaders.contracts import contracts; from loaders.lake import Lake\n"
        "from loaders.staging.stage import stage\n"
        "print('ready', flush=True); stage(Lake.at(sys.argv[1]), contracts(), workers=2)"
    )
    assert killed_until_done(code, disturbed, first_seconds=0.05, more_seconds=0.15) >= 2
    assert digest(disturbed, *STAGED) == digest(undisturbed.root, *STAGED)


def test_a_full_disk_leaves_the_old_state_and_the_next_run_goes_on(staged_lake, monkeypatch):
    before = digest(staged_lake.root, *STAGED)
    put(staged_lake, "late.json", admission(1, "2024-02-20"), day="2024-02-20")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("loaders.lake.folder.os.fsync", full)
    with pytest.raises(LakeError, match="the disk is full"):
        stage(staged_lake, contracts())
    assert digest(staged_lake.root, "staging/manifest.json") == digest(staged_lake.root, "staging/manifest.json")
    monkeypatch.undo()
    assert stage(staged_lake, contracts()).new == Counts(raw=1, staged=1)
    assert digest(staged_lake.root, *STAGED) != before


def test_a_month_larger_than_memory_is_staged_a_part_at_a_time(raw_lake, monkeypatch, tmp_path):
    other = Lake.at(tmp_path / "other")
    shutil.copytree(raw_lake.root, other.root)
    stage(other, contracts())
    for module in ("partition", "judged"):
        monkeypatch.setattr(f"loaders.staging.{module}.READ_BYTES", 5_000)
    stage(raw_lake, contracts())
    assert digest(raw_lake.root, *STAGED) == digest(other.root, *STAGED)
