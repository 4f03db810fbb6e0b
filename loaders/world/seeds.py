"""The tables of the world that the models need too, as seeds: `python -m loaders.world.seeds` writes them."""

import csv
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loaders.world.clinical.diagnoses import DIAGNOSES
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.scenarios import PUBLISHED_MORTALITY, SCENARIOS
from loaders.world.robotics.catalogue import MODELS, PROCEDURES


def seeds() -> dict[str, str]:
    """The text of each seed by its file's name."""
    return {
        "scenarios.csv": _csv(
            ("scenario", "scenario_name", "published_mortality_low", "published_mortality_high"),
            ((s.code, s.name, *PUBLISHED_MORTALITY.get(s.code, ("", ""))) for s in SCENARIOS),
        ),
        "diagnoses.csv": _csv(
            ("icd10_code", "diagnosis_name", "scenario"), ((d.code, d.name, d.scenario) for d in DIAGNOSES)
        ),
        "lab_tests.csv": _csv(
            ("test_code", "test_name", "loinc_code", "unit", "decimals", "physical_min", "physical_max", "panel"),
            ((t.code, t.name, t.loinc, t.unit, t.decimals, *t.physical, t.panel) for t in TESTS),
        ),
        "robot_models.csv": _csv(
            ("model", "manufacturer", "arms", "domain", "release_year", "list_price_gbp_k"),
            ((m.name, m.manufacturer, m.arms, m.domain, m.release_year, m.list_price_gbp_k) for m in MODELS),
        ),
        "procedure_types.csv": _csv(
            (
                "procedure_type", "procedure_category", "domain", "patients", "expected_duration_minutes",
                "typical_complexity", "median_blood_loss_ml", "complication_rate", "conversion_rate",
                "expected_stay_days", "readmission_rate",
            ),
            (
                (
                    p.name, p.category, p.domain, p.who, p.mean_minutes, p.complexity, p.blood_loss_ml,
                    p.complication, p.conversion, p.stay_days, p.readmission,
                )
                for p in PROCEDURES
            ),
        ),
    }  # fmt: skip


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    for name, text in seeds().items():
        Path(*sys.argv[1:2] or ["seeds"], name).write_text(text, encoding="utf-8")
