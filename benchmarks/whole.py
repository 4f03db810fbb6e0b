"""The whole job: how long a new user waits, and what ten times the days cost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, fresh, in_own_process, timed


def rows() -> Iterator[Row]:
    """Lines of the table."""
    demo = in_own_process("whole:demo", 90)
    imports = in_own_process("whole:imports")
    yield Row(
        "wardhouse run, demo, installed: from nothing to published",
        f"{demo.seconds:.1f} s",
        f"of which importing dbt and Great Expectations {imports.seconds:.1f} s; {demo.megabytes:,.0f} MB",
        "≤ 45 s",
    )
    few, many = (
        in_own_process("whole:raw_and_staged", 90, times=1),
        in_own_process("whole:raw_and_staged", 900, times=1),
    )
    yield Row(
        "generate and stage, demo packed, 900 days against 90",
        f"{many.seconds / few.seconds:.1f}× the time",
        f"{many.seconds:.1f} s against {few.seconds:.1f} s; {many.megabytes:,.0f} MB against {few.megabytes:,.0f} MB",
        "≤ 11×",
    )
    long = in_own_process("whole:demo", 900, times=1)
    yield Row(
        "wardhouse run, demo packed, 900 days against 90",
        f"{long.seconds / demo.seconds:.1f}× the time",
        f"{long.seconds:.1f} s against {demo.seconds:.1f} s",
        "≤ 11×",
    )


def demo(days: int) -> float:
    """Everything, in a lake that is not there yet."""
    folder = fresh("demo")
    options = ["--days", str(days)] + (["--pack"] if days > 90 else [])
    return timed(lambda: wardhouse("run", "--lake", str(folder / "lake"), *options, target=folder / "target"))


def raw_and_staged(days: int) -> float:
    """Simulate, land and stage."""
    folder = fresh("days")

    def play() -> None:
        wardhouse("generate", "--lake", str(folder), "--days", str(days), "--pack", target=folder)
        wardhouse("stage", "--lake", str(folder), target=folder)

    return timed(play)


def imports() -> float:
    """Only the imports that no run can do without."""
    code = "import dbt.cli.main, great_expectations"
    return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))


def wardhouse(*arguments: str, target: Path) -> None:
    """The command as installed, its docs and logs in `target`."""
    command = str(Path(sys.executable).with_name("wardhouse"))
    settings = {**os.environ, "DBT_TARGET_PATH": str(target)}
    subprocess.run([command, *arguments], check=True, capture_output=True, env=settings)
