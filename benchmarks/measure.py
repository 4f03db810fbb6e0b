"""How a thing is measured: in a process of its own, three times, the median told."""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

TIMES = 3


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, its value, what it stands beside, and what was aimed at."""

    what: str
    value: str
    beside: str
    goal: str = ""


@dataclass(frozen=True)
class Measured:
    """Seconds (the median) and peak memory in MB, of the process and of its children together."""

    seconds: float
    megabytes: float


def in_own_process(function: str, *arguments: object, times: int = TIMES) -> Measured:
    """Call `module:function` in fresh processes; the function returns the seconds that count."""
    runs = []
    for _ in range(times):
        call = [sys.executable, "-m", "benchmarks.measure", function, json.dumps(arguments)]
        done = subprocess.run(call, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        if done.returncode:
            raise RuntimeError(done.stderr)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return Measured(statistics.median(run[0] for run in runs), max(run[1] for run in runs))


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def fresh(name: str) -> Path:
    """A new folder; none is deleted before all is measured, since deleting slows later writes."""
    root = Path(os.environ.get("WARDHOUSE_BENCH", mkdtemp(prefix="wardhouse-bench-")))
    os.environ["WARDHOUSE_BENCH"] = str(root)
    return Path(mkdtemp(prefix=f"{name}-", dir=root))


def peak_megabytes() -> float:
    """Peak memory of this process and, where it had children, of the largest of them for each that ran beside it."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return own + child * int(os.environ.get("WARDHOUSE_BENCH_CHILDREN", "1")) if child else own


def main() -> None:
    """Run one function in this process, for `in_own_process`."""
    module, _, name = sys.argv[1].partition(":")
    function = getattr(__import__(f"benchmarks.{module}", fromlist=[name]), name)
    seconds = function(*json.loads(sys.argv[2]))
    print(json.dumps([seconds, peak_megabytes()]))


if __name__ == "__main__":
    main()
