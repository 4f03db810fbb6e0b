"""dbt's docs as one page in less space: what readers do not need is left out, and nothing is asked of the network."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loaders.errors import WarehouseError

PLACES = {"manifest": '"MANIFEST.JSON INLINE DATA"', "catalog": '"CATALOG.JSON INLINE DATA"'}
LARGEST = 3_000_000
"""Bytes of a page."""

_NODE = (
    "unique_id",
    "name",
    "label",
    "resource_type",
    "package_name",
    "original_file_path",
    "fqn",
    "description",
    "database",
    "schema",
    "alias",
    "identifier",
    "source_name",
    "source_description",
    "tags",
    "meta",
    "access",
    "group",
    "version",
    "type",
    "owner",
    "url",
    "maturity",
    "language",
    "raw_code",
    "calculation_method",
    "type_params",
    "filter",
    "metric_time",
    "time_granularity",
    "entities",
    "measures",
    "dimensions",
    "defaults",
    "model",
    "node_relation",
)
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
)
_BACK = (
    '<a href="{back}" style="position:fixed;z-index:90;left:150px;top:24px;padding:4px 12px;border-radius:6px;'
    'background:#1a5f9e;color:#fff;font:14px/1.5 system-ui,sans-serif;text-decoration:none">Wardhouse</a>'
)


def docs_page(
    shell: str, manifest: Mapping[str, Any], catalog: Mapping[str, Any] | None, back: str, largest: int = LARGEST
) -> str:
    """The page. Compiled SQL is in it if it fits into `largest` bytes.

    `shell` is the index.html that comes with dbt. Raises WarehouseError where it has changed so that nothing fits.
    """
    if any(shell.count(place) != 1 for place in PLACES.values()):
        raise WarehouseError("the page that comes with this dbt is of another make: install the locked dbt-core")
    page = _offline(shell, back)
    room = largest - len(page.encode())
    told = {"catalog": written(slim_catalog(catalog or {}))}
    for has_compiled in (True, False):
        told["manifest"] = written(slim_manifest(manifest, has_compiled))
        if sum(len(each.encode()) for each in told.values()) <= room:
            break
    for name, place in PLACES.items():
        before, after = page.split(place)
        page = before + told[name] + after
    return page


def dbt_shell() -> str:
    """The index.html of the installed dbt."""
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    return Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")


def written(data: Any) -> str:
    """JSON that can stand in a script of a page."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def slim_manifest(manifest: Mapping[str, Any], has_compiled: bool) -> dict[str, Any]:
    """What the pages of dbt's docs show: columns with their tests, code, lineage, macros of the project, exposures."""
    nodes = {
        key: _node(node, has_compiled)
        for key, node in manifest.get("nodes", {}).items()
        if node["resource_type"] != "operation" and not _is_of_column(node) and not _says_nothing(node)
    }
    sources = {key: _node(node, has_compiled) for key, node in manifest.get("sources", {}).items()}
    _tell_tests(manifest, {**nodes, **sources})
    others = {
        kind: {key: _node(node, has_compiled) for key, node in manifest.get(kind, {}).items()}
        for kind in ("exposures", "metrics", "semantic_models", "saved_queries", "functions", "unit_tests")
    }
    kept = {*nodes, *sources, *(key for some in others.values() for key in some)}
    parents = {
        key: sorted(each for each in of if each in kept)
        for key, of in manifest.get("parent_map", {}).items()
        if key in kept and of
    }
    metadata, project = manifest.get("metadata", {}), manifest.get("metadata", {}).get("project_name")
    return {
        "metadata": {
            "adapter_type": metadata.get("adapter_type"),
            "dbt_version": metadata.get("dbt_version"),
            "generated_at": metadata.get("generated_at"),
            "project_name": project,
            "send_anonymous_usage_stats": False,
        },
        "nodes": nodes,
        "sources": sources,
        "macros": {
            key: {
                **{name: macro.get(name) for name in ("unique_id", "name", "package_name", "original_file_path")},
                "resource_type": "macro",
                "macro_sql": macro.get("macro_sql") or "",
                "description": as_text(macro.get("description")),
                "arguments": [
                    {
                        "name": each.get("name"),
                        "type": each.get("type"),
                        "description": as_text(each.get("description")),
                    }
                    for each in macro.get("arguments") or []
                ],
                "depends_on": {"macros": []},
                "docs": {"show": True},
            }
            for key, macro in manifest.get("macros", {}).items()
            if macro.get("package_name") == project and macro.get("resource_type", "macro") == "macro"
        },
        "docs": {
            key: {"unique_id": key, "name": doc.get("name"), "block_contents": as_text(doc.get("block_contents"))}
            | {"package_name": doc.get("package_name")}
            for key, doc in manifest.get("docs", {}).items()
            if str(doc.get("name", "")).startswith("__")
        },
        "parent_map": parents,
        "child_map": {},
        "groups": {},
        **others,
    }


def slim_catalog(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Types of columns by relation; descriptions are in the manifest."""

    def slim(entry: Mapping[str, Any]) -> dict[str, Any]:
        about = entry.get("metadata", {})
        return {
            "unique_id": entry.get("unique_id"),
            "metadata": {name: about.get(name) for name in ("type", "schema", "name", "database", "owner")},
            "columns": {
                name: {"name": column.get("name"), "type": column.get("type"), "index": column.get("index")}
                for name, column in entry.get("columns", {}).items()
            },
            "stats": {
                name: stat
                for name, stat in entry.get("stats", {}).items()
                if stat.get("include") or name == "has_stats"
            },
        }

    return {
        "nodes": {key: slim(each) for key, each in catalog.get("nodes", {}).items()},
        "sources": {key: slim(each) for key, each in catalog.get("sources", {}).items()},
        "errors": None,
    }


def as_text(description: Any) -> str:
    """Markdown that holds no HTML: dbt's page puts what it makes of it into the document."""
    return str(description or "").strip().replace("&", "&amp;").replace("<", "&lt;")


def _node(node: Mapping[str, Any], has_compiled: bool) -> dict[str, Any]:
    slim = {name: node[name] for name in _NODE if node.get(name) not in (None, "", [], {})}
    slim["description"] = as_text(node.get("description"))
    if "source_description" in slim:
        slim["source_description"] = as_text(slim["source_description"])
    if has_compiled and node.get("compiled_code") and node["resource_type"] in ("model", "snapshot"):
        slim["compiled_code"] = node["compiled_code"].strip()
    config = node.get("config") or {}
    slim["config"] = {name: config[name] for name in ("materialized", "enabled") if name in config}
    slim["docs"] = {"show": bool((node.get("docs") or {}).get("show", True))}
    slim["depends_on"] = {"macros": [], "nodes": (node.get("depends_on") or {}).get("nodes", [])}
    slim["refs"] = node.get("refs") or []
    slim.setdefault("tags", [])
    slim.setdefault("meta", {})
    slim["columns"] = {
        name: {
            "name": column.get("name", name),
            "description": as_text(column.get("description")),
            **({"data_type": column["data_type"]} if column.get("data_type") else {}),
            **({"meta": column["meta"]} if column.get("meta") else {}),
        }
        for name, column in (node.get("columns") or {}).items()
    }
    if node.get("test_metadata"):
        slim["test_metadata"] = _test_metadata(node)
        slim.pop("raw_code", None)
    return slim


def _is_of_column(node: Mapping[str, Any]) -> bool:
    """Whether it is a generic test of one column, which is told with the column."""
    return bool(node["resource_type"] == "test" and node.get("test_metadata") and _column(node))


def _says_nothing(node: Mapping[str, Any]) -> bool:
    """Whether it is no_required_nulls, which asks once what the not_null tests of a relation's columns say."""
    return bool(
        node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "no_required_nulls"
    )


def _column(test: Mapping[str, Any]) -> str:
    return str(test.get("column_name") or test["test_metadata"]["kwargs"].get("column_name") or "")


def _test_metadata(test: Mapping[str, Any]) -> dict[str, Any]:
    told = test["test_metadata"]
    arguments = {name: value for name, value in told["kwargs"].items() if name != "model"}
    return {"name": told["name"], "kwargs": arguments, "namespace": told.get("namespace")}


def _tell_tests(manifest: Mapping[str, Any], shown: Mapping[str, dict[str, Any]]) -> None:
    """Puts the tests of a column where dbt's page puts them when it has read the tests."""
    for test in manifest.get("nodes", {}).values():
        if not _is_of_column(test):
            continue
        name, nodes = test["test_metadata"]["name"], test.get("depends_on", {}).get("nodes", [])
        own = test.get("attached_node") or (nodes[-1] if name == "relationships" else next(iter(nodes), None))
        columns = shown.get(own or "", {}).get("columns", {})
        at = next((each for each in columns if each.lower() == _column(test).strip('"`').lower()), None)
        if at is not None:
            columns[at].setdefault("tests", []).append(_told(test, shown))
    for node in shown.values():
        for column in node["columns"].values():
            if "tests" in column:
                column["tests"].sort(key=lambda each: (each["short"], each["label"]))


_SHORT = {"not_null": ("N", "Not Null"), "unique": ("U", "Unique"), "relationships": ("F", "Foreign Key")}


def _told(test: Mapping[str, Any], shown: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    told = _test_metadata(test)
    name, arguments = told["name"], told["kwargs"]
    short, label = _SHORT.get(name, ("+", ""))
    if name == "accepted_values":
        values = arguments.get("values")
        short = "A"
        label = f"Accepted Values: {', '.join(map(str, values)) if isinstance(values, list) else values}"
    elif not label:
        rest = {each: value for each, value in arguments.items() if each != "column_name"}
        label = f"{name}({json.dumps(rest, ensure_ascii=False)})"
    found: dict[str, Any] = {"test_name": name, "short": short, "label": label}
    if name == "relationships":
        target = re.search(r"['\"]([^'\"]+)['\"]\s*\)$", str(arguments.get("to", "")))
        to = next((each for each in shown.values() if target and each["name"] == target[1]), None)
        if to and arguments.get("field"):
            found["fk_field"] = arguments["field"]
            found["fk_model"] = {each: to[each] for each in ("unique_id", "name", "resource_type")}
    return found


def without_source_maps(script: str) -> str:
    """Without the source maps of style sheets, which are for those who make dbt's page."""
    start, parts, at = "{version:3,sources:[", [], 0
    while (found := script.find(start, at)) >= 0:
        parts += [script[at:found], "null"]
        at = _end_of_object(script, found)
    return "".join([*parts, script[at:]])


_TOKEN = re.compile(r"""[{}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`""", re.DOTALL)


def _end_of_object(script: str, start: int) -> int:
    """Behind the brace that closes the object of literals at `start`."""
    depth = 0
    for token in _TOKEN.finditer(script, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(script)


def _offline(shell: str, back: str) -> str:
    """The shell with a policy that lets it ask for nothing, no address of elsewhere, and the way back to the site."""
    page = re.sub(r'<link rel="(?:canonical|shortcut icon)"[^>]*>', "", without_source_maps(shell))
    page = page.replace('<use xlink:href="{{', '<use ng-attr-href="{{')
    page = page.replace("//d1fc8wv8zag5ca.cloudfront.net/2.9.0/sp.js", "")
    page = page.replace("<title>dbt Docs</title>", "<title>dbt docs · Wardhouse</title>")
    head = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><link rel="icon" href="data:,">'
    page = re.sub(r'(<meta charset="utf-8"\s*/?>)', lambda found: found[1] + head, page, count=1)
    return re.sub(r"(<body[^>]*>)", lambda found: found[1] + _BACK.format(back=back), page, count=1)
