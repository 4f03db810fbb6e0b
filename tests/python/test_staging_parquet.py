"""Telemetry: Parquet objects, and days that are larger than memory should be."""

import json
import random
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import digest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_staging import STAGED, counts, quarantined, staged_rows
from test_staging_single_csv import VISITS, of, packed, visit

from loaders.contracts import contracts
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.staging.check import decimal_of
from loaders.staging.manifest import Counts, read_manifest
from loaders.staging.stage import stage

DAY = "2024-02-29"
TELEMETRY = "raw/robotics/procedure_telemetry"
CONTRACT = contracts()["procedure_telemetry"]
ONLY = {name: contracts()[name] for name in ("procedure_telemetry", "robot_maintenance_logs")}
SCHEMA = pa.schema([(field.name, field.type) for field in CONTRACT.arrow_schema])


def sample(number: int, day: str = DAY, case: int = 1, **changes: object) -> dict:
    """The samples of a case are seven minutes apart, and cases begin at the same time."""
    return {
        "procedure_id": f"F01-20240228-{case:04d}-R1",
        "robot_id": "R0001",
        "sample_number": number,
        "sample_time": datetime.fromisoformat(day) + timedelta(hours=8, minutes=7 * number, microseconds=number),
        "arm": 1 + number % 4,
        **{f"position_{axis}_mm": number / 10 for axis in "xyz"},
        **{f"rotation_{axis}_degrees": -number / 10 for axis in "xyz"},
        "force_n": 1.25,
        "tool_type": "grasper",
        "is_tool_active": number % 2 == 0,
        "is_camera_moving": False,
        "motor_temperature_celsius": 45.5,
        "motor_current_amperes": 1.5,
        "network_latency_ms": 12.5,
        "video_fps": 60.0,
    } | changes


def parquet(*rows: dict, schema: pa.Schema = SCHEMA, **options: object) -> bytes:
    return written(pa.Table.from_pylist(list(rows), schema=schema), **options)


def written(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def ndjson(*rows: dict) -> bytes:
    lines = [row | {"sample_time": row["sample_time"].isoformat() + "Z"} for row in rows]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def put(lake: Lake, content: bytes, name: str = "procedure_telemetry.parquet", day: str = DAY) -> str:
    key = f"{TELEMETRY}/sample_date={day}/{name}"
    assert lake.create(key, content)
    return key


def staged(lake: Lake) -> Counts:
    stage(lake, ONLY)
    return counts(lake, "procedure_telemetry")


def rows_of(lake: Lake) -> list[dict]:
    return staged_rows(lake, "procedure_telemetry")


def refused(lake: Lake) -> list[dict]:
    return quarantined(lake, "procedure_telemetry")


@pytest.fixture
def small_pieces(monkeypatch):
    """Every day is large, and all of it comes in small pieces."""
    monkeypatch.setattr("loaders.staging.partition.LARGE_BYTES", 0)
    monkeypatch.setattr("loaders.staging.large.SLICE_ROWS", 4)
    monkeypatch.setattr("loaders.staging.columnar.ROWS_AT_A_TIME", 3)
    monkeypatch.setattr("loaders.staging.objects.PIECE_BYTES", 1_000)


def test_rows_are_staged_as_they_are(lake):
    put(lake, parquet(sample(2), sample(1)))
    assert staged(lake) == Counts(raw=2, staged=2)
    assert rows_of(lake) == [sample(1), sample(2)]
    assert stage(lake, ONLY).partitions == 0


def test_parquet_and_json_stage_to_the_same_bytes(tmp_path):
    rows = [sample(number, case=case) for case in (2, 1) for number in range(1, 40)]
    contents = {"x.parquet": parquet(*rows), "x.ndjson": ndjson(*rows), "x.ndjson.zst": packed(ndjson(*rows))}
    digests = set()
    for name, content in contents.items():
        lake = Lake.at(tmp_path / name)
        put(lake, content, name)
        assert staged(lake) == Counts(raw=78, staged=78)
        digests.add(digest(lake.root, "staging/*/**/*"))
    assert len(digests) == 1


def cast(**types: pa.DataType) -> pa.Schema:
    return pa.schema([(field.name, types.get(field.name, field.type)) for field in SCHEMA])


SAME = {
    "another order of columns": pa.schema([*reversed(SCHEMA)]),
    "narrow numbers": cast(arm=pa.int8(), sample_number=pa.uint16(), force_n=pa.float32()),
    "wide numbers": cast(arm=pa.int64(), sample_number=pa.uint32()),
    "whole numbers of frames": cast(video_fps=pa.int32()),
    "dictionaries": cast(tool_type=pa.dictionary(pa.int8(), pa.string()), robot_id=pa.large_string()),
    "times with a zone": cast(sample_time=pa.timestamp("us", "UTC")),
}


@pytest.mark.parametrize("name", SAME)
def test_types_that_lose_nothing_are_the_contracts(lake, name):
    put(lake, parquet(sample(1), sample(2), schema=SAME[name]))
    assert staged(lake) == Counts(raw=2, staged=2)
    assert rows_of(lake) == [sample(1), sample(2)]


TABLE = pa.Table.from_pylist([sample(1), sample(2)], schema=SCHEMA)
WRONG = {
    "texts for numbers": (cast(force_n=pa.string()), "wrong_type", "force_n is string in the file, not double"),
    "fractions for counts": (cast(arm=pa.float64()), "wrong_type", "arm is double"),
    "numbers beyond 64 bits": (cast(arm=pa.uint64()), "wrong_type", "arm is uint64"),
    "large whole numbers for fractions": (cast(video_fps=pa.int64()), "wrong_type", "video_fps is int64"),
    "numbers for truths": (cast(is_tool_active=pa.int8()), "wrong_type", "is_tool_active is int8"),
    "nanoseconds": (cast(sample_time=pa.timestamp("ns")), "wrong_type", "sample_time is timestamp[ns]"),
    "bytes for texts": (cast(tool_type=pa.binary()), "wrong_type", "tool_type is binary"),
}


def assert_one_refused_object(lake: Lake, key: str, content: bytes, rule: str, why: str) -> None:
    (record,) = refused(lake)
    assert (record["raw_key"], record["line"], record["rule"]) == (key, 0, rule)
    assert why in record["reason"]
    assert record["record"] == content


@pytest.mark.parametrize("name", WRONG)
def test_a_file_of_other_types_is_refused_whole_and_other_files_go_through(lake, name):
    schema, rule, why = WRONG[name]
    content = written(TABLE.cast(schema))
    key = put(lake, content, "a.parquet")
    put(lake, parquet(sample(3)), "b.parquet")
    assert staged(lake) == Counts(raw=2, staged=1, quarantined=1)
    assert_one_refused_object(lake, key, content, rule, why)


@pytest.mark.parametrize(
    ("table", "rule", "why"),
    [
        (TABLE.drop_columns(["arm"]), "missing_required", "the file lacks arm"),
        (TABLE.append_column("mood", [["good"] * 2]), "unknown_field", "'mood', which is not in the contract"),
        (TABLE.append_column("arm", TABLE.column("arm")), "duplicate_key", "the file has arm more than once"),
        (TABLE.rename_columns([n.upper() for n in TABLE.column_names]), "unknown_field", "'PROCEDURE_ID'"),
    ],
)
def test_a_file_of_other_columns_is_refused_whole(lake, table, rule, why):
    key = put(lake, written(table))
    assert staged(lake) == Counts(raw=1, quarantined=1)
    assert_one_refused_object(lake, key, written(table), rule, why)


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_cannot_be_read_is_one_record_and_others_go_through(lake, request, large):
    if large:
        request.getfixturevalue("small_pieces")
    good = parquet(*map(sample, range(1, 30)), row_group_size=5, compression="zstd")
    late = good[: len(good) // 2] + bytes(200) + good[len(good) // 2 + 200 :]
    contents = {"cut.parquet": good[:-9], "empty.parquet": b"", "text.parquet": b"hello", "torn.parquet": late}
    contents["half.ndjson.zst"] = packed(ndjson(*[sample(n, force_n=n / 100) for n in range(1, 60)]))[:-100]
    for name, content in contents.items():
        put(lake, content, name)
    put(lake, parquet(sample(30), sample(1)), "x.parquet")
    put(lake, ndjson(sample(2)), "x.ndjson")
    assert staged(lake) == Counts(raw=8, staged=3, quarantined=5)
    assert {row["raw_key"].rpartition("/")[2]: row["record"] for row in refused(lake)} == contents
    assert {(row["rule"], row["line"]) for row in refused(lake)} == {("unreadable_file", 0)}
    assert stage(lake, ONLY).partitions == 0


def test_a_refused_object_that_is_too_large_stays_in_raw(lake, monkeypatch):
    monkeypatch.setattr("loaders.staging.objects.LARGEST_KEPT", 10)
    put(lake, b"hello, world")
    assert staged(lake) == Counts(raw=1, quarantined=1)
    (record,) = refused(lake)
    assert record["record"] == b""
    assert record["reason"].endswith("it is too large to be kept here, and stays in raw")


def test_a_file_that_may_not_be_read_is_an_error_and_no_record(lake, monkeypatch):
    put(lake, parquet(sample(1)))

    def forbidden(path, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("loaders.staging.columnar.pa.OSFile", forbidden)
    with pytest.raises(LakeError, match="permission denied"):
        stage(lake, ONLY)


FAULTY = {
    "no arm": ({"arm": None}, "missing_required"),
    "an arm too many": ({"arm": 9}, "out_of_range"),
    "too strong": ({"force_n": 40.5}, "out_of_range"),
    "NaN": ({"force_n": float("nan")}, "non_finite"),
    "infinite": ({"video_fps": float("inf")}, "non_finite"),
    "an unknown tool": ({"tool_type": "hammer"}, "out_of_range"),
    "an id of another form": ({"robot_id": "R1"}, "out_of_range"),
    "the next day": ({"sample_time": datetime(2024, 3, 1)}, "outside_window"),
    "the day before": ({"sample_time": datetime(2024, 2, 28, 23, 59, 59, 999_999)}, "outside_window"),
    "an id that is taken": ({"sample_number": 1, "sample_time": sample(1)["sample_time"]}, "colliding_id"),
}


@pytest.mark.parametrize("name", FAULTY)
@pytest.mark.parametrize("large", [False, True])
def test_a_faulty_row_is_refused_as_json_and_its_neighbours_go_through(lake, request, name, large):
    if large:
        request.getfixturevalue("small_pieces")
    changes, rule = FAULTY[name]
    bad = sample(2) | changes
    key = put(lake, parquet(sample(1), sample(4), sample(5), bad, sample(3)))
    assert staged(lake) == Counts(raw=5, staged=4, quarantined=1)
    assert [row["sample_number"] for row in rows_of(lake)] == [1, 3, 4, 5]
    (record,) = refused(lake)
    assert (record["raw_key"], record["line"], record["rule"], record["header"]) == (key, 4, rule, None)
    assert record["record"] == ndjson(bad).strip()


def test_a_refused_row_says_the_same_in_parquet_and_in_json(tmp_path):
    said = []
    for name, write in (("x.parquet", parquet), ("x.ndjson", ndjson)):
        lake = Lake.at(tmp_path / name)
        put(lake, write(*(sample(2) | changes for changes, _ in FAULTY.values())), name)
        staged(lake)
        said.append([(row["line"], row["rule"], row["reason"], row["record"]) for row in refused(lake)])
    assert said[0] == said[1]


def test_texts_that_are_not_utf8_and_times_of_no_year_are_refused(lake):
    table = pa.Table.from_pylist([sample(n) for n in range(1, 5)], schema=SCHEMA)
    robots = pa.array([b"R0001", b"R\xff01", b"R0001", b"R0001"]).view(pa.string())
    times = [*table.column("sample_time").cast(pa.int64()).to_pylist()[:3], 2**62]
    table = table.set_column(1, "robot_id", robots).set_column(3, SCHEMA.field(3), pa.array(times).cast(SCHEMA[3].type))
    put(lake, written(table))
    assert staged(lake) == Counts(raw=4, staged=2, quarantined=2)
    utf8, time = refused(lake)
    assert (utf8["line"], utf8["rule"], utf8["reason"]) == (2, "invalid_utf8", "robot_id: byte 2 is not UTF-8")
    assert json.loads(utf8["record"])["robot_id"] == "R\ufffd01"
    assert (time["line"], time["rule"]) == (4, "out_of_range")
    assert json.loads(time["record"])["sample_time"] == 2**62


def test_money_in_parquet_is_what_it_is_in_csv(tmp_path):
    row = visit(1) | {
        "is_emergency": False,
        "downtime_hours": 2.5,
        "cost_gbp": Decimal("1250.5"),
        "parts_replaced": None,
    }
    row |= {name: datetime.fromisoformat(row[name][:-1]) for name in ("start_time", "end_time", "updated_at")}
    digests = set()
    for name, money in (("csv", None), ("narrow", pa.decimal128(5, 1)), ("same", pa.decimal128(12, 2))):
        lake = Lake.at(tmp_path / name)
        table = money and pa.Table.from_pylist([row]).drop_columns(["cost_gbp", "parts_replaced"])
        content = of(",".join(visit(1).values()).encode()) if table is None else written(
            table.append_column("cost_gbp", pa.array([row["cost_gbp"]], money))
        )  # fmt: skip
        lake.create(f"{VISITS}/updated_date={DAY}/x.{'parquet' if money else 'csv'}", content)
        stage(lake, ONLY)
        assert counts(lake, "robot_maintenance_logs") == Counts(raw=1, staged=1)
        digests.add(digest(lake.root, "staging/*/**/*"))
    assert len(digests) == 1


def test_a_day_of_empty_objects_is_no_day_however_it_is_staged(lake, tmp_path, monkeypatch):
    other = Lake.at(tmp_path / "other")
    for place, bound in ((lake, 1 << 40), (other, 1)):
        monkeypatch.setattr("loaders.staging.partition.LARGE_BYTES", bound)
        put(place, parquet())
        stage(place, ONLY)
    assert read_manifest(lake) == read_manifest(other)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_large_day_ends_in_the_bytes_of_a_small_one(tmp_path_factory, data):
    """Duplicates, collisions and faults over several objects of all kinds, delivered in any order."""
    random_of = random.Random(data.draw(st.integers(0, 1_000)))
    deliveries = []
    for i in range(data.draw(st.integers(1, 4))):
        day = data.draw(st.sampled_from([DAY, "2024-02-28"]))
        rows = [
            sample(
                random_of.randrange(1, 12),
                day,
                random_of.randrange(1, 3),
                force_n=random_of.choice([1.0] * 8 + [2.0, 50.0]),
            )
            for _ in range(random_of.randrange(12))
        ]
        name, write = data.draw(st.sampled_from([("parquet", parquet), ("ndjson", ndjson)]))
        deliveries.append((write(*rows), f"{i}.{name}", day))
    digests = set()
    for large in (False, True):
        lake = Lake.at(tmp_path_factory.mktemp("lake"))
        with pytest.MonkeyPatch.context() as patched:
            if large:
                patched.setattr("loaders.staging.partition.LARGE_BYTES", 0)
                patched.setattr("loaders.staging.large.SLICE_ROWS", 4)
                patched.setattr("loaders.staging.columnar.ROWS_AT_A_TIME", 3)
                patched.setattr("loaders.staging.objects.PIECE_BYTES", 1_000)
            for content, name, day in data.draw(st.permutations(deliveries)):
                put(lake, content, name, day)
                if data.draw(st.booleans()):
                    stage(lake, ONLY)
            total = staged(lake)
        assert total.raw == total.staged + total.duplicates + total.quarantined
        assert min(vars(total).values()) >= 0
        digests.add(digest(lake.root, *STAGED))
    assert len(digests) == 1


def test_days_that_share_no_ids_are_never_made_again(lake, monkeypatch):
    """The key of a sample holds its time, so there is nothing to look for among other days."""
    monkeypatch.setattr("loaders.staging.ids.connect", None)
    monkeypatch.setattr("loaders.staging.ids.stage_partition", None)
    for day in ("2024-01-31", "2024-02-28", DAY):
        put(lake, ndjson(sample(1, day)), "x.ndjson", day)
        assert stage(lake, ONLY).new == Counts(raw=1, staged=1)
    assert all(part.unsettled == () for part in read_manifest(lake)["procedure_telemetry"].values())


def test_untouched_days_of_a_month_are_copied_some_rows_at_a_time(lake, monkeypatch):
    put(lake, parquet(*map(sample, range(1, 90))))
    staged(lake)
    before = rows_of(lake)
    taken = []

    def none(_, folder):
        taken.append(folder)
        return CONTRACT.arrow_schema.empty_table()

    monkeypatch.setattr("loaders.staging.files.BATCH_ROWS", 10)
    monkeypatch.setattr("loaders.staging.files.OldRows.take", none)
    put(lake, parquet(sample(1, "2024-02-28")), day="2024-02-28")
    assert staged(lake) == Counts(raw=90, staged=90)
    assert rows_of(lake)[1:] == before
    assert taken == ["sample_date=2024-02-28"]


numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?\Z"),
    st.text("0123456789.-+eE ", max_size=12),
)


@settings(max_examples=300, deadline=None)
@given(numbers, st.integers(1, 38), st.data())
def test_a_decimal_is_what_python_says_or_has_no_room(text, digits, data):
    decimals = data.draw(st.integers(0, digits))
    found = decimal_of(text, digits, decimals)
    try:
        value = Decimal(text)
    except ArithmeticError:
        value = None
    if isinstance(found, Decimal):
        assert found == value
        assert pa.array([found], pa.decimal128(digits, decimals))[0].as_py() == value
    elif found[0] == "out_of_range":
        scaled = Fraction(value) * 10**decimals
        assert scaled.denominator != 1 or abs(scaled) >= 10**digits
    else:
        assert found[0] == "wrong_type"


MEASURE = """
import re, sys
from pathlib import Path
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.staging import partition
from loaders.staging.stage import stage
partition.LARGE_BYTES = 1 << 20  # values that repeat pack to little
stage(Lake.at(sys.argv[1]), {"procedure_telemetry": contracts()["procedure_telemetry"]})
status = Path("/proc/self/status").read_text()  # a process's getrusage knows the memory of who started it, too
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


def test_a_day_of_many_rows_takes_little_memory(lake, tmp_path):
    """A million and a half rows are some 230 MB, and twice that while they are put in order."""
    cases, rows = 25, 60_000
    numbers = pa.array(range(1, rows + 1), pa.int32())
    columns = {
        name: pa.repeat(pa.scalar(value, SCHEMA.field(name).type), rows) for name, value in sample(1).items()
    } | {"sample_number": numbers}
    path = tmp_path / "x.parquet"
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for case in range(cases):
            times = pa.array(range(case, 1_000_000 * rows, 1_000_000), pa.int64())
            start = pa.scalar(1_709_164_800_000_000)  # 2024-02-29
            columns["sample_time"] = pc.add(times, start).cast(pa.timestamp("us"))
            columns["procedure_id"] = pa.repeat(f"F01-20240228-{case:04d}-R1", rows)
            writer.write_table(pa.table(columns, schema=SCHEMA))
    put(lake, path.read_bytes())
    run = subprocess.run([sys.executable, "-c", MEASURE, str(lake.root)], capture_output=True, text=True)
    assert run.stderr == ""
    assert counts(lake, "procedure_telemetry") == Counts(raw=cases * rows, staged=cases * rows)
    assert int(run.stdout) < 420
