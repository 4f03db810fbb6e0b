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
from tempfile import TemporaryFile, mkdtemp

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
    """Seconds (the median); peak memory in MB of the process and those below it at one time, seen every 100 ms; and
    seconds of processors that they all took (the median), start and end included."""

    seconds: float
    megabytes: float
    busy: float


def in_own_process(function: str, *arguments: object, times: int = TIMES) -> Measured:
    """Call `module:function` in fresh processes; the function returns the seconds that count."""
    runs = []
    for _ in range(times):
        call = [sys.executable, "-m", "benchmarks.measure", function, json.dumps(arguments)]
        with TemporaryFile("w+") as told, TemporaryFile("w+") as errors:
            before = _busy()
            process = subprocess.Popen(call, stdout=told, stderr=errors, cwd=Path(__file__).parents[1])
            megabytes = 0.0
            while process.poll() is None:
                megabytes = max(megabytes, _memory_of(process.pid))
                time.sleep(0.1)
            for output in (told, errors):
                output.seek(0)
            if process.returncode:
                raise RuntimeError(errors.read())
            runs.append((float(told.read().splitlines()[-1]), megabytes, _busy() - before))
    seconds, megabytes, busy = zip(*runs, strict=True)
    return Measured(statistics.median(seconds), max(megabytes), statistics.median(busy))


def _busy() -> float:
    """Seconds of processors that ended children of this process took, and those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory_of(process: int) -> float:
    """Memory in MB that a process and those below it hold now; what they share counts once."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    held = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return held / 1024 + sum(_memory_of(int(child)) for child in children)


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def fresh(name: str) -> Path:
    """A new folder; none is deleted before all is measured, since deleting slows later writes."""
    if "WARDHOUSE_BENCH" not in os.environ:
        os.environ["WARDHOUSE_BENCH"] = mkdtemp(prefix="wardhouse-bench-")
    return Path(mkdtemp(prefix=f"{name}-", dir=os.environ["WARDHOUSE_BENCH"]))


def main() -> None:
    """Run one function in this process, for `in_own_process`."""
    module, _, name = sys.argv[1].partition(":")
    function = getattr(__import__(f"benchmarks.{module}", fromlist=[name]), name)
    print(function(*json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()
