import base64
import bz2
import gzip
import http.client
import io
import json
import lzma
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import clickhouse_connect
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from loaders.errors import ServiceError
from loaders.local.clickhouse import blocks, serve
from loaders.local.clickhouse.errors import Refused, from_engine
from loaders.local.clickhouse.statement import read

SERVE = """
import sys
from pathlib import Path
from loaders.errors import ServiceError
from loaders.local.clickhouse import blocks, serve
try:
    serve(Path(sys.argv[1]), int(sys.argv[2]), lambda port: print(port, flush=True), sys.argv[3])
except ServiceError as error:
    sys.exit(f"error: {error}")
"""


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str | None:
        return self.headers["X-ClickHouse-Exception-Code"]

    @property
    def summary(self) -> dict[str, int]:
        return {name: int(value) for name, value in json.loads(self.headers["X-ClickHouse-Summary"]).items()}


class Server:
    def __init__(self, folder: Path, port: int = 0, password: str = "", **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder), str(port), password],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        line = self.process.stdout.readline()
        self.port = int(line) if line else 0

    def ask(self, body: str | bytes = b"", method: str = "POST", path: str = "/", headers=None, **arguments) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            url = f"{path}?{urlencode(arguments)}" if arguments else path
            body = body.encode() if isinstance(body, str) else body
            connection.request(method, url, body if method == "POST" else None, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, body: str | bytes, **arguments) -> bytes:
        answer = self.ask(body, **arguments)
        assert answer.status == 200, answer.body
        return answer.body

    def raw(self, data: bytes) -> bytes:
        """What the server sends before it closes, after a client sent this and closed its side."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def client(self, **options):
        return clickhouse_connect.get_client(host="127.0.0.1", port=self.port, **options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.communicate()
        return code


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("clickhouse"))
    assert server.port
    yield server
    assert server.stop() == 0


@pytest.fixture
def table(server) -> Iterator[str]:
    server.get("CREATE OR REPLACE TABLE rows (a Int32, s String) ENGINE = MergeTree ORDER BY a")
    yield "rows"
    server.get("DROP TABLE rows")


# --- statements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "form", "data"),
    [
        ("select 1", "SELECT", None, None),
        ("  -- FORMAT XML\n select 1 /* FORMAT CSV */ format JSON ; ", "SELECT", "JSON", None),
        ("select 'format CSV' as format", "SELECT", None, None),
        ("select format from (select 1 as format format CSV)", "SELECT", None, None),
        ("select 1 FORMAT Native SETTINGS max_threads = 1", "SELECT", "Native", None),
        ("select $x$ ; format CSV $x$", "SELECT", None, None),
        ('select `a;b`, "c\';d" # the end; really', "SELECT", None, None),
        ("(select 1) union all (select 2) format TSV", "SELECT", "TSV", None),
        ("with 1 as x select x", "WITH", None, None),
        ("insert into t values (1, ';'); ", "INSERT", "Values", b" (1, ';'); "),
        ("insert into t (a, format) settings x = 1 format CSV\n1,2", "INSERT", "CSV", b"1,2"),
        ("insert into t format CSV  \r\n\n1,2", "INSERT", "CSV", b"\n1,2"),
        ("insert into t format CSV 1,2", "INSERT", "CSV", b"1,2"),
        ("insert into values values (1)", "INSERT", "Values", b" (1)"),
        ("insert into function s3('u', 'CSV', 'a Int8') format CSV\n", "INSERT", "CSV", b""),
        ("insert into t select 1 format Null", "INSERT", "Null", None),
        ("insert into t (a) (select 1)", "INSERT", None, None),
    ],
)
def test_a_statement_is_read_as_the_engine_would(text, kind, form, data):
    statement = read(text.encode())
    assert (statement.kind, statement.format, statement.data) == (kind, form, data)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 62),
        (" ; ", 62),
        ("-- nothing", 62),
        ("select 1; select 2", 62),
        ("select 1 into outfile '/tmp/x'", 358),
        ("insert into t from infile '/etc/passwd' format CSV", 78),
        ("insert into t select * from input('a Int8') format CSV\n1", 48),
    ],
)
def test_what_a_server_does_not_run_is_refused(text, code):
    with pytest.raises(Refused) as caught:
        read(text.encode())
    assert caught.value.code == code


def test_an_error_of_the_engine_keeps_code_name_and_message():
    error = from_engine(
        RuntimeError("Code: 73. DB::Exception: Code: 73. DB::Exception: No (x). (UNKNOWN_FORMAT) (version 1)")
    )
    assert (error.code, error.name, str(error), error.status) == (73, "UNKNOWN_FORMAT", "No (x).", 404)
    assert from_engine(RuntimeError("something else")).status == 500


# --- answers --------------------------------------------------------------------------------------------------------


def test_it_says_that_it_is_there(server):
    for path in ("/ping", "/replicas_status", "/"):
        assert server.ask(method="GET", path=path).body == b"Ok.\n"
    assert server.ask(method="GET", path="/play").status == 404
    assert server.ask(method="HEAD", path="/", query="select 1").body == b""


def test_an_answer_has_clickhouses_headers(server):
    answer = server.ask("select number from numbers(10) format JSONCompact", query_id="mine")
    assert answer.headers["X-ClickHouse-Format"] == "JSONCompact"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Server-Display-Name"] == "wardhouse"
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert (answer.summary["read_rows"], answer.summary["result_rows"]) == (10, 10)
    assert json.loads(answer.body)["rows"] == 10
    assert server.ask("select 1").headers["X-ClickHouse-Query-Id"] not in ("", None)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("TabSeparated", b"1\tx\n"),
        ("CSVWithNames", b'"a","s"\n1,"x"\n'),
        ("JSONCompactEachRow", b'[1, "x"]\n'),
        ("RowBinaryWithNamesAndTypes", b"\x02\x01a\x01s\x05UInt8\x06String\x01\x01x"),
        ("Native", b"\x02\x01\x01a\x05UInt8\x01\x01s\x06String\x01x"),
    ],
)
def test_a_format_is_named_in_the_text_the_url_or_a_header(server, form, expected):
    query = "select 1 as a, 'x' as s"
    assert server.get(f"{query} format {form}", default_format="XML") == expected
    assert server.get(query, default_format=form) == expected
    assert server.get(query, headers={"X-ClickHouse-Format": form}) == expected


def test_a_query_comes_in_the_url_the_body_or_both(server):
    assert server.ask(method="GET", query="select 1").body == b"1\n"
    assert server.ask("select 2").body == b"2\n"
    assert server.ask("+ 2", query="select 1").body == b"3\n"


def test_a_clients_first_questions_are_answered(server):
    row = server.get("select version(), timezone(), currentUser(), currentDatabase()").decode().split()
    assert re.fullmatch(r"\d+(\.\d+){2,3}", row[0])
    assert row[1:] == ["UTC", "default", "default"]
    for name in ("settings", "columns", "tables", "databases"):
        assert int(server.get(f"select count() from system.{name}")) > 2


def test_tables_change_places_in_every_database(server):
    server.get("create database other")
    assert server.get("select engine from system.databases where name = 'other'") == b"Atomic\n"
    for name in ("other", "default"):
        for number in (1, 2):
            server.get(f"create table {name}.t{number} engine = MergeTree order by a as select {number} as a")
        server.get(f"exchange tables {name}.t1 and {name}.t2")
        assert server.get(f"select a from {name}.t1") == b"2\n"
        server.get(f"create or replace table {name}.t1 engine = MergeTree order by a as select 3 as a")
        server.get(f"delete from {name}.t2 where a = 1")
        server.get(f"alter table {name}.t2 add column s String")
        assert server.get(f"select (select a from {name}.t1), (select count() from {name}.t2)") == b"3\t0\n"
        for number in (1, 2):
            server.get(f"drop table {name}.t{number} sync")
    server.get("drop database other")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("select * from nosuch", 404, "60"),
        ("select nosuch", 404, "47"),
        ("select nosuch()", 404, "46"),
        ("select * from nosuch.t", 404, "81"),
        ("selec 1", 400, "62"),
        ("1", 400, "62"),
        ("", 400, "62"),
        ("select 1; select 2", 400, "62"),
        ("select 1 format Nope", 404, "73"),
        ("set nosuch = 1", 404, "115"),
        ("select throwIf(1)", 500, "395"),
        ("insert into nosuch format CSV\n1", 404, "60"),
        ("select toInt8('x')", 400, "6"),
        ("begin transaction", 501, "48"),
    ],
)
def test_an_error_has_clickhouses_status_code_and_text(server, query, status, code):
    answer = server.ask(query)
    assert (answer.status, answer.code) == (status, code)
    pattern = rf"Code: {code}\. DB::Exception: .*\([A-Z_]+\) \(version [\d.]+\)\n"
    assert re.fullmatch(pattern, answer.body.decode(), re.DOTALL)


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "lz4", "deflate"])
@pytest.mark.parametrize("rows", [0, 3, 1_000_000])
def test_an_answer_is_packed_as_the_client_takes_it(server, encoding, rows):
    unpack = {
        "gzip": gzip.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        "lz4": lz4.frame.decompress,
        "deflate": zlib.decompress,
    }[encoding]
    query = f"select number from numbers({rows})"
    answer = server.ask(query, headers={"Accept-Encoding": f"br, {encoding};q=0.5"}, enable_http_compression=1)
    body = unpack(answer.body) if rows else answer.body
    assert answer.headers["Content-Encoding"] == (encoding if rows else None)
    assert body == b"".join(b"%d\n" % number for number in range(rows))
    assert server.ask(query, headers={"Accept-Encoding": encoding}).headers["Content-Encoding"] is None


@pytest.mark.parametrize("rows", [0, 3, 500_000])
def test_clickhouses_own_blocks_go_both_ways(server, table, rows):
    data = b"".join(b"%d\tx\n" % number for number in range(rows))
    server.get(blocks.pack(data), query=f"insert into {table} format TSV", decompress=1)
    assert blocks.unpack(server.get(f"select * from {table} order by a", compress=1)) == data
    damaged = bytearray(blocks.pack(b"1\tx\n"))
    damaged[-1] ^= 1
    assert server.ask(bytes(damaged), query=f"insert into {table} format TSV", decompress=1).code == "40"
    assert server.ask(bytes(damaged[:-1]), query=f"insert into {table} format TSV", decompress=1).code == "33"


@pytest.mark.parametrize("codec", ["NONE", "LZ4", "ZSTD"])
def test_the_checksum_of_a_block_is_the_engines(tmp_path, codec):
    found = set()
    server = Server(tmp_path)
    try:
        for rows in (*range(1, 40), 100, 128, 144, 160, 200, 300, 70_000):
            server.get(
                f"create or replace table t (a UInt8 codec({codec})) engine = MergeTree order by tuple()"
                " settings min_bytes_for_wide_part = 0"
            )
            server.get(f"insert into t select rand() from numbers({rows})")
            path = Path(server.get("select path from system.parts where table = 't' and active").decode().strip())
            data = (path / "a.bin").read_bytes()
            assert len(blocks.unpack(data)) == rows
            found.add(len(data))
    finally:
        server.stop()
    assert len(found) > 5


def test_long_answers_are_whole_in_every_format(server):
    counts = {"TSV": 1_000_000, "JSONEachRow": 1_000_000, "CSVWithNames": 1_000_001}
    for form, lines in counts.items():
        assert server.get(f"select number from numbers(1000000) format {form}").count(b"\n") == lines
    whole = json.loads(server.get("select number from numbers(1000000) format JSONCompact"))
    assert whole["data"][-1] == [999_999]
    rows = json.loads(
        server.get("select number from numbers(300000) format JSONEachRow", output_format_json_array_of_rows=1)
    )
    assert len(rows) == 300_000
    totals = server.get("select number, count() from numbers(200000) group by number with totals format TSV")
    assert totals.endswith(b"\n\n0\t200000\n")


def test_an_error_in_a_long_answer_is_not_taken_for_its_end(server):
    query = "select throwIf(number = 5000000) from numbers(6000000)"
    with pytest.raises(http.client.IncompleteRead) as caught:
        server.ask(query)
    assert b"Code: 395. DB::Exception" in caught.value.partial[-500:]
    with server.client() as client, pytest.raises(StreamFailureError, match="Code: 395"):
        assert client.query(query).row_count


# --- what a request brings ------------------------------------------------------------------------------------------


def test_settings_and_database_are_a_requests_own(server):
    query = "select getSetting('max_block_size'), currentDatabase()"
    before = server.get(query)
    assert server.get(query, max_block_size=123, database="system") == b"123\tsystem\n"
    assert server.get(query, headers={"X-ClickHouse-Database": "system"}).endswith(b"\tsystem\n")
    server.get("set max_block_size = 321")
    server.get("use system")
    server.get("create temporary table passing (a Int8)")
    assert server.get(query) == before
    assert server.ask("select * from passing").code == "60"
    assert server.ask("select 1", database="nosuch").code == "81"
    assert server.ask("select 1", nosuch="1").code == "115"
    assert server.ask("select 1", **{"a = 1, b": "1"}).code == "115"
    assert (
        server.get("select getSetting('log_comment')", log_comment="it's \\ a 'b'\n") == b"it\\'s \\\\ a \\'b\\'\\n\n"
    )


def test_a_session_keeps_settings_database_and_temporary_tables(server):
    ours = {"session_id": "ours"}
    server.get("create temporary table kept (a Int8)", **ours)
    server.get("insert into kept format CSV\n7", **ours)
    server.get("set max_threads = 1", **ours)
    server.get("use system", **ours)
    query = "select getSetting('max_threads'), getSetting('max_block_size'), currentDatabase(), (select a from kept)"
    own = server.get(query, **ours).split()
    assert (own[0], own[2:]) == (b"1", [b"system", b"7"])
    assert server.get(query, **ours, max_threads=2, max_block_size=99, database="default").split() == [
        *(b"2", b"99", b"default", b"7")
    ]
    assert server.get(query, **ours).split() == own
    assert server.ask("select * from kept", session_id="theirs").code == "60"
    server.get("select 1", **ours, close_session=1)
    assert server.ask("select 1", **ours, session_check=1).code == "372"
    assert server.ask("select 1", **ours, session_timeout="never").code == "374"


def test_a_session_ends_after_its_time(server):
    server.get("select 1", session_id="brief", session_timeout=1)
    server.get("select 1", session_id="brief", session_check=1, session_timeout=1)
    time.sleep(1.2)
    assert server.ask("select 1", session_id="brief", session_check=1).code == "372"


def test_a_client_may_ask_again_before_the_end_of_its_last_request_was_noticed(server):
    with ThreadPoolExecutor() as pool:
        short = pool.submit(server.ask, "select sleep(0.5)", session_id="quick")
        time.sleep(0.2)
        assert server.get("select 1", session_id="quick") == b"1\n"
        assert short.result().status == 200


def test_a_session_serves_one_request_at_a_time(server):
    with ThreadPoolExecutor() as pool:
        long = pool.submit(server.ask, "select sleep(3)", session_id="busy")
        time.sleep(0.4)
        assert server.ask("select 1", session_id="busy").code == "373"
        assert long.result().status == 200
    assert server.get("select 1", session_id="busy") == b"1\n"


@pytest.mark.parametrize("session", [{}, {"session_id": "careful"}])
def test_a_get_and_readonly_change_nothing(server, table, session):
    insert = f"insert into {table} values (1, 'x')"
    assert server.ask(method="GET", query=insert, **session).code == "164"
    for level in (1, 2):
        assert server.ask(insert, readonly=level, **session).code == "164"
        assert server.ask(f"drop table {table}", readonly=level, **session).code == "164"
        assert server.get("select {x:Int8}", readonly=level, param_x=5, **session) == b"5\n"
    assert server.ask("set max_threads = 1", readonly=1, **session).code == "164"
    assert server.get(f"select count() from {table}", readonly=2, max_threads=1, **session) == b"0\n"
    server.get(insert, readonly=0, **session)


def test_parameters_are_bound_whatever_is_in_them(server):
    text = 'it\'s \\ "q" `b` {x:Int8} ; -- 100% é 漢 \t\n'
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    query = "select {a:String}, {b:Array(UInt8)}, {c:Nullable(String)}, {d:Identifier} from system.one"
    query += " format JSONCompactEachRow"
    answer = server.get(query, param_a=escaped, param_b="[1,2]", param_c="\\N", param_d="dummy")
    assert json.loads(answer) == [text, [1, 2], None, 0]
    assert server.ask("select {a:String}").code == "456"
    assert server.ask("select {a:Int8}", param_a="x").code == "457"
    with server.client() as client:
        rows = client.query("select {a:String}, {b:Int32}", parameters={"a": text, "b": -5}).result_rows
        assert rows == [(text, -5)]


def test_external_data_are_a_table_for_the_query(server):
    data = bytes(range(256)) * 40
    with server.client(session_id="external") as client:
        for _ in range(2):
            external = ExternalData(file_name="given", fmt="RowBinary", structure=["a UInt8"], data=data)
            rows = client.query("select count(), sum(a) from given", external_data=external).result_rows
            assert rows == [(10_240, sum(data))]
        with pytest.raises(DatabaseError, match="Code: 60"):
            client.query("select * from given")


# --- inserts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("CSV", b'1,"a,b"\n2,\xc3\xa9\n'),
        ("CSVWithNames", b"s,a\nx,1\ny,2\n"),
        ("TSV", b"1\tx\n2\ty\n"),
        ("JSONEachRow", b'{"a": 1, "s": "x"}\n{"a": 2}\n'),
        ("Values", b"(1, 'x;'), (1 + 1, upper('y'));"),
        ("RowBinary", b"\x01\x00\x00\x00\x01x\x02\x00\x00\x00\x00"),
        ("Native", b"\x02\x02\x01a\x05Int32\x01\x00\x00\x00\x02\x00\x00\x00\x01s\x06String\x01x\x00"),
    ],
)
def test_data_are_inserted_from_the_body_or_after_the_text(server, table, form, data):
    insert = f"insert into {table} " + ("values" if form == "Values" else f"format {form}")
    for answer in (server.ask(data, query=insert), server.ask(insert.encode() + b"\n" + data)):
        assert answer.status == 200, answer.body
        assert answer.summary["written_rows"] == 2
    assert server.get(f"select count(), sum(a) from {table}") == b"4\t6\n"


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "lz4", "deflate", "br", "xz", "bz2"])
def test_packed_bodies_are_unpacked(server, table, tmp_path, encoding):
    data = b"".join(b"%d,name %d\n" % (number, number) for number in range(20_000))
    if encoding == "br":
        packed = tmp_path / "data.br"
        server.get(
            f"insert into function file('{packed}', RawBLOB, 'data String', 'br') format RawBLOB\n".encode() + data
        )
        body = packed.read_bytes()
    else:
        pack = {"gzip": gzip, "lz4": lz4.frame, "deflate": zlib, "xz": lzma, "bz2": bz2}.get(encoding)
        body = pack.compress(data) if pack else zstandard.compress(data)
    insert = {"query": f"insert into {table} format CSV"}
    answer = server.ask(body, headers={"Content-Encoding": encoding}, **insert)
    assert answer.summary["written_rows"] == 20_000
    answer = server.ask(body[: len(body) // 2], headers={"Content-Encoding": encoding}, **insert)
    assert answer.status >= 400
    assert server.get(f"select count() from {table}") == b"20000\n"


def test_a_body_may_come_in_chunks(server, table):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", f"/?query=insert+into+{table}+format+CSV", (b"%d,x\n" % n for n in range(100)), {})
    assert connection.getresponse().read() == b""
    connection.request("POST", "/", f"select count() from {table}")
    assert connection.getresponse().read() == b"100\n"
    connection.close()


def test_a_refused_insert_leaves_nothing(server, table):
    data = b"".join(b"%d,x\n" % number for number in range(400_000)) + b"bad,x\n"
    assert server.ask(data, query=f"insert into {table} format CSV").status == 400
    assert server.ask("1,x,y", query=f"insert into {table} format CSV").code == "117"
    assert server.get(f"select count() from {table}") == b"0\n"
    assert server.ask(f"insert into {table} select number, 'x' from numbers(7)").summary["written_rows"] == 7


# --- clients --------------------------------------------------------------------------------------------------------


def test_clickhouse_connect_reads_and_writes(server):
    with server.client() as client:
        client.command(
            "create or replace table kinds (i Int64, s LowCardinality(String), n Nullable(Float64), d Date,"
            " t DateTime64(6), a Array(String), x Decimal(18, 4), b Bool, u UUID) engine = MergeTree order by i"
        )
        frame = client.query_df(
            "select toInt64(number) as i, toString(number % 3) as s, if(number % 2, 1.5, null) as n,"
            " toDate('2024-02-29') as d, toDateTime64('2024-02-29 12:00:00.123456', 6) as t,"
            " ['a', 'é'] as a, toDecimal64(1.25, 4) as x, true as b, generateUUIDv4(number) as u from numbers(5000)"
        )
        assert client.insert_df("kinds", frame).written_rows == 5000
        assert client.query_df("select * from kinds order by i").equals(frame)
        table = client.query_arrow("select * from kinds", use_strings=True)
        assert (table.num_rows, table.column_names) == (5000, list(frame.columns))
        assert client.insert_arrow("kinds", table.select(["i", "s"])).written_rows == 5000
        assert client.query("select count(), sum(i) from kinds").first_row == (10_000, 2 * sum(range(5000)))
        with client.query_row_block_stream("select number, toString(number) from numbers(1000000)") as stream:
            assert sum(len(block) for block in stream) == 1_000_000
        assert client.query("select 1 as a, 'x' as b limit 0").column_names == ("a", "b")
        assert client.query("select 1 as a where 0").result_rows == []
        client.command("drop table kinds")


@pytest.mark.parametrize("compress", [False, "gzip", "lz4", "zstd"])
def test_clickhouse_connect_packs_both_ways(server, table, compress):
    with server.client(compress=compress) as client:
        rows = [[number, f"name {number}"] for number in range(50_000)]
        assert client.insert(table, rows, ["a", "s"]).written_rows == 50_000
        assert client.query(f"select * from {table} order by a").result_rows == [tuple(row) for row in rows]


def test_sqlalchemy_makes_fills_reads_and_reflects_a_table(server):
    import sqlalchemy as sa
    from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Int32, String
    from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree

    engine = sa.create_engine(f"clickhousedb://default@127.0.0.1:{server.port}/default")
    made = sa.MetaData()
    table = sa.Table("made", made, sa.Column("i", Int32), sa.Column("s", String), MergeTree(order_by="i"))
    made.create_all(engine)
    with engine.connect() as connection:
        connection.execute(table.insert(), [{"i": 1, "s": "it's"}, {"i": 2, "s": "é"}])
        assert connection.execute(sa.select(table).where(table.c.s == "it's")).all() == [(1, "it's")]
    reflected = sa.Table("made", sa.MetaData(), autoload_with=engine)
    assert list(reflected.columns.keys()) == ["i", "s"]
    assert "made" in sa.inspect(engine).get_table_names()
    made.drop_all(engine)
    engine.dispose()


PROJECT = {
    "dbt_project.yml": """
        {name: probe, version: "1.0", profile: probe, flags: {send_anonymous_usage_stats: false},
         models: {probe: {+persist_docs: {relation: true, columns: true}}}}""",
    "profiles.yml": """
        probe: {target: it, outputs: {it: {type: clickhouse, driver: http, host: 127.0.0.1, port: PORT, user: default,
          schema: probe, threads: 4, use_lw_deletes: true, custom_settings: {join_use_nulls: 1}}}}""",
    "seeds/things.csv": 'id,name,amount\n1,a,1.5\n2,"b,é",\n3,c\'x,2.25\n',
    "models/seen.sql": "{{ config(materialized='view') }} select * from {{ ref('things') }}",
    "models/kept.sql": """{{ config(materialized='table', order_by='id', contract={'enforced': true}) }}
        select id::Int32 as id, name::Nullable(String) as name from {{ ref('seen') }}""",
    "models/grown.sql": """
        {{ config(materialized='incremental', unique_key='id', incremental_strategy='delete+insert', order_by='id') }}
        select id, name, {{ var('round', 1) }} as round from {{ ref('kept') }}
        {% if is_incremental() %} where id >= (select max(id) from {{ this }}) {% endif %}""",
    "models/models.yml": """
models:
- name: kept
  description: 'A `table` with "quotes", it''s'
  columns:
  - {name: id, data_type: Int32, description: naïve, data_tests: [unique, not_null]}
  - {name: name, data_type: Nullable(String)}
unit_tests:
- {name: names, model: kept, given: [{input: ref('seen'), rows: [{id: 1, name: ab}]}],
   expect: {rows: [{id: 1, name: ab}]}}
""",
    "snapshots/past.sql": """{% snapshot past %}
        {{ config(target_schema='probe', unique_key='id', strategy='check', check_cols=['round']) }}
        select id, round from {{ ref('grown') }} {% endsnapshot %}""",
}


def test_dbt_builds_twice_and_documents(server, tmp_path):
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("PORT", str(server.port)))

    def dbt(*arguments: str) -> None:
        command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "--no-version-check", *arguments]
        environment = {**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]

    dbt("build")
    dbt("build", "--vars", "round: 2")
    dbt("docs", "generate", "--no-compile")
    assert server.get("select id, round from probe.grown order by id") == b"1\t1\n2\t1\n3\t2\n"
    assert server.get("select count(), countIf(dbt_valid_to is null) from probe.past") == b"4\t3\n"
    assert server.get("select comment from system.columns where table = 'kept' and name = 'id'") == "naïve\n".encode()
    results = json.loads((tmp_path / "target/catalog.json").read_text())
    assert results["nodes"]["model.probe.kept"]["metadata"]["comment"] == 'A `table` with "quotes", it\'s'
    server.get("drop database probe")


def test_s3_is_read_with_the_keys_of_the_environment(tmp_path, monkeypatch):
    import boto3
    import pyarrow as pa
    import pyarrow.parquet as pq
    from moto.server import ThreadedMotoServer

    keys = {"AWS_ACCESS_KEY_ID": "AKIDSTANDIN", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    url = "http://{}:{}".format(*moto.get_host_and_port())
    names = ["a.parquet", "b.parquet"]
    names += [f"staging/admissions/event_date=2024-0{month}/{name}" for month in (1, 2) for name in names]
    store = boto3.client("s3", endpoint_url=url)
    store.create_bucket(Bucket="wards")
    buffer = io.BytesIO()
    pq.write_table(pa.table({"bed": [1, 2, 3]}), buffer)
    for name in names:
        store.put_object(Bucket="wards", Key=name, Body=buffer.getvalue())
    server = Server(tmp_path)
    try:
        for path, count in {
            "a.parquet": 3,
            "{a,b}.parquet": 6,
            "staging/admissions/event_date=2024-01/a.parquet": 3,
            "staging/admissions/{event_date=2024-01/a,event_date=2024-02/b}.parquet": 6,
            "{a,staging/admissions/event_date=2024-02/a}.parquet": 6,
        }.items():
            assert server.get(f"select count() from s3('{url}/wards/{path}', 'Parquet')") == b"%d\n" % count
        assert server.ask(f"select * from s3('{url}/wards/none.parquet', 'Parquet', 'bed Int64')").code == "499"
        with Listener() as listener:
            server.ask(f"select * from s3('http://127.0.0.1:{listener.port}/wards/x.parquet', 'Parquet', 'bed Int64')")
        assert b"Credential=AKIDSTANDIN/" in listener.heard
    finally:
        server.stop()
        moto.stop()


class Listener:
    """Hears the first request of a connection and answers that there is nothing."""

    def __enter__(self) -> "Listener":
        self.heard = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def _listen(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            while b"\r\n\r\n" not in self.heard:
                self.heard += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def __exit__(self, *_) -> None:
        self._thread.join()
        self._socket.close()


def test_files_are_read_by_absolute_path(server, tmp_path):
    (tmp_path / "a=b.csv").write_text("1,x\n2,y\n")
    assert server.get(f"select count() from file('{tmp_path}/*.csv', CSV, 'a Int8, b String')") == b"2\n"


# --- many at once, and what goes wrong ------------------------------------------------------------------------------


def test_clients_do_not_disturb_each_other(server):
    def work(number: int) -> None:
        name = f"busy_{number}"
        for turn in range(6):
            size = 1000 + number * 10 + turn
            query = "select getSetting('max_block_size'), {x:Int32}, currentDatabase()"
            assert server.get(query, max_block_size=size, param_x=turn).split() == [
                *(b"%d" % size, b"%d" % turn, b"default")
            ]
            server.get(f"create or replace table {name} (a Int32) engine = MergeTree order by a")
            server.get(f"insert into {name} format CSV\n" + "\n".join(map(str, range(size))))
            assert server.get(f"select count(), max(a) from {name}") == b"%d\t%d\n" % (size, size - 1)
            assert server.ask("select throwIf(number = 3) from numbers(5)").code == "395"
            assert len(server.get("select number from numbers(200000)")) == 1_288_890
            server.get(f"drop table {name}")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()


def test_a_ping_is_answered_while_a_long_query_runs(server):
    with ThreadPoolExecutor() as pool:
        long = pool.submit(server.get, "select sum(sipHash64(number)) from numbers(50000000)")
        time.sleep(0.1)
        start = time.monotonic()
        assert server.ask(method="GET", path="/ping").body == b"Ok.\n"
        assert server.get("select 1") == b"1\n"
        assert not long.done()
        assert time.monotonic() - start < 2
        long.result()


def test_a_client_that_leaves_in_the_middle_is_no_loss(server):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            query = b"select number, toString(number) from numbers(1000000000)"
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(query), query)
            )
            assert connection.recv(1000)
    deadline = time.monotonic() + 20
    while server.get("select count() from system.processes") != b"1\n":
        assert time.monotonic() < deadline, "the abandoned queries still run"
        time.sleep(0.05)


def request(lines: str, body: bytes = b"") -> bytes:
    return lines.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


POST = "POST / HTTP/1.1\nHost: localhost\nConnection: close\n"
MALFORMED = {
    "no length": request(POST.rstrip()),
    "length is a word": request(POST + "Content-Length: many", b"select 1"),
    "length is negative": request(POST + "Content-Length: -5", b"select 1"),
    "length is huge": request(POST + "Content-Length: 99999999999999999999", b"select 1"),
    "length is too long": request(POST + "Content-Length: 100", b"select 1"),
    "length is in other digits": request(POST + "Content-Length: \xb2", b"select 1"),
    "chunk is no number": request(POST + "Transfer-Encoding: chunked", b"zz\r\nselect 1\r\n0\r\n\r\n"),
    "chunk is negative": request(POST + "Transfer-Encoding: chunked", b"-1\r\nselect 1\r\n0\r\n\r\n"),
    "chunk is too long": request(POST + "Transfer-Encoding: chunked", b"ff\r\nselect 1\r\n0\r\n\r\n"),
    "chunks do not end": request(POST + "Transfer-Encoding: chunked", b"8\r\nselect 1\r\n"),
    "body is not gzip": request(POST + "Content-Encoding: gzip\nContent-Length: 8", b"select 1"),
    "body is not zstd": request(POST + "Content-Encoding: zstd\nContent-Length: 8", b"select 1"),
    "body is not lz4": request(POST + "Content-Encoding: lz4\nContent-Length: 8", b"select 1"),
    "body is not br": request(POST + "Content-Encoding: br\nContent-Length: 8", b"select 1"),
    "encoding is unknown": request(POST + "Content-Encoding: rot13\nContent-Length: 8", b"select 1"),
    "query is empty": request(POST + "Content-Length: 0"),
    "query is zeros": request(POST + "Content-Length: 8", bytes(8)),
    "query is not text": request(POST + "Content-Length: 4", b"\xff\xfe\xfd\xfc"),
    "query begins with no word": request(POST + "Content-Length: 10", b"\xff select 1"),
    "query ends with no word": request(POST + "Content-Length: 10", b"select 1 \xff"),
    "string does not end": request(POST + "Content-Length: 8", b"select '"),
    "comment does not end": request(POST + "Content-Length: 10", b"select /* "),
    "brackets are deep": request(POST + "Content-Length: 50007", b"select " + b"(" * 50_000),
    "brackets close first": request(POST + "Content-Length: 10", b"select )))"),
    "form has no boundary": request(POST + "Content-Type: multipart/form-data\nContent-Length: 8", b"select 1"),
    "form is broken": request(POST + "Content-Type: multipart/form-data; boundary=x\nContent-Length: 6", b"--x\r\n\r"),
    "setting has no name": request(POST.replace("/ ", "/?=1 ") + "Content-Length: 8", b"select 1"),
    "setting is SQL": request(POST.replace("/ ", "/?a%27%3B+drop=1 ") + "Content-Length: 8", b"select 1"),
    "format is SQL": request(
        POST.replace("/ ", "/?default_format=CSV%3B+select+2 ") + "Content-Length: 8", b"select 1"
    ),
    "protocol is too new": request(POST.replace("/ ", "/?client_protocol_version=54480&query=select+1+format+Native ")),
    "URL is endless": request(f"GET /?query={'x' * 70_000} HTTP/1.1\nHost: localhost"),
    "headers are endless": request("GET / HTTP/1.1\n" + "\n".join(f"X-{n}: 1" for n in range(200))),
    "method is unknown": request("BREW / HTTP/1.1\nHost: localhost"),
    "version is unknown": request("GET / HTTP/9.1\nHost: localhost"),
    "not HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_gets_an_error_and_harms_nobody(server, name):
    answer = server.raw(MALFORMED[name])
    assert re.search(rb"^(HTTP/1\.1 [45]\d\d |.*Error code: [45]\d\d)", answer, re.DOTALL), answer[:300]
    assert b"Traceback" not in answer
    assert server.get("select 1") == b"1\n"
    assert server.process.poll() is None


def test_a_web_page_cannot_reach_the_databases(server):
    for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert server.ask("select 1", headers=headers).code == "497"
    assert server.ask("select 1", headers={"Host": f"localhost:{server.port}", "Sec-Fetch-Site": "none"}).status == 200


# --- starting and stopping ------------------------------------------------------------------------------------------


def test_a_password_is_asked_for(tmp_path):
    server = Server(tmp_path, password="rosé: 1")
    try:
        basic = base64.b64encode("default:rosé: 1".encode()).decode()
        ways = [
            {"headers": {"Authorization": f"Basic {basic}"}},
            {"headers": {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "rosé: 1".encode().decode("latin-1")}},
            {"user": "default", "password": "rosé: 1"},
        ]
        for way in ways:
            assert server.get("select currentUser()", **way) == b"default\n"
        wrong = [
            {},
            {"user": "default", "password": "rosé: 2"},
            {"user": "admin", "password": "rosé: 1"},
            {"headers": {"X-ClickHouse-Key": ""}},
            {"headers": {"Authorization": "Basic !!"}},
            {"headers": {"Authorization": "Bearer x"}},
        ]
        for way in wrong:
            answer = server.ask("select 1", **way)
            assert (answer.status, answer.code) == (403, "516")
            assert b"AUTHENTICATION_FAILED" in answer.body
            assert "rosé".encode() not in answer.body
        assert server.ask(method="GET", path="/ping").status == 200
        with server.client(password="rosé: 1") as client:
            assert client.command("select 1") == 1
    finally:
        server.stop()


def test_databases_outlive_the_server_and_only_one_serves_a_folder(tmp_path):
    folder = tmp_path / "not yet" / "made"
    server = Server(folder)
    server.get("create table kept (a Int8) engine = MergeTree order by a")
    server.get("insert into kept values (1), (2)")
    names = set(os.listdir(folder)) - {"status"}
    second = Server(folder)
    assert second.process.wait(30) == 1
    message = second.process.communicate()[1]
    assert message == f"error: another ClickHouse stand-in is using {folder}: stop it, or choose another folder\n"
    server.get("insert into kept values (3)")
    assert server.stop(signal.SIGINT) == 0
    assert set(os.listdir(folder)) == names
    assert not list((folder / "tmp").iterdir())
    again = Server(folder)
    try:
        assert again.get("select sum(a) from kept") == b"6\n"
        again.process.kill()
        again.process.wait()
        again.process.communicate()
        again = Server(folder)
        assert again.get("select sum(a) from kept") == b"6\n"
    finally:
        again.stop()


def test_a_query_that_runs_on_does_not_keep_the_server_from_stopping(tmp_path):
    server = Server(tmp_path)
    with ThreadPoolExecutor() as pool:
        short = pool.submit(server.ask, "select sleep(1)")
        long = pool.submit(server.ask, "select sum(sipHash64(number)) from numbers(1000000000000)")
        time.sleep(0.5)
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 10
        assert short.result().status == 200
        assert long.result().code == "394"


def test_it_says_why_it_cannot_start(tmp_path, server):
    (tmp_path / "file").write_text("")
    blocked = {
        (
            tmp_path / "new",
            server.port,
        ): f"error: port {server.port} cannot be used: Address already in use; choose another,",
        (tmp_path / "new", 70_000): "error: port 70000 cannot be used: ports are 0 to 65535",
        (tmp_path / "file", 0): f"error: cannot write {tmp_path}/file: File exists; choose another folder",
        (tmp_path / "file" / "below", 0): f"error: cannot write {tmp_path}/file/below: Not a directory; choose another",
        (tmp_path / "what?", 0): "error: the engine cannot keep its databases in",
    }
    for (folder, port), message in blocked.items():
        failed = Server(folder, port)
        assert failed.process.wait(30) == 1
        said = failed.process.communicate()[1]
        assert said.startswith(message)
        assert said.count("\n") == 1


def test_it_says_how_to_install_what_it_lacks(tmp_path, monkeypatch):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setitem(sys.modules, "chdb", None)
    try:
        with pytest.raises(ServiceError, match=r"^the ClickHouse stand-in needs chdb: `make local` installs it$"):
            serve(tmp_path, 0, lambda port: None)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_folder_that_the_engine_does_not_open_is_said_in_one_line(tmp_path):
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "x.sql").write_text("garbage")
    failed = Server(tmp_path)
    assert failed.process.wait(30) == 1
    said = failed.process.communicate()[1]
    assert re.search(rf"error: ClickHouse's engine does not open {tmp_path}: .+; move the folder away\n$", said)
