"""Surgical robotics: the portfolio from nothing, telemetry by the ten million, snapshots, and questions asked."""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from benchmarks.measure import Row, fresh, in_own_process, timed
from benchmarks.whole import wardhouse
from loaders.ask import answer, questions
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.generate import generate
from loaders.staging.manifest import read_manifest, totals
from loaders.staging.stage import stage
from loaders.targets import duckdb_warehouse
from loaders.warehouse import Dbt, published
from loaders.world.config import world_from

MANY = 50_000_000
ASKED = 10_000_000
# Completed cases of the demo, among which samples are shared out.
CASES = 280
DAYS = 60


def rows() -> Iterator[Row]:
    """Lines of the table."""
    whole = in_own_process("theatres:portfolio", times=1)
    yield Row(
        "`wardhouse run`, portfolio, installed: from nothing to published",
        f"{whole.seconds:.1f} s",
        f"processors {whole.busy:.0f} s; {whole.megabytes:,.0f} MB",
        "≤ 120 s",
    )
    replay = in_own_process("theatres:slowest_snapshot")
    yield Row(
        "the slowest snapshot of a month's new versions", f"{replay.seconds:.2f} s", "by dbt's own clock", "≤ 0.4 s"
    )
    place, samples = lake(MANY)
    built = in_own_process("theatres:build", str(place), times=1)
    yield Row(
        f"models and tests, {samples:,} samples of telemetry, DuckDB",
        f"{built.megabytes:,.0f} MB",
        f"{built.seconds:.0f} s; processors {built.busy:.0f} s",
        "< 4,096 MB",
    )
    place, samples = lake(ASKED)
    in_own_process("theatres:build", str(place), times=1)
    slowest = in_own_process("theatres:slowest_answer", str(place))
    yield Row(
        f"the slowest of {len(questions())} questions, {samples:,} samples of telemetry, DuckDB",
        f"{slowest.seconds:.2f} s",
        "connecting included, compiling not",
        "≤ 1 s",
    )


@lru_cache
def lake(samples: int) -> tuple[Path, int]:
    """A demo with about so many samples of telemetry staged, and how many it has."""
    place = fresh("telemetry")
    settings = {"telemetry_samples": samples // CASES, "telemetry_format": "parquet", "packed": True}
    generate(Lake.at(str(place)), world_from("demo", settings))
    stage(Lake.at(str(place)), contracts())
    return place, totals(read_manifest(Lake.at(str(place))))["procedure_telemetry"].staged


def portfolio() -> float:
    """Everything, two years of ten hospitals."""
    folder = fresh("portfolio")
    return timed(
        lambda: wardhouse("run", "--preset", "portfolio", "--lake", str(folder / "lake"), target=folder / "target")
    )


def slowest_snapshot() -> float:
    """Seconds of the slowest snapshot, of a build after a month in which versions came."""
    folder = fresh("versions")
    lake = str(folder / "lake")
    for days in (DAYS, DAYS + 31):
        for step in (["generate", "--days", str(days), "--pack"], ["stage"], ["build"]):
            wardhouse(*step, "--lake", lake, target=folder / "target")
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return max(result["execution_time"] for result in results if result["unique_id"].startswith("snapshot."))


def build(place: str) -> float:
    """Models and tests."""
    return timed(lambda: wardhouse("build", "--lake", place, target=Path(place).with_name("target")))


def slowest_answer(place: str) -> float:
    """Seconds of the slowest question."""
    os.environ["DBT_TARGET_PATH"] = str(Path(place).with_name("target"))
    warehouse = duckdb_warehouse(published(Lake.at(place)))
    compiled = Dbt(place, warehouse).compiled([question.name for question in questions()])
    return max(answer(warehouse, question, compiled[question.name]).seconds for question in questions())
