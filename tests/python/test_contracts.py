from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from loaders.contracts import KNOWN_META, contracts
from loaders.errors import BadContract
from loaders.project import PROJECT
from loaders.raw.generate import ENTITY_OF

GOOD = {
    "sources": [
        {
            "name": "s",
            "tables": [
                {
                    "name": "t",
                    "config": {"meta": {"raw": "raw/s/t", "key": ["id"], "partition": "at"}},
                    "columns": [
                        {"name": "id", "data_type": "varchar(8)", "data_tests": ["not_null", "unique"]},
                        {"name": "at", "data_type": "timestamp", "data_tests": ["not_null"]},
                        {"name": "amount", "data_type": "decimal(12,2)"},
                    ],
                }
            ],
        }
    ]
}


def project(tmp_path: Path, content: object) -> Path:
    folder = tmp_path / "models" / "staging" / "s"
    folder.mkdir(parents=True)
    (folder / "_s__sources.yml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return tmp_path


def test_every_entity_has_a_contract_with_everything_said():
    found = contracts()
    assert set(ENTITY_OF.values()) <= set(found)
    for contract in found.values():
        assert contract.description
        assert contract.raw.startswith(("raw/", "truth/"))
        for column in contract.columns:
            assert column.description, (contract.entity, column.name)
            assert contract.arrow_schema.field(column.name).nullable is not column.required


def test_a_contract_becomes_a_schema(tmp_path):
    contract = contracts(project(tmp_path, GOOD))["t"]
    assert contract.arrow_schema == pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("at", pa.timestamp("us"), nullable=False),
            pa.field("amount", pa.decimal128(12, 2)),
        ]
    )
    assert contract.arrow_schema.metadata == {b"contract": b"s.t"}
    assert contract.folder_name == "at"
    assert contract.unique_sets == (("id",),)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("columns", 0, "data_type"), "money", "_s__sources.yml: t.id: data_type 'money' is not one of timestamp"),
        (("columns", 0, "config"), {"meta": {"colour": 1}}, "t.id: config.meta.colour is not one of minimum, maximum"),
        (("columns", 0, "config"), {"meta": {"pattern": "("}}, "t.id: pattern '(' is not a regular expression"),
        (("columns", 0, "config"), {"meta": {"not_after": "then"}}, "t: there is no column 'then'"),
        (("config", "meta", "key"), ["nope"], "t: there is no column 'nope'"),
        (("config", "meta", "partition"), "id", "t: partition 'id' is neither a date nor a timestamp"),
        (("config", "meta", "partition_by"), "week", "t: partition_by 'week' is neither month nor day"),
        (("config", "meta", "checks"), ["id is fine"], "t: check 'id is fine' is not of the form"),
        (("config", "meta"), {"key": ["id"], "partition": "at"}, "t: config.meta.raw is missing"),
    ],
)
def test_a_broken_contract_is_explained_with_its_place(tmp_path, path, value, said):
    content = yaml.safe_load(yaml.safe_dump(GOOD))
    spot = content["sources"][0]["tables"][0]
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = value
    with pytest.raises(BadContract) as refused:
        contracts(project(tmp_path, content))
    assert said in str(refused.value)


def test_a_project_without_contracts_is_explained(tmp_path):
    with pytest.raises(BadContract, match="there are no contracts"):
        contracts(tmp_path)


def test_no_other_python_restates_a_schema():
    for path in (PROJECT / "loaders").glob("**/*.py"):
        if path.name not in ("contracts.py",):
            assert "pa.decimal128" not in path.read_text(), path


def test_every_key_of_a_contract_is_explained_in_the_docs():
    text = (PROJECT / "docs" / "contracts.md").read_text()
    for keys in KNOWN_META.values():
        for name, meaning in keys.items():
            assert f"| `{name}` | {meaning} |" in text
