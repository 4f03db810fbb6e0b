import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import digest, killed_until_done
from hypothesis import given
from hypothesis import strategies as st

from loaders.contracts import contracts
from loaders.errors import BadSetting, LakeError
from loaders.lake import Lake
from loaders.raw.dirt import FAULTS, cut_short
from loaders.raw.generate import ENTITY_OF, generate
from loaders.raw.state import settle
from loaders.world.config import PRESETS
from loaders.world.network import facilities

GOLDEN = Path(__file__).with_name("golden.json")
RAW = ("raw/**/*", "truth/**/*")


def lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    return data.splitlines()


def records(lake: Lake, folder: str) -> list[dict]:
    return [json.loads(line) for path in sorted((lake.root / folder).glob("**/*.*")) for line in lines(path)]


def test_events_have_exactly_the_fields_of_their_contracts(raw_lake):
    for event_type, entity in ENTITY_OF.items():
        names = [column.name for column in contracts()[entity].columns]
        found = records(raw_lake, f"raw/operations/{event_type}")
        assert found
        for record in found:
            assert list(record) == names
            assert record["event_type"] == event_type


def test_one_event_is_one_file_named_by_its_id(raw_lake):
    for path in (raw_lake.root / "raw/operations/admission").glob("*/*.json"):
        (line,) = lines(path)
        event = json.loads(line)
        assert path.name == f"admission_{event['event_id']}.json"
        assert path.parent.name == f"event_date={event['event_time'][:10]}"


def test_an_admission_and_its_discharge_share_the_encounter(raw_lake):
    admissions = {e["encounter_id"]: e for e in records(raw_lake, "raw/operations/admission")}
    discharges = records(raw_lake, "raw/operations/discharge")
    assert len(discharges) > 50
    for event in discharges:
        admission = admissions[event["encounter_id"]]
        assert admission["patient_id"] == event["patient_id"]
        assert admission["department_id"] == event["department_id"]
        assert admission["request_time"] <= admission["event_time"] <= event["event_time"]


def test_extracts_carry_every_version(raw_lake):
    departments = records(raw_lake, "raw/operations/departments")
    versions = Counter(row["department_id"] for row in departments)
    assert max(versions.values()) > 2
    assert len({(row["department_id"], row["updated_at"]) for row in departments}) == len(departments)
    patients = records(raw_lake, "raw/operations/patients")
    assert len({row["patient_id"] for row in patients}) > 2_400
    assert len(patients) > len({row["patient_id"] for row in patients})
    days = {row["extract_date"] for row in patients}
    assert len(days) == 21


def test_the_ledger_says_what_was_emitted(raw_lake):
    ledger = Counter()
    for row in records(raw_lake, "truth/operations"):
        ledger[row["entity"], row["event_date"], row["measure"]] += row["total"]
    counted = Counter()
    for event_type, entity in ENTITY_OF.items():
        for event in records(raw_lake, f"raw/operations/{event_type}"):
            counted[entity, event["event_time"][:10], "rows"] += 1
            if entity == "dep_snapshots":
                for measure in ("beds", "capacity", "occupied_beds", "waiting_list_size"):
                    counted[entity, event["event_time"][:10], measure] += event[measure]
    for key, value in counted.items():
        assert ledger[key] == value, key
    assert all(
        total == counted[key]
        for key, total in ledger.items()
        if key[2] in ("rows", "beds") and key[0] in ENTITY_OF.values()
    )


def test_the_bytes_are_those_of_every_other_machine(lake):
    """Golden digests of seed 42. When the simulation changes on purpose, say so and write them anew."""
    generate(lake, replace(PRESETS["demo"], days=10, packed=True))
    several = ("raw/operations", "raw/robotics", "truth")
    folders = [lake.root / "raw/clinical", *(folder for name in several for folder in (lake.root / name).iterdir())]
    found = {str(folder.relative_to(lake.root)): digest(folder) for folder in sorted(folders)}
    assert found == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_a_byte(raw_lake, small_world, tmp_path, workers):
    other = Lake.at(tmp_path / "other")
    generate(other, small_world, workers=workers)
    assert digest(other.root, *RAW, "state/operations/*") == digest(raw_lake.root, *RAW, "state/operations/*")


def test_shards_put_together_are_the_whole(raw_lake, small_world, tmp_path):
    other = Lake.at(tmp_path / "other")
    generate(other, small_world, shard="2/2")
    names = {path.name for path in (other.root / "state/operations").iterdir()}
    assert names == {"F02.npz"}
    generate(other, small_world, shard="1/2")
    assert digest(other.root, *RAW) == digest(raw_lake.root, *RAW)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_refused(lake, small_world, shard):
    with pytest.raises(BadSetting, match="is not a part such as 1/4"):
        generate(lake, small_world, shard=shard)


def test_day_by_day_is_the_same_as_at_once(raw_lake, small_world, tmp_path):
    other = Lake.at(tmp_path / "other")
    for days in range(1, small_world.days + 1):
        made = generate(other, replace(small_world, days=days))
        assert made.facility_days == small_world.facilities
    assert digest(other.root, *RAW, "state/operations/*") == digest(raw_lake.root, *RAW, "state/operations/*")


def test_a_second_run_does_nothing(raw_lake, small_world):
    before = digest(raw_lake.root)
    assert generate(raw_lake, small_world).objects == 0
    assert digest(raw_lake.root) == before


def test_packed_events_are_the_same_events(raw_lake, small_world, tmp_path):
    other = Lake.at(tmp_path / "other")
    generate(other, replace(small_world, packed=True))
    for event_type in ENTITY_OF:
        one, packed = (
            {e["event_id"]: e for e in records(place, f"raw/operations/{event_type}")} for place in (raw_lake, other)
        )
        assert one == packed
    files = list((other.root / "raw/operations/admission").glob("event_date=2024-02-29/*"))
    assert [path.name for path in files] == ["admission_F01.ndjson.zst", "admission_F02.ndjson.zst"] or len(files) == 2


def test_a_killed_run_goes_on_to_the_same_bytes(small_world, tmp_path):
    """SIGKILL at random moments until a run gets through; then the lake is that of an undisturbed run."""
    undisturbed = Lake.at(tmp_path / "undisturbed")
    generate(undisturbed, replace(small_world, days=60))
    code = (
        "import sys; from dataclasses import replace; from datetime import date\n"
        "from loaders.lake import Lake; from loaders.raw.generate import generate\n"
        "from loaders.world.config import PRESETS\n"
        "world = replace(PRESETS['demo'], start=date(2024, 2, 17), days=60, beds=80,"
        " initial_patients=2_400, max_patients=4_000)\n"
        "print('ready', flush=True); generate(Lake.at(sys.argv[1]), world)"
    )
    assert killed_until_done(code, tmp_path / "killed", first_seconds=0.02, more_seconds=0.05) >= 3
    assert digest(tmp_path / "killed", *RAW, "state/operations/*") == digest(
        undisturbed.root, *RAW, "state/operations/*"
    )


def test_dirt_is_added_beside_the_good_events_and_told_to_the_ledger(small_world, tmp_path):
    clean, dirty = Lake.at(tmp_path / "clean"), Lake.at(tmp_path / "dirty")
    generate(clean, small_world)
    made = generate(dirty, replace(small_world, dirty_share=0.02))
    good = {path.name: path.read_bytes() for path in (clean.root / "raw/operations").glob("**/*.*")}
    all_of_it = {path.name: path.read_bytes() for path in (dirty.root / "raw/operations").glob("**/*.*")}
    assert good.items() <= all_of_it.items()
    assert len(all_of_it) - len(good) == made.faults
    told = Counter()
    for row in records(dirty, "truth/operations"):
        if row["measure"].startswith("fault.") or row["measure"] == "duplicates":
            told[row["measure"].removeprefix("fault.").replace("duplicates", "duplicate")] += row["total"]
    assert set(told) == set(FAULTS)
    assert told.total() == made.faults
    for count in told.values():
        assert 0.005 * made.events < count < 0.045 * made.events


def test_dirt_is_the_same_packed_or_not(small_world, tmp_path):
    one, packed = Lake.at(tmp_path / "one"), Lake.at(tmp_path / "packed")
    generate(one, replace(small_world, dirty_share=0.02, days=5))
    generate(packed, replace(small_world, dirty_share=0.02, days=5, packed=True))
    for event_type in ENTITY_OF:
        both = [
            sorted(line for path in (lake.root / "raw/operations" / event_type).glob("*/*") for line in lines(path))
            for lake in (one, packed)
        ]
        assert both[0] == both[1]


def test_a_lake_goes_on_with_the_world_it_holds(lake, small_world):
    world = settle(lake, "demo", {"days": "3", "seed": "9", "beds": "200"})
    generate(lake, world)
    assert settle(lake, None, {}) == world
    assert settle(lake, "demo", {"days": "3", "seed": "9", "beds": "200"}) == world
    assert settle(lake, None, {"days": "5"}) == replace(world, days=5)
    assert settle(lake, None, {"days": "1"}) == world
    with pytest.raises(LakeError, match=r"holds another world, with seed = 9 \(asked for 42\)"):
        settle(lake, "demo", {"beds": "200"})
    with pytest.raises(LakeError, match="holds another world, with preset = demo"):
        settle(lake, "large", {})


@pytest.mark.parametrize(("key", "content"), [("state/world.json", b"{}"), ("state/world.json", b"\xff\x00")])
def test_state_that_cannot_be_read_is_explained(raw_lake, key, content):
    raw_lake.write(key, content)
    with pytest.raises(LakeError, match="was not written by this version"):
        settle(raw_lake, None, {})


def test_damaged_state_is_explained_and_can_be_made_again(raw_lake, small_world):
    before = digest(raw_lake.root)
    raw_lake.write("state/operations/F01.npz", b"not a state")
    with pytest.raises(LakeError, match="is damaged: delete it"):
        generate(raw_lake, small_world)
    os.unlink(raw_lake.root / "state/operations/F01.npz")
    assert generate(raw_lake, small_world).objects == 0
    assert digest(raw_lake.root) == before


def test_no_names_but_invented_ones_and_no_places_that_exist(raw_lake, small_world):
    for row in records(raw_lake, "raw/operations/patients"):
        assert row["nhs_number"].startswith("999")
        assert row["postcode_district"][0] in "QVX"
    assert len(facilities(small_world)) == 2


@given(st.text(st.characters(codec="utf-8")))
def test_a_record_cut_short_is_text_and_no_json(text):
    """A note may hold a degree sign where it is cut: what was injected as one fault must not be caught as another."""
    left = cut_short(json.dumps({"note_text": text}, ensure_ascii=False).encode()).decode()
    with pytest.raises(json.JSONDecodeError):
        json.loads(left)
