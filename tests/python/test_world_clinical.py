import re
from pathlib import Path

import yaml

from loaders.world.clinical.diagnoses import DIAGNOSES
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.scenarios import CODES, EMERGENCIES
from loaders.world.clinical.seeds import seeds
from loaders.world.config import DEPARTMENTS

ROOT = Path(__file__).parents[2]


def test_the_seeds_are_the_tables():
    for name, text in seeds().items():
        assert (ROOT / "seeds" / name).read_text(encoding="utf-8") == text, f"make {name} anew"


def test_the_tables_agree_with_the_contracts():
    contract = yaml.safe_load((ROOT / "models/staging/clinical/_clinical__sources.yml").read_text())
    tables = {table["name"]: {c["name"]: c for c in table["columns"]} for table in contract["sources"][0]["tables"]}
    scenario = next(t for t in tables["encounters"]["scenario"]["data_tests"] if isinstance(t, dict))
    assert list(CODES) == scenario["accepted_values"]["arguments"]["values"]
    pattern = tables["encounters"]["primary_diagnosis"]["config"]["meta"]["pattern"]
    assert all(re.fullmatch(pattern, diagnosis.code) for diagnosis in DIAGNOSES)
    assert {diagnosis.scenario for diagnosis in DIAGNOSES} == set(CODES)
    assert all(re.fullmatch(tables["labs"]["loinc_code"]["config"]["meta"]["pattern"], test.loinc) for test in TESTS)
    assert {code for mix in EMERGENCIES.values() for code in mix} <= set(CODES)
    assert set(EMERGENCIES) == {department.code for department in DEPARTMENTS}
