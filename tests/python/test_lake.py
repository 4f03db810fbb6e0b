import json
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.errors import AlreadyRunning, LakeError
from loaders.lake import Lake
from loaders.lock import writing
from loaders.workers import pool


@pytest.fixture(params=["folder", "s3"])
def lake(request, tmp_path):
    """What holds for one kind of lake holds for the other."""
    return Lake.at(tmp_path / "lake") if request.param == "folder" else request.getfixturevalue("s3_lake")


@pytest.fixture
def folder(tmp_path):
    return Lake.at(tmp_path / "lake")


def test_an_object_is_created_once(lake):
    assert lake.create("raw/a/b.json", b"first")
    assert not lake.create("raw/a/b.json", b"second")
    assert lake.read("raw/a/b.json") == b"first"


@pytest.mark.parametrize("prefix", ["raw", "truth"])
def test_raw_and_truth_are_neither_rewritten_nor_removed(lake, prefix):
    lake.create(f"{prefix}/x", b"1")
    with pytest.raises(LakeError, match="sacred"):
        lake.write(f"{prefix}/x", b"2")
    with pytest.raises(LakeError, match="sacred"):
        lake.remove(f"{prefix}/x")
    assert lake.read(f"{prefix}/x") == b"1"


def test_objects_are_found_in_order_with_their_sizes(lake):
    for key, data in {"raw/b/2": b"22", "raw/a/1": b"1", "raw/b/10": b"333", "rawer/x": b""}.items():
        lake.create(key, data)
    assert list(lake.find("raw")) == [("raw/a/1", 1), ("raw/b/10", 3), ("raw/b/2", 2)]
    assert list(lake.find("nowhere")) == []
    assert lake.folders("raw") == ["a", "b"]
    assert lake.folders("nowhere") == []


def test_objects_directly_in_a_folder_are_told_from_those_below(lake):
    for key in ("raw/x/1", "raw/x/y/2", "raw/x/y/z/3", "raw/xy"):
        lake.create(key, b"")
    assert lake.objects("raw/x") == [("1", 0), ("y/2", 0), ("y/z/3", 0)]
    assert lake.objects("raw/x", below=False) == [("1", 0)]


def test_folders_listed_together_are_as_listed_one_by_one(lake):
    for key in ("raw/x/d=01/1", "raw/x/d=01/y/2", "raw/x/d=02/3", "raw/x/d=021/4", "raw/x/d=03", "raw/x/e/5"):
        lake.create(key, b"1")
    for folders in (["d=01", "d=02"], ["d=02"], ["d=01", "d=03", "d=04"], ["d=01", "e"], []):
        assert lake.objects_in("raw/x", folders) == {name: lake.objects(f"raw/x/{name}") for name in folders}


def test_what_exists_is_known_by_its_whole_key(lake):
    lake.create("raw/ab/c.json", b"")
    assert lake.exists("raw/ab/c.json")
    for key in ("raw/ab/c", "raw/ab", "raw/ab/c.json2", "raw/a"):
        assert not lake.exists(key)


def test_what_is_not_there_cannot_be_read_and_can_be_removed(lake, tmp_path):
    for read in (lake.read, lambda key: lake.read_all("raw", [key]), lambda key: lake.local(key, tmp_path)):
        with pytest.raises(LakeError, match=r"cannot read .*: there is no such (file|object)$"):
            read("raw/nothing")
    lake.remove("staging/nothing")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}\.json", fullmatch=True), st.binary(max_size=200_000), max_size=6
    )
)
def test_small_objects_are_read_together_as_one_by_one(lake, contents):
    folder = f"raw/{uuid4().hex}"
    assert lake.create_all((f"{folder}/{name}", data) for name, data in contents.items()) == len(contents)
    assert lake.create_all((f"{folder}/{name}", b"other") for name in contents) == 0
    names = sorted(contents)
    if names:
        assert lake.read_all(folder, names) == [contents[name] for name in names]
        assert [lake.read(f"{folder}/{name}") for name in names] == [contents[name] for name in names]


def test_of_many_who_create_an_object_one_does(lake):
    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(lambda i: lake.create("raw/x", str(i).encode()), range(32)))
    assert sum(created) == 1
    assert lake.read("raw/x") == str(created.index(True)).encode()


def test_an_error_among_many_is_not_lost(lake):
    def objects():
        yield "raw/1", b""
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lake.create_all(objects())
    with pytest.raises(LakeError, match="cannot read"):
        lake.read_all("raw", ["1"] * 100 + ["2"] + ["1"] * 100)


def test_a_finished_file_is_taken_in_whole_and_scratch_is_gone(lake):
    with lake.scratch() as scratch:
        (scratch / "a").write_bytes(b"whole")
        (scratch / "b").write_bytes(b"left")
        lake.adopt(scratch / "a", "staging/x/a")
    assert lake.read("staging/x/a") == b"whole"
    assert not scratch.exists()
    with lake.scratch() as scratch:
        path = lake.local("staging/x/a", scratch)
        assert path.read_bytes() == b"whole"
    assert lake.read("staging/x/a") == b"whole"


def test_scratch_of_killed_runs_is_tidied(lake):
    code = (
        "import os, sys; from loaders.lake import Lake\n"
        "with Lake.at(sys.argv[1]).scratch() as scratch: print(scratch, flush=True); os._exit(9)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(lake)], capture_output=True, text=True, check=False)
    left = Path(said.stdout.strip())
    assert left.is_dir()
    lake.tidy()
    assert not left.exists()


def test_a_lake_can_be_sent_to_another_process(lake):
    lake.write("state/x", b"1")
    assert pickle.loads(pickle.dumps(lake)).read("state/x") == b"1"
    with pool(2, int) as processes:
        assert [future.result() for future in [processes.submit(lake.read, "state/x") for _ in range(4)]] == [b"1"] * 4


def test_a_write_leaves_the_old_object_or_the_new_one(lake):
    lake.write("state/x", b"old")
    lake.write("state/x", b"new")
    assert lake.read("state/x") == b"new"
    assert list(lake.find("state/tmp")) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [(13, "permission denied; choose another --lake"), (30, "the file system is read-only"), (28, "the disk is full")],
)
def test_a_lake_that_cannot_be_written_is_explained(folder, monkeypatch, number, said):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LakeError, match=said):
        folder.check_writable()


def test_a_lake_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match="a part of the path is a file, not a folder"):
        Lake.at(tmp_path / "file").check_writable()


@pytest.mark.parametrize(
    "place",
    [
        "https://example.invalid/lake", "s3://", "s3:///prefix", "s3:bucket", "s3://b", "s3://bucket/a/../b",
        "s3://bucket/a*", "s3://bucket/it's", "s3://bucket/a?b", "s3://buc ket/a", "S3://bucket/a",
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_a_lake_is_refused(place):
    with pytest.raises(LakeError, match="s3://bucket/prefix") as refused:
        Lake.at(place)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket//a//b=1/", "s3://bucket/a/b=1"),
    ],
)
def test_a_place_in_a_bucket_is_said_in_one_way(place, said):
    assert str(Lake.at(place)) == said
    assert Lake.at(place).uri("raw/x") == f"{said}/raw/x"


def test_a_full_disk_is_explained(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LakeError, match="the disk is full"):
        folder.create("raw/x", b"data")


def test_two_writers_never_meet(lake):
    with writing(lake), pytest.raises(AlreadyRunning) as refused, writing(lake):
        pass
    assert f"process {os.getpid()}" in str(refused.value)
    assert "wait for it, or choose another --lake" in str(refused.value)
    with writing(lake):
        pass


def test_a_killed_writer_leaves_no_lock(lake):
    code = (
        "import sys, time; from loaders.lake import Lake; from loaders.lock import writing\n"
        "with writing(Lake.at(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(lake)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning), writing(lake):
        pass
    assert json.loads(lake.read("state/lock"))["pid"] == holder.pid
    holder.kill()
    holder.wait()
    holder.stdout.close()
    for _ in range(50):
        try:
            with writing(lake):
                return
        except AlreadyRunning:
            time.sleep(0.1)
    pytest.fail("the lock outlived its holder")


def test_leftovers_of_a_killed_run_are_in_nobodys_way(folder):
    """In a container every run has the same process number."""
    code = (
        "import os, sys; from loaders.lake import Lake\n"
        "os.getpid = lambda: 7; os.link = lambda *_: os._exit(9)\n"
        "Lake.at(sys.argv[1]).create('raw/a', b'1')"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert killed.returncode == 9
    assert len(folder.find("state/tmp")) == 1
    again = code.replace("os.link = lambda *_: os._exit(9)", "print(os.getpid())")
    subprocess.run([sys.executable, "-c", again, str(folder)], check=True)
    assert folder.read("raw/a") == b"1"
