"""Relations, columns and keys as dbt's manifest and catalog tell them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loaders.errors import WarehouseError
from loaders.site.model.units import unit

LAYERS = {
    "source": "Source",
    "seed": "Seed",
    "staging": "Staging",
    "intermediate": "Intermediate",
    "snapshot": "Snapshot",
    "dimension": "Dimension",
    "fact": "Fact",
    "mart": "Mart",
}
"""In the order in which data passes through them."""


_KINDS = ("model", "seed", "snapshot", "source")


@dataclass(frozen=True)
class Reference:
    """What a foreign key points to: a relation's id and its column."""

    relation: str
    column: str


@dataclass(frozen=True)
class Column:
    """A column. `checks` are what its tests hold it to, as text; `is_there` is False for one that only YAML names."""

    name: str
    type: str
    description: str = ""
    unit: str = ""
    is_key: bool = False
    is_unique: bool = False
    is_required: bool = False
    is_personal: bool = False
    reference: Reference | None = None
    checks: tuple[str, ...] = ()
    is_there: bool = True


@dataclass(frozen=True)
class Relation:
    """A table or view that dbt knows, with its columns in order. `rows` is None where nobody counted."""

    id: str
    name: str
    layer: str
    domain: str
    place: str
    description: str
    grain: str
    columns: tuple[Column, ...]
    rows: int | None = None
    rules: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    code: str = ""
    kind: str = ""
    relation_name: str = ""
    snapshot_times: str = ""
    is_in_catalog: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return tuple(column.name for column in self.columns if column.is_key)


@dataclass(frozen=True)
class Exposure:
    """A thing that reads relations: a dashboard of this site."""

    id: str
    name: str
    title: str
    description: str
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """All relations by id, in the order of layers, and the exposures. `missing` says what could not be told and why."""

    relations: Mapping[str, Relation]
    exposures: tuple[Exposure, ...] = ()
    adapter: str = "duckdb"
    missing: tuple[str, ...] = ()

    def at(self, *layers: str) -> Iterator[Relation]:
        """Relations of layers."""
        return (relation for relation in self.relations.values() if relation.layer in layers)


def read_artifact(path: Path) -> dict[str, Any]:
    """A JSON file of dbt's. Raises WarehouseError where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WarehouseError(f"there is no {path}: `dbt docs generate` writes it; run `wardhouse docs`") from None
    except (ValueError, OSError) as error:
        raise WarehouseError(f"{path} cannot be read: {error}; delete it and run `wardhouse docs`") from None
    if not isinstance(found, dict) or "metadata" not in found:
        raise WarehouseError(f"{path} is not dbt's: delete it and run `wardhouse docs`")
    return found


def read_model(manifest: Mapping[str, Any], catalog: Mapping[str, Any] | None = None) -> Model:
    """The relations of this project."""
    nodes = {**manifest.get("nodes", {}), **manifest.get("sources", {})}
    catalogued = {**(catalog or {}).get("nodes", {}), **(catalog or {}).get("sources", {})}
    kept = {
        key: node for key, node in nodes.items() if node["resource_type"] in ("model", "seed", "snapshot", "source")
    }
    tests = _tests(nodes)
    known = _known_units(manifest)
    relations = [
        _relation(key, node, catalogued.get(key), tests.get(key, []), kept, known) for key, node in kept.items()
    ]
    order = list(LAYERS)
    relations.sort(key=lambda each: (order.index(each.layer), each.domain, each.name, each.id))
    exposures = [
        Exposure(
            id=key,
            name=node["name"],
            title=node.get("label") or node["name"],
            description=(node.get("description") or "").strip(),
            reads=tuple(sorted(node.get("depends_on", {}).get("nodes", []))),
        )
        for key, node in manifest.get("exposures", {}).items()
    ]
    return Model(
        relations={each.id: each for each in relations},
        exposures=tuple(sorted(exposures, key=lambda each: each.name)),
        adapter=manifest.get("metadata", {}).get("adapter_type") or "duckdb",
        missing=_missing(catalog, relations),
    )


def with_rows(model: Model, rows: Mapping[str, int]) -> Model:
    """The same with these counts by a relation's id."""
    counted = {key: replace(each, rows=rows.get(key, each.rows)) for key, each in model.relations.items()}
    return replace(model, relations=counted)


def _missing(catalog: Mapping[str, Any] | None, relations: list[Relation]) -> tuple[str, ...]:
    if not any((catalog or {}).get(kind) for kind in ("nodes", "sources")):
        return (
            "dbt's catalog has no tables, so types are those that the project declares, and columns that it does not "
            "describe are not here: build the warehouse, then run `wardhouse docs`.",
        )
    absent = [each.name for each in relations if not each.is_in_catalog]
    if not absent:
        return ()
    some = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
    return (f"Not in the warehouse, as far as the catalog tells: {some}. Their types are those that are declared.",)


def _relation(
    key: str,
    node: Mapping[str, Any],
    catalogued: Mapping[str, Any] | None,
    tests: list[Mapping[str, Any]],
    kept: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, str],
) -> Relation:
    description = " ".join((node.get("description") or "").split())
    meta = {**(node.get("meta") or {}), **(node.get("config", {}).get("meta") or {})}
    said, grain = split_grain(description, meta)
    config = node.get("config", {})
    return Relation(
        id=key,
        name=node["name"],
        layer=_layer(node),
        domain=_domain(node),
        place=f"{node.get('schema')}.{node.get('identifier') or node.get('alias') or node['name']}",
        description=said,
        grain=grain,
        columns=_columns(node, catalogued, tests, kept, known, meta, grain),
        rows=_counted(catalogued),
        rules=tuple(sorted({rule for test in tests if not _column_of(test) for rule in _rule(test)})),
        reads=tuple(sorted(each for each in node.get("depends_on", {}).get("nodes", []) if each in kept)),
        code=node.get("compiled_code") or "",
        kind=node["resource_type"] if node["resource_type"] != "model" else config.get("materialized") or "model",
        relation_name=node.get("relation_name") or "",
        snapshot_times=str(config.get("updated_at") or "") if config.get("strategy") == "timestamp" else "",
        is_in_catalog=catalogued is not None,
    )


def split_grain(description: str, meta: Mapping[str, Any]) -> tuple[str, str]:
    """A description without its last sentence `One row per …`, and that sentence's end: the grain.

    `meta.grain` as text says it too. Sources have columns there, which their description says better.
    """
    found = re.search(r"\s*\bOne row per ([^.]+)\.?$", description)
    told = meta.get("grain")
    if isinstance(told, str):
        return (description[: found.start()] if found else description), told
    return (description[: found.start()], found[1]) if found else (description, "")


def _layer(node: Mapping[str, Any]) -> str:
    kind, name, folders = str(node["resource_type"]), str(node["name"]), node.get("fqn", [])[1:-1]
    if kind != "model":
        return kind
    if name.startswith("dim_"):
        return "dimension"
    if name.startswith("fact_"):
        return "fact"
    if folders and folders[0] in ("staging", "intermediate"):
        return str(folders[0])
    return "mart"


def _domain(node: Mapping[str, Any]) -> str:
    """The source system or the group of marts; of the star, the part that its YAML file is named after."""
    if node["resource_type"] == "source":
        return str(node["source_name"])
    folders = node.get("fqn", [])[1:-1]
    if node["resource_type"] != "model" or len(folders) < 2:
        return ""
    if folders[1] != "core":
        return str(folders[1])
    part = re.search(r"_core_([a-z]+)__", node.get("patch_path") or "")
    return part[1] if part else "operations"


def _counted(catalogued: Mapping[str, Any] | None) -> int | None:
    for name in ("row_count", "num_rows", "rows"):
        value = ((catalogued or {}).get("stats") or {}).get(name, {}).get("value")
        if value is not None:
            try:
                return int(float(value))
            except (TypeError, ValueError):
                continue
    return None


# --- columns and their tests ------------------------------------------------------------------------------------------


def _columns(
    node: Mapping[str, Any],
    catalogued: Mapping[str, Any] | None,
    tests: list[Mapping[str, Any]],
    kept: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, str],
    meta: Mapping[str, Any],
    grain: str,
) -> tuple[Column, ...]:
    described = {name.lower(): column for name, column in node.get("columns", {}).items()}
    found = sorted((catalogued or {}).get("columns", {}).values(), key=lambda each: each.get("index") or 0)
    there = {str(each["name"]).lower(): each for each in found}
    names = [*there, *(name for name in described if name not in there)]
    by_column: dict[str, list[Mapping[str, Any]]] = {}
    for test in tests:
        by_column.setdefault(_column_of(test).lower(), []).append(test)
    unique = [name for name in names if any(_kind(test) == "unique" for test in by_column.get(name, []))]
    keys = _keys(node, meta, grain, unique, by_column.get("", []))
    columns = []
    for name in names:
        said, held = described.get(name, {}), by_column.get(name, [])
        about = {**(said.get("meta") or {}), **(said.get("config", {}).get("meta") or {})}
        type_ = str(said.get("data_type") or there.get(name, {}).get("type") or "").lower()
        checks = sorted({rule for test in held for rule in _rule(test)} | set(_contract(about)))
        columns.append(
            Column(
                name=str(said.get("name") or there.get(name, {}).get("name") or name),
                type=type_,
                description=" ".join(str(said.get("description") or "").split()),
                unit=str(about.get("unit") or unit(name, type_, known)),
                is_key=name in keys,
                is_unique=name in unique,
                is_required=any(_kind(test) == "not_null" for test in held),
                is_personal=bool(about.get("pii")),
                reference=next((to for test in held if (to := _reference(test, kept))), None),
                checks=tuple(checks),
                is_there=catalogued is None or name in there,
            )
        )
    return tuple(columns)


def _keys(
    node: Mapping[str, Any], meta: Mapping[str, Any], grain: str, unique: list[str], of_all: list[Mapping[str, Any]]
) -> set[str]:
    """The primary key: what a contract or a snapshot says, else a unique column, else columns that are unique together.

    Of several unique columns it is the one that the grain names, or the first.
    """
    told = meta.get("key") or node.get("config", {}).get("unique_key") if node["resource_type"] != "model" else None
    if told:
        return {str(each).lower() for each in (told if isinstance(told, list) else [told])}
    if unique:
        of_grain = grain.lower().replace(" ", "_")
        return {next((name for name in unique if name in (of_grain, f"{of_grain}_id", f"{of_grain}_key")), unique[0])}
    together = [
        test["test_metadata"]["kwargs"].get("columns", []) for test in of_all if _kind(test) == "unique_together"
    ]
    return {str(each).lower() for each in min(together, key=len)} if together else set()


def _tests(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Generic tests by the relation that they test."""
    by_name = {(node.get("source_name"), node["name"]): key for key, node in nodes.items() if "source_name" in node}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes.values():
        if node["resource_type"] != "test" or not node.get("test_metadata"):
            continue
        of = node.get("attached_node")
        if not of:
            told = _SOURCE.search(str(_arguments(node).get("model", "")))
            of = by_name.get((told[1], told[2])) if told else None
        if of:
            found.setdefault(of, []).append(node)
    return found


_SOURCE = re.compile(r"source\(['\"]([^'\"]+)['\"],\s*['\"]([^'\"]+)['\"]\)")
_REF = re.compile(r"ref\(['\"]([^'\"]+)['\"]\)")


def _kind(test: Mapping[str, Any]) -> str:
    return str(test["test_metadata"]["name"])


def _arguments(test: Mapping[str, Any]) -> Mapping[str, Any]:
    return test["test_metadata"]["kwargs"]


def _column_of(test: Mapping[str, Any]) -> str:
    return str(test.get("column_name") or _arguments(test).get("column_name") or "")


def _reference(test: Mapping[str, Any], kept: Mapping[str, Mapping[str, Any]]) -> Reference | None:
    if _kind(test) != "relationships":
        return None
    arguments = _arguments(test)
    to, field_ = str(arguments.get("to", "")), str(arguments.get("field", ""))
    ref, source = _REF.search(to), _SOURCE.search(to)
    for key in sorted(test.get("depends_on", {}).get("nodes", [])):
        node = kept.get(key, {})
        is_it = (ref and node.get("name") == ref[1] and "source_name" not in node) or (
            source and (node.get("source_name"), node.get("name")) == (source[1], source[2])
        )
        if is_it:
            return Reference(key, field_)
    return None


def _rule(test: Mapping[str, Any]) -> list[str]:
    arguments, kind = _arguments(test), _kind(test)
    if kind == "accepted_values":
        values = arguments.get("values")
        return (
            ["one of " + ", ".join(str(each) for each in values)] if isinstance(values, list) else [f"one of {values}"]
        )
    if kind == "accepted_range":
        return [_range(arguments.get("minimum"), arguments.get("maximum"))]
    if kind == "holds":
        return [" ".join(str(arguments.get("condition", "")).split())]
    if kind == "unique_together":
        return ["unique together: " + ", ".join(str(each) for each in arguments.get("columns", []))]
    if kind in ("unique", "not_null", "relationships", "no_required_nulls"):
        return []
    return [kind.replace("_", " ")]


def _contract(about: Mapping[str, Any]) -> list[str]:
    said = []
    if about.get("minimum") is not None or about.get("maximum") is not None:
        said.append(_range(about.get("minimum"), about.get("maximum")))
    said += [f"{name} {about[name]}" for name in ("pattern", "format") if about.get(name)]
    if isinstance(about.get("values"), list):
        said.append(_one_of(about["values"]))
    return said


def _one_of(values: list[Any]) -> str:
    return "one of " + ", ".join(str(each) for each in values)


def _range(lowest: Any, highest: Any) -> str:
    if lowest is None:
        return f"at most {highest}"
    return f"at least {lowest}" if highest is None else f"{lowest} to {highest}"


def _known_units(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Units that contracts give to a column name, where all that give one agree."""
    told: dict[str, set[str]] = {}
    for node in manifest.get("sources", {}).values():
        for name, column in node.get("columns", {}).items():
            about = {**(column.get("meta") or {}), **(column.get("config", {}).get("meta") or {})}
            if about.get("unit"):
                told.setdefault(name.lower(), set()).add(str(about["unit"]))
    return {name: next(iter(units)) for name, units in told.items() if len(units) == 1}
