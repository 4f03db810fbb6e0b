"""Gates, parity and status where an entity comes as CSV or Parquet and has decimals."""

from dataclasses import replace

import duckdb
import jinja2
import pytest
from test_staging_parquet import parquet, sample
from test_staging_parquet import put as put_samples
from test_staging_single_csv import line, of, put

from loaders.contracts import Contract, contracts
from loaders.lake import Lake
from loaders.project import PROJECT
from loaders.quality.gates import Outcome, check_staging
from loaders.quality.parity import CONTROLS, Relation, _logical, controls_caught
from loaders.staging.stage import stage
from loaders.status import lines, status

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ONLY = {name: contracts()[name] for name in ("robot_maintenance_logs", "procedure_telemetry")}


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Lake:
    lake = Lake.at(tmp_path_factory.mktemp("lake"))
    put(lake, of(line(1), line(2, cost_gbp="0.01"), line(3, cost_gbp="12.505"), line(1)))
    put(lake, b"", "empty.csv")
    put_samples(lake, parquet(sample(1), sample(2, arm=9)))
    stage(lake, ONLY)
    return lake


def changed(**columns: dict[str, object]) -> dict[str, Contract]:
    """The contracts, with other words on some columns."""
    return {
        name: replace(contract, columns=tuple(replace(c, **columns.get(c.name, {})) for c in contract.columns))
        for name, contract in ONLY.items()
    }


def failures(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    assert not any(outcome.error for outcome in outcomes)
    return [(outcome.relation, outcome.expectation) for outcome in outcomes if not outcome.passed]


def test_what_staging_lets_through_passes_the_gate(staged):
    outcomes = check_staging(staged, ONLY)
    assert failures(outcomes) == []
    assert {"cost_gbp is from 0 to 1000000", "sample_time is there", "there are the manifest's 2 rows"} <= {
        outcome.expectation for outcome in outcomes
    }


def test_the_gate_holds_staged_rows_against_the_contract(staged):
    others = changed(
        cost_gbp={"minimum": 0.02},
        technician={"pattern": "[A-Z]+"},
        force_n={"maximum": 1},
        tool_type={"accepted": ("drill",)},
    )
    assert failures(check_staging(staged, others)) == [
        ("staged.robot_maintenance_logs", "technician matches [A-Z]+"),
        ("staged.robot_maintenance_logs", "cost_gbp is from 0.02 to 1000000"),
        ("staged.procedure_telemetry", "force_n is from 0 to 1"),
        ("staged.procedure_telemetry", "tool_type is one of drill"),
    ]


def test_the_gate_wants_decimals_of_the_contracts_digits(staged):
    outcomes = check_staging(staged, changed(cost_gbp={"data_type": "decimal(12,3)"}))
    assert failures(outcomes) == [("staged files", "files have the columns and types of their contracts")]


def test_status_tells_what_became_of_every_record_and_why(staged):
    said = "\n".join(lines(status(staged, contracts())))
    words = [line.split() for line in said.splitlines()]
    assert ["robot_maintenance_logs", "5", "=", "2", "+", "1", "+", "2"] in words
    assert ["procedure_telemetry", "2", "=", "1", "+", "0", "+", "1"] in words
    assert ["1", "robot_maintenance_logs", "unreadable_file"] in words
    assert "empty.csv, line 0: it is empty, without even a header" in said
    assert "cost_gbp is '12.505', with more than 2 decimals" in said
    assert "procedure_telemetry.parquet, line 2: arm is 9, more than 8" in said
    assert "belong to no contract" not in said


def test_decimals_are_one_type_on_all_engines_and_parity_sees_a_penny():
    names = ("DECIMAL(12,2)", "Nullable(Decimal(12, 2))", "numeric")
    assert {_logical(name, 12, 2) for name in names} == {"decimal(12,2)"}
    with duckdb.connect() as database:
        database.execute("create table one as select i as id, cast(i as decimal(12,2)) as cost from range(9) as r(i)")
        relation = Relation("one", ("id",), frozenset())
        assert {*controls_caught(database, relation, {"id": "bigint", "cost": "decimal(12,2)"}, "one")} == {*CONTROLS}


@pytest.mark.parametrize(
    ("engine", "is_required", "name"),
    [
        ("default", False, "decimal(12,2)"),
        ("clickhouse", True, "Decimal(12, 2)"),
        ("clickhouse", False, "Nullable(Decimal(12, 2))"),
    ],
)
def test_engines_have_a_name_for_decimals(engine, is_required, name):
    macros = (PROJECT / "macros/engines/types.sql").read_text()
    call = f"{{{{ {engine}__type_of('decimal(12,2)', {is_required}) }}}}"
    assert jinja2.Environment().from_string(macros + call).render().strip() == name
