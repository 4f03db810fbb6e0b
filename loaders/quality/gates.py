"""The two gates: what is staged, before a warehouse sees it, and the marts, before anyone else does."""

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from loaders.contracts import Contract
from loaders.errors import GateFailed, LakeError
from loaders.lake import Lake
from loaders.lake.base import Missing
from loaders.quality.suites import Suite, marts_suites, staging_suite
from loaders.staging.manifest import Manifest, read_manifest, staged_files
from loaders.targets import Warehouse, duckdb_warehouse

os.environ["GX_ANALYTICS_ENABLED"] = "false"


@dataclass(frozen=True)
class Outcome:
    """How one expectation fared: `observed` in words, `unexpected` rows, and `error` where it could not be told."""

    relation: str
    expectation: str
    passed: bool
    observed: str
    unexpected: int
    error: str = ""

    def __str__(self) -> str:
        what = self.error or self.observed or f"{self.unexpected:,} rows do not"
        return f"{self.relation}: expected that {self.expectation}; {what}"


def check_staging(lake: Lake, contracts: Mapping[str, Contract]) -> list[Outcome]:
    """Every staged file against the manifest, and every entity against its contract.

    Raises LakeError where nothing is staged.
    """
    manifest = read_manifest(lake)
    if not manifest:
        raise LakeError(f"nothing is staged in {lake}: run `wardhouse generate` and `wardhouse stage` first")
    with lake.scratch() as scratch:
        files, outcome = _whole_files(lake, manifest, scratch)
        outcomes = [outcome]
        if outcome.passed:
            outcomes.append(_files_keep_schemas(files, contracts, manifest))
        if not all(outcome.passed for outcome in outcomes):
            return outcomes
        return outcomes + _check_rows(files, contracts, manifest, scratch)


def _check_rows(
    files: Mapping[str, Path], contracts: Mapping[str, Contract], manifest: Manifest, scratch: Path
) -> list[Outcome]:
    """Every entity against its contract."""
    suites = []
    database = scratch / "gate.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema staged")
        for contract in contracts.values():
            parts = manifest.get(contract.entity, {}).values()
            data = [str(files[part.data.key]) for part in parts if part.data]
            if not data:
                continue
            listed = ", ".join(f"'{file}'" for file in data)
            connection.execute(
                f"create view staged.{contract.entity} as "
                f"select * from read_parquet([{listed}], hive_partitioning = false)"
            )
            suites.append(staging_suite(contract, sum(part.data.rows for part in parts if part.data)))
    return _validate(duckdb_warehouse(database), suites)


def check_marts(warehouse: Warehouse) -> list[Outcome]:
    """Every suite in tests/expectations against a warehouse."""
    return _validate(warehouse, marts_suites())


def stop_at_failures(gate: str, outcomes: Sequence[Outcome], where: str) -> None:
    """Raises GateFailed with what, where and how many, unless everything is as expected."""
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if failed:
        shown = "".join(f"\n  {outcome}" for outcome in failed[:20])
        more = f"\n  and {len(failed) - 20:,} more" if len(failed) > 20 else ""
        raise GateFailed(
            f"the {gate} gate is shut: {len(failed):,} of {len(outcomes):,} expectations do not hold{shown}{more}"
            f"\n  all results are in {where}"
        )


def _whole_files(lake: Lake, manifest: Manifest, scratch: Path) -> tuple[dict[str, Path], Outcome]:
    """Staged files of this machine by key, and whether all are byte for byte what the manifest says."""
    wrong = []
    files: dict[str, Path] = {}
    for file in staged_files(manifest):
        try:
            files[file.key] = lake.local(file.key, scratch)
            with open(files[file.key], "rb") as content:
                whole = file_digest(content, "sha256").hexdigest() == file.sha256
        except (OSError, Missing):
            whole = False
        if not whole:
            wrong.append(file.key)
    total = sum(1 for _ in staged_files(manifest))
    observed = (
        f"{len(wrong)} of {total} are damaged or missing: {', '.join(wrong[:5])}" if wrong else f"{total} files are"
    )
    what = "files are byte for byte what the manifest says"
    return files, Outcome("staged files", what, not wrong, observed, len(wrong))


def _files_keep_schemas(files: Mapping[str, Path], contracts: Mapping[str, Contract], manifest: Manifest) -> Outcome:
    """Each staged file has the columns of its contract, in their order and of their types."""
    wrong = [
        part.data.key
        for entity, parts in manifest.items()
        for part in parts.values()
        if part.data and not pq.read_schema(files[part.data.key]).equals(contracts[entity].arrow_schema)
    ]
    observed = f"not so in {', '.join(wrong[:5])}" if wrong else "all files do"
    return Outcome(
        "staged files", "files have the columns and types of their contracts", not wrong, observed, len(wrong)
    )


def _validate(warehouse: Warehouse, suites: list[Suite]) -> list[Outcome]:
    """Suites against the relations of a warehouse."""
    logging.disable(logging.WARNING)
    try:
        return _checkpoint(warehouse, suites)
    finally:
        logging.disable(logging.NOTSET)


def _checkpoint(warehouse: Warehouse, suites: list[Suite]) -> list[Outcome]:
    import great_expectations as gx
    from great_expectations.datasource.fluent import GxDatasourceWarning

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GxDatasourceWarning)  # its own class for Redshift takes psycopg2 only
        source = context.data_sources.add_sql(
            name="warehouse", connection_string=warehouse.url, kwargs=warehouse.options
        )
    definitions = []
    for suite in suites:
        expectations = gx.ExpectationSuite(name=suite.name)
        for expectation in suite.expectations:
            kind = gx.expectations.core.__dict__[_class_name(expectation.type)]
            expectations.add_expectation(kind(**expectation.kwargs, description=expectation.description))
        asset = source.add_table_asset(name=suite.name, table_name=suite.table, schema_name=suite.schema)
        definitions.append(
            context.validation_definitions.add(
                gx.ValidationDefinition(
                    name=suite.name,
                    data=asset.add_batch_definition_whole_table("all"),
                    suite=context.suites.add(expectations),
                )
            )
        )
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="gate", validation_definitions=definitions))
    outcome = checkpoint.run()
    source.get_engine().dispose()
    source.get_execution_engine().engine.dispose()
    results = {result.suite_name: result for result in outcome.run_results.values()}
    return [_outcome(suite.name, result) for suite in suites for result in results[suite.name].results]


def _outcome(relation: str, result: Any) -> Outcome:
    found = result.result or {}
    unexpected = found.get("unexpected_count")
    observed = found.get("observed_value")
    is_query = result.expectation_config.type == "unexpected_rows_expectation"
    if is_query:
        unexpected = observed
    shown = ", ".join(map(_shown, observed)) if isinstance(observed, list | set) else _shown(observed)
    words = f"{unexpected:,} rows do not" if unexpected is not None else f"observed {shown}"
    return Outcome(
        relation=relation,
        expectation=result.expectation_config.description,
        passed=bool(result.success),
        observed="as expected" if result.success and (unexpected == 0 or isinstance(observed, list)) else words,
        unexpected=int(unexpected or 0),
        error=_error(result.exception_info or {}),
    )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if type(value) is int else str(value)


def _error(info: Mapping[str, Any]) -> str:
    """What an expectation raised instead of looking: a gate that could not look is shut."""
    parts = [info] if "raised_exception" in info else list(info.values())
    raised = [str(part.get("exception_message")) for part in parts if part.get("raised_exception")]
    return f"it could not be checked: {raised[0].splitlines()[0]}" if raised else ""


def _class_name(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))
