"""How good the data are: what gates, dbt and parity found, and what became of every record. Needs no warehouse."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt

from loaders.lake import Lake
from loaders.quality.parity import CONTROLS, TOLERANCE
from loaders.quality.results import FAILED, BuildResults, DataTest, Findings
from loaders.site.charts import ALARM, SAFE, SERIES, chart, colours, tips
from loaders.site.datasets import Dataset
from loaders.site.figures import Column, Figure, Page
from loaders.site.render import dashboard
from loaders.site.states import states, time
from loaders.status import Standing, standing
from loaders.targets import NAMES
from loaders.warehouse import target_path

FILE = "quality.html"
SLOWEST = 20

LAYERS = ("seeds", "staging", "intermediate", "snapshots", "core", "operations", "clinical", "robotics", "no relation")
_LAYER_HUES = ("#8794a3", "#d99414", "#8b6f2f", "#b565b0", "#3b82c4", "#2a9d78", "#4f6bd8", "#5aa7b5", "#c06c84")
_RULE_HUES = (*SERIES, "#a0522d", "#5f9ea0", "#c06c84", "#9a8c2c", "#6a5acd")


@dataclass(frozen=True)
class Failure:
    """Something that does not hold: where, what was expected, and all that was said of it."""

    where: str
    what: str
    said: str


def quality_html(found: Findings, stands: Standing, colophon: str, files: Collection[str] | None = None) -> str:
    """The page, from results and a look at the lake; its navigation leads to `files`, or to all pages."""
    tables = _datasets(found, stands)
    return dashboard(
        PAGE,
        tables,
        {},
        colophon,
        "quality.html",
        files=files,
        states=states(found, stands),
        failures=list(failures(found)),
        expectations=_expectations(found),
        tests=_tests(found.build),
        parity=_parity(found),
        standing=stands,
        refusals=sorted(stands.status.refusals, key=lambda refusal: -refusal.records),
        tolerance=f"{TOLERANCE:g}",
        controls=CONTROLS,
    )


def write_quality(lake: Lake, found: Findings) -> Path:
    """Write the page alone, beside whatever there is of the site; returns where it is. Raises OSError."""
    from loaders.contracts import contracts
    from loaders.site.build import write_assets
    from loaders.site.render import PAGES

    folder = target_path() / "site"
    write_assets(folder)
    files = [file for file, _ in PAGES if file == FILE or (folder / file).exists()]
    colophon = f"Made from the lake {lake} and its warehouse in {NAMES[found.target]}."
    page = quality_html(found, standing(lake, contracts()), colophon, files)
    part = folder / f"{FILE}.part"
    part.write_text(page, encoding="utf-8", errors="backslashreplace")
    os.replace(part, folder / FILE)
    return folder / FILE


def failures(found: Findings) -> Iterator[Failure]:
    """Everything that does not hold, in the order in which data passes the checks."""
    for results, gate in ((found.staging, "Staging gate"), (found.marts, "Marts gate")):
        for outcome in results.failed if results else ():
            yield Failure(
                f"{gate}: {outcome.relation}",
                f"Expected that {outcome.expectation}.",
                outcome.error or outcome.observed,
            )
    if found.build:
        for failed in found.build.failed:
            if isinstance(failed, DataTest):
                guarded = f"{failed.relation}.{failed.column}" if failed.column else failed.relation
                yield Failure(f"dbt test: {guarded or failed.layer}", failed.description or failed.name, failed.message)
            else:
                yield Failure(f"dbt {failed.kind}: {failed.relation}", "It could not be built.", failed.message)
        if found.build.error and not found.build.failed:
            yield Failure("dbt build", "dbt stopped before any step.", found.build.error)
    if found.parity:
        for verdict in found.parity.failed:
            where = f"Parity: {verdict.relation.name} in {verdict.engine}"
            yield Failure(where, f"Expected the same rows as in {found.parity.first}.", "\n".join(verdict.failures))


# --- charts ----------------------------------------------------------------------------------------------------------


def _tests_figure() -> Figure:
    drawn = (
        chart(alt.Step(22))
        .mark_bar()
        .encode(
            alt.Y("kind:N", title=None, sort=None),
            alt.X("tests:Q", title="Tests", stack="zero"),
            colours(LAYERS, _LAYER_HUES, field="layer").legend(columns=2),
            order=alt.Order("layer_order:Q"),
            tooltip=tips(("kind:N", "Kind", ""), ("layer:N", "Layer", ""), ("tests:Q", "Tests", ",")),
        )
    )
    return Figure(
        "tests_by_kind",
        "dbt tests by kind and layer",
        "How many tests of each kind guard each layer of the warehouse; singular tests are written for one rule.",
        drawn,
        "tests_by_kind",
        (
            Column("kind", "Kind"),
            Column("layer", "Layer"),
            Column("tests", "Tests", "integer"),
            Column("passed", "Passed", "integer"),
            Column("failed", "Failed", "integer"),
            Column("skipped", "Skipped", "integer"),
        ),
        is_wide=False,
    )


def _slowest_figure() -> Figure:
    drawn = (
        chart(alt.Step(22))
        .mark_bar()
        .encode(
            alt.Y("relation:N", title=None, sort=None),
            alt.X("seconds:Q", title="Seconds"),
            colours(("model", "snapshot", "seed"), SERIES[:3], field="kind"),
            tooltip=tips(("relation:N", "Relation", ""), ("seconds:Q", "Seconds", ".2f")),
        )
    )
    return Figure(
        "slowest",
        f"What took longest to build, the first {SLOWEST}",
        "Seconds of each model, snapshot or seed in the last build; several run at a time.",
        drawn,
        "slowest",
        (
            Column("relation", "Relation"),
            Column("kind", "Kind"),
            Column("seconds", "Seconds", "decimal"),
            Column("status", "Outcome"),
        ),
        is_wide=False,
    )


def _quarantine_figure() -> Figure:
    drawn = (
        chart(alt.Step(24))
        .mark_bar()
        .encode(
            alt.Y("entity:N", title=None, sort="-x"),
            alt.X("records:Q", title="Records", stack="zero"),
            alt.Color(
                "rule:N",
                title=None,
                scale=alt.Scale(range=list(_RULE_HUES)),
                legend=alt.Legend(columns=2),
            ),
            tooltip=tips(("entity:N", "Entity", ""), ("rule:N", "Reason", ""), ("records:Q", "Records", ",")),
        )
    )
    return Figure(
        "quarantine",
        "Quarantined records by entity and reason",
        "Records that broke their contract and were kept apart, whole, with the reason.",
        drawn,
        "quarantine",
        (Column("entity", "Entity"), Column("rule", "Reason"), Column("records", "Records", "integer")),
        needs="No record has been quarantined: `wardhouse run --dirty` sends faulty ones.",
    )


def _expectations_figure() -> Figure:
    drawn = (
        chart(alt.Step(18))
        .mark_bar()
        .encode(
            alt.Y("relation:N", title=None, sort=None, axis=alt.Axis(labelLimit=240)),
            alt.X("expectations:Q", title="Expectations", stack="zero"),
            colours(("holds", "fails"), (SAFE, ALARM), field="outcome"),
            order=alt.Order("outcome_order:Q"),
            tooltip=tips(
                ("relation:N", "Relation", ""), ("outcome:N", "Outcome", ""), ("expectations:Q", "Expectations", ",")
            ),
        )
    )
    return Figure(
        "expectations_by_relation",
        "Expectations of the two gates by relation",
        "What Great Expectations holds each staged entity and each mart to; those with failures come first.",
        drawn,
        "expectations_by_relation",
        (
            Column("relation", "Relation"),
            Column("gate", "Gate"),
            Column("outcome", "Outcome"),
            Column("expectations", "Expectations", "integer"),
        ),
    )


PAGE = Page(
    "quality",
    "Quality",
    "What checks the data on their way, and what was found: every raw record is accounted for, what is staged keeps "
    "its contracts, dbt's tests guard the warehouse, a second gate guards the marts, engines are compared row by row.",
    (_tests_figure(), _slowest_figure(), _quarantine_figure(), _expectations_figure()),
    has_filters=False,
)


def _datasets(found: Findings, stands: Standing) -> dict[str, Dataset]:
    not_built = "dbt has left no results: `wardhouse build` builds and tests."
    tests = _by_kind(found.build.tests) if found.build else []
    refusals = stands.status.refusals
    return {
        "tests_by_kind": _table(tests, "" if found.build else not_built, "No test ran."),
        "slowest": _table(_slowest(found.build), "" if found.build else not_built, "Nothing was built."),
        "quarantine": Dataset(
            {
                "entity": [refusal.entity for refusal in refusals],
                "rule": [refusal.rule for refusal in refusals],
                "records": [refusal.records for refusal in refusals],
            }
        ),
        "expectations_by_relation": _table(
            _by_relation(found), "", "no gate has run: `wardhouse check staging` and `wardhouse check marts` do."
        ),
    }


def _table(rows: list[dict[str, Any]], missing: str, empty: str) -> Dataset:
    if not rows:
        return Dataset({}, missing or empty)
    return Dataset({name: [row[name] for row in rows] for name in rows[0]})


def _by_kind(tests: Iterable[DataTest]) -> list[dict[str, Any]]:
    """Tests by kind and layer, kinds with failures first, then those of most tests."""
    counted = Counter((test.kind, test.layer, _outcome(test.status)) for test in tests)
    totals, failed = Counter[str](), Counter[str]()
    for (kind, _, outcome), count in counted.items():
        totals[kind] += count
        failed[kind] += count if outcome == "fails" else 0
    pairs = {(kind, layer) for kind, layer, _ in counted}
    order = sorted(pairs, key=lambda pair: (-failed[pair[0]], -totals[pair[0]], pair[0], _order(pair[1])))
    return [
        {
            "kind": kind,
            "layer": layer,
            "layer_order": _order(layer),
            "tests": sum(counted[kind, layer, outcome] for outcome in ("passes", "fails", "skipped")),
            "passed": counted[kind, layer, "passes"],
            "failed": counted[kind, layer, "fails"],
            "skipped": counted[kind, layer, "skipped"],
        }
        for kind, layer in order
    ]


def _order(layer: str) -> int:
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


def _outcome(status: str) -> str:
    return "fails" if status in FAILED else "skipped" if status == "skipped" else "passes"


def _slowest(results: BuildResults | None) -> list[dict[str, Any]]:
    nodes = sorted(results.nodes if results else (), key=lambda node: -node.seconds)[:SLOWEST]
    return [
        {"relation": node.relation, "kind": node.kind, "seconds": node.seconds, "status": node.status} for node in nodes
    ]


def _by_relation(found: Findings) -> list[dict[str, Any]]:
    counted = Counter(
        (gate, outcome.relation, "holds" if outcome.passed else "fails")
        for gate, results in (("staging", found.staging), ("marts", found.marts))
        for outcome in (results.outcomes if results else ())
    )
    broken = {relation for _, relation, outcome in counted if outcome == "fails"}
    order = sorted(counted, key=lambda key: (key[1] not in broken, key[0] == "marts", key[1], key[2]))
    return [
        {
            "relation": relation,
            "gate": gate,
            "outcome": outcome,
            "outcome_order": int(outcome == "holds"),
            "expectations": counted[gate, relation, outcome],
        }
        for gate, relation, outcome in order
    ]


# --- tables ----------------------------------------------------------------------------------------------------------


def _expectations(found: Findings) -> list[tuple[str, ...]]:
    """State, gate, relation, what was expected and what was found, failures first."""
    rows = [
        (
            "holds" if outcome.passed else "fails",
            gate,
            outcome.relation,
            outcome.expectation,
            outcome.error or outcome.observed,
        )
        for gate, results in (("staging", found.staging), ("marts", found.marts))
        for outcome in (results.outcomes if results else ())
    ]
    return sorted(rows, key=lambda row: row[0] != "fails")


def _tests(results: BuildResults | None) -> list[tuple[str, ...]]:
    """State, kind, what is guarded, the test, failing rows and seconds, failures first."""
    rows = [
        (
            _outcome(test.status),
            test.kind,
            f"{test.relation}.{test.column}" if test.column else test.relation or test.layer,
            test.description or test.name,
            f"{test.failures:,}" if test.failures is not None else "–",
            f"{test.seconds:.2f}",
        )
        for test in (results.tests if results else ())
    ]
    return sorted(rows, key=lambda row: ("fails", "skipped", "passes").index(row[0]))


def _parity(found: Findings) -> dict[str, Any] | None:
    if not found.parity:
        return None
    verdicts = sorted(found.parity.verdicts, key=lambda verdict: verdict.is_proven)
    return {"first": found.parity.first, "when": time(found.parity.made_at), "verdicts": verdicts}
