"""One lake in three warehouses: the same rows, the same history, the same answers as an oracle that knows no SQL."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import comparison
import duckdb
import oracle
import pytest
import sqlalchemy
from conftest import COMMAND
from odd_theatres import tell_odd_versions
from typer.testing import CliRunner

from loaders.ask import Answer, answer, questions
from loaders.cli import app
from loaders.contracts import contracts
from loaders.errors import GateFailed
from loaders.lake import Lake
from loaders.local.reach import server
from loaders.local.start import running
from loaders.project import PROJECT
from loaders.quality import results
from loaders.quality.gates import check_marts
from loaders.quality.parity import (
    CONTROLS,
    Relation,
    Verdict,
    compare,
    controls_caught,
    differing,
    relations,
    stop_at_differences,
)
from loaders.raw.generate import generate
from loaders.site.datasets import analyses, ask_all
from loaders.staging.stage import stage
from loaders.targets import Target, Warehouse, duckdb_warehouse
from loaders.warehouse import Dbt, published
from loaders.world.config import PRESETS

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*XDG_RUNTIME_DIR.*"),
]

# a year's end, a leap day, a clock change, days on which nobody comes or goes, records that are faulty or double
WORLD = replace(
    PRESETS["demo"], facilities=2, start=date(2023, 12, 20), days=110, beds=80, initial_patients=2_400,
    max_patients=4_000, dirty_share=0.01, packed=True, robots=6, surgeons=12, robotic_share=1.0, telemetry_samples=5,
    maintenance_interval_factor=4.0, theatre_cancellation_share=0.2, smallest_department_beds=3,
)  # fmt: skip
NAME_BEYOND_ASCII = "Žďár–Müller 日本 🏥 General Hospital"


@dataclass
class Built:
    """A lake and the three warehouses that were built from it, by plain dbt with all its tests."""

    lake: Lake
    warehouses: dict[Target, Warehouse]
    target: Path
    worked_out: dict[int, dict[str, comparison.Rows]] = field(default_factory=dict)

    def dbt(self, target: Target, *command: str) -> subprocess.CompletedProcess[str]:
        """Run dbt as a user would."""
        return subprocess.run(self.command(*command), **self.how(target), capture_output=True, text=True, timeout=600)

    def command(self, *command: str) -> list[str]:
        return [str(COMMAND.with_name("dbt")), "--no-use-colors", *command]

    def how(self, target: Target) -> dict:
        folder = str(self.target / target.value)
        settings = {"WARDHOUSE_TARGET": target.value, "WARDHOUSE_LAKE": str(self.lake)}
        paths = {"DBT_TARGET_PATH": folder, "DBT_LOG_PATH": folder}
        return {"cwd": PROJECT, "env": {**os.environ, **self.warehouses[target].environment, **settings, **paths}}

    def verdicts(self) -> list[Verdict]:
        return compare(self.relations(), list(self.warehouses.values()))

    def relations(self) -> list[Relation]:
        return relations(Dbt(str(self.lake), self.warehouses[Target.duckdb]).project())


def tell(lake: Lake, entity: str, day: str, name: str, rows: list[dict]) -> None:
    """Land an extract, and say so in the truth ledger."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    assert lake.create(f"raw/operations/{entity}/extract_date={day}/{name}.ndjson", lines.encode())
    ledger = {"ledger_date": day, "facility_id": "F01", "entity": entity, "event_date": day, "measure": "rows"}
    line = json.dumps({**ledger, "total": len({row["updated_at"] for row in rows})}) + "\n"
    assert lake.create(f"truth/operations/ledger_date={day}/{entity}_{name}.ndjson", line.encode())


def facility(day: str, updated_at: str, **changes: object) -> dict:
    version = {
        "extract_date": day, "facility_id": "F01", "facility_name": NAME_BEYOND_ASCII, "trust_name": "Trust of “Ä”",
        "region": "London", "rating": "Good", "is_deleted": False, "updated_at": updated_at,
    }  # fmt: skip
    return version | changes


def department(day: str, updated_at: str, **changes: object) -> dict:
    version = {
        "extract_date": day, "department_id": "F01-NEURO", "facility_id": "F01", "department_code": "NEURO",
        "department_name": "Neurología", "specialty_code": "400", "is_general_acute": True, "funded_beds": 9,
        "escalation_beds": 0, "is_deleted": False, "updated_at": updated_at,
    }  # fmt: skip
    return version | changes


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A lake's address in the S3 stand-in, with the environment to reach it."""
    with pytest.MonkeyPatch.context() as environment, running("s3") as port:
        environment.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "stand-in")
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-2")
        yield "s3://wardhouse/parity"


@pytest.fixture(scope="module")
def built(tmp_path_factory, bucket) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("parity")
    lake = Lake.at(bucket)
    generate(lake, WORLD)
    tell(lake, "facilities", "2024-02-29", "leap", [facility("2024-02-29", "2024-02-29T23:59:59.999999Z")])
    tell(lake, "departments", "2024-01-05", "neuro", [department("2024-01-05", "2024-01-01T00:00:00.000001Z")])
    stage(lake, contracts())
    with pytest.MonkeyPatch.context() as environment, ExitStack() as stack:
        environment.setenv("DBT_TARGET_PATH", str(folder / "target"))
        environment.setenv("WARDHOUSE_DUCKDB", str(folder / "wardhouse.duckdb"))
        warehouses = {Target.duckdb: duckdb_warehouse(published(lake))}
        for target in (Target.clickhouse, Target.redshift):
            warehouses[target], _ = stack.enter_context(server(target, lake, lambda said: None))
        yield Built(lake, warehouses, folder / "target")


@pytest.fixture(scope="module")
def first(built) -> Built:
    """All built for the first time."""
    for target in Target:
        done = built.dbt(target, "build")
        assert done.returncode == 0, done.stdout[-6000:]
        assert "ERROR=0" in done.stdout
    return built


def assert_proven(verdicts: list[Verdict]) -> None:
    assert not [
        (verdict.relation.name, verdict.engine, verdict.differences) for verdict in verdicts if verdict.differences
    ]
    assert all(verdict.caught == CONTROLS for verdict in verdicts)


# --- the first build -------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_plain_dbt_passes_all_its_tests_on_every_target(first):
    for target in Target:
        results = json.loads((first.target / target.value / "run_results.json").read_text())["results"]
        kinds = [result["unique_id"].partition(".")[0] for result in results]
        assert kinds.count("unit_test") >= 37
        assert kinds.count("test") >= 740
        done = {result["status"] for result in results if not result["unique_id"].startswith("exposure.")}
        assert done == {"success", "pass"}


@pytest.mark.long
def test_every_relation_is_the_same_on_every_engine(first):
    verdicts = first.verdicts()
    names = {verdict.relation.name for verdict in verdicts}
    assert len(names) >= 24
    assert {(v.relation.name, v.engine) for v in verdicts} == {
        (n, e) for n in names for e in ("ClickHouse", "Redshift")
    }
    assert_proven(verdicts)
    assert all(verdict.rows for verdict in verdicts)


@pytest.mark.long
def test_the_fixture_holds_what_engines_disagree_about(first):
    rows = first.warehouses[Target.duckdb].rows
    assert rows("select count(*) from core.fact_admissions where admission_date = date '2024-02-29'")[0][0]
    assert rows("select count(*) from core.fact_admissions where admission_date between '2023-12-31' and '2024-01-01'")
    assert rows(f"select 1 from core.dim_facility where facility_name = '{NAME_BEYOND_ASCII}'")
    assert rows("select count(*) from core.dim_patient where date_of_birth < date '1970-01-01'")[0][0]
    assert rows("select count(*) from core.fact_discharges where admitted_at is null or medically_fit_at is null")[0][0]
    assert rows("select count(*) from operations.queue_growth where discharges = 0 and admissions = 0")[0][0]
    assert rows("select count(*) from core.fact_notes where octet_length(encode(note_text)) > character_count")[0][0]
    assert rows("select count(*) from clinical.deterioration where first_7_at is null")[0][0]
    assert rows("select sum(emergency_readmissions) from clinical.readmissions")[0][0]
    assert rows("select sum(turnover_minutes) from core.fact_procedures")[0][0]
    assert rows("select count(*) from core.fact_procedures where is_cancelled")[0][0]
    assert rows("select count(*) from core.fact_procedures where is_readmitted_30d")[0][0]
    assert rows("select sum(cost_gbp) from core.fact_robot_maintenance")[0][0]
    assert rows("select count(*) from core.fact_procedure_telemetry")[0][0]


def findings(built: Built, target: Target, folder: Path) -> dict[str, list[str]]:
    """By relation, how a warehouse differs from what an oracle that knows no SQL makes of the same raw objects."""
    raw = [key for key, _ in built.lake.find("raw")]
    if len(raw) not in built.worked_out:
        for key in raw:
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(built.lake.read(key))
        built.worked_out[len(raw)] = oracle.warehouse(folder)
    found = {}
    for relation, expected in built.worked_out[len(raw)].items():
        columns = list(expected[0])
        rows = built.warehouses[target].rows(f"select {', '.join(columns)} from {relation}")
        found[relation] = comparison.differences(expected, comparison.named(columns, rows), oracle.KEYS[relation])
    return found


@pytest.mark.long
@pytest.mark.parametrize("target", list(Target))
def test_an_oracle_without_sql_agrees_with_every_engine(first, target, tmp_path):
    found = findings(first, target, tmp_path)
    assert len(found) >= 22
    assert found == {relation: [] for relation in found}


@pytest.mark.long
@pytest.mark.parametrize("target", [Target.clickhouse, Target.redshift])
def test_the_marts_gate_looks_at_every_engine(first, target):
    here, there = (check_marts(first.warehouses[place]) for place in (Target.duckdb, target))
    assert [outcome.error for outcome in there] == [""] * len(there)
    assert [(o.relation, o.expectation, o.passed, o.unexpected) for o in there] == [
        (o.relation, o.expectation, o.passed, o.unexpected) for o in here
    ]


@pytest.mark.long
def test_every_question_has_the_same_answer_on_every_engine(first):
    asked = questions()
    found: dict[Target, list[Answer]] = {}
    for target, warehouse in first.warehouses.items():
        compiled = Dbt(str(first.lake), warehouse).compiled([question.name for question in asked])
        found[target] = [answer(warehouse, question, compiled[question.name]) for question in asked]
    for target, answers in found.items():
        for told, same in zip(answers, found[Target.duckdb], strict=True):
            name = (target, told.question.name)
            assert told.rows, name
            assert told.columns == same.columns, name
            assert len(told.rows) == len(same.rows), name
            for row, twin in zip(told.rows, same.rows, strict=True):
                assert list(row) == [pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for v in twin], name


@pytest.mark.long
def test_the_site_shows_the_same_on_every_engine(first):
    found = {
        target: ask_all(warehouse, Dbt(str(first.lake), warehouse).compiled(analyses()))
        for target, warehouse in first.warehouses.items()
    }
    for target, datasets in found.items():
        for name, same in found[Target.duckdb].items():
            told = datasets[name]
            assert told.missing == "", (target, name)
            assert list(told.columns) == list(same.columns), (target, name)
            assert told.rows == same.rows, (target, name)
            for column, values in told.columns.items():
                for value, twin in zip(values, same.columns[column], strict=True):
                    assert value == (pytest.approx(twin, rel=1e-9) if isinstance(twin, float) else twin), (target, name)


@pytest.mark.long
def test_clickhouse_lays_tables_out_as_configured(first):
    found = {
        row[0]: row[1:]
        for row in first.warehouses[Target.clickhouse].rows(
            "select name, engine, sorting_key, partition_key from system.tables where database = 'core'"
        )
    }
    assert found["dim_patient"] == ("MergeTree", "(patient_key)", "")
    order = "admission_date, department_id, admission_event_id"
    assert found["fact_admissions"] == ("MergeTree", order, "(toYYYYMM(admission_date))")


@pytest.mark.long
def test_redshift_lays_tables_out_as_configured(first):
    found = {
        row[0]: row[1:]
        for row in first.warehouses[Target.redshift].rows(
            'select "table", diststyle, sortkey1, max_varchar from svv_table_info where "schema" = \'core\''
        )
    }
    assert found["dim_patient"][:2] == ("ALL", "patient_key")
    assert found["fact_admissions"] == ("KEY(encounter_id)", "admission_date", 36)


@pytest.mark.long
def test_views_say_the_same_to_a_client_without_the_profile(first):
    """A BI tool has ClickHouse's own settings, in which a join that misses gives zeros."""
    query = "select count(*), count(admitted_at), count(discharged_at) from intermediate.int_stays"
    clickhouse, redshift = (first.warehouses[target].rows(query) for target in (Target.clickhouse, Target.redshift))
    assert clickhouse == redshift


@pytest.mark.long
def test_copy_loads_each_file_once(first):
    rows = first.warehouses[Target.redshift].rows
    before = rows(
        "select entity, partition_name, file_key, row_count, loaded_at from landing.loaded_files order by 1, 2"
    )
    assert len(before) > 20
    done = first.dbt(Target.redshift, "run", "--select", "dim_time")
    assert done.returncode == 0, done.stdout
    assert (
        rows("select entity, partition_name, file_key, row_count, loaded_at from landing.loaded_files order by 1, 2")
        == before
    )


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_command_proves_parity_and_says_so(first, monkeypatch):
    for name, value in first.warehouses[Target.clickhouse].environment.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(
        app, ["parity", "--lake", str(first.lake), "--target", "duckdb", "--target", "clickhouse"]
    )
    assert done.exit_code == 0, done.output
    assert "core.fact_admissions" in done.stdout
    assert "DuckDB = ClickHouse in all relations" in done.stdout
    parity = results.findings(first.lake, Target.duckdb).parity
    assert parity.first == "DuckDB"
    assert {verdict.engine for verdict in parity.verdicts} == {"ClickHouse"}
    assert len(parity.verdicts) > 30
    assert not parity.failed


def test_one_warehouse_is_no_parity(tmp_path):
    done = CliRunner().invoke(app, ["parity", "--lake", str(tmp_path), "--target", "duckdb"])
    assert done.exit_code == 1
    assert "parity needs two warehouses to compare" in done.stderr


# --- what comes later ------------------------------------------------------------------------------------------------


LEFTOVER = """
    create table snapshots.department_versions__snapshot_upsert engine = MergeTree order by tuple() as
    select * replace ('from a dead run' as department_name, '0' as department_version_key)
    from snapshots.department_versions
"""


def killed_in_a_snapshot(built: Built, target: Target, at: str) -> bool:
    """Start the snapshots and kill dbt when it sends a statement; whether it was killed before its end."""
    run = subprocess.Popen(
        built.command("--log-level", "debug", "build", "--select", "+department_versions"),
        **built.how(target), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in run.stdout:
        if re.search(at, line):
            run.send_signal(signal.SIGKILL)
    run.stdout.close()
    return run.wait() == -signal.SIGKILL


AFTERWARDS = [
    "resource_type:seed", "resource_type:model", "resource_type:snapshot", "test_type:singular",
    "test_name:history_as_extracted", "test_name:versions_in_order", "test_name:unique_together",
]  # fmt: skip


@pytest.fixture(scope="module")
def second(first) -> Built:
    """Versions that come late, twice, deleted and back again, on warehouses whose last run was killed in a snapshot."""
    lake = first.lake
    late = [
        department("2024-03-02", "2023-12-24T12:00:00Z", funded_beds=8),
        department("2024-03-02", "2023-12-24T12:00:00Z", funded_beds=8),
        department("2024-03-02", "2024-02-01T00:00:00Z", department_name="Neurologie"),
    ]
    tell(lake, "departments", "2024-03-02", "late", late)
    tell(lake, "departments", "2024-03-10", "gone", [department("2024-03-10", "2024-03-09T09:00:00Z", is_deleted=True)])
    tell(lake, "departments", "2024-03-31", "back", [department("2024-03-31", "2024-03-31T01:30:00Z", funded_beds=10)])
    again = [facility("2024-03-31", "2024-02-29T23:59:59.999999Z"), facility("2024-03-31", "2024-03-01T00:00:00Z")]
    tell(lake, "facilities", "2024-03-31", "again", again)
    tell_odd_versions(lake)
    stage(lake, contracts())
    with first.warehouses[Target.clickhouse].connection() as connection:
        connection.execute(sqlalchemy.text(LEFTOVER))
    assert killed_in_a_snapshot(first, Target.redshift, "department_versions__dbt_tmp")
    assert killed_in_a_snapshot(first, Target.clickhouse, "insert into .*snapshot_upsert")
    for target in Target:
        done = first.dbt(target, "build", "--select", *AFTERWARDS)
        assert done.returncode == 0, done.stdout[-6000:]
    return first


@pytest.mark.long
def test_history_is_the_same_whatever_happened(second):
    assert_proven(second.verdicts())
    history = second.warehouses[Target.clickhouse].rows(
        "select effective_date, expiration_date, department_name, funded_beds, is_current from core.dim_department "
        "where department_id = 'F01-NEURO' order by effective_date"
    )
    assert [(str(row[0])[:10], str(row[1])[:10], *row[2:]) for row in history] == [
        ("2023-12-24", "2024-01-01", "Neurología", 8, False),
        ("2024-01-01", "2024-02-01", "Neurología", 9, False),
        ("2024-02-01", "2024-03-09", "Neurologie", 9, False),
        ("2024-03-31", "9999-12-31", "Neurología", 10, True),
    ]


@pytest.mark.long
def test_the_oracle_agrees_with_that_history(second, tmp_path):
    found = findings(second, Target.clickhouse, tmp_path)
    assert found == {relation: [] for relation in found}


@pytest.mark.long
def test_no_table_of_a_dead_run_is_left(second):
    left = second.warehouses[Target.clickhouse].rows(
        "select database, name from system.tables where name like '%snapshot_upsert%' or name like '%dbt_tmp%'"
    )
    assert left == []


@pytest.mark.long
def test_a_difference_in_an_engine_is_found_and_told(second):
    with second.warehouses[Target.clickhouse].connection() as connection:
        connection.execute(
            sqlalchemy.text(
                "alter table core.dim_patient update sex = 'other' where patient_key in "
                "(select max(patient_key) from core.dim_patient) settings mutations_sync = 2"
            )
        )
    wanted = [relation for relation in second.relations() if relation.name == "core.dim_patient"]
    verdicts = compare(wanted, [second.warehouses[Target.duckdb], second.warehouses[Target.clickhouse]])
    assert len(verdicts[0].differences) == 1
    assert re.match(
        r"sex differs in 1 rows, such as patient_\w+ \w+: '(fe)?male' and 'other'", verdicts[0].differences[0]
    )
    with pytest.raises(GateFailed, match="there is no parity: 1 of 1 comparisons fail"):
        stop_at_differences(verdicts, "parity.html")
    done = second.dbt(Target.clickhouse, "run", "--select", "dim_patient")
    assert done.returncode == 0


# --- the comparison itself -------------------------------------------------------------------------------------------

PAIR = "create table one as select * from (values (1, 'a', 1.0::double), (2, 'b', 2.0), (3, null, null)) t(k, v, x)"
CHANGES = {
    "create table other as from one": [],
    "create table other as from one where k <> 2": ["1 rows are only in the first, such as k 2"],
    "create table other as from one union all select 4, 'd', 1.0": ["1 rows are only in the second, such as k 4"],
    "create table other as from one union all from one where k = 1": ["1 keys are more than once in the second"],
    "create table other as select k, coalesce(v, '') as v, x from one": [
        "v differs in 1 rows, such as k 3: None and ''"
    ],
    "create table other as select k, v, x * (1 + 1e-10) as x from one": [],
    "create table other as select k, v, x * (1 + 1e-8) as x from one": [
        "x differs in 2 rows, such as k 1: 1.0 and 1.00000001"
    ],
    "create table other as select k, v, coalesce(x, 0) as x from one": [
        "x differs in 1 rows, such as k 3: None and 0.0"
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_differences_are_told_in_words(change):
    relation = Relation("a.b", ("k",), frozenset({"x"}))
    columns = {"k": "integer", "v": "text", "x": "double"}
    with duckdb.connect() as database:
        database.execute(PAIR)
        database.execute(change)
        assert list(differing(database, relation, columns, "one", "other")) == CHANGES[change]


def test_exact_doubles_may_not_differ_at_all():
    with duckdb.connect() as database:
        database.execute(PAIR)
        database.execute("create table other as select k, v, x * (1 + 1e-15) as x from one")
        found = list(
            differing(database, Relation("a.b", ("k",), frozenset()), {"k": "", "v": "", "x": ""}, "one", "other")
        )
    assert len(found) == 1


def test_every_control_is_planted_and_seen():
    columns = {"k": "integer", "v": "text", "x": "double"}
    with duckdb.connect() as database:
        database.execute(PAIR)
        assert tuple(controls_caught(database, Relation("a.b", ("k",), frozenset({"x"})), columns, "one")) == CONTROLS


def test_a_checker_that_sees_nothing_proves_nothing(monkeypatch):
    monkeypatch.setattr("loaders.quality.parity.differing", lambda *_: iter(()))
    with duckdb.connect() as database:
        database.execute(PAIR)
        caught = tuple(
            controls_caught(database, Relation("a.b", ("k",), frozenset()), {"k": "integer", "v": "text"}, "one")
        )
    verdict = Verdict(Relation("a.b", ("k",), frozenset()), "ClickHouse", 3, 2, (), caught)
    assert not verdict.is_proven
    with pytest.raises(GateFailed, match="a cell changed was planted and not seen"):
        stop_at_differences([verdict], "parity.html")
