"""Entities of which a day is a folder of its own, delivered as CSV: extracts of the theatre system."""

import json
import os
import shutil
from collections import Counter

import pyarrow as pa
import pytest
from conftest import digest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_staging import STAGED, counts, quarantined, staged_rows

from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.staging.manifest import Counts
from loaders.staging.stage import stage

DAY = "2024-02-29"
VISITS = "raw/robotics/robot_maintenance_logs"
SURGEONS = "raw/robotics/surgeons"
ONLY = {name: contracts()[name] for name in ("robot_maintenance_logs", "surgeons")}


def visit(number: int, day: str = DAY, **changes: str) -> dict[str, str]:
    return {
        "maintenance_id": f"R0001-M{number:04d}",
        "robot_id": "R0001",
        "facility_id": "F01",
        "maintenance_type": "calibration",
        "is_emergency": "false",
        "technician": "Zoë O'Hara",
        "start_time": f"{day}T07:05:00Z",
        "end_time": f"{day}T09:{number % 60:02d}:00Z",
        "downtime_hours": "2.5",
        "cost_gbp": "1250.50",
        "parts_replaced": "",
        "updated_at": f"{day}T09:{number % 60:02d}:00Z",
    } | changes


HEADER = ",".join(visit(1)).encode()


def line(number: int, day: str = DAY, **changes: str) -> bytes:
    return ",".join(visit(number, day, **changes).values()).encode()


def of(*lines: bytes, header: bytes = HEADER) -> bytes:
    return b"".join(each + b"\n" for each in (header, *lines))


def packed(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


def put(lake: Lake, content: bytes, name: str = "robot_maintenance_logs.csv", day: str = DAY) -> str:
    key = f"{VISITS}/updated_date={day}/{name}"
    assert lake.create(key, content)
    return key


def staged(lake: Lake) -> Counts:
    stage(lake, ONLY)
    return counts(lake, "robot_maintenance_logs")


def ids(lake: Lake) -> list[str]:
    return [row["maintenance_id"] for row in staged_rows(lake, "robot_maintenance_logs")]


def refused(lake: Lake) -> list[dict]:
    return quarantined(lake, "robot_maintenance_logs")


def test_a_good_row_is_staged_as_it_is(lake):
    put(lake, of(line(1, parts_replaced='"belt, ""long"""')))
    assert staged(lake) == Counts(raw=1, staged=1)
    (row,) = staged_rows(lake, "robot_maintenance_logs")
    assert {name: str(value) for name, value in row.items()} == visit(1) | {
        "is_emergency": "False",
        "parts_replaced": 'belt, "long"',
        "start_time": "2024-02-29 07:05:00",
        "end_time": "2024-02-29 09:01:00",
        "updated_at": "2024-02-29 09:01:00",
    }


GOOD = {
    "a byte order mark": b"\xef\xbb\xbf" + of(line(1), line(2)),
    "carriage returns": of(line(1), line(2)).replace(b"\n", b"\r\n"),
    "quotes around all": of(*(b",".join(b'"%b"' % field for field in line(n).split(b",")) for n in (1, 2))),
    "another order of columns": of(
        *(",".join(reversed(visit(n).values())).encode() for n in (1, 2)), header=",".join(reversed(visit(1))).encode()
    ),
    "a column less that may be missing": of(
        *(line(n).replace(b",2.5,1250.50,,", b",2.5,1250.50,") for n in (1, 2)),
        header=HEADER.replace(b",parts_replaced", b""),
    ),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("pack", [False, True])
def test_the_same_rows_written_otherwise_stage_to_the_same_bytes(tmp_path, name, pack):
    plain, other = Lake.at(tmp_path / "plain"), Lake.at(tmp_path / "other")
    put(plain, of(line(1), line(2)))
    put(other, packed(GOOD[name]) if pack else GOOD[name], f"x.csv{'.zst' if pack else ''}")
    assert staged(plain) == staged(other) == Counts(raw=2, staged=2)
    assert digest(plain.root, "staging/*/**/*") == digest(other.root, "staging/*/**/*")


FAULTY = {
    "a field less": (line(2).rpartition(b",")[0], "malformed_csv"),
    "a field more": (line(2) + b",", "malformed_csv"),
    "empty": (b"", "malformed_csv"),
    "a quote that never closes": (line(2, technician='"Zoë'), "malformed_csv"),
    "latin-1": (line(2).decode().encode("latin-1"), "invalid_utf8"),
    "missing": (line(2, technician=""), "missing_required"),
    "one as truth": (line(2, is_emergency="1"), "wrong_type"),
    "no number": (line(2, downtime_hours="two"), "wrong_type"),
    "no number of money": (line(2, cost_gbp="12,50".join('""')), "wrong_type"),
    "pounds": (line(2, cost_gbp="£12"), "wrong_type"),
    "NaN": (line(2, cost_gbp="NaN"), "non_finite"),
    "a tenth of a penny": (line(2, cost_gbp="12.505"), "out_of_range"),
    "less than nothing": (line(2, cost_gbp="-0.01"), "out_of_range"),
    "too dear": (line(2, cost_gbp="1000000.01"), "out_of_range"),
    "eleven digits of pounds": (line(2, cost_gbp="12345678901"), "out_of_range"),
    "an unknown word": (line(2, maintenance_type="repair"), "out_of_range"),
    "an id of another form": (line(2, robot_id="1"), "out_of_range"),
    "of another day": (line(2, updated_at="2024-03-01T00:00:00Z"), "outside_window"),
    "an end before its start": (line(2, end_time="2024-02-29T07:04:59Z"), "outside_window"),
    "told too late": (line(2, start_time="2024-02-20T07:05:00Z", end_time="2024-02-20T09:00:00Z"), "outside_window"),
    "an id that is taken": (line(1, technician="Other"), "colliding_id"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_row_is_refused_whole_and_its_neighbours_go_through(lake, name):
    row, rule = FAULTY[name]
    key = put(lake, of(line(1), row, line(3)))
    assert staged(lake) == Counts(raw=3, staged=2, quarantined=1)
    assert ids(lake) == ["R0001-M0001", "R0001-M0003"]
    (record,) = refused(lake)
    assert (record["raw_key"], record["line"], record["rule"]) == (key, 3, rule)
    assert (record["record"], record["header"], record["folder_day"]) == (row, HEADER, DAY)
    assert record["reason"]


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (HEADER.replace(b",technician", b",mechanic"), "unknown_field"),
        (HEADER.replace(b",technician", b",robot_id"), "duplicate_key"),
        (HEADER.replace(b",technician", b""), "missing_required"),
    ],
)
def test_under_a_wrong_header_every_row_is_refused_and_other_files_go_through(lake, header, rule):
    put(lake, of(line(1), line(2), header=header), "a.csv")
    put(lake, of(line(3)), "b.csv")
    assert staged(lake) == Counts(raw=3, staged=1, quarantined=2)
    assert {(row["rule"], row["header"]) for row in refused(lake)} == {(rule, header)}


def test_a_last_line_without_line_end_is_refused(lake):
    put(lake, of(line(1)) + line(2))
    assert staged(lake) == Counts(raw=2, staged=1, quarantined=1)
    assert refused(lake)[0]["rule"] == "truncated"


UNREADABLE = {
    "empty.csv": (b"", "without even a header"),
    "utf16.csv": (of(line(1)).decode().encode("utf-16"), "UTF-16"),
    "spreadsheet.csv": (b"PK\x03\x04" + bytes(60) + b"\n", "control characters"),
    "cut.csv": (HEADER[:20], "cut off within its header"),
    "empty.csv.zst": (b"", "empty, not a zstd file"),
    "plain.csv.zst": (of(line(1)), "not a whole zstd file"),
    "half.csv.zst": (packed(of(line(1), line(2)))[:-9], "not a whole zstd file"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_record_and_the_others_of_its_day_go_through(lake, name):
    content, why = UNREADABLE[name]
    key = put(lake, content, name)
    put(lake, of(line(2)), "other.csv")
    assert staged(lake) == Counts(raw=2, staged=1, quarantined=1)
    (record,) = refused(lake)
    assert (record["raw_key"], record["line"], record["rule"]) == (key, 0, "unreadable_file")
    assert (record["record"], record["header"]) == (content, None)
    assert why in record["reason"]
    assert stage(lake, ONLY).partitions == 0


def test_files_that_cannot_be_read_are_counted_each(lake):
    for name, (content, _) in UNREADABLE.items():
        put(lake, content, name)
    put(lake, b"not packed", "x.ndjson.zst")
    put(lake, b"nor this", "y.ndjson.zst")
    put(lake, b"what?", "notes.txt")
    assert staged(lake) == Counts(raw=len(UNREADABLE) + 3, quarantined=len(UNREADABLE) + 3)
    assert Counter(row["rule"] for row in refused(lake)) == {"unreadable_file": len(UNREADABLE) + 2, "unknown_file": 1}


def test_a_folder_may_hold_csv_and_json_packed_and_plain(lake):
    record = visit(4) | {"is_emergency": False, "downtime_hours": 2.5, "cost_gbp": 1250.5, "parts_replaced": None}
    text = json.dumps(record).encode() + b"\n"
    put(lake, of(line(1)), "a.csv")
    put(lake, packed(of(line(2), line(1))), "b.csv.zst")
    put(lake, text + b"broken\n", "c.ndjson")
    put(lake, text.replace(b"1250.5", b'"1250.50"'), "d.json")
    put(lake, packed(text.replace(b"M0004", b"M0005")), "e.ndjson.zst")
    put(lake, of(line(4), line(3), b"broken"), "f.csv")
    assert staged(lake) == Counts(raw=10, staged=5, duplicates=3, quarantined=2)
    assert ids(lake) == [f"R0001-M000{n}" for n in range(1, 6)]
    assert [(row["raw_key"].rpartition("/")[2], row["line"], row["rule"]) for row in refused(lake)] == [
        ("c.ndjson", 2, "malformed_json"),
        ("f.csv", 4, "malformed_csv"),
    ]


def test_a_folder_that_is_no_day_and_a_name_that_says_nothing_are_explained(lake):
    for key in ("updated_date=2024-02-30/x.csv", "2024-02-29/x.csv", "loose.csv", f"updated_date={DAY}/x.tsv"):
        lake.create(f"{VISITS}/{key}", of(line(1)))
    assert staged(lake) == Counts(raw=4, quarantined=4)
    assert Counter(row["rule"] for row in refused(lake)) == {"unknown_folder": 3, "unknown_file": 1}


def test_a_late_file_of_a_staged_day_joins_it_and_an_overlapping_extract_repeats_it(tmp_path):
    daily, once = Lake.at(tmp_path / "daily"), Lake.at(tmp_path / "once")
    files = {"b.csv": of(line(2), line(3)), "a.csv": of(line(1), line(2)), "c.csv.zst": packed(of(line(3), line(4)))}
    for done, (name, content) in enumerate(files.items()):
        put(daily, content, name)
        put(once, content, name)
        assert staged(daily) == Counts(raw=2 * done + 2, staged=done + 2, duplicates=done)
    assert staged(once) == counts(daily, "robot_maintenance_logs")
    assert digest(daily.root, *STAGED) == digest(once.root, *STAGED)


def test_versions_of_a_surgeon_are_rows_of_their_own_and_the_same_version_again_is_not(lake):
    header = b"surgeon_id,surgeon_name,specialisation,grade,years_of_experience,facility_id,is_deleted,updated_at"
    first = b"S0001,Ada Byron,urology,consultant,7,F01,false,2024-02-28T06:00:00Z"
    later = first.replace(b"-28T", b"-29T").replace(b"consultant", b"senior_consultant")
    other = first.replace(b"Ada", b"Eva")
    lake.create(f"{SURGEONS}/updated_date=2024-02-28/surgeons.csv", of(first, first, other, header=header))
    lake.create(f"{SURGEONS}/updated_date={DAY}/surgeons.csv", of(later, header=header))
    stage(lake, ONLY)
    assert counts(lake, "surgeons") == Counts(raw=4, staged=2, duplicates=1, quarantined=1)
    assert [row["grade"] for row in staged_rows(lake, "surgeons")] == ["consultant", "senior_consultant"]
    assert quarantined(lake, "surgeons")[0]["rule"] == "colliding_id"


@pytest.mark.parametrize("late_first", [False, True])
@pytest.mark.parametrize("early_is_json", [False, True])
def test_an_id_belongs_to_the_first_day_that_tells_of_it(lake, late_first, early_is_json):
    early = visit(1, "2024-01-31") | {"is_emergency": False, "downtime_hours": 1, "parts_replaced": None}
    content = json.dumps(early).encode() if early_is_json else of(line(1, "2024-01-31"))
    put(lake, of(line(1), line(2)))
    if late_first:
        assert staged(lake).staged == 2
    put(lake, content, "x.json" if early_is_json else "x.csv", day="2024-01-31")
    put(lake, of(line(2, "2024-03-01"), header=HEADER), day="2024-03-01")
    assert staged(lake) == Counts(raw=4, staged=2, quarantined=2)
    assert [str(row["updated_at"].date()) for row in staged_rows(lake, "robot_maintenance_logs")] == [
        "2024-01-31",
        "2024-02-29",
    ]
    assert [(row["folder_day"], row["rule"]) for row in refused(lake)] == [
        ("2024-02-29", "colliding_id"),
        ("2024-03-01", "colliding_id"),
    ]


def test_a_record_that_only_looks_like_the_owner_of_an_id_owns_nothing(lake):
    """A refused row of an earlier day has the id; it holds it against nobody."""
    put(lake, of(line(1, "2024-01-31", cost_gbp="free")), day="2024-01-31")
    put(lake, of(line(1)))
    put(lake, of(line(1, "2024-03-01")), day="2024-03-01")
    assert staged(lake) == Counts(raw=3, staged=1, quarantined=2)
    assert [row["updated_at"].month for row in staged_rows(lake, "robot_maintenance_logs")] == [2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_delivery_in_any_order_ends_in_the_same_bytes(tmp_path_factory, data):
    """Extracts that overlap, of CSV and JSON, with collisions, faults and unreadable files among them."""
    days = ["2024-01-31", "2024-02-28", DAY]
    deliveries = []
    for i in range(data.draw(st.integers(1, 5))):
        day = data.draw(st.sampled_from(days))
        numbers = data.draw(st.lists(st.integers(1, 4), max_size=4))
        names = [data.draw(st.sampled_from(["Ann", "Bo"])) for _ in numbers]
        lines = [line(number, day, technician=name) for number, name in zip(numbers, names, strict=True)]
        spoiled = data.draw(st.sampled_from([b"", b"", b"broken\n", line(1, day, cost_gbp="x") + b"\n", line(2, day)]))
        content = data.draw(st.sampled_from([of(*lines) + spoiled] * 4 + [b""]))
        pack = data.draw(st.booleans())
        deliveries.append((f"{i}.csv{'.zst' if pack else ''}", packed(content) if pack else content, day))
    folder = tmp_path_factory.mktemp("orders")
    lakes = [Lake.at(folder / name) for name in ("one_by_one", "at_once")]
    for name, content, day in data.draw(st.permutations(deliveries)):
        for lake in lakes:
            put(lake, content, name, day)
        if data.draw(st.booleans()):
            stage(lakes[0], ONLY)
    for lake in lakes:
        total = staged(lake)
        assert total.raw == total.staged + total.duplicates + total.quarantined
        assert min(vars(total).values()) >= 0
    assert digest(lakes[0].root, *STAGED) == digest(lakes[1].root, *STAGED)


def test_killed_before_any_rename_it_ends_in_the_same_bytes(tmp_path, monkeypatch):
    """Two months that share an id, a collision, a fault and a file that cannot be read."""
    raw = Lake.at(tmp_path / "raw")
    for month in (1, 2):
        day = f"2024-0{month}-10"
        put(raw, of(line(1, day), line(month + 1, day), b"broken"), day=day)
        put(raw, b"", "empty.csv", day)
    undisturbed = Lake.at(tmp_path / "undisturbed")
    shutil.copytree(raw.root, undisturbed.root)
    assert staged(undisturbed) == Counts(raw=8, staged=3, quarantined=5)
    for survived in range(100):
        lake = Lake.at(tmp_path / f"killed-{survived}")
        shutil.copytree(raw.root, lake.root)
        left = iter(range(survived))

        def dying(source, target, left=left, replace=os.replace):
            if next(left, None) is None:
                raise KeyboardInterrupt
            replace(source, target)

        with monkeypatch.context() as patched:
            patched.setattr("loaders.lake.folder.os.replace", dying)
            try:
                stage(lake, ONLY)
                break
            except KeyboardInterrupt:
                pass
        stage(lake, ONLY)
        assert digest(lake.root, *STAGED) == digest(undisturbed.root, *STAGED), survived
    assert survived >= 6
