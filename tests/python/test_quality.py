"""The gates, held against data that is wrong in one way at a time."""

import os
import shutil
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders.contracts import contracts
from loaders.errors import BadContract, GateFailed, LakeError
from loaders.lake import Lake
from loaders.quality.gates import check_marts, check_staging, stop_at_failures
from loaders.quality.suites import marts_suites
from loaders.raw.generate import generate
from loaders.staging.manifest import StagedFile, read_manifest, write_manifest
from loaders.staging.stage import stage
from loaders.targets import duckdb_warehouse

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def good(tmp_path_factory, small_world) -> Lake:
    lake = Lake.at(tmp_path_factory.mktemp("good"))
    generate(lake, replace(small_world, days=14))
    stage(lake, contracts())
    return lake


@pytest.fixture
def spoiled(good, tmp_path) -> Lake:
    shutil.copytree(good.root, tmp_path / "spoiled")
    return Lake.at(tmp_path / "spoiled")


def rewrite(lake: Lake, entity: str, change) -> None:
    """Change an entity's staged rows and let the manifest agree, as if staging had written them."""
    manifest = read_manifest(lake)
    name, part = max(manifest[entity].items())
    table = change(pq.read_table(lake.uri(part.data.key)))
    path = lake.root / part.data.key
    pq.write_table(table, path)
    import hashlib

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest[entity][name] = replace(part, data=StagedFile(part.data.key, part.data.rows, path.stat().st_size, digest))
    write_manifest(lake, manifest)


def with_value(name: str, value: object):
    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(name)
        field = table.schema.field(name).with_nullable(value is None)
        column = table.column(name).to_pylist()
        column[len(column) // 2] = value
        return table.set_column(at, field, pa.array(column, field.type))

    return change


def test_good_data_passes(good):
    outcomes = check_staging(good, contracts())
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) > 150
    stop_at_failures("staging", outcomes, "the page")


DEFECTS = {
    "a row is lost": ("admissions", lambda t: t.slice(1), "there are the manifest's"),
    "a row is doubled": ("admissions", lambda t: pa.concat_tables([t, t.slice(0, 1)]), "event_id is unique"),
    "all rows are lost": ("discharges", lambda t: t.slice(0, 0), "there are the manifest's"),
    "a value is missing": ("admissions", with_value("patient_id", None), "columns and types of their contracts"),
    "a word is unknown": ("admissions", with_value("admission_method", "walk-in"), "admission_method is one of"),
    "an id is of another form": ("admissions", with_value("patient_id", "X1"), "patient_id matches P[0-9]{9}"),
    "a text is too long": ("patients", with_value("given_name", "x" * 61), "given_name has at most 60 characters"),
    "a number is too small": ("dep_snapshots", with_value("beds", -1), "beds is from 0 to 5000"),
    "a number is no number": ("wait_snapshots", with_value("wait_duration_hours", float("nan")), "is a finite number"),
    "more is occupied than open": (
        "dep_snapshots",
        with_value("occupied_beds", 4_999),
        "occupied_beds <= capacity holds",
    ),
    "a time is out of order": (
        "admissions",
        with_value("request_time", __import__("datetime").datetime(2030, 1, 1)),
        "request_time is not on a day after event_time",
    ),
    "columns changed places": (
        "admissions",
        lambda t: t.select([*t.column_names[1:], t.column_names[0]]),
        "files have the columns and types of their contracts",
    ),
}


FEW = ("a row is lost", "a value is missing", "a word is unknown", "more is occupied than open")


@pytest.mark.parametrize(
    "defect", [defect if defect in FEW else pytest.param(defect, marks=pytest.mark.long) for defect in DEFECTS]
)
def test_a_defect_in_what_is_staged_shuts_the_gate(spoiled, defect):
    entity, change, expectation = DEFECTS[defect]
    rewrite(spoiled, entity, change)
    outcomes = check_staging(spoiled, contracts())
    failed = [outcome for outcome in outcomes if not outcome.passed]
    assert any(o.relation in (f"staged.{entity}", "staged files") and expectation in o.expectation for o in failed)
    assert not any(outcome.error for outcome in failed)
    with pytest.raises(GateFailed, match=r"the staging gate is shut(?s:.)*\n  all results are in the page$"):
        stop_at_failures("staging", outcomes, "the page")


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_shuts_the_gate(spoiled, damage):
    path = next(spoiled.root.glob("staging/admissions/*/*.parquet"))
    data = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[:-10])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    (outcome,) = check_staging(spoiled, contracts())
    assert not outcome.passed
    assert path.name in outcome.observed


def test_nothing_staged_is_explained(lake):
    with pytest.raises(
        LakeError, match=r"nothing is staged in .*: run `wardhouse generate` and `wardhouse stage` first"
    ):
        check_staging(lake, contracts())


def test_a_gate_that_cannot_look_is_shut(good, monkeypatch):
    """Without the engine's settings Great Expectations raises inside; that must not pass for good data."""
    monkeypatch.setattr(
        "loaders.quality.gates.duckdb_warehouse", lambda path: replace(duckdb_warehouse(path), options={})
    )
    outcomes = check_staging(good, contracts())
    assert all("it could not be checked" in outcome.error for outcome in outcomes if not outcome.passed)
    assert sum(not outcome.passed for outcome in outcomes) > 100


MARTS = """
create schema operations;
create table operations.waiting_time_percentiles as
    select 'F01-AMU' as department_id, date '2024-01-01' as month_start_date,
        10.0 as p50_wait_minutes, 20.0 as p90_wait_minutes, {p95} as p95_wait_minutes;
"""


@pytest.mark.parametrize(("p95", "passes"), [(30.0, True), (20.0, True), (19.0, False)])
def test_percentiles_out_of_order_shut_the_marts_gate(tmp_path, monkeypatch, p95, passes):
    warehouse = tmp_path / "w.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(MARTS.format(p95=p95))
    only = [suite for suite in marts_suites() if suite.table == "waiting_time_percentiles"]
    monkeypatch.setattr("loaders.quality.gates.marts_suites", lambda: only)
    outcomes = check_marts(duckdb_warehouse(warehouse))
    assert all(outcome.passed for outcome in outcomes) == passes
    if not passes:
        (failed,) = [outcome for outcome in outcomes if not outcome.passed]
        assert str(failed) == (
            "operations.waiting_time_percentiles: expected that P95 is not less than P90; 1 rows do not"
        )


def test_a_sudden_fall_in_volume_shuts_the_marts_gate(tmp_path, monkeypatch):
    warehouse = tmp_path / "w.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            """
            create schema operations;
            create table operations.queue_growth as
                select
                    'F01' as facility_id,
                    date '2024-01-01' + i::integer as snapshot_date,
                    case when i = 40 then 9 else 40 end as admissions, 0 as queue_growth
                from range(60) as days(i)
            """
        )
    only = [suite for suite in marts_suites() if suite.table == "queue_growth"]
    monkeypatch.setattr("loaders.quality.gates.marts_suites", lambda: only)
    failed = [outcome for outcome in check_marts(duckdb_warehouse(warehouse)) if not outcome.passed]
    assert [outcome.unexpected for outcome in failed] == [1]
    assert "a day's admissions are between" in failed[0].expectation


def test_every_suite_counts_rows_first():
    for suite in marts_suites():
        assert suite.expectations[0].type == "expect_table_row_count_to_be_between"


@pytest.mark.parametrize(
    "text",
    ["suites: 7", "nothing: []", "suites: [{relation: a.b, expectations: [{type: x, description: y}]}]", "suites: ["],
)
def test_a_suite_that_cannot_be_read_is_explained(tmp_path, text):
    (tmp_path / "bad.yml").write_text(text)
    with pytest.raises(BadContract, match=r"bad\.yml"):
        marts_suites(tmp_path)


def test_gates_phone_nobody():
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
