import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.generate import generate
from loaders.staging.stage import stage
from loaders.world.config import PRESETS, World

COMMAND = Path(sys.executable).with_name("wardhouse")


@pytest.fixture(scope="session")
def small_world() -> World:
    """Two hospitals of forty beds, for three weeks that cross the end of a leap February."""
    return replace(
        PRESETS["demo"], start=date(2024, 2, 17), days=21, beds=80, initial_patients=2_400, max_patients=4_000
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.at(tmp_path / "lake")


@pytest.fixture
def raw_lake(lake: Lake, small_world: World) -> Lake:
    generate(lake, small_world)
    return lake


@pytest.fixture
def staged_lake(raw_lake: Lake) -> Lake:
    stage(raw_lake, contracts())
    return raw_lake


def digest(folder: Path, *patterns: str) -> str:
    """One sha256 over names and contents of the files that match, in order of names."""
    whole = hashlib.sha256()
    for path in sorted({p for pattern in patterns or ("**/*",) for p in folder.glob(pattern) if p.is_file()}):
        whole.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def killed_until_done(code: str, folder: Path, first_seconds: float, more_seconds: float) -> int:
    """Run code on a folder and SIGKILL it once it is ready, later each time, until it gets through; returns the deaths.

    The code says a line when it is ready. It must get through within forty runs.
    """
    for deaths in range(40):
        run = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
        run.stdout.readline()
        time.sleep(first_seconds + more_seconds * deaths)
        run.send_signal(signal.SIGKILL)
        run.stdout.close()
        if run.wait() == 0:
            return deaths
    raise AssertionError("it was killed forty times")


@pytest.fixture
def wardhouse(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command as a user runs it, writing nothing into the project."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {**os.environ, "DBT_TARGET_PATH": str(tmp_path / "target"), "COLUMNS": "100", **environment}
        return subprocess.run([str(COMMAND), *arguments], capture_output=True, text=True, env=settings, timeout=300)

    return run
