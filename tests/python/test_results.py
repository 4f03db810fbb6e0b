"""What gates, builds and parity found, kept in the lake and read again."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.lake import Lake
from loaders.quality.gates import Outcome
from loaders.quality.parity import CONTROLS, Relation, Verdict
from loaders.quality.results import (
    BuildResults,
    DataTest,
    Findings,
    GateResults,
    Node,
    ParityResults,
    findings,
    keep,
    key_of,
    mark_published,
    now,
)
from loaders.targets import Target

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
STRANGE = "<script>alert(\"x\")</script> & 'quotes' 😷\n\tnew line \x00 \u2028"

OUTCOME = Outcome("staged.admissions", "event_id is unique", True, "as expected", 0)
STAGING = GateResults("staging", None, NOON, True, (OUTCOME, replace(OUTCOME, passed=False, observed="3 rows do not")))
MARTS = GateResults("marts", Target.duckdb, NOON, False, (OUTCOME,))
NODE = Node("core.dim_patient", "model", "core", "success", 0.25, None, "")
TEST = DataTest("unique_x", "unique", "core", "core.dim_patient", "patient_key", "pass", 0, 0.01, "", "")
BUILD = BuildResults(Target.duckdb, NOON, False, "", (NODE, replace(NODE, kind="seed", rows=7)), (TEST,))
VERDICT = Verdict(
    Relation("core.dim_date", ("date_key",), frozenset({"x", "a"})), "Redshift", 3, 2, ("a < b",), CONTROLS
)
PARITY = ParityResults("DuckDB", NOON, (VERDICT, replace(VERDICT, differences=(), caught=())))
ALL = (STAGING, BUILD, MARTS, PARITY)


def kept(lake: Lake) -> Findings:
    for results in ALL:
        keep(lake, results)
    return findings(lake, Target.duckdb)


def test_what_is_kept_is_read_again(lake):
    assert kept(lake) == Findings(Target.duckdb, STAGING, BUILD, MARTS, PARITY)
    assert [key for key, _ in lake.find("state/results")] == [
        "state/results/duckdb/build.json",
        "state/results/duckdb/marts.json",
        "state/results/parity.json",
        "state/results/staging.json",
    ]


def test_results_are_kept_on_s3(s3_lake):
    assert kept(s3_lake) == Findings(Target.duckdb, STAGING, BUILD, MARTS, PARITY)
    mark_published(s3_lake, Target.duckdb)
    assert findings(s3_lake, Target.duckdb).build.is_published


def test_a_warehouse_knows_nothing_of_another(lake):
    kept(lake)
    assert findings(lake, Target.redshift) == Findings(Target.redshift, staging=STAGING, parity=PARITY)


def test_a_lake_without_results_is_not_known(lake):
    assert findings(lake, Target.duckdb) == Findings(Target.duckdb)


texts = st.text() | st.just(STRANGE)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, texts, texts, st.booleans(), st.none() | st.integers(0, 1 << 60))
def test_any_text_is_kept_as_it_is(lake, one, two, three, is_so, number):
    results = (
        GateResults("staging", None, NOON, is_so, (Outcome(one, two, is_so, three, number or 0, one),)),
        BuildResults(
            Target.duckdb,
            NOON,
            is_so,
            two,
            (Node(one, two, three, one, 0.5, number, three),),
            (DataTest(one, two, three, one, two, three, number, 1.0, one, two),),
        ),
        ParityResults(
            one, NOON, (Verdict(Relation(two, (one, two), frozenset({three})), one, 1, 2, (two,), (three,)),)
        ),
    )
    for each in results:
        keep(lake, each)
    assert findings(lake, Target.duckdb) == Findings(Target.duckdb, results[0], results[1], None, results[2])


NOT_RESULTS = [
    b"",
    b"{",
    b"\xff\x00",
    b"[]",
    b"null",
    b"{}",
    b"[" * 100_000,
    b'{"version": 999}',
    b'{"version": 1}',
    b'{"version": 1, "made_at": "yesterday"}',
    b'{"version": 1, "made_at": 7, "is_published": 1}',
]


@pytest.mark.parametrize("content", NOT_RESULTS, ids=range(len(NOT_RESULTS)))
def test_what_cannot_be_read_is_not_known(lake, content):
    kept(lake)
    for results in ALL:
        lake.write(key_of(results), content)
    assert findings(lake, Target.duckdb) == Findings(Target.duckdb)
    mark_published(lake, Target.duckdb)


def spoiled(value: object) -> list[object]:
    """A JSON value, with one thing of it gone or of another kind, in every way."""
    if isinstance(value, dict):
        without = [{k: v for k, v in value.items() if k != name} for name in value if name not in ("gate", "target")]
        inside = [
            value | {name: bad} for name, v in value.items() if name not in ("gate", "target") for bad in spoiled(v)
        ]
        return [*without, *inside]
    if isinstance(value, list):
        return [7, *([*value[:at], bad, *value[at + 1 :]] for at, v in enumerate(value) for bad in spoiled(v))]
    return [[value]]


@pytest.mark.parametrize("results", ALL, ids=key_of)
def test_a_file_of_another_shape_is_not_known(lake, results):
    keep(lake, results)
    shapes = spoiled(json.loads(lake.read(key_of(results))))
    assert len(shapes) > 15
    for shape in shapes:
        lake.write(key_of(results), json.dumps(shape).encode())
        found = findings(lake, Target.duckdb)
        assert found == Findings(Target.duckdb), shape


def test_a_build_is_published_with_what_the_gate_said_of_it(lake):
    kept(lake)
    mark_published(lake, Target.duckdb)
    found = findings(lake, Target.duckdb)
    assert found.build == replace(BUILD, is_published=True)
    assert found.marts == replace(MARTS, is_published=True)


def test_what_a_gate_said_of_an_earlier_build_is_not_said_of_this_one(lake):
    keep(lake, MARTS)
    keep(lake, replace(BUILD, made_at=NOON.replace(hour=13)))
    mark_published(lake, Target.duckdb)
    assert not findings(lake, Target.duckdb).marts.is_published


def test_newer_results_take_the_place_of_older_ones():
    found = Findings(Target.duckdb)
    for results in ALL:
        found = found.updated(results)
    assert found == Findings(Target.duckdb, STAGING, BUILD, MARTS, PARITY)


def test_times_are_of_utc_and_whole_seconds():
    assert now().tzinfo is UTC
    assert now().microsecond == 0
