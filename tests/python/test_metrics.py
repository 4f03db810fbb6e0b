"""Metrics: MetricFlow accepts them, each is what its mart says, and asking needs no network."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from loaders.cli import app
from loaders.contracts import contracts
from loaders.errors import BadSetting, WarehouseError
from loaders.lake import Lake
from loaders.metrics import check_target, listing, metricflow
from loaders.raw.generate import generate
from loaders.staging.stage import stage
from loaders.targets import Target, duckdb_warehouse
from loaders.warehouse import Dbt, published, target_path
from loaders.world.config import PRESETS

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# It begins within a month, so that patients found in bed share a month with those who were observed to wait; of this
# seed no metric is nothing everywhere.
WORLD = replace(
    PRESETS["demo"],
    seed=3,
    start=date(2024, 2, 10),
    days=60,
    beds=120,
    initial_patients=3_000,
    robots=6,
    robotic_share=0.8,
)

Values = dict[tuple[str, ...], tuple[float | None, ...]]
Ask = Callable[[str, str], Values]


@pytest.fixture(scope="module")
def dbt(tmp_path_factory) -> Iterator[Dbt]:
    """dbt on a warehouse of two hospitals and sixty days, without what no metric is made of."""
    os.environ["DBT_TARGET_PATH"] = str(tmp_path_factory.mktemp("target"))
    lake = Lake.at(tmp_path_factory.mktemp("metrics") / "lake")
    generate(lake, WORLD)
    stage(lake, contracts())
    dbt = Dbt(str(lake), duckdb_warehouse(published(lake)))
    kinds = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    dbt._run("build", *kinds, "--exclude", "fact_vitals+", "fact_labs+", "fact_notes+", "int_robotics_figures+")
    yield dbt
    del os.environ["DBT_TARGET_PATH"]


@pytest.fixture(scope="module")
def validated(dbt) -> subprocess.CompletedProcess[str]:
    """What `wardhouse metrics validate-configs` says in a process that may not reach any network."""
    code = (
        "import socket\n"
        "def refuse(*arguments, **named): raise SystemExit(f'tried to reach {arguments[1:]}')\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
        "socket.getaddrinfo = lambda *arguments, **named: refuse(None, *arguments)\n"
        "from loaders.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "metrics", "--lake", dbt.lake, "validate-configs", "--show-all"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def ask(dbt, validated) -> Iterator[Ask]:
    """Metrics by what they are grouped by, as MetricFlow says in this process, which keeps the warehouse open."""
    metricflow()
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

    with dbt.environment():
        flow = CLIConfiguration()
        flow.setup(configure_file_logging=False)

        def asked(metrics: str, by: str) -> Values:
            names, groups = metrics.split(), by.split()
            request = MetricFlowQueryRequest.create(metric_names=names, group_by_names=groups)
            table = flow.mf.query(request).result_df
            assert sorted(table.column_names) == sorted(groups + names)
            at = {name: place for place, name in enumerate(table.column_names)}
            return told([[row[at[name]] for name in [*groups, *names]] for row in table.rows], len(groups))

        yield asked


@pytest.fixture(scope="module")
def marts(dbt, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy to read: MetricFlow has the warehouse open."""
    copy = tmp_path_factory.mktemp("copy") / "wardhouse.duckdb"
    shutil.copyfile(published(Lake.at(dbt.lake)), copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield connection


def told(rows: list[Any], keys: int) -> Values:
    """Rows by their first columns; a row that counts nothing says as much as none."""
    values = {
        tuple(str(key)[:10] if hasattr(key, "year") else str(key) for key in row[:keys]): tuple(
            None if value is None else float(value) for value in row[keys:]
        )
        for row in rows
    }
    assert len(values) == len(rows)
    return {key: row for key, row in values.items() if any(row)}


# Metrics, what they are grouped by, and the same from columns of a mart.
CASES = {
    "beds": (
        "occupied_bed_days capacity_bed_days escalation_bed_days occupancy",
        "metric_time__month facility",
        """
        select date_trunc('month', snapshot_date), facility_id, sum(sod_occupied_beds), sum(sod_capacity_beds),
            sum(escalation_beds_open), sum(sod_occupied_beds) / sum(sod_capacity_beds)
        from operations.bed_utilisation group by all
        """,
    ),
    "occupancy of a department on a day": (
        "occupancy",
        "metric_time__day department",
        "select snapshot_date, department_id, sod_occupancy_rate from operations.bed_utilisation",
    ),
    "queue of a department on a day": (
        "waiting_patients",
        "metric_time__day department",
        "select snapshot_date, department_id, waiting_patients from operations.queue_growth",
    ),
    "queue at the end of a month": (
        "waiting_patients",
        "metric_time__month facility",
        """
        select date_trunc('month', snapshot_date), facility_id, sum(waiting_patients) from operations.queue_growth
        where snapshot_date in (
            select max(snapshot_date) from operations.queue_growth group by date_trunc('month', snapshot_date)
        )
        group by all
        """,
    ),
    "waits": (
        "admissions emergency_admissions waits_over_4_hours waits_over_12_hours "
        "p50_wait_minutes p90_wait_minutes p95_wait_minutes",
        "metric_time__month facility department",
        """
        select month_start_date, facility_id, department_id, admissions, emergency_admissions, waits_over_4_hours,
            waits_over_12_hours, p50_wait_minutes, p90_wait_minutes, p95_wait_minutes
        from operations.waiting_time_percentiles
        """,
    ),
    "shares of waits": (
        "admissions wait_over_4_hours_share wait_over_12_hours_share",
        "metric_time__month facility",
        """
        select month_start_date, facility_id, sum(admissions), sum(waits_over_4_hours) / sum(admissions),
            sum(waits_over_12_hours) / sum(admissions)
        from operations.waiting_time_percentiles group by all
        """,
    ),
    "admissions and discharges of a day": (
        "admissions discharges",
        "metric_time__day facility",
        """
        select snapshot_date, facility_id, nullif(sum(admissions), 0), nullif(sum(discharges), 0)
        from operations.queue_growth group by all
        """,
    ),
    "discharges": (
        "discharges delayed_discharges delayed_discharge_share long_stay_discharges deaths mortality_rate",
        "metric_time__month facility",
        """
        select date_trunc('month', discharge_date), facility_id, count(*), count(*) filter (is_delayed),
            avg(is_delayed::int), count(*) filter (is_long_stay), count(*) filter (is_death), avg(is_death::int)
        from core.fact_discharges group by all
        """,
    ),
    "length of stay": (
        "encounters stay_days mean_stay_days p50_stay_days p90_stay_days",
        "department_version__department_code encounter__scenario encounter__age_band",
        """
        select department_code, scenario, age_band, encounters, encounters * mean_stay_days, mean_stay_days,
            p50_stay_days, p90_stay_days
        from clinical.length_of_stay
        """,
    ),
    "readmissions": (
        "index_discharges emergency_readmissions readmission_rate",
        "metric_time__month facility department",
        """
        select month_start_date, facility_id, department_id, index_discharges, emergency_readmissions, readmission_rate
        from clinical.readmissions
        """,
    ),
    "cases": (
        "cases performed_cases cancelled_cases operating_minutes cancellation_rate discharged_cases complications "
        "complication_rate followed_cases procedure_readmissions procedure_readmission_rate",
        "metric_time__month facility",
        """
        select month_start_date, facility_id, cases, performed_cases, cancelled_cases, operating_minutes,
            cancellation_rate, discharged_cases, complications, complication_rate, followed_cases, readmissions,
            readmission_rate
        from robotics.facility_performance
        """,
    ),
    "outcomes": (
        "performed_cases conversions conversion_rate discharged_cases complications complication_rate "
        "major_complications major_complication_rate",
        "metric_time__year procedure__procedure_type",
        """
        select make_date(year_number, 1, 1), procedure_type, performed_cases, conversions, conversion_rate,
            discharged_cases, complications, complication_rate, major_complications, major_complication_rate
        from robotics.procedure_outcomes
        """,
    ),
    "durations": (
        "p90_duration_minutes",
        "metric_time__month robot",
        "select month_start_date, robot_id, p90_duration_minutes from robotics.robot_utilization",
    ),
    "use of robots": (
        "used_minutes available_minutes robot_utilisation",
        "metric_time__month robot",
        """
        select month_start_date, robot_id, operating_minutes, available_minutes, utilisation_ratio
        from robotics.robot_utilization
        """,
    ),
    "visits": (
        "visits downtime_hours",
        "metric_time__month facility",
        "select month_start_date, facility_id, visits, downtime_hours from robotics.theatre_flow",
    ),
    "visits to robots": (
        "visits emergency_visits downtime_hours",
        "metric_time__month robot",
        "select month_start_date, robot_id, visits, emergency_visits, downtime_hours from robotics.robot_utilization",
    ),
    "cost": (
        "downtime_cost_gbp",
        "metric_time__month facility robot",
        """
        select date_trunc('month', maintenance_date), facility_id, robot_id, sum(cost_gbp)
        from core.fact_robot_maintenance group by all
        """,
    ),
    "telemetry": (
        "robot_days telemetry_samples telemetry_alarms robot_days_in_alarm alarm_day_share",
        "metric_time__month robot",
        """
        select date_trunc('month', sample_date), robot_id, count(*), sum(samples),
            sum(temperature_alarm_samples) + sum(current_alarm_samples) + sum(latency_alarm_samples)
            + sum(fps_alarm_samples), count(*) filter (health_status = 'alarm'), avg((health_status = 'alarm')::int)
        from robotics.telemetry_system_health group by all
        """,
    ),
}

# Facts joined to what was true at the event: nothing is counted twice, and nothing is lost.
JOINED = {
    "occupied_bed_days by rating": (
        "occupied_bed_days",
        "facility_version__rating department_version__is_general_acute",
        """
        select rating, is_general_acute, sum(occupied_beds) from core.fact_department_occupancy
        join core.dim_facility using (facility_key) join core.dim_department using (department_key)
        where snapshot_point = 'sod' group by all
        """,
    ),
    "cases by robot, surgeon and day": (
        "cases",
        "robot_version__software_version robot_version__model surgeon_version__grade calendar_day__weekday_name",
        """
        select software_version, model, grade, dayname(procedure_date), count(*) from core.fact_procedures
        join core.dim_robot using (robot_key) join core.dim_surgeon using (surgeon_key) group by all
        """,
    ),
}


def assert_same(metrics: str, by: str, said: Values, mart: Values) -> None:
    assert mart, "the mart says nothing"
    assert set(said) == set(mart)
    for place, metric in enumerate(metrics.split()):
        ours, theirs = ({key: row[place] for key, row in rows.items()} for rows in (said, mart))
        assert any(theirs.values()), f"{metric} is nothing anywhere"
        unknown = {key for key, value in theirs.items() if value is None}
        assert {key for key, value in ours.items() if value is None} == unknown, f"{metric} by {by}"
        for key in set(theirs) - unknown:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-9), f"{metric} by {by}: {key}"


@pytest.mark.parametrize("case", [*CASES, *JOINED])
def test_a_metric_is_what_its_mart_says(ask, marts, case):
    metrics, by, query = {**CASES, **JOINED}[case]
    said = ask(metrics, by)
    assert_same(metrics, by, said, told(marts.execute(query).fetchall(), len(by.split())))


def test_every_metric_is_held_against_a_mart(dbt):
    dbt.project()
    manifest = json.loads((target_path() / "semantic_manifest.json").read_text())
    defined = {metric["name"] for metric in manifest["metrics"]}
    assert len(defined) > 40
    assert defined == {metric for metrics, _, _ in CASES.values() for metric in metrics.split()}
    assert defined == {line.split()[0] for line in listing()}


def test_everything_in_the_semantic_layer_is_described_and_can_be_grouped_by_a_hospital_or_a_robot(dbt):
    dbt.project()
    manifest = json.loads((target_path() / "semantic_manifest.json").read_text())
    for metric in manifest["metrics"]:
        assert metric["description"].endswith("."), metric["name"]
    for model in manifest["semantic_models"]:
        assert model["description"].strip(), model["name"]
        for part in ("entities", "dimensions", "measures"):
            for each in model[part]:
                assert each["description"].strip(), (model["name"], each["name"])
        if model["measures"]:
            assert {"facility", "robot"} & {entity["name"] for entity in model["entities"]}, model["name"]


def test_the_definitions_hold_on_the_warehouse_and_nobody_else_is_asked(validated):
    assert validated.returncode == 0, validated.stdout + validated.stderr
    assert "tried to reach" not in validated.stdout + validated.stderr
    for checked in ("the semantics", "semantic models", "dimensions", "entities", "measures", "metrics"):
        line = next(line for line in validated.stdout.splitlines() if f"Successfully validated {checked}" in line)
        assert "(ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0)" in line


def test_without_a_question_metrics_are_listed(tmp_path):
    said = CliRunner().invoke(app, ["metrics", "--lake", str(tmp_path)])
    assert said.exit_code == 0
    assert said.stdout.splitlines() == listing()


def test_what_metricflow_cannot_ask_is_said_before_anything_is_started(tmp_path):
    said = CliRunner().invoke(app, ["metrics", "--lake", str(tmp_path), "--target", "clickhouse", "list", "metrics"])
    assert said.exit_code == 1
    assert said.stderr == (
        "error: MetricFlow knows no ClickHouse: ask DuckDB or Redshift, or ClickHouse's marts themselves\n"
    )
    with pytest.raises(BadSetting):
        check_target(Target.clickhouse)
    check_target(Target.redshift)


def test_an_empty_lake_says_what_to_do(tmp_path):
    said = CliRunner().invoke(app, ["metrics", "--lake", str(tmp_path), "list", "metrics"])
    assert said.exit_code == 1
    assert said.stderr == f"error: there is no warehouse in {tmp_path}: run `wardhouse build` first\n"


def test_where_metricflow_is_missing_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "dbt_metricflow.cli", None)
    with pytest.raises(WarehouseError, match=r"metrics need MetricFlow: `make local` installs it"):
        metricflow()
