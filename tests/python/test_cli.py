"""The command as people use it, and as they misuse it."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from conftest import COMMAND
from typer.testing import CliRunner

from loaders.cli import app
from loaders.errors import WardhouseError
from loaders.lake import Lake
from loaders.lock import writing
from loaders.project import PROJECT

COMMANDS = ["run", "generate", "stage", "check", "build", "docs", "show", "ask", "metrics", "status", "parity", "serve"]
README = (PROJECT / "README.md").read_text()


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_these_are_all_the_commands():
    assert sorted(command.callback.__name__ for command in app.registered_commands) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command):
    shown = invoke(command, "--help")
    assert shown.exit_code == 0
    assert f"Example: wardhouse {command}" in " ".join(shown.stdout.split())
    assert ("--lake" in shown.stdout) == (command != "serve")
    assert f"`wardhouse {command}" in README


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_command_alone_says_what_there_is(arguments):
    shown = invoke(*arguments)
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s+\S", shown.stdout, re.MULTILINE), command


def test_help_is_quick():
    start = time.perf_counter()
    done = subprocess.run([str(COMMAND), "--help"], capture_output=True, text=True, check=True)
    assert "Simulate a hospital network" in done.stdout
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, loaders.cli; print([m for m in sys.modules if '.' not in m])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for heavy in ("numpy", "pyarrow", "duckdb", "dbt", "great_expectations", "faker"):
        assert f"'{heavy}'" not in loaded
    assert time.perf_counter() - start < 30


def test_the_version_is_said():
    assert re.fullmatch(r"wardhouse \d+\.\d+\.\d+\n", invoke("--version").stdout)


BAD_USE = {
    "an unknown preset": (["generate", "--preset", "huge"], "there is no preset 'huge': choose one of demo"),
    "no such day": (["generate", "--start", "2024-02-30"], "start = '2024-02-30' is not a date"),
    "a day long ago": (["generate", "--start", "1066-10-14"], "start must be from 2012-01-01"),
    "days that end too late": (
        ["generate", "--start", "2034-12-30", "--days", "3000"],
        "the last day must not be after",
    ),
    "no days": (["generate", "--days", "0"], "days must be from 1"),
    "days in words": (["run", "--days", "many"], "days = 'many' is not a whole number"),
    "an unknown number": (["generate", "--set", "bedz=3"], "there is no setting 'bedz'"),
    "a number without a value": (["generate", "--set", "beds"], "--set beds is not of the form NAME=VALUE"),
    "no such part": (["generate", "--shard", "3/2"], "--shard 3/2 is not a part such as 1/4"),
    "a date and days": (
        ["generate", "--date", "2024-01-05", "--days", "3"],
        "--days and --date both say how far to go",
    ),
    "a date before the world": (["generate", "--date", "2023-12-31"], "is before the world's first day, 2024-01-01"),
    "a sample of no day": (["generate", "--mode", "sample"], "--mode sample needs the --date of the batch"),
    "no warehouse, ask": (["ask", "1"], "there is no warehouse in"),
    "no such question": (["ask", "16"], "there is no question '16': `wardhouse ask` lists the 15 that there are"),
    "half a question": (["ask", "top"], "'top' may be q02_top_surgeons or q03_top_robots or q04_top_facilities"),
    "one question and all": (["ask", "1", "--all"], "--all asks every question, and 1 is one: give one of them"),
    "no warehouse, show": (["show", "encounter"], "there is no warehouse in"),
    "a lake elsewhere": (["stage", "--lake", "https://a/b"], "https://a/b is neither a folder, such as data, nor"),
    "nothing staged, check": (["check", "staging"], "run `wardhouse generate` and `wardhouse stage` first"),
    "nothing staged, build": (["build"], "run `wardhouse generate` and `wardhouse stage` first"),
    "no warehouse, check": (["check", "marts"], "there is no warehouse in"),
}


@pytest.mark.parametrize("use", BAD_USE)
def test_bad_use_is_one_line_that_says_what_to_do(use, tmp_path):
    arguments, said = BAD_USE[use]
    if "--lake" not in arguments:
        arguments = [*arguments, "--lake", str(tmp_path / "lake")]
    done = invoke(*arguments)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["check"],
        ["check", "vibes"],
        ["generate", "--speed"],
        ["stage", "--workers", "0"],
        ["show", "me"],
        ["docs", "--serve", "--port", "70000"],
        ["generate", "--date", "2024-02-30"],
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(arguments):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr


def test_a_lake_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "lake").write_text("mine")
    done = invoke("generate", "--lake", str(tmp_path / "lake"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "a part of the path is a file, not a folder; choose another --lake" in done.stderr
    assert (tmp_path / "lake").read_text() == "mine"


@pytest.mark.parametrize("command", ["run", "generate", "stage", "build"])
def test_a_second_run_at_the_same_time_is_turned_away(command, tmp_path):
    lake = Lake.at(tmp_path / "lake")
    with writing(lake):
        done = invoke(command, "--lake", str(lake.root))
    assert done.exit_code == 1
    assert f"(process {os.getpid()} on " in done.stderr
    assert "is writing to this lake; wait for it, or choose another --lake" in done.stderr


def test_the_workers_of_a_killed_run_end_with_it_and_let_go_of_the_lake(tmp_path):
    lake = Lake.at(tmp_path / "lake")
    options = ["--lake", str(lake.root), "--preset", "portfolio", "--workers", "2"]
    run = subprocess.Popen([str(COMMAND), "generate", *options], stdout=subprocess.DEVNULL)
    wait_until(lambda: lake.find("raw"))
    run.kill()
    run.wait()

    def can_be_written() -> bool:
        try:
            with writing(lake):
                return True
        except WardhouseError:
            return False

    wait_until(can_be_written)
    assert len(lake.find("raw")) < 20_000
    done = invoke("generate", *options, "--days", "30")
    assert done.exit_code == 0, done.stderr


def wait_until(so) -> None:
    end = time.monotonic() + 30
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_another_world_in_the_lake_is_not_mixed_with_this_one(tmp_path):
    options = ["--lake", str(tmp_path / "lake"), "--days", "2", "--beds", "60", "--set", "initial_patients=900"]
    assert invoke("generate", "--seed", "1", *options).exit_code == 0
    done = invoke("generate", "--seed", "2", *options)
    assert done.exit_code == 1
    assert "holds another world, with seed = 1 (asked for 2): choose another --lake" in done.stderr


def test_steps_say_what_they_did_and_how_fast(tmp_path):
    options = ["--lake", str(tmp_path / "lake")]
    world = ["--days", "3", "--beds", "60", "--facilities", "1", "--set", "initial_patients=900", "--pack"]
    said = invoke("generate", *options, *world).stdout
    assert re.search(r"generate  3 facility-days, \d+ events in \d+ new objects  \d+\.\d s \([\d,]+ events/s\)", said)
    assert "generate  nothing new" in invoke("generate", *options).stdout
    assert "generate  2 facility-days" in invoke("generate", *options, "--days", "5").stdout
    said = invoke("stage", *options).stdout
    assert re.search(r"stage     [\d,]+ records = [\d,]+ staged \+ 0 duplicates \+ 0 quarantined", said)
    assert "stage     nothing new" in invoke("stage", *options).stdout


def test_status_of_an_empty_lake_says_how_to_begin(tmp_path):
    said = invoke("status", "--lake", str(tmp_path / "lake")).stdout
    assert "world       none: `wardhouse generate` makes one" in said
    assert "staged      nothing: `wardhouse stage` stages what is raw" in said
    found = json.loads(invoke("status", "--lake", str(tmp_path / "lake"), "--json").stdout)
    assert found["world"] is None


def test_status_names_raw_objects_that_nobody_asked_for(tmp_path):
    lake = Lake.at(tmp_path / "lake")
    assert invoke("generate", "--lake", str(lake.root), "--days", "1", "--beds", "60").exit_code == 0
    lake.create("raw/operations/meals/event_date=2024-01-01/soup.json", b"{}")
    assert invoke("stage", "--lake", str(lake.root)).exit_code == 0
    said = invoke("status", "--lake", str(lake.root)).stdout
    assert "1 objects in raw/operations/meals belong to no contract and are not staged" in said


def test_an_interrupted_command_says_how_to_go_on(monkeypatch, tmp_path):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("loaders.staging.stage.stage", interrupt)
    done = invoke("stage", "--lake", str(tmp_path))
    assert done.exit_code == 130
    assert done.stderr == "interrupted: run the same command again to go on\n"


def test_all_errors_are_explained_errors():
    import loaders.errors as errors

    named = [value for value in vars(errors).values() if isinstance(value, type)]
    assert all(issubclass(error, WardhouseError) for error in named)
    for error in named:
        assert error.__name__ in (errors.__doc__ or "")
    for path in (PROJECT / "loaders").glob("**/*.py"):
        text = path.read_text()
        assert "raise Exception" not in text, path
        if path.name not in ("cli.py", "calendar.py"):
            assert "print(" not in text, path
