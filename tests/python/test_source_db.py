import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi
from theatre_tables import DAYS, FIRST, at, facility, land_csv, procedure, programme, robot, table, visit
from typer.testing import CliRunner

from loaders.cli import app
from loaders.contracts import contracts
from loaders.errors import BadSetting, SourceError
from loaders.lake import Lake
from loaders.local.start import running
from loaders.lock import writing
from loaders.raw.source_db import write_tables
from loaders.source.address import check_address, shown, without_secrets
from loaders.source.session import Patience
from loaders.source.tables import operational
from loaders.staging.extract import extract
from loaders.staging.manifest import read_manifest, totals
from loaders.staging.stage import stage

HASTY = Patience(tries=3, wait_seconds=0.02, connect_seconds=5, statement_seconds=20)
ONCE = Patience(tries=1, wait_seconds=0.02, connect_seconds=2, statement_seconds=20)
ENTITIES = [table.name for table in operational()]
ROBOTICS = {contract.entity: contract for contract in map(contracts().get, ENTITIES)}


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    with running("postgres", tmp_path_factory.mktemp("postgres")) as port:
        yield f"postgresql://wardhouse@127.0.0.1:{port}/wardhouse"


@pytest.fixture
def url(server) -> str:
    """The server without any table."""
    run(server, "drop schema if exists robotics cascade")
    return server


@contextmanager
def connected(url: str):
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def run(url: str, *statements: str) -> None:
    with connected(url) as cursor:
        cursor.execute("set client_min_messages = error")
        for statement in statements:
            cursor.execute(statement)


def rows(url: str, query: str) -> list[tuple]:
    with connected(url) as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def count(url: str, name: str) -> int:
    return rows(url, f"select count(*) from robotics.{name}")[0][0]


def taken(lake: Lake, url: str, **options):
    return extract(lake, url, contracts(), **{"patience": HASTY, **options})


def landed(lake: Lake) -> list[str]:
    return [key for key, _ in lake.find("raw/robotics")]


def staged_bytes(lake: Lake) -> dict[str, bytes]:
    """Staged files of data by key, after staging what is new."""
    assert not stage(lake, ROBOTICS).failed
    files = [part.data for parts in read_manifest(lake).values() for part in parts.values() if part.data]
    return {file.key: lake.read(file.key) for file in files}


def staged_rows(lake: Lake) -> dict[str, tuple[int, int, int]]:
    stage(lake, ROBOTICS)
    return {e: (c.staged, c.duplicates, c.quarantined) for e, c in totals(read_manifest(lake)).items()}


def expected(tables: dict[str, pa.Table]) -> dict[str, tuple[int, int, int]]:
    return {entity: (rows.num_rows, 0, 0) for entity, rows in tables.items()}


# --- writing ----------------------------------------------------------------------------------------------------------


def test_what_is_written_is_there_with_every_version_and_the_newest_as_the_current_one(url):
    tables = programme()
    write_tables(url, tables)
    for name in ENTITIES:
        assert count(url, name) == len(set(tables[name].column(0).to_pylist()))
    for each in operational():
        if each.versions:
            assert count(url, each.versions) == tables[each.name].num_rows
    assert rows(url, "select beds, city from robotics.surgical_facilities") == [(410, "Zürich")]
    assert rows(url, "select grade from robotics.surgeons where surgeon_id = 'S0002'") == [("senior_consultant",)]
    assert rows(url, "select robot_id from robotics.surgical_robots where is_deleted") == [("R0002",)]
    assert rows(url, "select cost_gbp::text from robotics.robot_maintenance_logs limit 1") == [("1200.50",)]


def test_writing_again_changes_nothing(url):
    write_tables(url, programme())
    before = {name: rows(url, f"select xmin::text, * from robotics.{name} order by 2") for name in ENTITIES}
    write_tables(url, programme())
    assert before == {name: rows(url, f"select xmin::text, * from robotics.{name} order by 2") for name in ENTITIES}


def test_an_older_version_that_comes_late_is_history_only(url):
    write_tables(url, {"surgical_facilities": table("surgical_facilities", [facility(3, beds=500)])})
    write_tables(url, {"surgical_facilities": table("surgical_facilities", [facility(1, beds=300)])})
    assert rows(url, "select beds from robotics.surgical_facilities") == [(500,)]
    assert count(url, "surgical_facilities_history") == 2


def test_all_of_a_call_is_written_or_nothing(url):
    write_tables(url, programme(1))
    stranger = {**procedure(1, 3), "robot_id": "R0099"}
    tables = {
        "surgical_robots": table("surgical_robots", [robot(3, 3)]),
        "surgical_procedures": table("surgical_procedures", [stranger]),
    }
    with pytest.raises(SourceError, match=r"cannot write to postgresql://wardhouse@.* violates foreign key constraint"):
        write_tables(url, tables)
    assert count(url, "surgical_robots") == 2


def foreign_keys(url: str) -> set[tuple[str, str, str]]:
    found = rows(
        url,
        "select conrelid::regclass::text, (select string_agg(attname::text, ',') from pg_attribute where attrelid = "
        "conrelid and attnum = any(conkey)), confrelid::regclass::text from pg_constraint where contype = 'f' "
        "and connamespace = 'robotics'::regnamespace",
    )
    return {(one.removeprefix("robotics."), column, other.removeprefix("robotics.")) for one, column, other in found}


def test_keys_hold(url):
    write_tables(url, programme())
    assert foreign_keys(url) >= {
        ("surgeons", "facility_id", "surgical_facilities"),
        ("surgical_robots", "facility_id", "surgical_facilities"),
        ("surgical_procedures", "robot_id", "surgical_robots"),
        ("surgical_procedures", "surgeon_id", "surgeons"),
        ("surgical_procedures", "facility_id", "surgical_facilities"),
        ("procedure_outcomes", "procedure_id", "surgical_procedures"),
        ("procedure_outcomes_history", "procedure_id", "procedure_outcomes"),
        ("surgical_robots_history", "robot_id", "surgical_robots"),
        ("robot_maintenance_logs", "robot_id", "surgical_robots"),
    }
    for statement, why in {
        "delete from robotics.surgical_robots": "foreign key",
        "update robotics.surgeons set grade = 'wizard'": "check constraint",
        "update robotics.surgical_procedures set complexity = 11": "check constraint",
        "update robotics.surgeons set surgeon_name = null": "not-null",
        "update robotics.surgical_procedures set encounter_id = 'F01-20240227-0001'": "unique",
        "insert into robotics.surgeons_history select * from robotics.surgeons": "duplicate key",
    }.items():
        with pytest.raises(Exception, match=why):
            run(url, statement)


def test_every_table_has_an_index_on_the_time_of_change(url):
    write_tables(url, programme(1))
    names = {f"{name}_updated_at" for each in operational() for name in (each.name, each.versions) if name}
    found = {name for (name,) in rows(url, "select indexname::text from pg_indexes where schemaname = 'robotics'")}
    assert len(names) == 10
    assert found.issuperset(names)


def test_what_is_no_operational_table_is_refused(url):
    with pytest.raises(SourceError, match="patients is no operational table: only surgical_facilities, "):
        write_tables(url, {"patients": pa.table({"patient_id": ["P1"]})})


# --- both ways in -----------------------------------------------------------------------------------------------------


def test_both_ways_end_in_the_same_staged_bytes(url, tmp_path):
    by_csv, by_source = Lake.at(tmp_path / "csv"), Lake.at(tmp_path / "source")
    for days in (2, 3, DAYS):
        write_tables(url, programme(days))
        assert not taken(by_source, url).failed
        assert staged_rows(by_source) == expected(programme(days))
    land_csv(by_csv, programme())
    assert staged_bytes(by_csv) == staged_bytes(by_source)


def test_an_extract_reads_as_the_csv_way_does(url, lake, tmp_path):
    write_tables(url, programme())
    assert taken(lake, url).rows == {entity: rows.num_rows for entity, rows in programme().items()}
    csv = Lake.at(tmp_path / "csv")
    land_csv(csv, programme())
    folders = {key.rpartition("/")[0] for key in landed(csv)}
    assert {key.rpartition("/")[0] for key in landed(lake)} == folders
    key = next(key for key in landed(lake) if "surgical_facilities" in key)
    assert re.fullmatch(
        r"raw/robotics/surgical_facilities/updated_date=2024-02-27/surgical_facilities_\w{12}\.csv", key
    )
    assert lake.read(key) == csv.read(f"{key.rpartition('/')[0]}/surgical_facilities.csv")


def test_a_packed_extract_is_staged_to_the_same_bytes(url, lake, tmp_path):
    write_tables(url, programme())
    taken(lake, url, is_packed=True)
    assert all(key.endswith(".csv.zst") for key in landed(lake))
    plain = Lake.at(tmp_path / "plain")
    taken(plain, url)
    assert staged_bytes(lake) == staged_bytes(plain)
    assert taken(lake, url, is_packed=True).objects == 0


def test_after_the_csv_way_only_what_is_new_is_landed(url, lake):
    land_csv(lake, programme(3))
    write_tables(url, programme())
    new = {entity: rows.num_rows - programme(3)[entity].num_rows for entity, rows in programme().items()}
    assert taken(lake, url).rows == {entity: rows for entity, rows in new.items() if rows}
    assert staged_rows(lake) == expected(programme())


# --- what has changed -------------------------------------------------------------------------------------------------


def test_nothing_new_lands_nothing(url, lake):
    write_tables(url, programme())
    taken(lake, url)
    before = landed(lake)
    again = taken(lake, url)
    assert (again.rows, again.objects, again.failed) == ({}, 0, ())
    assert landed(lake) == before


def test_only_what_changed_is_read(url, lake):
    write_tables(url, programme(4))
    taken(lake, url)
    write_tables(url, programme())
    read = []
    done = taken(lake, url, progress=read.append, overlap_days=0)
    new = {entity: rows.num_rows - programme(4)[entity].num_rows for entity, rows in programme().items()}
    assert done.rows == {entity: rows for entity, rows in new.items() if rows}
    ended = {entity: max(programme(4)[entity].column("updated_at").to_pylist()).date() for entity in ENTITIES}
    of_last_days = sum(
        sum(when.date() >= ended[entity] for when in rows.column("updated_at").to_pylist())
        for entity, rows in programme().items()
    )
    assert sum(read) == of_last_days < sum(rows.num_rows for rows in programme().values())


@pytest.mark.parametrize("days_late", [1, 4])
def test_rows_committed_late_come_however_late(url, lake, days_late):
    write_tables(url, programme())
    taken(lake, url, overlap_days=0)
    stage(lake, ROBOTICS)
    late = procedure(77, DAYS - 1 - days_late)
    write_tables(url, {"surgical_procedures": table("surgical_procedures", [late])})
    assert taken(lake, url, overlap_days=0).rows == {"surgical_procedures": 1}
    whole = programme()
    whole["surgical_procedures"] = pa.concat_tables(
        [whole["surgical_procedures"], table("surgical_procedures", [late])]
    )
    assert staged_rows(lake) == expected(whole)


def test_a_late_row_comes_even_where_another_one_left_its_day(url, lake):
    write_tables(url, programme())
    taken(lake, url, overlap_days=0)
    run(
        url,
        f"update robotics.robot_maintenance_logs set updated_at = '{at(4, 23)}' where maintenance_id = 'R0001-M0002'",
    )
    write_tables(url, {"robot_maintenance_logs": table("robot_maintenance_logs", [visit(50, 1)])})
    assert taken(lake, url, overlap_days=0).rows == {"robot_maintenance_logs": 2}
    keys = [key for key in landed(lake) if "logs/updated_date=2024-02-28" in key]
    assert sum(b"R0001-M0050" in lake.read(key) for key in keys) == 1


def test_a_transaction_that_was_open_during_an_extract_is_taken_by_the_next(url, lake):
    write_tables(url, programme(3))
    with dbapi.connect(url, autocommit=False) as slow, slow.cursor() as cursor:
        cursor.execute(
            "insert into robotics.robot_maintenance_logs select 'R0001-M0900', robot_id, facility_id, "
            "maintenance_type, is_emergency, technician, start_time, end_time, downtime_hours, cost_gbp, "
            "parts_replaced, updated_at from robotics.robot_maintenance_logs where maintenance_id = 'R0001-M0001'"
        )
        write_tables(url, programme())
        taken(lake, url)
        slow.commit()
    assert taken(lake, url).rows == {"robot_maintenance_logs": 1}


def test_without_state_nothing_lands_twice(url, lake):
    write_tables(url, programme())
    taken(lake, url)
    before = landed(lake)
    (Path(str(lake)) / "state/source/surgeons.json").write_text("damaged")
    for name in ENTITIES[2:]:
        lake.remove(f"state/source/{name}.json")
    assert taken(lake, url).rows == {}
    assert landed(lake) == before


def test_state_is_the_watermark_and_what_each_day_had(url, lake):
    write_tables(url, programme())
    taken(lake, url)
    kept = json.loads(lake.read("state/source/robot_maintenance_logs.json"))
    assert kept["watermark"] == f"{at(4, 22).isoformat()}Z"
    assert {day: what[0] for day, what in kept["days"].items()} == {str(FIRST + timedelta(d)): 1 for d in range(DAYS)}


def test_times_with_a_zone_are_told_in_utc(url, lake, tmp_path):
    write_tables(url, programme())
    run(
        url,
        "alter role wardhouse set timezone = 'Asia/Tokyo'",
        "alter table robotics.surgical_procedures "
        "alter updated_at type timestamptz using updated_at at time zone 'UTC', "
        "alter end_time type timestamptz using end_time at time zone 'UTC'",
    )
    try:
        taken(lake, url)
    finally:
        run(url, "alter role wardhouse reset timezone")
    csv = Lake.at(tmp_path / "csv")
    land_csv(csv, programme())
    assert staged_bytes(lake) == staged_bytes(csv)


def test_a_day_of_many_batches_comes_whole(url, lake):
    write_tables(url, programme(2, a_day=300))
    read = []
    done = taken(lake, url, read_rows_at_a_time=50, progress=read.append)
    assert len(read) > len(ENTITIES)
    assert done.rows["surgical_procedures"] == 600
    assert staged_rows(lake) == expected(programme(2, a_day=300))


# --- trouble ----------------------------------------------------------------------------------------------------------


def end_all_others(url: str) -> int:
    return len(rows(url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wardhouse'"))


def test_a_connection_killed_midway_is_made_again(url, lake):
    write_tables(url, programme())
    killed = []

    def kill_once(read: int) -> None:
        if not killed:
            killed.append(end_all_others(url))

    assert not taken(lake, url, progress=kill_once, read_rows_at_a_time=3).failed
    assert killed == [1]
    assert staged_rows(lake) == expected(programme())


def test_connections_that_are_killed_again_and_again_fail_their_entity_alone_and_the_next_run_catches_up(url, lake):
    write_tables(url, programme())
    seen = []

    def kill(read: int) -> None:
        seen.append(read)
        state = rows(url, "select query from pg_stat_activity where application_name = 'wardhouse'")
        if any("surgical_procedures" in query for (query,) in state):
            end_all_others(url)

    done = taken(lake, url, progress=kill, read_rows_at_a_time=3)
    assert [str(error).split()[0] for error in done.failed] == ["surgical_procedures"]
    assert re.search(r"terminating connection|server closed|no connection|in 3 tries", str(done.failed[0]))
    assert "in 3 tries" in str(done.failed[0])
    some = staged_rows(lake)
    whole = expected(programme())
    assert 0 < some["surgical_procedures"][0] < whole["surgical_procedures"][0]
    assert some | {"surgical_procedures": whole["surgical_procedures"]} == whole
    assert not taken(lake, url).failed
    assert staged_rows(lake) == whole


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_source_that_is_down_is_said_in_one_line_without_the_password(lake):
    port = free_port()
    start = time.monotonic()
    done = taken(lake, f"postgresql://wardhouse:se%40cret@127.0.0.1:{port}/wardhouse")
    assert [str(error) for error in done.failed] == [
        f"nothing was extracted from postgresql://wardhouse@127.0.0.1:{port}/wardhouse: Connection refused, in 3 tries"
    ]
    assert time.monotonic() - start < 5
    with pytest.raises(
        SourceError, match=r"cannot write to postgresql://wardhouse@\S+: Connection refused, in 3 tries"
    ):
        write_tables(f"postgresql://wardhouse:secret@127.0.0.1:{port}/wardhouse", programme(1), HASTY)


@contextmanager
def proxy(url: str, swallows_after: int | None = None, refuses: int = 0) -> Iterator[str]:
    """The server by another port: which passes on only so many bytes of an answer, or closes the first connections."""
    target = int(re.search(r":(\d+)/", url)[1])
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets = [listener]
    left = [refuses]

    def pump(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if limit is None or passed <= limit:
                    sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if left[0]:
                    left[0] -= 1
                    client.close()
                    continue
                there = socket.create_connection(("127.0.0.1", target))
                open_sockets.extend((client, there))
                threading.Thread(target=pump, args=(client, there, None), daemon=True).start()
                threading.Thread(target=pump, args=(there, client, swallows_after), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield url.replace(f":{target}/", f":{listener.getsockname()[1]}/")
    finally:
        for each in open_sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_a_source_that_comes_back_is_extracted(url, lake):
    write_tables(url, programme())
    with proxy(url, refuses=2) as shaky:
        assert not taken(lake, shaky).failed
    with proxy(url, refuses=2) as shaky:
        write_tables(shaky, programme(), HASTY)
    assert staged_rows(lake) == expected(programme())


@pytest.mark.parametrize("passed", [0, 200_000])
def test_a_network_that_swallows_answers_does_not_hang(url, lake, passed):
    write_tables(url, programme(1, a_day=3000)) if passed else None
    hurried = Patience(tries=1, connect_seconds=2, statement_seconds=1)
    start = time.monotonic()
    with proxy(url, swallows_after=passed) as silent:
        done = extract(lake, silent, contracts(), patience=hurried)
    assert time.monotonic() - start < 25
    assert done.failed
    said = str(done.failed[0])
    assert "timeout expired" in said or "no answer for 3 seconds" in said
    if passed:
        assert not taken(lake, url).failed
        assert staged_rows(lake) == expected(programme(1, a_day=3000))


def test_a_statement_that_takes_too_long_fails_its_entity_alone(url, lake):
    write_tables(url, programme())
    hurried = Patience(tries=2, wait_seconds=0.02, connect_seconds=5, statement_seconds=1)
    with dbapi.connect(url, autocommit=False) as other, other.cursor() as cursor:
        cursor.execute("lock table robotics.surgeons_history in access exclusive mode")
        done = extract(lake, url, contracts(), patience=hurried)
    assert [re.sub(r"postgresql://\S+(?=:)", "URL", str(error)) for error in done.failed] == [
        "surgeons was not extracted to its end from URL: canceling statement due to statement timeout, in 2 tries; "
        "run again to go on"
    ]
    assert taken(lake, url).rows == {"surgeons": programme()["surgeons"].num_rows}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("drop schema robotics cascade", "nothing was extracted .* there is no schema robotics: `wardhouse generate"),
        ("drop table robotics.surgeons_history", "surgeons was not .* there is no table robotics.surgeons_history"),
        (
            "alter table robotics.surgeons_history drop grade",
            "surgeons was not .* robotics.surgeons_history has no column grade",
        ),
        (
            "alter table robotics.surgeons_history alter years_of_experience type text",
            r"surgeons was not .* robotics.surgeons_history.years_of_experience is text, and the contract says integer",
        ),
        (
            "update robotics.surgeons_history set updated_at = updated_at + interval '1 millisecond'",
            "surgeons was not .* a value of surgeons.updated_at does not fit whole seconds",
        ),
        (
            "revoke select on robotics.surgeons_history from wardhouse",
            "surgeons was not .* permission denied for table",
        ),
    ],
)
def test_a_source_that_is_not_as_the_contract_says(url, lake, change, said):
    write_tables(url, programme())
    run(url, "alter table robotics.surgeons_history drop constraint surgeons_history_years_of_experience_check")
    run(url, change)
    failed = taken(lake, url).failed
    assert len(failed) == 1
    assert re.match(said, str(failed[0]))
    assert "tries" not in str(failed[0])
    if "schema" not in change:
        assert staged_rows(lake).keys() == set(ENTITIES) - {"surgeons"}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"/wardhouse": "/elsewhere"}, "no pg_hba.conf entry"),
        ({"wardhouse@": "stranger:secret@"}, "no pg_hba.conf entry"),
        ({"127.0.0.1": "no.such.host.invalid"}, "could not translate host name"),
    ],
)
def test_who_is_not_let_in_is_told_why(server, lake, wrong, why):
    ((old, new),) = wrong.items()
    (error,) = taken(lake, server.replace(old, new)).failed
    assert str(error).startswith("nothing was extracted from postgresql://")
    assert why in str(error)
    assert "secret" not in str(error)


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "",
        "postgres",
        "http://u:secret@h/d",
        "postgresql://u:se/cret@h/d",
        "postgresql://u:p%zz@h",
        "postgresql://u@h:x/d",
    ],
)
def test_what_is_no_address_is_not_repeated(address, lake):
    for call in (lambda: check_address(address), lambda: taken(lake, address), lambda: write_tables(address, {})):
        with pytest.raises(BadSetting, match=r"^--source-db is not of the form postgresql://") as raised:
            call()
        assert "cret" not in str(raised.value)


def test_an_address_is_shown_without_what_is_secret():
    assert shown("postgresql://u:p%40ss@h:1/d?password=x&sslmode=require") == "postgresql://u@h:1/d"
    assert shown("postgres://a,b:5432/d") == "postgresql://a,b:5432/d"
    said = without_secrets("wardhouse stage --source-db postgresql://u:p@ss@h/d?sslpassword=k&x=1 --lake data")
    assert said == "wardhouse stage --source-db postgresql://…@h/d?sslpassword=…&x=1 --lake data"


def test_the_lock_does_not_keep_a_password(lake, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["wardhouse", "stage", "--source-db", "postgresql://u:hidden@h/d"])
    with writing(lake):
        kept = lake.read("state/lock").decode()
    assert "--source-db" in kept
    assert "hidden" not in kept


# --- the command ------------------------------------------------------------------------------------------------------


def invoke(*arguments: str, **environment: str):
    return CliRunner().invoke(app, list(arguments), env=environment)


def test_the_command_extracts_and_stages(url, tmp_path):
    write_tables(url, programme())
    done = invoke("stage", "--lake", str(tmp_path), "--workers", "1", WARDHOUSE_SOURCE_DB=url)
    total = sum(rows.num_rows for rows in programme().values())
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"extract   {total} rows of 6 tables in " in done.stdout
    assert f"{total} records = {total} staged + 0 duplicates" in done.stdout
    again = invoke("stage", "--lake", str(tmp_path), "--source-db", url, "--workers", "1")
    assert "extract   nothing new" in again.stdout


def test_the_command_stages_what_it_could_and_says_what_it_could_not(url, tmp_path):
    write_tables(url, programme())
    run(url, "alter table robotics.surgeons_history rename to gone")
    done = invoke("stage", "--lake", str(tmp_path), "--source-db", url, "--workers", "1")
    assert done.exit_code == 1
    assert re.fullmatch(
        r"error: surgeons was not extracted to its end from \S+: there is no table \S+; .*\n", done.stderr
    )
    assert read_manifest(Lake.at(tmp_path)).keys() == set(ENTITIES) - {"surgeons"}
    run(url, "alter table robotics.gone rename to surgeons_history")
    assert invoke("stage", "--lake", str(tmp_path), "--source-db", url, "--workers", "1").exit_code == 0
    assert staged_rows(Lake.at(tmp_path)) == expected(programme())


def test_a_lake_on_s3_is_staged_to_the_same_bytes(url, s3_lake, tmp_path):
    csv = Lake.at(tmp_path / "csv")
    land_csv(csv, programme())
    for days in (3, DAYS):
        write_tables(url, programme(days))
        done = invoke("stage", "--lake", str(s3_lake), "--source-db", url, "--workers", "1")
        assert (done.exit_code, done.stderr) == (0, "")
    assert staged_bytes(s3_lake) == staged_bytes(csv)


def test_a_world_is_the_same_in_the_end_whichever_way_it_comes(url, tmp_path):
    by_csv, by_source = tmp_path / "csv", tmp_path / "source"
    world = ["--days", "20", "--facilities", "1", "--beds", "300", "--workers", "1"]
    down = f"postgresql://wardhouse@127.0.0.1:{free_port()}/wardhouse?connect_timeout=1"
    failed = invoke("generate", "--lake", str(by_source), "--source-db", down, *world)
    assert failed.exit_code == 1
    assert re.fullmatch(r"error: cannot write to \S+: Connection refused, in 4 tries\n", failed.stderr)
    assert invoke("generate", "--lake", str(by_source), "--source-db", url, *world).exit_code == 0
    assert invoke("generate", "--lake", str(by_csv), *world).exit_code == 0
    assert not any(f"/{entity}/" in key for entity in ENTITIES for key in landed(Lake.at(by_source)))
    assert taken(Lake.at(by_csv), url).rows == {}
    assert taken(Lake.at(by_source), url).rows.keys() == set(ENTITIES)
    assert staged_bytes(Lake.at(by_source)) == staged_bytes(Lake.at(by_csv))


# --- wardhouse serve postgres -----------------------------------------------------------------------------------------

SERVE = [sys.executable, "-c", "from loaders.cli import main; main()", "serve", "postgres"]


@contextmanager
def served(folder: Path, port: int = 0, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service in a process of its own, and the URL that it says, or what it says instead."""
    command = [*SERVE, "--folder", str(folder), "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, env={**os.environ, **environment}, **pipes) as process:
        try:
            said = process.stdout.readline() or process.stderr.readline()
            yield process, (re.search(r"postgresql://\S+", said) or [said.strip()])[0]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_data_outlives_stops_and_kills(tmp_path):
    port = free_port()
    with served(tmp_path, port) as (process, url):
        assert url == f"postgresql://wardhouse@127.0.0.1:{port}/wardhouse"
        assert rows(url, "select current_setting('fsync'), current_setting('full_page_writes')") == [("on", "on")]
        write_tables(url, programme(1))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    with served(tmp_path, port) as (process, url):
        write_tables(url, programme(2))
        process.kill()
        process.wait()
    (tmp_path / "cluster/postmaster.pid").touch()
    with served(tmp_path, port) as (_, url):
        assert count(url, "surgical_procedures") == 8


def test_a_folder_or_a_port_in_use_is_said(server, tmp_path):
    with served(tmp_path) as (_, url):
        port = int(re.search(r":(\d+)/", url)[1])
        with served(tmp_path / "other", port) as (process, said):
            assert said == f"error: port {port} is taken: choose another for the PostgreSQL server"
            assert process.wait(30) == 1
        with served(tmp_path) as (process, said):
            assert said.startswith(f"error: another PostgreSQL server runs on {tmp_path}: ")
            assert process.wait(30) == 1
        assert rows(url, "select 1") == [(1,)]


def test_a_password_must_be_said_once_there_is_one(tmp_path, lake):
    secret = "it's \\ secret"
    with served(tmp_path, DBT_ENV_SECRET_POSTGRES_PASSWORD=secret) as (_, url):
        assert secret not in url
        (error,) = taken(lake, url).failed
        assert str(error).endswith("no password supplied")
        (error,) = taken(lake, url.replace("wardhouse@", "wardhouse:wrong@")).failed
        assert str(error).endswith('password authentication failed for user "wardhouse"')
        assert rows(url.replace("wardhouse@", "wardhouse:it's%20%5C%20secret@"), "select 1") == [(1,)]


def test_only_the_one_user_comes_in_by_the_network(server):
    for user in ("postgres", "nobody"):
        with pytest.raises(Exception, match=r"no pg_hba\.conf entry"):
            rows(server.replace("wardhouse@", f"{user}@"), "select 1")
