"""dbt in this process, and the DuckDB file: built beside what is published, published when all is well."""

import gc
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from loaders.errors import LakeError, ServiceError, WarehouseError
from loaders.lake import Lake
from loaders.lake.folder import FolderLake
from loaders.project import PROJECT
from loaders.staging.manifest import MANIFEST_KEY
from loaders.targets import Target, Warehouse

LAYOUT = 2
"""As `warehouse_layout` in macros/landing/guard_warehouse.sql."""


@dataclass(frozen=True)
class Built:
    """What dbt did: how many nodes of each kind, by kind."""

    nodes: Mapping[str, int]


class Artifacts(NamedTuple):
    """The files of dbt's manifest, models and snapshots compiled in it, and of its catalog; analyses' SQL by name."""

    manifest: Path
    catalog: Path
    compiled: Mapping[str, str]


def published(lake: Lake) -> Path:
    """The warehouse that everyone reads: in the lake's folder; of a lake elsewhere, in `data` under its address.

    WARDHOUSE_DUCKDB names another file for a lake elsewhere.
    """
    if isinstance(lake, FolderLake):
        return lake.root / "wardhouse.duckdb"
    here = Path("data", str(lake).replace("://", "/"), "wardhouse.duckdb")
    return Path(os.environ.get("WARDHOUSE_DUCKDB") or here).resolve()


def building(lake: Lake) -> Path:
    """The warehouse that a build works on; of the same name, since DuckDB's views name the database by its file."""
    return published(lake).parent / "state" / "building" / published(lake).name


def target_path() -> Path:
    """Where dbt and the gates put what they write: DBT_TARGET_PATH, or `target` in the project."""
    return Path(os.environ.get("DBT_TARGET_PATH") or PROJECT / "target").resolve()


def check_warehouse(path: Path) -> None:
    """Raises WarehouseError for a file that is no warehouse of this version; none at all is fine."""
    if not path.exists():
        return
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = {
                (schema, name)
                for schema, name in connection.execute(
                    "select table_schema, table_name from information_schema.tables "
                    "where table_catalog = current_database()"
                ).fetchall()
            }
            is_ours = ("landing", "warehouse_layout") in tables
            layout = connection.execute("select layout from landing.warehouse_layout").fetchone() if is_ours else None
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WarehouseError(f"{path} is open for writing in another program: close it and run again") from None
        raise WarehouseError(
            f"{path} is not a database that this DuckDB ({duckdb.__version__}) can read: move it away and run again"
        ) from None
    except duckdb.Error as error:
        raise WarehouseError(
            f"{path} cannot be read: {str(error).splitlines()[0]}; move it away and run again"
        ) from None
    if layout is None and tables:
        raise WarehouseError(f"{path} holds tables that are not Wardhouse's: move it away, or choose another --lake")
    if layout is not None and layout[0] != LAYOUT:
        raise WarehouseError(
            f"{path} has layout {layout[0]} and this version makes layout {LAYOUT}: delete it and build again; "
            "the lake has everything"
        )


def check_built(warehouse: Warehouse) -> None:
    """Raises WarehouseError for a server that holds no warehouse of this version."""
    try:
        found = warehouse.rows("select layout from landing.warehouse_layout")
    except ServiceError:
        raise
    except Exception:
        found = []
    if not found:
        raise WarehouseError(f"there is no warehouse in {warehouse.label}: run `wardhouse build` first")
    if found[0][0] != LAYOUT:
        raise WarehouseError(
            f"{warehouse.label} has layout {found[0][0]} and this version makes layout {LAYOUT}: drop its schemas and "
            "build again; the lake has everything"
        )


class Dbt:
    """dbt in this process: the project is parsed once and the parse is used by every command.

    `lake` is where the warehouse finds the lake: a folder or an s3:// address.
    """

    def __init__(self, lake: str, warehouse: Warehouse, progress: Callable[[int, int], Any] = lambda done, total: None):
        self.lake, self.warehouse, self.progress = lake, warehouse, progress
        self._manifest: Any = None
        self.ran: list[Any] = []
        """dbt's results of the last command, a failed one's too."""

    def build(self, full_refresh: bool = False) -> Built:
        """Seeds, models, snapshots and data tests. Raises WarehouseError with what failed.

        Source tests are left to the staging gate, which has just said the same; not_null tests to no_required_nulls,
        which asks once for all columns of a relation; unit tests to CI.
        """
        options = ["--exclude-resource-type", "unit_test", "--exclude", "source:*", "test_name:not_null"]
        if full_refresh:
            options.append("--full-refresh")
        results = self._run("build", *options)
        return Built(Counter(str(result.node.resource_type) for result in results))

    def project(self) -> Any:
        """The parsed project: dbt's manifest."""
        if self._manifest is None:
            self._run("parse")
        return self._manifest

    def compiled(self, names: Iterable[str]) -> dict[str, str]:
        """The SQL of analyses as this warehouse takes it, by name."""
        results = self._run("compile", "--no-introspect", "--select", *names)
        return {result.node.name: result.node.compiled_code for result in results}

    def artifacts(self, analyses: Iterable[str] = ()) -> Artifacts:
        """What dbt knows of the project and its warehouse, and the SQL of analyses.

        Tests are not compiled: they are many times as many and nobody reads their SQL.
        """
        models = ["--select", "resource_type:model", "resource_type:snapshot", *analyses]
        results = self._run("compile", "--no-introspect", *models, "--indirect-selection", "empty")
        compiled = {
            result.node.name: result.node.compiled_code for result in results if result.node.resource_type == "analysis"
        }
        self._run("docs", "generate", "--no-compile")
        return Artifacts(target_path() / "manifest.json", target_path() / "catalog.json", compiled)

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Others that read this project as dbt does find its warehouse, lake and files in the environment."""
        with _environment(self.lake, self.warehouse, DBT_PROJECT_DIR=str(PROJECT), DBT_PROFILES_DIR=str(PROJECT)):
            try:
                yield
            finally:
                _let_go()

    def _run(self, *command: str) -> list[Any]:
        with _environment(self.lake, self.warehouse):
            from dbt.cli.main import dbtRunner

            self.ran = []
            if self._manifest is None:
                self._manifest = self._parsed()
            runner = dbtRunner(manifest=self._manifest, callbacks=[self._heard])
            try:
                outcome = runner.invoke([*_GLOBAL, *command, *_project()])
            finally:
                _let_go()
            self.ran = list(getattr(outcome.result, "results", None) or [])
            self._result(outcome, command[0])
        return self.ran

    def _parsed(self) -> Any:
        """The manifest; dbt parses only what has changed since it last did so for this file of DuckDB's.

        By itself it remembers the last parse alone, and takes all anew when another file is asked: a build works on
        one file, everyone else reads the published one.
        """
        from dbt.cli.main import dbtRunner

        if self.warehouse.target is not Target.duckdb:
            return self._result(dbtRunner().invoke([*_GLOBAL, "parse", *_project()]), "parse")
        name = sha256(f"{self.lake}\n{self.warehouse.label}".encode()).hexdigest()[:12]
        remembered = target_path() / f"partial_parse_{name}.msgpack"
        last = target_path() / "partial_parse.msgpack"
        before = last.stat().st_mtime_ns if last.exists() else None
        known = ["--partial-parse-file-path", str(remembered)] if remembered.exists() else []
        result = self._result(dbtRunner().invoke([*_GLOBAL, *known, "parse", *_project()]), "parse")
        if last.exists() and last.stat().st_mtime_ns != before:
            part = remembered.with_suffix(".part")
            shutil.copyfile(last, part)
            part.replace(remembered)
        return result

    def _result(self, outcome: Any, command: str) -> Any:
        if outcome.success:
            return outcome.result
        if outcome.exception is not None:
            raise WarehouseError(f"dbt {command} failed: {_first_lines(outcome.exception)}")
        failed = [r for r in outcome.result.results if str(r.status) in ("error", "fail", "runtime error")]
        skipped = sum(str(r.status) == "skipped" for r in outcome.result.results)
        shown = "".join(f"\n  {r.node.name}: {_first_lines(r.message)}" for r in failed[:10])
        more = f"\n  and {len(failed) - 10} more" if len(failed) > 10 else ""
        raise WarehouseError(
            f"dbt {command} failed: {len(failed)} nodes failed, {skipped} were skipped{shown}{more}\n"
            f"  details are in {target_path() / 'dbt.log'}; {_left(self.warehouse)}"
        )

    def _heard(self, event: Any) -> None:
        if event.info.name == "LogStartLine":
            self.progress(event.data.index, event.data.total)


_GLOBAL = ["--log-level", "none", "--log-level-file", "info", "--no-version-check", "--no-send-anonymous-usage-stats"]


def _left(warehouse: Warehouse) -> str:
    """How a failed build leaves a warehouse."""
    if warehouse.target is Target.duckdb:
        return "the warehouse was not published"
    return "tables that had been built are as they are, the others as they were; run again to go on"


def _let_go() -> None:
    """Close connections, which dbt keeps open for a next command; DuckDB's among them."""
    from dbt.adapters.factory import FACTORY

    for adapter in FACTORY.adapters.values():
        with suppress(Exception):
            adapter.cleanup_connections()
        with suppress(Exception):
            adapter.connections.env().close()
        with suppress(Exception):
            adapter.connections.close_all_connections()
    gc.collect()


def _project() -> list[str]:
    return ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]


@contextmanager
def _environment(lake: str, warehouse: Warehouse, **more: str) -> Iterator[None]:
    """What profiles.yml and dbt_project.yml read, and dbt's telemetry off whatever they say."""
    settings = {
        "WARDHOUSE_LAKE": lake,
        "WARDHOUSE_TARGET": warehouse.target.value,
        "DBT_TARGET_PATH": str(target_path()),
        "DBT_LOG_PATH": str(target_path()),
        "DO_NOT_TRACK": "1",
        **warehouse.environment,
        **more,
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _first_lines(message: Any) -> str:
    lines = [line.strip() for line in str(message).splitlines() if line.strip()]
    return " ".join(lines[:4])


def check_staged(lake: Lake) -> None:
    """Raises LakeError where there is nothing to build from."""
    if not lake.exists(MANIFEST_KEY):
        raise LakeError(
            f"nothing is staged in {lake}: run `wardhouse generate` and `wardhouse stage` first, "
            "or `wardhouse run` for everything"
        )


def prepare_building(lake: Lake) -> Path:
    """A copy of the published warehouse to build on, or nothing yet. Raises for what must not be touched."""
    source, copy = published(lake), building(lake)
    check_warehouse(source)
    for leftover in (copy, copy.with_name(copy.name + ".wal")):
        leftover.unlink(missing_ok=True)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        shutil.copyfile(source, copy)
    return copy


def publish(lake: Lake) -> Path:
    """Put the built warehouse in place of the published one, at once: readers see the old one or the new one."""
    os.replace(building(lake), published(lake))
    return published(lake)
