"""What gates, builds and parity found, kept in the lake as JSON so that a site made later can show it.

    state/results/staging.json              the staging gate
    state/results/<target>/build.json       dbt: models, snapshots, seeds and data tests
    state/results/<target>/marts.json       the marts gate
    state/results/parity.json               the engines beside one another

Tables are kept as their columns' names and a list of rows. A file that is not there, or that another version wrote or
nobody can read, is the same to a reader: not known, run it again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.quality.gates import Outcome
from loaders.quality.parity import Relation, Verdict
from loaders.targets import Target

RESULTS_VERSION = 1
FOLDER = "state/results"

FAILED = ("fail", "error", "runtime error")
"""dbt's words for what stops a build."""


@dataclass(frozen=True)
class Node:
    """A model, snapshot or seed that dbt made: `rows` where the engine says how many it wrote."""

    relation: str
    kind: str
    layer: str
    status: str
    seconds: float
    rows: int | None
    message: str


@dataclass(frozen=True)
class DataTest:
    """A dbt test: its kind, the relation and column it guards, and how many rows failed it.

    A singular test may read several relations, whose names are in `relation` with commas.
    """

    name: str
    kind: str
    layer: str
    relation: str
    column: str
    status: str
    failures: int | None
    seconds: float
    message: str
    description: str


@dataclass(frozen=True)
class GateResults:
    """How a gate fared; `is_published` says whether it looked at what everyone reads."""

    gate: str
    target: Target | None
    made_at: datetime
    is_published: bool
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[Outcome]:
        """Expectations that do not hold: the gate is shut when there is one."""
        return [outcome for outcome in self.outcomes if not outcome.passed]


@dataclass(frozen=True)
class BuildResults:
    """What dbt did; `error` is what it said when it failed, `is_published` whether everyone reads what it built."""

    target: Target
    made_at: datetime
    is_published: bool
    error: str
    nodes: tuple[Node, ...]
    tests: tuple[DataTest, ...]

    @property
    def failed(self) -> list[Node | DataTest]:
        """What failed, tests first."""
        every: list[Node | DataTest] = [*self.tests, *self.nodes]
        return [each for each in every if each.status in FAILED]


@dataclass(frozen=True)
class ParityResults:
    """How relations of other engines compare with those of the first, which is named as people name it."""

    first: str
    made_at: datetime
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        """Comparisons that do not prove that an engine has the same rows."""
        return [verdict for verdict in self.verdicts if not verdict.is_proven]


Results = GateResults | BuildResults | ParityResults


@dataclass(frozen=True)
class Findings:
    """All that is known of a lake and one of its warehouses; None where something has not run, or cannot be read."""

    target: Target
    staging: GateResults | None = None
    build: BuildResults | None = None
    marts: GateResults | None = None
    parity: ParityResults | None = None

    def updated(self, results: Results) -> "Findings":
        """These findings with newer results in place of older ones."""
        if isinstance(results, BuildResults):
            return replace(self, build=results)
        if isinstance(results, ParityResults):
            return replace(self, parity=results)
        return replace(self, staging=results) if results.gate == "staging" else replace(self, marts=results)


def now() -> datetime:
    """The time to write down: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def key_of(results: Results) -> str:
    """Where results are kept."""
    if isinstance(results, ParityResults):
        return f"{FOLDER}/parity.json"
    name = results.gate if isinstance(results, GateResults) else "build"
    return f"{FOLDER}/{name}.json" if results.target is None else f"{FOLDER}/{results.target}/{name}.json"


def keep(lake: Lake, results: Results) -> None:
    """Write results down in place of older ones. Raises LakeError when the lake cannot be written."""
    kept: dict[str, Any] = {"version": RESULTS_VERSION, "made_at": f"{results.made_at:%Y-%m-%dT%H:%M:%SZ}"}
    if isinstance(results, ParityResults):
        kept |= {"first": results.first, "verdicts": _table(_VERDICT, map(_flat, results.verdicts))}
    elif isinstance(results, GateResults):
        kept |= {
            "gate": results.gate,
            "target": results.target,
            "is_published": results.is_published,
            "outcomes": _table(_names(Outcome), map(astuple, results.outcomes)),
        }
    else:
        kept |= {
            "target": results.target,
            "is_published": results.is_published,
            "error": results.error,
            "nodes": _table(_names(Node), map(astuple, results.nodes)),
            "tests": _table(_names(DataTest), map(astuple, results.tests)),
        }
    lake.write(key_of(results), json.dumps(kept, separators=(",", ":"), allow_nan=False).encode())


def findings(lake: Lake, target: Target) -> Findings:
    """What is known of a lake and its warehouse in a target."""
    return Findings(
        target,
        _gate(_read(lake, f"{FOLDER}/staging.json"), "staging", None),
        _build(_read(lake, f"{FOLDER}/{target}/build.json"), target),
        _gate(_read(lake, f"{FOLDER}/{target}/marts.json"), "marts", target),
        _parity(_read(lake, f"{FOLDER}/parity.json")),
    )


def mark_published(lake: Lake, target: Target) -> None:
    """Write down that what was built last is what everyone reads now, and what the gate said of it with it."""
    found = findings(lake, target)
    if not found.build:
        return
    keep(lake, replace(found.build, is_published=True))
    if found.marts and found.marts.made_at >= found.build.made_at:
        keep(lake, replace(found.marts, is_published=True))


_VERDICT = ("relation", "key", "inexact", "engine", "rows", "columns", "differences", "caught")

_Row = TypeVar("_Row")


def _names(row: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(row))


def _table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> dict[str, Any]:
    return {"columns": list(columns), "rows": [list(row) for row in rows]}


def _flat(verdict: Verdict) -> tuple[Any, ...]:
    relation = verdict.relation
    return (relation.name, relation.key, sorted(relation.inexact), *astuple(verdict)[1:])


def _read(lake: Lake, key: str) -> dict[str, Any]:
    """What a file keeps; empty where it cannot be known."""
    try:
        kept = json.loads(lake.read(key)) if lake.exists(key) else {}
    except (LakeError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) and kept.get("version") == RESULTS_VERSION else {}


def _gate(kept: dict[str, Any], gate: str, target: Target | None) -> GateResults | None:
    try:
        return GateResults(gate, target, _time(kept), _of(kept, "is_published", bool), _rows(kept, "outcomes", Outcome))
    except (KeyError, ValueError, TypeError):
        return None


def _build(kept: dict[str, Any], target: Target) -> BuildResults | None:
    try:
        return BuildResults(
            target,
            _time(kept),
            _of(kept, "is_published", bool),
            _of(kept, "error", str),
            _rows(kept, "nodes", Node),
            _rows(kept, "tests", DataTest),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _parity(kept: dict[str, Any]) -> ParityResults | None:
    try:
        return ParityResults(_of(kept, "first", str), _time(kept), tuple(map(_verdict, _table_of(kept, "verdicts"))))
    except (KeyError, ValueError, TypeError):
        return None


def _verdict(row: Mapping[str, Any]) -> Verdict:
    texts = {name: _texts(row, name) for name in ("key", "inexact", "differences", "caught")}
    return Verdict(
        Relation(_of(row, "relation", str), texts["key"], frozenset(texts["inexact"])),
        _of(row, "engine", str),
        _of(row, "rows", int),
        _of(row, "columns", int),
        texts["differences"],
        texts["caught"],
    )


def _time(kept: Mapping[str, Any]) -> datetime:
    return datetime.strptime(kept["made_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _table_of(kept: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    table = kept[name]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _rows(kept: Mapping[str, Any], name: str, row: type[_Row]) -> tuple[_Row, ...]:
    types = {field.name: field.type for field in fields(row)}  # type: ignore[arg-type]
    return tuple(row(**{name: _of(each, name, kind) for name, kind in types.items()}) for each in _table_of(kept, name))


def _of(kept: Mapping[str, Any], name: str, kind: Any) -> Any:
    if not isinstance(kept[name], kind):
        raise TypeError(f"{name} is not what it should be")
    return kept[name]


def _texts(kept: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if not all(isinstance(each, str) for each in kept[name]):
        raise TypeError(f"{name} does not hold texts")
    return tuple(kept[name])
