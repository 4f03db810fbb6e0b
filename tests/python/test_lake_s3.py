"""A lake in a bucket when S3 or the network fails, and when others write; and the stand-in for S3."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from conftest import digest_of
from faults import CREATING, PASSING, Proxy, proxy
from typer.testing import CliRunner
from urllib3.exceptions import ProtocolError

from loaders.cli import app
from loaders.contracts import contracts
from loaders.duck import connect
from loaders.errors import AlreadyRunning, LakeError, ServiceError
from loaders.lake import Lake, s3, s3_client, s3_lease
from loaders.local.s3 import serve
from loaders.lock import writing
from loaders.raw.generate import generate
from loaders.staging.stage import stage

LANDED = ("raw", "truth", "state/operations")
STAGED = ("staging", "quarantine", "state/staged")


@pytest.fixture
def faulty(s3_port, s3_at, monkeypatch):
    """What is between the lake and S3."""
    monkeypatch.setattr(s3_client, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(s3_client, "LONGEST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(s3_client, "READ_SECONDS", 0.3)
    with proxy(s3_port) as between:
        s3_at(between.port)
        yield between


@pytest.fixture
def faulty_lake(faulty, request):
    return Lake.at(f"s3://wardhouse/{random.getrandbits(64):x}/lake")


def failing(between: Proxy, method: str, fault: str, times: int = 2) -> None:
    """The next requests of a method fail, so many times."""
    start = between.count(method)
    between.fault = lambda asked, _, before: fault if asked == method and before < start + times else None


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("fault", CREATING)
def test_a_create_that_fails_on_the_way_is_carried_out_once(faulty, faulty_lake, fault, times):
    failing(faulty, "PUT", fault, times)
    assert faulty_lake.create("raw/x", b"mine")
    assert faulty.count("PUT") <= times + 1
    faulty.fault = lambda *_: None
    assert not faulty_lake.create("raw/x", b"other")
    assert faulty_lake.read("raw/x") == b"mine"


@pytest.mark.parametrize("fault", CREATING)
def test_a_create_in_doubt_does_not_take_the_object_of_another_for_its_own(faulty, faulty_lake, fault):
    faulty_lake.create("raw/x", b"theirs")
    failing(faulty, "PUT", fault)
    assert not faulty_lake.create("raw/x", b"mine")
    faulty.fault = lambda *_: None
    assert faulty_lake.read("raw/x") == b"theirs"


@pytest.mark.parametrize("fault", ["500", "reset", "done reset"])
def test_a_create_in_doubt_is_looked_up_even_when_that_fails_too(faulty, faulty_lake, fault):
    faulty.fault = lambda method, _, before: (
        fault if method == "PUT" and before == 0 else "503" if method == "GET" and before < 2 else None
    )
    assert faulty_lake.create("raw/x", b"mine")
    assert faulty.count("PUT") == (1 if fault.startswith("done") else 2)


@pytest.mark.parametrize("fault", CREATING)
def test_a_write_that_fails_on_the_way_is_carried_out(faulty, faulty_lake, fault):
    for data in (b"old", b"new"):
        failing(faulty, "PUT", fault)
        faulty_lake.write("state/x", data)
        faulty.fault = lambda *_: None
        assert faulty_lake.read("state/x") == data


def test_a_put_that_was_given_up_cannot_undo_a_later_one(faulty, faulty_lake):
    faulty_lake.write("state/x", b"0")
    failing(faulty, "PUT", "late", times=1)
    faulty_lake.write("state/x", b"1")
    faulty_lake.write("state/x", b"2")
    (come_in,) = faulty.late
    come_in()
    assert faulty_lake.read("state/x") == b"2"


@pytest.mark.parametrize("fault", [*PASSING, "done 500", "done reset"])
def test_everything_else_that_fails_on_the_way_is_asked_again(faulty, faulty_lake, tmp_path, fault):
    faulty_lake.create_all([("raw/a/1", b"1"), ("raw/b/2", b"22"), ("staging/x", b"x" * 9_000)])
    (tmp_path / "file").write_bytes(b"file")
    steps = [
        ("GET", lambda: faulty_lake.read("staging/x"), b"x" * 9_000),
        ("GET", lambda: faulty_lake.local("staging/x", tmp_path).read_bytes(), b"x" * 9_000),
        ("GET", lambda: faulty_lake.read_all("raw", ["a/1", "b/2"]), [b"1", b"22"]),
        ("GET", lambda: faulty_lake.objects("raw"), [("a/1", 1), ("b/2", 2)]),
        ("GET", lambda: faulty_lake.folders("raw"), ["a", "b"]),
        ("GET", lambda: faulty_lake.exists("raw/a/1"), True),
        ("PUT", lambda: faulty_lake.adopt(tmp_path / "file", "staging/y"), None),
        ("GET", lambda: faulty_lake.read("staging/y"), b"file"),
        ("DELETE", lambda: faulty_lake.remove("staging/x"), None),
        ("GET", lambda: faulty_lake.exists("staging/x"), False),
        ("PUT", faulty_lake.check_writable, None),
    ]
    for method, step, result in steps:
        failing(faulty, method, fault, times=1)
        assert step() == result


@pytest.mark.parametrize("fault", ["500", "slow", "reset", "silent"])
@pytest.mark.parametrize("step", ["create", "write", "read", "objects", "remove"])
def test_tries_are_bounded_and_then_it_is_explained(faulty, faulty_lake, monkeypatch, fault, step):
    monkeypatch.setattr(s3_client, "TRIES", 4)
    monkeypatch.setattr(s3_client, "READ_SECONDS", 0.05)
    s3_client.forget()
    faulty.fault = lambda *_: fault
    arguments = {"create": ("raw/x", b""), "write": ("state/x", b""), "objects": ("raw",)}
    with pytest.raises(
        LakeError, match=r"^cannot (write|read|list|remove) s3://wardhouse/.*(run again later|--workers)"
    ):
        getattr(faulty_lake, step)(*arguments.get(step, ("state/x",)))
    assert len(faulty.seen) <= 4


def test_a_timeout_without_a_name_is_asked_again(faulty, faulty_lake):
    """As a HEAD is answered, which an overwrite begins with."""
    failing = ["idle", "idle"]
    faulty.fault = lambda method, path, _: (
        failing.pop() if failing and method == "HEAD" and path.endswith("/state/x") else None
    )
    faulty_lake.write("state/x", b"there")
    assert failing == []
    assert faulty_lake.read("state/x") == b"there"


def test_an_error_whose_body_breaks_off_is_asked_again(monkeypatch):
    """botocore reads it outside of its own handling, so that urllib3's exception comes through."""
    monkeypatch.setattr(s3_client, "FIRST_WAIT_SECONDS", 0.001)
    answers = [ProtocolError("Connection broken", ConnectionResetError(104, "reset by peer")), b"there"]

    def ask() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert s3_client.again("cannot read", ask) == b"there"
    assert answers == []


def test_a_whole_run_over_a_bad_network_loses_and_doubles_nothing(faulty, faulty_lake, small_world, tmp_path):
    world = replace(small_world, days=8, packed=True, dirty_share=0.01)
    plain = Lake.at(tmp_path / "plain")
    generate(plain, world)
    stage(plain, contracts())
    chance = random.Random(5)
    faults = [fault for fault in CREATING if "silent" not in fault]

    def sometimes(method: str, path: str, before: int) -> str | None:
        return chance.choice(faults if method == "PUT" else PASSING[:-1]) if chance.random() < 0.15 else None

    faulty.fault = sometimes
    generate(faulty_lake, world)
    stage(faulty_lake, contracts())
    faulty.fault = lambda *_: None
    assert digest_of(faulty_lake, *LANDED, *STAGED) == digest_of(plain, *LANDED, *STAGED)


def test_a_large_file_is_uploaded_in_parts_whatever_fails(faulty, faulty_lake, tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "ONE_PUT_BYTES", 5 << 20)
    monkeypatch.setattr(s3_client, "READ_SECONDS", 5)
    s3_client.forget()
    data = random.Random(1).randbytes(18 << 20)
    (tmp_path / "large").write_bytes(data)
    faulty.fault = lambda method, path, before: "500" if method == "PUT" and before == 1 else None
    faulty_lake.adopt(tmp_path / "large", "staging/large")
    assert faulty.count("POST") == 2
    assert faulty_lake.local("staging/large", tmp_path).read_bytes() == data


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("denied", "access denied: let these credentials list, read, write and delete there"),
        ("no key", "the access key is not known there: check AWS_ACCESS_KEY_ID or AWS_PROFILE"),
        ("no fit", "the secret key does not fit the access key"),
        ("expired", "the credentials have expired: get new ones"),
        ("not implemented", "does not put objects on conditions, which a lake needs: choose another --lake"),
        ("odd", "S3 answered SomethingElse: said so"),
    ],
)
@pytest.mark.parametrize("step", ["check_writable", "folders"])
def test_refusals_are_explained_at_once(faulty, faulty_lake, fault, said, step):
    faulty.fault = lambda *_: fault
    with pytest.raises(LakeError, match=said) as refused:
        getattr(faulty_lake, step)(*(["raw"] if step == "folders" else []))
    assert len(faulty.seen) == 1
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_s3_that_overwrites_what_it_should_not_is_refused(faulty, faulty_lake):
    for header in ("If-None-Match", "If-Match"):
        faulty.drop_headers = (header,)
        with pytest.raises(LakeError, match="does not honour If-None-Match and If-Match"):
            faulty_lake.check_writable()
    faulty.drop_headers = ()
    faulty_lake.check_writable()
    assert faulty_lake.find("state") == []


COMMANDS = [
    ["generate"], ["stage"], ["check", "staging"], ["build"], ["status"], ["run"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bucket_that_does_not_exist_is_explained_by_every_command(s3_port, s3_at, command):
    s3_at(s3_port)
    done = CliRunner().invoke(app, [*command, "--lake", "s3://nowhere/lake"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("the bucket does not exist: make it, or choose another --lake\n")
    assert done.stderr.count("\n") == 1


def test_credentials_that_are_missing_are_explained(s3_port, s3_at, monkeypatch, tmp_path):
    s3_at(s3_port)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(LakeError, match="no AWS credentials were found: set AWS_ACCESS_KEY_ID"):
        Lake.at("s3://wardhouse/x").check_writable()
    with pytest.raises(LakeError, match="no AWS credentials were found: set AWS_ACCESS_KEY_ID"):
        s3_client.access()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    s3_client.forget()
    with pytest.raises(LakeError, match="there is no such AWS profile: check AWS_PROFILE"):
        Lake.at("s3://wardhouse/x").check_writable()


def test_an_endpoint_that_does_not_answer_is_explained(s3_at, monkeypatch):
    monkeypatch.setattr(s3_client, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(s3_client, "LONGEST_WAIT_SECONDS", 0.001)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        s3_at(port)
        with pytest.raises(LakeError, match=f"http://127.0.0.1:{port} cannot be reached: start it, or check AWS_EN"):
            Lake.at("s3://wardhouse/x").check_writable()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"user:hunter2@127.0.0.1:{port}")
    s3_client.forget()
    with pytest.raises(LakeError, match="the endpoint is not of the form http://host:port") as refused:
        Lake.at("s3://wardhouse/x").check_writable()
    assert "hunter2" not in str(refused.value)


# --- one writer ------------------------------------------------------------------------------------------------------


HOLDER = (
    "import sys, time; from loaders.lake import Lake, s3_lease; from loaders.lock import writing\n"
    "s3_lease.LEASE_SECONDS, s3_lease.RENEW_SECONDS = float(sys.argv[2]), float(sys.argv[3])\n"
    "with writing(Lake.at(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


def holder(lake: Lake, lease: float, renew: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(lake), str(lease), str(renew)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def can_be_held(lake: Lake) -> bool:
    try:
        with writing(lake):
            return True
    except AlreadyRunning:
        return False


def test_a_holder_elsewhere_is_waited_for_while_it_renews_and_taken_over_from_when_it_stops(s3_lake, monkeypatch):
    monkeypatch.setattr(s3_lease, "is_gone", lambda *_: False)
    other = holder(s3_lake, lease=3, renew=0.3)
    try:
        time.sleep(4)
        with pytest.raises(AlreadyRunning, match=f"process {other.pid} on .* is writing to this lake; wait for it"):
            writing(s3_lake).__enter__()
    finally:
        end(other)
    assert not can_be_held(s3_lake)
    deadline = time.monotonic() + 8
    while not can_be_held(s3_lake):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_holder_that_was_killed_on_this_machine_is_taken_over_from_at_once(s3_lake):
    other = holder(s3_lake, lease=60, renew=15)
    assert not can_be_held(s3_lake)
    end(other)
    assert can_be_held(s3_lake)


def test_of_many_who_take_over_one_does(s3_lake, monkeypatch):
    s3_lake.write(s3_lease.KEY, b"not json")
    monkeypatch.setattr(s3_lease, "LEASE_SECONDS", -1.0)
    monkeypatch.setattr(s3_lease, "is_gone", lambda *_: False)
    real = s3_lake.look(s3_lease.KEY)
    assert real.age_seconds > -1

    def take(number: int) -> bool:
        return s3_lake.put_if(s3_lease.KEY, str(number).encode(), real.etag) is not None

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(16))) == 1


def test_a_holder_who_cannot_renew_stops_writing_before_others_may_take_the_lake(s3_lake, monkeypatch):
    monkeypatch.setattr(s3_lease, "LEASE_SECONDS", 1.0)
    with writing(s3_lake):
        s3_lake.create("raw/1", b"")
        time.sleep(0.6)
        for step in (
            lambda: s3_lake.create("raw/2", b""),
            lambda: s3_lake.create_all([("raw/2", b"")]),
            lambda: s3_lake.write("state/x", b""),
            lambda: s3_lake.remove("state/x"),
        ):
            with pytest.raises(LakeError, match=r"could not be held: .*; run again, what is done is kept"):
                step()
    assert [key for key, _ in s3_lake.find("raw")] == ["raw/1"]


def test_a_holder_whose_lake_was_taken_stops_and_leaves_it_to_the_other(s3_lake, monkeypatch):
    monkeypatch.setattr(s3_lease, "RENEW_SECONDS", 0.05)
    theirs = json.dumps({"pid": 1, "host": "far", "command": "wardhouse stage", "since": "now"}).encode()
    with writing(s3_lake):
        s3_lake.write("state/x", b"1")
        while s3_lake.put_if(s3_lease.KEY, theirs, s3_lake.look(s3_lease.KEY).etag) is None:
            pass
        time.sleep(0.5)
        with pytest.raises(LakeError, match="could not be held"):
            s3_lake.write("state/x", b"2")
    assert s3_lake.read(s3_lease.KEY) == theirs
    with pytest.raises(AlreadyRunning, match=r"`wardhouse stage` \(process 1 on far, since now\)"):
        writing(s3_lake).__enter__()


def test_workers_of_a_holder_stop_with_it(s3_lake, monkeypatch):
    monkeypatch.setattr(s3_lease, "LEASE_SECONDS", 1.0)
    with writing(s3_lake):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            said = b"wrote"
            try:
                s3_lake.write("state/early", b"")
                time.sleep(0.7)
                s3_lake.write("state/late", b"")
            except LakeError:
                said = b"stopped"
            finally:
                os.write(writer, said)
                os._exit(0)
        os.close(writer)
        assert os.read(reader, 10) == b"stopped"
        os.waitpid(child, 0)
        os.close(reader)
    assert s3_lake.exists("state/early")
    assert not s3_lake.exists("state/late")


# --- the stand-in ----------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_explained():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} cannot be used: .*; choose another, or 0 for any"):
            serve(port, lambda _: None)


def test_moto_that_is_not_installed_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "moto.moto_server.werkzeug_app", None)
    with pytest.raises(ServiceError, match="the S3 stand-in needs moto: `make local` installs it"):
        serve(0, lambda _: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_stand_in_stops_cleanly(number):
    code = "from loaders.local.s3 import serve; serve(0, lambda port: print(port, flush=True), ['a', 'b'])"
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert int(server.stdout.readline()) > 0
    server.send_signal(number)
    out, err = server.communicate(timeout=20)
    assert (server.returncode, out, err) == (0, "", "")


# --- other engines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "endpoint", "region", "path_style", "tls"),
    [
        ({}, "s3.amazonaws.com", "us-east-1", False, True),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "s3.eu-west-1.amazonaws.com", "eu-west-1", False, True),
        ({"AWS_ENDPOINT_URL": "http://store:9000"}, "store:9000", "us-east-1", True, False),
        ({"AWS_ENDPOINT_URL_S3": "https://s3.example"}, "s3.example", "us-east-1", True, True),
    ],
)
def test_duckdb_is_given_the_endpoint_that_boto3_uses(s3_at, monkeypatch, settings, endpoint, region, path_style, tls):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    s3_client.forget()
    found = s3_client.access()
    assert (found.endpoint, found.region, found.path_style, found.tls) == (endpoint, region, path_style, tls)
    assert (found.key_id, found.secret) == ("test", "hunter2")
    assert "hunter2" not in repr(found)


def test_duckdb_reads_the_lake_and_explains_what_it_cannot(s3_lake):
    s3_lake.write("staging/a b=1/x.csv", b"a\n1\n2\n")
    with connect(s3_lake) as connection:
        query = "select sum(a) from read_csv(?, header = true)"
        assert connection.execute(query, [s3_lake.uri("staging/a b=1/x.csv")]).fetchone() == (3,)
        assert connection.execute("select name from duckdb_secrets() where persistent").fetchall() == []
    with pytest.raises(LakeError, match="cannot read from the lake s3://wardhouse/") as refused, connect(s3_lake) as it:
        it.execute(query, [s3_lake.uri("staging/none.csv")])
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)
