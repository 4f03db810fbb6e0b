import json
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from loaders.contracts import KNOWN_META, Reference, contracts
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


COLUMN = {"data_type": "varchar(8)", "data_tests": ["not_null"]}
DAY = {"name": "day", "data_type": "date", "config": {"meta": {"from": "folder"}}}
BATCH = {
    "sources": [
        {
            "name": "s",
            "tables": [
                {
                    "name": "stays",
                    "config": {"meta": {"raw": "raw/s", "file": "stays.csv", "key": ["id"], "partition": "day"}},
                    "columns": [
                        DAY,
                        {"name": "id", **COLUMN},
                        {"name": "whose", **COLUMN},
                        {"name": "start", "data_type": "timestamp", "config": {"meta": {"on": "day"}}},
                    ],
                },
                {
                    "name": "beats",
                    "config": {"meta": {"raw": "raw/s", "file": "beats.csv", "key": ["no"], "partition": "day"}},
                    "columns": [
                        DAY,
                        {"name": "no", **COLUMN},
                        {
                            "name": "id",
                            "data_type": "varchar(8)",
                            "data_tests": [
                                {"relationships": {"arguments": {"to": "source('s', 'stays')", "field": "id"}}}
                            ],
                        },
                        {"name": "whose", **COLUMN, "config": {"meta": {"same_as": "stays.whose"}}},
                        {"name": "at", "data_type": "timestamp", "config": {"meta": {"not_before": "stays.start"}}},
                    ],
                },
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


def test_a_batch_contract_says_what_refers_to_what(tmp_path):
    found = contracts(project(tmp_path, BATCH))
    stays, beats = found["stays"], found["beats"]
    assert (stays.stem, stays.folder_name, [c.name for c in stays.file_columns]) == (
        "stays",
        "day",
        ["id", "whose", "start"],
    )
    assert stays.column("start").on == "day"
    assert beats.column("id").refers_to == Reference("stays", "id")
    assert beats.column("whose").bounds == (Reference("stays", "whose"),)
    assert beats.column("at").bounds == (Reference("stays", "start"),)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("0.config.meta.file", "all_stays.csv", "s.stays: file 'all_stays.csv' is not a name such as vitals.csv"),
        ("0.config.meta.file", "stays.xlsx", "s.stays: file 'stays.xlsx' is not a name such as vitals.csv"),
        ("0.config.meta.file", "beats.jsonl", "s.stays: beats has the same raw folder and file 'beats.csv'"),
        ("0.config.meta.file", None, "s.stays.day: `from: folder` needs config.meta.file of the table"),
        ("0.config.meta.partition", "start", "s.stays: partition 'start' must be its one date `from: folder`"),
        ("0.config.meta.partition_by", "day", "s.stays: beats has the same raw folder, but another source or part"),
        ("0.columns.0.config.meta.from", "file", "s.yml: stays.day: from 'file' is not folder"),
        ("0.columns.3.config.meta.on", "id", "s.stays.start: only a timestamp lies `on` a date, not on 'id'"),
        ("0.columns.3.config.meta.on", "then", "stays: there is no column 'then'"),
        ("0.columns.3.config.meta.most_days_before", 3, "stays.start: most_days_before needs a not_after of the same"),
        ("1.columns.2.data_tests.0.relationships.arguments.to", "ref('x')", "beats.id: relationships needs arguments"),
        ("1.columns.2.data_tests.0.relationships.arguments.field", "no", "s.beats.id: there is no column 'stays.no'"),
        (
            "1.columns.2.data_tests.0.relationships.arguments.to",
            "source('t', 'x')",
            "beats.id: relationships to source 't' cannot be held",
        ),
        (
            "1.columns.2.data_tests.0.relationships.arguments.to",
            'source("s", "x")',
            "s.beats.id: x.id is in no table of the same day batch",
        ),
        (
            "1.columns.2.data_tests.0.relationships.arguments.field",
            "whose",
            "s.beats.whose: stays.whose is not of one row, since stays.whose is not unique in a day",
        ),
        ("1.columns.2.data_tests", [], "s.beats.whose: stays.whose needs one column with a relationships test to st"),
        ("1.columns.3.config.meta.same_as", "id", "beats.whose: same_as 'id' is not of the form table.column"),
        ("1.columns.3.config.meta.same_as", "stays.start", "s.beats.whose: stays.start has another data_type"),
        ("1.columns.3.config.meta.not_before", "stays.start", "s.beats.whose: only dates and timestamps are not bef"),
        ("1.columns.4.config.meta.not_before", "stays.end", "s.beats.at: there is no column 'stays.end'"),
    ],
)
def test_a_broken_batch_contract_is_explained_with_its_place(tmp_path, place, value, said):
    content = json.loads(json.dumps(BATCH))
    spot = content["sources"][0]["tables"]
    *path, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    for step in path:
        spot = spot[step]
    spot[last] = value
    if value is None:
        del spot[last]
    with pytest.raises(BadContract) as refused:
        contracts(project(tmp_path, content))
    assert said in str(refused.value)


def test_a_file_that_is_not_yaml_is_explained_with_its_place(tmp_path):
    with pytest.raises(BadContract, match=r"_s__sources\.yml is not YAML: .* line 1"):
        contracts(project(tmp_path, "sources: ["))


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
