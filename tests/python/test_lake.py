import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.errors import AlreadyRunning, LakeError
from loaders.lake import Lake
from loaders.lock import writing


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


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}\.json", fullmatch=True), st.binary(max_size=200_000), max_size=6))
def test_small_objects_are_read_together_as_one_by_one(tmp_path_factory, contents):
    lake = Lake.at(tmp_path_factory.mktemp("lake"))
    for name, data in contents.items():
        lake.create(f"raw/x/{name}", data)
    names = sorted(contents)
    if names:
        assert lake.read_all("raw/x", names) == [lake.read(f"raw/x/{name}") for name in names]


def test_a_write_leaves_the_old_object_or_the_new_one(lake):
    lake.write("state/x", b"old")
    lake.write("state/x", b"new")
    assert lake.read("state/x") == b"new"
    assert list(lake.find("state/tmp")) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [(13, "permission denied; choose another --lake"), (30, "the file system is read-only"), (28, "the disk is full")],
)
def test_a_lake_that_cannot_be_written_is_explained(lake, monkeypatch, number, said):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LakeError, match=said):
        lake.check_writable()


def test_a_lake_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match="a part of the path is a file, not a folder"):
        Lake.at(tmp_path / "file").check_writable()


@pytest.mark.parametrize("place", ["s3://bucket/prefix", "https://example.invalid/lake"])
def test_a_lake_elsewhere_is_refused(place):
    with pytest.raises(LakeError, match="is not a folder"):
        Lake.at(place)


def test_a_full_disk_is_explained(lake, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LakeError, match="the disk is full"):
        lake.create("raw/x", b"data")


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
    holder = subprocess.Popen([sys.executable, "-c", code, str(lake.root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning), writing(lake):
        pass
    assert json.loads((lake.root / "state/lock").read_text())["pid"] == holder.pid
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


def test_leftovers_of_a_killed_run_are_in_nobodys_way(lake):
    """In a container every run has the same process number."""
    code = (
        "import os, sys; from loaders.lake import Lake\n"
        "os.getpid = lambda: 7; os.link = lambda *_: os._exit(9)\n"
        "Lake.at(sys.argv[1]).create('raw/a', b'1')"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(lake.root)], check=False)
    assert killed.returncode == 9
    assert len(lake.find("state/tmp")) == 1
    again = code.replace("os.link = lambda *_: os._exit(9)", "print(os.getpid())")
    subprocess.run([sys.executable, "-c", again, str(lake.root)], check=True)
    assert lake.read("raw/a") == b"1"
