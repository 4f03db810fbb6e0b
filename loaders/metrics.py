"""Metrics: what models/semantic/ defines, and MetricFlow's own command on a warehouse of ours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from loaders.errors import BadSetting, WarehouseError
from loaders.project import PROJECT
from loaders.targets import Target
from loaders.warehouse import Dbt, target_path

DEFINITIONS = PROJECT / "models" / "semantic" / "_metrics.yml"


def listing() -> list[str]:
    """The metrics, a line each: name and what it says."""
    metrics = yaml.safe_load(DEFINITIONS.read_text())["metrics"]
    width = max(len(metric["name"]) for metric in metrics)
    return [f"{metric['name']:{width}}  {metric['description']}" for metric in metrics]


def check_target(target: Target) -> None:
    """Raises BadSetting for a warehouse that MetricFlow cannot ask."""
    if target is Target.clickhouse:
        raise BadSetting("MetricFlow knows no ClickHouse: ask DuckDB or Redshift, or ClickHouse's marts themselves")


def metricflow() -> Any:
    """The module of MetricFlow's command, which no longer asks PyPI for a newer version of itself.

    It reads what dbt parsed where dbt put it: by itself it knows no other place than `target` in the project. Raises
    WarehouseError where it is not installed.
    """
    try:
        from dbt_metricflow.cli import main
    except ModuleNotFoundError:
        raise WarehouseError("metrics need MetricFlow: `make local` installs it") from None
    main.UpdateChecker = _NoUpdates
    main.dbtArtifacts.build_semantic_manifest_from_dbt_project_root = staticmethod(_parsed)
    return main


def ask(dbt: Dbt, arguments: Sequence[str]) -> int:
    """MetricFlow's command, such as `query --metrics occupancy`; its exit code."""
    main = metricflow()
    dbt.project()
    with dbt.environment():
        try:
            main.cli.main(list(arguments), prog_name="wardhouse metrics")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


class _NoUpdates:
    def check(self, *_: str) -> None:
        """There is none."""


def _parsed(project_root: Path) -> Any:
    from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest

    return parse_manifest_from_dbt_generated_manifest((target_path() / "semantic_manifest.json").read_text())
