"""Results of a gate, or of parity, for people: one page each, no web needed."""

from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path

from loaders.quality.gates import Outcome
from loaders.quality.parity import CONTROLS, TOLERANCE, Verdict

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid #d8dee4; padding: .25rem .6rem .25rem 0 }
td:first-child { width: 4.5rem } td { vertical-align: top }
td:last-child { color: #57606a; text-align: right; width: 35% }
.holds { color: #116329 } .fails { color: #b3261e; font-weight: 600 } tr.failed td { background: #fff1f0 }
"""


def write_page(path: Path, gate: str, outcomes: list[Outcome]) -> Path:
    """Write the results of a gate, the failures of each relation first."""
    failed = sum(not outcome.passed for outcome in outcomes)
    verdict = (
        f"{failed:,} of {len(outcomes):,} expectations do not hold"
        if failed
        else f"all {len(outcomes):,} expectations hold"
    )
    state = f"{_verdict(failed, 'shut' if failed else 'open')}: {verdict}"
    body = "".join(_relations(outcomes))
    return _written(path, f"the {escape(gate)} gate", f"The {escape(gate)} gate is {state}", body)


def write_parity_page(path: Path, verdicts: list[Verdict], first: str) -> Path:
    """Write how relations compare between engines, those that differ first."""
    wrong = sum(not verdict.is_proven for verdict in verdicts)
    said = f"{wrong:,} of {len(verdicts):,} comparisons fail" if wrong else f"all {len(verdicts):,} comparisons hold"
    rows = "".join(_parity_row(verdict, first) for verdict in sorted(verdicts, key=lambda verdict: verdict.is_proven))
    told = (
        "<p>Same columns in the same order, same types, same keys both ways, same values: exactly, but for the columns "
        f"named, which agree within {TOLERANCE:g} of their value. In each comparison {', '.join(CONTROLS)} were "
        "planted, and must be seen.</p>"
    )
    return _written(path, "parity", f"Parity: {_verdict(wrong, said)}", f"{told}<table>{rows}</table>")


def _verdict(failed: int, said: str) -> str:
    return f'<span class="{"fails" if failed else "holds"}" data-failed="{failed}">{escape(said)}</span>'


def _written(path: Path, title: str, heading: str, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Wardhouse: {title}</title>'
        f"<style>{_STYLE}</style><h1>{heading}</h1>{body}</html>"
    )
    path.write_text(page, encoding="utf-8")
    return path


def _parity_row(verdict: Verdict, first: str) -> str:
    state = "holds" if verdict.is_proven else "fails"
    inexact = f"; within tolerance: {', '.join(sorted(verdict.relation.inexact))}" if verdict.relation.inexact else ""
    found = "<br>".join(map(escape, verdict.differences)) or "no difference"
    return (
        f'<tr class="{"failed" if state == "fails" else ""}"><td class="{state}">{state}</td>'
        f"<td><b>{escape(verdict.relation.name)}</b> in {escape(verdict.engine)} as in {escape(first)}: "
        f"{verdict.rows:,} rows, {verdict.columns} columns, by {escape(', '.join(verdict.relation.key))}"
        f"{escape(inexact)}</td><td>{found}; {len(verdict.caught)} of {len(CONTROLS)} planted ones seen</td></tr>"
    )


def _relations(outcomes: Iterable[Outcome]) -> Iterable[str]:
    by_relation = sorted(outcomes, key=lambda outcome: outcome.relation)
    for relation, group in groupby(by_relation, key=lambda outcome: outcome.relation):
        rows = "".join(_row(outcome) for outcome in sorted(group, key=lambda outcome: outcome.passed))
        yield f"<h2>{escape(relation)}</h2><table>{rows}</table>"


def _row(outcome: Outcome) -> str:
    cells = (
        ('<td class="holds">holds</td>', "<tr>")
        if outcome.passed
        else ('<td class="fails">fails</td>', '<tr class="failed">')
    )
    said = escape(outcome.error or outcome.observed)
    return f"{cells[1]}{cells[0]}<td>{escape(outcome.expectation)}</td><td>{said}</td></tr>"
