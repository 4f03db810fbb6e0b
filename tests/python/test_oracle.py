"""What DuckDB builds is what plain Python works out from the raw objects, row by row and column by column."""

import csv
import json
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import oracle
import pytest
from oracle import KEYS, Rows, differences, named, warehouse

from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.generate import generate
from loaders.staging.stage import stage
from loaders.targets import duckdb_warehouse
from loaders.warehouse import Dbt, prepare_building, publish
from loaders.world.config import PRESETS, World

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SMALL = replace(PRESETS["demo"], beds=80, initial_patients=2_400, max_patients=4_000, rating_change_chance=0.3)
WORLDS = {
    "leap": replace(SMALL, start=date(2024, 2, 17), days=21, smallest_department_beds=3, dirty_share=0.01),
    "winter": replace(
        SMALL, start=date(2023, 11, 25), days=100, beds=130, smallest_department_beds=2, packed=True, seed=7
    ),
    "clocks": replace(SMALL, start=date(2024, 3, 27), days=9, facilities=1, beds=14, seed=3),
}


def build(lake: Lake) -> Path:
    stage(lake, contracts())
    Dbt(str(lake), duckdb_warehouse(prepare_building(lake)))._run(
        "build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"
    )
    return publish(lake)


def spoil(lake: Lake) -> None:
    """Events that never come, a day on which nobody counted beds, and reference data that changes its mind."""
    raw = lake.root / "raw/operations"
    for entity, every in (("admission", 9), ("discharge", 17), ("wait_snapshot", 13), ("dep_snapshot", 41)):
        for path in sorted((raw / entity).glob("*/*.json"))[::every]:
            path.unlink()
    for path in (raw / "dep_snapshot/event_date=2024-02-25").glob("*.json"):
        path.unlink()
    for path in (raw / "patients/extract_date=2024-02-17").glob("*.ndjson"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[::3]))
    retell(raw, "departments", "F01-AMU", is_deleted=True, updated_at="2024-03-02T00:00:00Z")
    retell(raw, "departments", "F02-GMED", funded_beds=1)
    retell(raw, "departments", "F02-AMU", department_name="Acute Medicine", updated_at="2024-02-27T00:00:00Z")
    retell(raw, "facilities", "F01", rating="Outstanding", updated_at="2024-03-01T12:34:56Z")
    retell(raw, "patients", "P010000000", is_deleted=True, updated_at="2024-03-02T08:00:00Z")


def retell(raw: Path, entity: str, one: str, **changes: Any) -> None:
    """Say the newest version of a row again, as part of the extract of 3 March, with some of it changed."""
    name = {"departments": "department_id", "facilities": "facility_id", "patients": "patient_id"}[entity]
    told = [json.loads(line) for path in sorted((raw / entity).glob("*/*")) for line in path.open()]
    newest = max((row for row in told if row[name] == one), key=lambda row: row["updated_at"])
    path = raw / entity / "extract_date=2024-03-03" / f"{entity}_again_{one}.ndjson"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(newest | {"extract_date": "2024-03-03"} | changes) + "\n")


def hold_back(lake: Lake, aside: Path) -> None:
    """Keep every fifth raw object aside, and the extract of March, to come late."""
    for path in [
        *sorted((lake.root / "raw/operations").glob("*/event_date=*/*"))[::5],
        *(lake.root / "raw/operations").glob("*/extract_date=2024-03-*/*"),
    ]:
        place = aside / path.relative_to(lake.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)


@dataclass(frozen=True)
class Twice:
    """A world's relations as worked out and as built."""

    expected: dict[str, Rows]
    actual: dict[str, Rows]


@pytest.fixture(scope="module")
def worked_out(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Twice]:
    """Each world, simulated, worked out and built when it is first asked for."""
    folder = tmp_path_factory.mktemp("oracle")
    done: dict[str, Twice] = {}

    def both(name: str) -> Twice:
        if name not in done:
            lake = Lake.at(folder / name)
            generate(lake, WORLDS[name])
            if name == "leap":
                spoil(lake)
                hold_back(lake, folder / "aside")
                build(lake)
                for path in (folder / "aside").rglob("*.*json"):
                    path.rename(lake.root / path.relative_to(folder / "aside"))
            done[name] = Twice(warehouse(lake.root), relations(build(lake)))
        return done[name]

    before = os.environ.get("DBT_TARGET_PATH")
    os.environ["DBT_TARGET_PATH"] = str(folder / "target")
    yield both
    os.environ.pop("DBT_TARGET_PATH")
    if before is not None:
        os.environ["DBT_TARGET_PATH"] = before


def relations(path: Path) -> dict[str, Rows]:
    with duckdb.connect(str(path), read_only=True) as connection:

        def rows(relation: str) -> Rows:
            result = connection.execute(f"from {relation}")
            return named([column[0] for column in result.description], result.fetchall())

        return {relation: rows(relation) for relation in KEYS}


@pytest.mark.parametrize("relation", KEYS)
@pytest.mark.parametrize("name", WORLDS)
def test_a_relation_is_what_the_raw_objects_say(worked_out, name, relation):
    world = worked_out(name)
    assert len(world.expected[relation]) > 1
    assert differences(world.expected[relation], world.actual[relation], KEYS[relation]) == []
