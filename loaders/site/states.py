"""How gates, dbt, records and engines stand, each as a word that says it without colour."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from loaders.quality.results import BuildResults, Findings, GateResults, ParityResults
from loaders.status import Standing
from loaders.targets import NAMES


@dataclass(frozen=True)
class State:
    """A verdict: its word, whether that is good, bad or not known, what it rests on, and since when."""

    name: str
    title: str
    word: str
    mood: Literal["holds", "fails", "unknown"]
    note: str
    when: str = ""

    @property
    def sign(self) -> str:
        """A sign that goes with the word."""
        return {"holds": "✓", "fails": "✕", "unknown": "–"}[self.mood]


def states(found: Findings, standing: Standing) -> list[State]:
    """Every verdict there is of a lake and a warehouse of it, in the order in which data passes them."""
    return [
        _reconciled(standing),
        _faults(standing),
        _gate(found.staging, "Staging gate", "", "`wardhouse check staging` holds what is staged to its contracts"),
        _build(found),
        _gate(
            found.marts, "Marts gate", _of_which(found), f"`wardhouse check marts{_option(found)}` looks at the marts"
        ),
        _parity(found.parity),
    ]


def time(moment: datetime) -> str:
    """A time as people read it."""
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def _option(found: Findings) -> str:
    return "" if found.target == "duckdb" else f" --target {found.target}"


def _gate(results: GateResults | None, title: str, of_which: str, otherwise: str) -> State:
    name = title.lower().replace(" ", "_")
    if results is None:
        return State(name, title, "not run", "unknown", otherwise)
    failed, total = len(results.failed), len(results.outcomes)
    note = f"{failed:,} of {total:,} expectations do not hold" if failed else f"all {total:,} expectations hold"
    word = "shut" if failed else "open"
    return State(name, title, word, "fails" if failed else "holds", note + of_which, time(results.made_at))


def _of_which(found: Findings) -> str:
    """Which warehouse the marts gate looked at, where that needs to be said."""
    marts, build = found.marts, found.build
    if marts and build and marts.made_at < build.made_at:
        return f" in an earlier build; `wardhouse check marts{_option(found)}` looks again"
    place = f" in {NAMES[found.target]}"
    return f"{place}, not published" if marts and not marts.is_published else place


def _build(found: Findings) -> State:
    results, place = found.build, NAMES[found.target]
    if results is None:
        return State("build", "dbt build", "not run", "unknown", f"`wardhouse build{_option(found)}` builds {place}")
    return State(
        "build",
        "dbt build",
        "failed" if results.error else "passed",
        "fails" if results.error else "holds",
        f"{_built(results)} in {place}; {_published(results)}",
        time(results.made_at),
    )


def _built(results: BuildResults) -> str:
    tests = len(results.tests)
    if not results.error:
        return f"all {tests:,} tests pass, {len(results.nodes):,} relations built"
    failed = len(results.failed)
    steps = [*(test.status for test in results.tests), *(node.status for node in results.nodes)]
    if not failed:
        return "dbt stopped before any step"
    return f"{failed:,} of {len(steps):,} steps failed, {steps.count('skipped'):,} were skipped"


def _published(results: BuildResults) -> str:
    if results.is_published:
        return "what it built is in place" if results.error else "published"
    return "not published: readers have the one before"


def _reconciled(standing: Standing) -> State:
    name, title = "records", "Records"
    if not standing.status.counts:
        return State(name, title, "nothing staged", "unknown", "`wardhouse stage` stages what is raw")
    every = standing.status.total
    wrong = [e for e, c in standing.status.counts.items() if c.raw != c.staged + c.duplicates + c.quarantined]
    ends = f"{every.staged:,} staged + {every.duplicates:,} duplicates + {every.quarantined:,} quarantined"
    note = f"{every.raw:,} raw = {ends}"
    if wrong:
        return State(name, title, "do not add up", "fails", f"not so: {note}; see {', '.join(wrong)}")
    return State(name, title, "all accounted for", "holds", note)


def _faults(standing: Standing) -> State:
    name, title = "faults", "Injected faults"
    injected, caught = standing.status.injected, standing.status.caught
    total = sum(injected.values())
    if not total:
        return State(
            name, title, "none injected", "unknown", "`wardhouse run --dirty` injects some, to see them caught"
        )
    differing = [rule for rule, count in injected.items() if caught[rule] != count]
    if differing:
        return State(name, title, "not as injected", "fails", f"{', '.join(differing)}: not as many caught as injected")
    return State(
        name, title, "all caught", "holds", f"{total:,} of {len(injected)} kinds, all refused or told as duplicates"
    )


def _parity(results: ParityResults | None) -> State:
    name, title = "parity", "Parity of engines"
    if results is None:
        return State(name, title, "not run", "unknown", "`wardhouse parity` builds all warehouses and compares them")
    failed, total = len(results.failed), len(results.verdicts)
    engines = " = ".join(dict.fromkeys([results.first, *(verdict.engine for verdict in results.verdicts)]))
    note = f"{failed:,} of {total:,} comparisons fail" if failed else f"{engines} in all {total:,} comparisons"
    return State(
        name, title, "differ" if failed else "the same", "fails" if failed else "holds", note, time(results.made_at)
    )
