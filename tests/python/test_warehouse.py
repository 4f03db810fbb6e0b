"""The whole of it: from nothing to a published warehouse, and everything that may happen on the way."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from conftest import COMMAND
from typer.testing import CliRunner

from loaders.cli import app
from loaders.contracts import contracts
from loaders.errors import WarehouseError
from loaders.lake import Lake
from loaders.project import PROJECT
from loaders.quality.results import findings
from loaders.quality.suites import Expectation, Suite
from loaders.raw.generate import generate
from loaders.staging.stage import stage
from loaders.summary import LAYERS
from loaders.targets import Target, duckdb_warehouse
from loaders.warehouse import Dbt, building, check_warehouse, prepare_building, publish, published
from loaders.world.config import PRESETS, World

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WORLD = replace(PRESETS["demo"], start=date(2024, 2, 10), days=40, beds=120, initial_patients=3_000, dirty_share=0.002)
RELATIONS = [relation for relations in LAYERS.values() for relation in relations]


@pytest.fixture(scope="module", autouse=True)
def target(ran) -> Path:
    """Where the run wrote, and where this module's commands write."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DBT_TARGET_PATH", str(ran.target))
        yield ran.target


def rows(warehouse: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def content(warehouse: Path) -> dict[str, list[tuple]]:
    """All rows of all relations, in order of what is exact in them."""
    return {relation: sorted(rows(warehouse, f"from {relation}"), key=exact) for relation in RELATIONS}


def exact(row: tuple) -> str:
    return repr([value for value in row if not isinstance(value, float)])


def assert_same(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> None:
    """The same rows; doubles to twelve digits, since a sum of doubles has no one order."""
    for relation in RELATIONS:
        assert [exact(row) for row in one[relation]] == [exact(row) for row in other[relation]], relation
        for row, twin in zip(one[relation], other[relation], strict=True):
            doubles = [[value for value in r if isinstance(value, float)] for r in (row, twin)]
            assert doubles[0] == pytest.approx(doubles[1], rel=1e-12), relation


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_says_what_a_person_wants_to_know(ran, target):
    lake, said = ran.lake, ran.said
    assert "world     demo, seed 42: 2 facilities, 120 beds, 40 days from 2024-02-10, 0.2% of each fault" in said
    for step in ("generate", "stage", "check     staging", "build", "check     marts", "docs", "run"):
        assert f"\n{step}" in said
    assert "expectations hold" in said
    assert "occupancy   of open general and acute beds" in said
    assert "P50      P90      P95" in said
    assert f"warehouse   {published(lake)}" in said
    assert f"docs        {target / 'site' / 'index.html'}" in said
    assert re.search(r"^docs      10 pages, the largest with what it loads (2\.\d|3\.0) MB  ", said, re.MULTILINE)
    raw = next(line for line in said.splitlines() if line.startswith("raw "))
    numbers = [int(word.replace(",", "")) for word in raw.split() if word.replace(",", "").isdigit()]
    assert numbers[0] == sum(numbers[1:])
    assert all(numbers)


def test_the_warehouse_holds_what_was_simulated(ran):
    lake = ran.lake
    for relation in RELATIONS:
        assert rows(published(lake), f"select count(*) from {relation}")[0][0] > 0
    for schema, view in rows(
        published(lake), "select table_schema, table_name from information_schema.tables where table_type = 'VIEW'"
    ):
        rows(published(lake), f"select count(*) from {schema}.{view}")
    facts = rows(published(lake), "select count(*) from core.fact_admissions")[0][0]
    good = sum(1 for _ in lake.find("raw/operations/admission"))
    assert 0.9 * good < facts < good


def test_late_comers_find_the_same_published_file(ran):
    lake = ran.lake
    assert not building(lake).exists()
    runner = CliRunner().invoke(app, ["status", "--lake", str(lake.root), "--json"])
    found = json.loads(runner.stdout)
    assert found["warehouse"] == str(published(lake))
    assert found["world"]["simulated_to"] == {"2024-03-20": 2}
    for counts in found["counts"].values():
        assert counts["raw"] == counts["staged"] + counts["duplicates"] + counts["quarantined"]
    assert sum(found["injected"].values()) == sum(c["duplicates"] + c["quarantined"] for c in found["counts"].values())
    said = CliRunner().invoke(app, ["status", "--lake", str(lake.root)]).stdout
    assert "quarantined, with an example of each:" in said
    assert "line 1: " in said


def test_the_docs_describe_every_column_there_is(ran):
    assert "waiting_time_percentiles" in (ran.made / "site" / "dbt.html").read_text()
    manifest, catalog = (json.loads((ran.made / f"{name}.json").read_text()) for name in ("manifest", "catalog"))
    nodes = {**manifest["nodes"], **manifest["sources"]}
    assert len(catalog["nodes"]) >= 30
    for name, entry in {**catalog["nodes"], **catalog["sources"]}.items():
        described = {c for c, column in nodes[name]["columns"].items() if column["description"].strip()}
        missing = {column.lower() for column in entry["columns"]} - described
        assert not missing, f"{name} has columns that nobody describes: {sorted(missing)}"


def test_what_gates_and_dbt_found_is_kept_with_the_lake(ran):
    lake, said = ran.lake, ran.said
    found = findings(lake, Target.duckdb)
    assert f"staging: all {len(found.staging.outcomes)} expectations hold" in said
    assert f"marts: all {len(found.marts.outcomes)} expectations hold" in said
    assert f"{len(found.build.tests)} tests pass" in said
    assert (found.build.is_published, found.marts.is_published, found.build.error) == (True, True, "")
    assert found.staging.made_at <= found.build.made_at <= found.marts.made_at
    assert {test.status for test in found.build.tests} == {"pass"}
    assert {node.status for node in found.build.nodes} == {"success"}
    assert {node.kind for node in found.build.nodes} == {"model", "snapshot", "seed"}
    assert {"unique", "relationships", "accepted_values", "singular"} < {test.kind for test in found.build.tests}
    guards = {(test.kind, test.layer, test.relation, test.column) for test in found.build.tests}
    assert ("unique", "core", "core.dim_patient", "patient_key") in guards
    assert all(test.relation for test in found.build.tests if test.kind != "singular")
    assert any(test.layer == "no relation" for test in found.build.tests)
    assert sum(size for _, size in lake.find("state/results")) < 300_000


def page_of(said: str) -> str:
    """The page that an error names."""
    return Path(re.search(r"all results are in (.*\.html)$", said, re.MULTILINE)[1]).read_text()


def test_questions_are_answered_in_tables_and_as_csv(ran):
    lake = ran.lake
    said = CliRunner().invoke(app, ["ask", "weekday", "--lake", str(lake.root)])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("8. On which weekdays do theatres operate most")
    assert re.search(r"^ +1  Monday +\d+ +\d+ +\d+ +\d+\.\d+ +(\d+\.\d%|-)", said.stdout, re.MULTILINE)
    assert re.search(r"^q08_weekday_patterns  7 rows  \d\.\d\d s$", said.stdout, re.MULTILINE)
    said = CliRunner().invoke(app, ["ask", "8", "--csv", "--lake", str(lake.root)])
    assert said.stdout.splitlines()[0].startswith("iso_weekday,weekday_name,days,cases,performed_cases,")
    assert len(said.stdout.splitlines()) == 8
    said = CliRunner().invoke(app, ["ask", "--all", "--lake", str(lake.root)])
    assert re.findall(r"^(\d+)\. ", said.stdout, re.MULTILINE) == [str(number) for number in range(1, 16)]


def test_a_second_run_finds_nothing_new_and_changes_no_row(ran):
    lake = ran.lake
    before = content(published(lake))
    done = CliRunner().invoke(app, ["run", "--lake", str(lake.root)])
    assert done.exit_code == 0, done.output
    assert "generate  nothing new" in done.stdout
    assert "stage     nothing new" in done.stdout
    assert_same(content(published(lake)), before)


def test_dbt_parses_anew_only_what_has_changed_whichever_warehouse_was_last(ran, target):
    paths = [published(ran.lake), building(ran.lake)]
    for path in paths:
        Dbt(str(ran.lake), duckdb_warehouse(path)).project()
    said = (target / "dbt.log").stat().st_size
    for path in paths:
        Dbt(str(ran.lake), duckdb_warehouse(path)).project()
    with open(target / "dbt.log") as log:
        log.seek(said)
        assert "Unable to do partial parsing" not in log.read()


@pytest.mark.long
def test_more_days_and_a_full_refresh_agree(ran, tmp_path):
    lake = ran.lake
    shutil.copytree(lake.root, tmp_path / "longer")
    longer = Lake.at(tmp_path / "longer")
    done = CliRunner().invoke(app, ["run", "--lake", str(longer.root), "--days", "55"])
    assert done.exit_code == 0, done.output
    grown = content(published(longer))
    assert len(grown["core.fact_admissions"]) > len(content(published(lake))["core.fact_admissions"])
    done = CliRunner().invoke(app, ["build", "--lake", str(longer.root), "--full-refresh"])
    assert done.exit_code == 0, done.output
    assert_same(content(published(longer)), grown)


def held_back(lake: Lake, aside: Path) -> int:
    """Take some events and extracts out of raw, as if they came late: old and new, of all types."""
    moved = 0
    chosen = [
        path
        for folder, every in (("admission", 11), ("discharge", 13), ("wait_snapshot", 7), ("dep_snapshot", 37))
        for path in sorted((lake.root / "raw/operations" / folder).glob("*/*.json"))[::every]
    ]
    chosen += sorted((lake.root / "raw/operations/departments/extract_date=2024-03-01").glob("*"))
    chosen += [
        path
        for folder, every in (
            ("surgical_facilities", 2), ("surgeons", 3), ("surgical_robots", 2), ("surgical_procedures", 3),
            ("procedure_outcomes", 4), ("robot_maintenance_logs", 5), ("procedure_telemetry", 4),
        )
        for path in sorted((lake.root / "raw/robotics" / folder).glob("*/*"))[::every]
    ]  # fmt: skip
    for path in chosen:
        place = aside / path.relative_to(lake.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)
        moved += 1
    return moved


def build_without_tests(lake: Lake) -> Path:
    stage(lake, contracts())
    dbt = Dbt(str(lake), duckdb_warehouse(prepare_building(lake)))
    dbt._run("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    return publish(lake)


@pytest.mark.long
def test_late_events_end_in_the_rows_of_a_full_refresh(tmp_path, target):
    world: World = replace(WORLD, dirty_share=0.0)
    lake = Lake.at(tmp_path / "lake")
    generate(lake, world)
    assert held_back(lake, tmp_path / "aside") > 100
    early = content(build_without_tests(lake))
    shutil.copytree(tmp_path / "aside", lake.root, dirs_exist_ok=True)
    late = content(build_without_tests(lake))
    assert len(late["core.dim_department"]) > len(early["core.dim_department"])
    assert len(late["core.fact_discharges"]) > len(early["core.fact_discharges"])
    for relation in ("core.dim_facility", "core.dim_surgeon", "core.dim_robot", "core.fact_procedures"):
        assert set(late[relation]) - set(early[relation]), relation
    # samples that came before their procedure, or before a version of its robot, have other keys now
    assert set(early["core.fact_procedure_telemetry"]) - set(late["core.fact_procedure_telemetry"])
    published(lake).unlink()
    assert_same(late, content(build_without_tests(lake)))


def test_a_shut_staging_gate_publishes_nothing(ran, tmp_path):
    shutil.copytree(ran.lake.root, tmp_path / "spoiled")
    lake = Lake.at(tmp_path / "spoiled")
    before = sha(published(lake))
    path = next(lake.root.glob("staging/admissions/*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    done = CliRunner().invoke(app, ["run", "--lake", str(lake.root)])
    assert done.exit_code == 1
    assert "the staging gate is shut: 1 of 1 expectations do not hold" in done.stderr
    assert path.name in done.stderr
    assert sha(published(lake)) == before
    assert not building(lake).exists()
    assert f"{path.name}</p>" in page_of(done.stderr)
    check = CliRunner().invoke(app, ["check", "staging", "--lake", str(lake.root)])
    assert check.exit_code == 1


def test_a_shut_marts_gate_publishes_nothing(ran, tmp_path, monkeypatch):
    shutil.copytree(ran.lake.root, tmp_path / "lake")
    lake = Lake.at(tmp_path / "lake")
    before = sha(published(lake))
    impossible = Expectation("expect_table_row_count_to_be_between", {"max_value": 0}, "there is nothing at all")
    suites = [Suite("operations", "bed_utilisation", (impossible,))]
    monkeypatch.setattr("loaders.quality.gates.marts_suites", lambda: suites)
    done = CliRunner().invoke(app, ["run", "--lake", str(lake.root)])
    assert done.exit_code == 1
    assert "operations.bed_utilisation: expected that there is nothing at all; observed" in done.stderr
    assert sha(published(lake)) == before
    assert "Expected that there is nothing at all." in page_of(done.stderr)
    found = findings(lake, Target.duckdb)
    assert not found.build.is_published
    assert not found.marts.is_published
    assert CliRunner().invoke(app, ["check", "marts", "--lake", str(lake.root)]).exit_code == 1


def test_a_failed_dbt_test_publishes_nothing_and_says_which(ran, tmp_path):
    """A staged admission vanishes, manifest and all: the warehouse no longer equals the truth."""
    shutil.copytree(ran.lake.root, tmp_path / "lake")
    lake = Lake.at(tmp_path / "lake")
    before = sha(published(lake))
    for folder in ("staging", "quarantine", "state/staged"):
        shutil.rmtree(lake.root / folder)
    gone = sorted((lake.root / "raw/operations/admission/event_date=2024-03-05").glob("*.json"))[0]
    gone.unlink()
    stage(lake, contracts())
    done = CliRunner().invoke(app, ["build", "--lake", str(lake.root), "--full-refresh"])
    assert done.exit_code == 1
    assert "dbt build failed" in done.stderr
    assert "warehouse_equals_truth" in done.stderr
    assert "census_is_admissions_less_discharges" in done.stderr
    assert "the warehouse was not published" in done.stderr
    assert sha(published(lake)) == before
    found = findings(lake, Target.duckdb).build
    assert not found.is_published
    assert "dbt build failed" in found.error
    assert {"warehouse_equals_truth", "census_is_admissions_less_discharges"} <= {each.name for each in found.failed}
    assert any(test.status == "skipped" for test in found.tests)
    page = page_of(done.stderr)
    assert "not published: readers have the one before" in page
    for failed in found.failed:
        assert failed.failures
        assert f"dbt test: {failed.relation}" in page


# --- files that are no warehouse -------------------------------------------------------------------------------------


def test_no_warehouse_yet_is_fine(tmp_path):
    check_warehouse(tmp_path / "none.duckdb")


def foreign(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table mine as select 1 as x")


def old(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema landing; create table landing.warehouse_layout as select 0 as layout")


BAD_FILES = {
    "no database": (lambda path: path.write_bytes(b"hello" * 1000), "is not a database that this DuckDB"),
    "a folder": (lambda path: path.mkdir(), "move it away"),
    "foreign": (foreign, "holds tables that are not Wardhouse's"),
    "old": (old, "has layout 0 and this version makes layout 2: delete it and build again"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_no_warehouse_is_left_alone(tmp_path, kind):
    make, said = BAD_FILES[kind]
    path = tmp_path / "w.duckdb"
    make(path)
    before = None if path.is_dir() else sha(path)
    with pytest.raises(WarehouseError, match=said):
        check_warehouse(path)
    assert path.is_dir() or sha(path) == before


def test_a_warehouse_in_use_is_explained(tmp_path):
    path = tmp_path / "w.duckdb"
    old(path)
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match="is open for writing in another program: close it"):
            check_warehouse(path)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


# --- plain dbt -------------------------------------------------------------------------------------------------------


def plain_dbt(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {
        **os.environ,
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "target"),
        "WARDHOUSE_DUCKDB": str(tmp_path / "plain.duckdb"),
        **environment,
    }
    dbt = str(COMMAND.with_name("dbt"))
    return subprocess.run([dbt, *command], cwd=PROJECT, capture_output=True, text=True, env=settings, timeout=300)


@pytest.mark.long
def test_plain_dbt_builds_it_all_with_unit_tests_and_source_tests(ran, tmp_path):
    done = plain_dbt(tmp_path, "build", WARDHOUSE_LAKE=str(ran.lake.root))
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout
    assert "unit tests" in done.stdout
    assert_same(content(tmp_path / "plain.duckdb"), content(published(ran.lake)))


def test_plain_dbt_without_staged_data_says_what_to_do(tmp_path):
    done = plain_dbt(tmp_path, "run", WARDHOUSE_LAKE=str(tmp_path / "nowhere"))
    assert done.returncode != 0
    assert "run `wardhouse generate` and `wardhouse stage` first" in done.stdout
    assert "Traceback" not in done.stdout


def test_plain_dbt_leaves_a_foreign_database_alone(ran, tmp_path):
    foreign(tmp_path / "plain.duckdb")
    done = plain_dbt(tmp_path, "run", WARDHOUSE_LAKE=str(ran.lake.root))
    assert done.returncode != 0
    assert "holds tables that are not Wardhouse's" in done.stdout
    assert rows(tmp_path / "plain.duckdb", "select table_name from information_schema.tables") == [("mine",)]


def shown(lake: Lake, *arguments: str):
    return CliRunner().invoke(app, ["show", "encounter", *arguments, "--lake", str(lake.root)])


def test_a_stay_is_told_from_admission_to_discharge(ran):
    lake = ran.lake
    (encounter_id, sets, notes, abnormal), *_ = rows(
        published(lake),
        "select encounter_id, sets, notes, abnormal from core.fact_encounters "
        "join (select encounter_id, count(*) as sets from core.fact_vitals group by all) using (encounter_id) "
        "join (select encounter_id, list(note_text) as notes from core.fact_notes group by all) using (encounter_id) "
        "join (select encounter_id, list(test_name) as abnormal from core.fact_labs where is_abnormal group by all) "
        "using (encounter_id) where is_adult and sets between 20 and 40 order by encounter_id",
    )
    done = shown(lake, encounter_id, "--all")
    assert done.exit_code == 0
    told = done.stdout.splitlines()
    assert told[0].startswith(f"encounter   {encounter_id}: ")
    moments = [line for line in told if re.match(r"  \d\d:\d\d  ", line)]
    assert " admitted " in moments[0]
    assert " discharged " in moments[-1]
    assert sum(" vitals " in line and " NEWS2 " in line for line in moments) == sets
    assert [line[2:7] for line in moments if " note " in line]
    joined = " ".join(done.stdout.split())
    assert all(" ".join(note.split()) in joined for note in notes)
    assert all(f"{name} " in joined for name in abnormal)
    days = [line for line in told if re.search(r"day \d\d \w+ 2024$|day \d\d \w+ 2023$", line)]
    assert len(days) == len(set(days)) >= 1


def test_sets_that_tell_nothing_new_are_told_together(ran):
    lake = ran.lake
    default = shown(lake)
    assert default.exit_code == 0
    encounter_id = default.stdout.split()[1].rstrip(":")
    whole = shown(lake, encounter_id, "--all").stdout
    assert shown(lake, encounter_id).stdout == default.stdout
    one_by_one = len(re.findall(r"^  \d\d:\d\d  vitals", whole, re.MULTILINE))
    at_once = re.findall(r"vitals     (\d+) more sets?", default.stdout)
    single = len(re.findall(r"^  \d\d:\d\d  vitals     HR", default.stdout, re.MULTILINE))
    assert single + sum(map(int, at_once)) == one_by_one


def test_a_stay_that_cannot_be_shown_is_explained_in_one_line(ran):
    lake = ran.lake
    ((in_bed,), *_) = rows(
        published(lake),
        "select encounter_id from core.fact_admissions anti join core.fact_encounters using (encounter_id)",
    )
    for name, said in {
        "Robert'); drop table x;--": "is no encounter id: they look like F01-20240229-0017",
        "F01-19990101-0001": "there is no encounter F01-19990101-0001 in",
        in_bed: f"{in_bed} is not over: what happens in a stay is told on the day of its discharge",
    }.items():
        done = shown(lake, name)
        assert done.exit_code == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def shown_robot(lake: Lake, *arguments: str):
    return CliRunner().invoke(app, ["show", "robot", *arguments, "--lake", str(lake.root)])


def test_a_robot_is_told_by_all_its_versions_and_visits(ran):
    lake = ran.lake
    default = shown_robot(lake)
    assert default.exit_code == 0
    robot_id = default.stdout.split()[1].rstrip(":")
    versions = rows(
        published(lake),
        "select strftime(effective_date, '%Y-%m-%d %H:%M'), software_version, status from core.dim_robot "
        f"where robot_id = '{robot_id}' order by effective_date",
    )
    table = [line.split() for line in default.stdout.splitlines() if re.match(r"20\d\d-\d\d-\d\d ", line)]
    assert [(f"{row[0]} {row[1]}", row[-2], row[-1]) for row in table] == versions
    ((visits, repairs),) = rows(
        published(lake),
        "select count(*), count(*) filter (is_emergency) from core.fact_robot_maintenance "
        f"where robot_id = '{robot_id}'",
    )
    everything = shown_robot(lake, robot_id, "--all").stdout
    assert f"{visits} visits, {repairs} of them repairs" in everything
    assert len(re.findall(r"^  \d\d:\d\d  (?:service|repair) ", everything, re.MULTILINE)) == visits
    assert len(re.findall(r"^  \d\d:\d\d  (?:service|repair) ", default.stdout, re.MULTILINE)) == repairs
    assert len(re.findall(r"^  \d\d:\d\d  (?:known|changed) ", default.stdout, re.MULTILINE)) == len(versions)


def test_a_robot_that_cannot_be_shown_is_explained_in_one_line(ran):
    lake = ran.lake
    for name, said in {"R1'": "is no robot id: they look like R0001", "R9999": "there is no robot R9999 in"}.items():
        done = shown_robot(lake, name)
        assert done.exit_code == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
