"""What became of a gate, a build or parity: kept in the lake; and when it failed, on a page that the error names."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from loaders.errors import LakeError, WarehouseError
from loaders.lake import Lake
from loaders.quality.gates import Outcome, stop_at_failures
from loaders.quality.parity import Verdict, stop_at_differences
from loaders.quality.results import BuildResults, GateResults, ParityResults, Results, findings, keep, key_of, now
from loaders.targets import Target, Warehouse

if TYPE_CHECKING:
    from loaders.warehouse import Dbt

Say = Callable[[str], None]


def settle_gate(
    lake: Lake, gate: str, outcomes: Sequence[Outcome], say: Say, target: Target, warehouse: Warehouse | None = None
) -> None:
    """Keep how a gate fared, of a warehouse or else of what is staged. Raises GateFailed when it is shut."""
    results = GateResults(
        gate,
        warehouse.target if warehouse else None,
        now(),
        warehouse is None or _is_published(lake, warehouse),
        tuple(outcomes),
    )
    _kept(lake, results, say)
    if results.failed:
        stop_at_failures(gate, outcomes, _page(lake, results, target))


def settle_parity(lake: Lake, first: str, verdicts: Sequence[Verdict], say: Say) -> None:
    """Keep how engines compare. Raises GateFailed when there is no parity."""
    results = ParityResults(first, now(), tuple(verdicts))
    _kept(lake, results, say)
    if results.failed:
        stop_at_differences(verdicts, _page(lake, results, Target.duckdb))


@contextmanager
def settled_build(lake: Lake, dbt: "Dbt", say: Say) -> Iterator[None]:
    """Keep what dbt did in a build, and raise its WarehouseError again with the page that has all of it."""
    try:
        yield
    except WarehouseError as error:
        results = _build_results(lake, dbt, str(error))
        _kept(lake, results, say)
        page = _page(lake, results, dbt.warehouse.target)
        raise WarehouseError(f"{error}\n  all results are in {page}") from None
    _kept(lake, _build_results(lake, dbt, ""), say)


def _build_results(lake: Lake, dbt: "Dbt", error: str) -> BuildResults:
    from loaders.quality.dbt_results import nodes_of, tests_of

    warehouse = dbt.warehouse
    return BuildResults(
        warehouse.target,
        now(),
        _is_published(lake, warehouse),
        error,
        nodes_of(dbt.ran),
        tests_of(dbt.ran, dbt.project()) if dbt.ran else (),
    )


def _is_published(lake: Lake, warehouse: Warehouse) -> bool:
    """Whether readers see this warehouse: on DuckDB a build is of a copy beside what they see."""
    from loaders.warehouse import building

    return warehouse.target is not Target.duckdb or warehouse.label != str(building(lake))


def _kept(lake: Lake, results: Results, say: Say) -> None:
    """A lake that cannot be written may still be looked at."""
    try:
        keep(lake, results)
    except LakeError as error:
        say(f"results are not kept: {error}")


def _page(lake: Lake, results: Results, target: Target) -> str:
    """Where a person reads all results: a page, or what is kept in the lake where there is no place for a page."""
    from loaders.site.pages.quality import write_quality

    try:
        return str(write_quality(lake, findings(lake, target).updated(results)))
    except OSError:
        return lake.uri(key_of(results))
