"""Run the benchmarks, all or those named, and print their table."""

import shutil
import sys

from benchmarks import clinical, raw, simulate, site, staging, telemetry, theatres, warehouses, whole
from benchmarks.measure import fresh

ALL = {
    "simulate": simulate,
    "raw": raw,
    "clinical": clinical,
    "telemetry": telemetry,
    "theatres": theatres,
    "staging": staging,
    "site": site,
    "whole": whole,
    "warehouses": warehouses,
}


def main() -> None:
    """Measure and print a line at a time."""
    root = fresh("root").parent
    print("| what | measured | beside | aimed at |\n|---|---|---|---|", flush=True)
    try:
        for name in sys.argv[1:] or ALL:
            for row in ALL[name].rows():
                print(f"| {row.what} | {row.value} | {row.beside} | {row.goal} |", flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
