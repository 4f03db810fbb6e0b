import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest

from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.lake.s3_client import forget
from loaders.raw.generate import generate
from loaders.staging.stage import stage
from loaders.world.config import PRESETS, World

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

COMMAND = Path(sys.executable).with_name("wardhouse")


LONGEST = ("test_parity.py", "test_warehouse.py", "test_oracle.py", "test_s3_pipeline.py", "test_local_clickhouse.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first, so that two workers end at about the same time."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def small_world() -> World:
    """Two hospitals of forty beds, for three weeks that cross the end of a leap February."""
    return replace(
        PRESETS["demo"], start=date(2024, 2, 17), days=21, beds=80, initial_patients=2_400, max_patients=4_000
    )


RUN_OPTIONS = ("--start", "2024-02-10", "--days", "40", "--beds", "120", "--set", "initial_patients=3000", "--dirty")

RUN_OFFLINE = """
import socket, sys
def refuse(*arguments): raise SystemExit(f'tried to reach {arguments[1:]}')
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *arguments, **named: refuse(None, *arguments)
from loaders.cli import main; main()
"""


class Ran(NamedTuple):
    """A lake on which `wardhouse run` did everything, what it said, where it wrote; and what it made there, kept aside.

    Others may run again into `target`; `made` has the site, manifest.json and catalog.json as they were.
    """

    lake: Lake
    said: str
    target: Path
    made: Path


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run once for all tests and workers, by a process that may not reach any network; no test may change its rows."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "ran"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "said").exists():
            command = [sys.executable, "-c", RUN_OFFLINE, "run", "--lake", str(folder / "lake"), *RUN_OPTIONS]
            settings = {**os.environ, "DBT_TARGET_PATH": str(folder / "target")}
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=settings)
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stderr == ""
            shutil.copytree(folder / "target" / "site", folder / "made" / "site")
            for file in ("manifest.json", "catalog.json"):
                shutil.copyfile(folder / "target" / file, folder / "made" / file)
            (folder / "said").write_text(done.stdout)
    return Ran(Lake.at(folder / "lake"), (folder / "said").read_text(), folder / "target", folder / "made")


@pytest.fixture(scope="session")
def site_artifacts(ran: Ran) -> tuple[Path, Path]:
    """dbt's manifest, with models compiled, and its catalog of a warehouse after a whole run."""
    return ran.made / "manifest.json", ran.made / "catalog.json"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.at(tmp_path / "lake")


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """The S3 stand-in of these tests."""
    code = "from loaders.local.s3 import serve; serve(0, lambda port: print(port, flush=True))"
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


@pytest.fixture
def s3_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Points this process, and those that it starts, to S3 on a port of this machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def at(port: int) -> None:
        forget()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")

    yield at
    forget()


@pytest.fixture
def s3_lake(s3_port: int, s3_at: Callable[[int], None]) -> Lake:
    """An empty lake in a bucket."""
    s3_at(s3_port)
    return Lake.at(f"s3://wardhouse/{uuid4().hex}/lake")


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


def digest_of(lake: Lake, *folders: str) -> str:
    """One sha256 over keys and contents of the objects in some folders of any lake."""
    whole = hashlib.sha256()
    for folder in folders:
        for key, _ in lake.find(folder):
            whole.update(key.encode() + b"\0" + lake.read(key) + b"\0")
    return whole.hexdigest()


def killed_until_done(code: str, folder: Path | Lake, first_seconds: float, more_seconds: float) -> int:
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


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
CHROMEDRIVER = shutil.which("chromedriver")
CHROMIUM_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1300,1000",
    "--lang=en-GB", "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Chrome"]:
    """A real browser, without a screen. WARDHOUSE_BROWSER=required fails where there is none, as CI must."""
    if not (CHROMIUM and CHROMEDRIVER):
        said = "needs chromium and chromedriver, as Debian's packages chromium and chromium-driver bring them"
        assert os.environ.get("WARDHOUSE_BROWSER") != "required", said
        pytest.skip(said)
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*CHROMIUM_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(CHROMEDRIVER))
    try:
        yield driver
    finally:
        driver.quit()
