"""What dbt's own results say, as results that are kept."""

from collections.abc import Iterable, Iterator
from typing import Any

from loaders.quality.results import DataTest, Node

KINDS = ("model", "snapshot", "seed")
NO_RELATION = "no relation"


def nodes_of(ran: Iterable[Any]) -> tuple[Node, ...]:
    """Models, snapshots and seeds, in the order in which dbt ended them."""
    return tuple(
        Node(
            relation=_name(result.node),
            kind=str(result.node.resource_type),
            layer=result.node.schema,
            status=str(result.status),
            seconds=_seconds(result),
            rows=_rows(result),
            message=_message(result),
        )
        for result in ran
        if str(result.node.resource_type) in KINDS
    )


def tests_of(ran: Iterable[Any], manifest: Any) -> tuple[DataTest, ...]:
    """Data tests and unit tests, with what each guards as the parsed project says."""
    return tuple(
        DataTest(
            name=result.node.name,
            kind=_kind(result.node),
            layer=guarded[-1].schema if guarded else NO_RELATION,
            relation=", ".join(map(_name, guarded)),
            column=getattr(result.node, "column_name", None) or "",
            status=str(result.status),
            failures=result.failures,
            seconds=_seconds(result),
            message=_message(result),
            description=" ".join(result.node.description.split()),
        )
        for result in ran
        if str(result.node.resource_type) in ("test", "unit_test")
        for guarded in [list(_guarded(result.node, manifest))]
    )


def _kind(node: Any) -> str:
    if str(node.resource_type) == "unit_test":
        return "unit"
    metadata = getattr(node, "test_metadata", None)
    return metadata.name if metadata else "singular"


def _guarded(node: Any, manifest: Any) -> Iterator[Any]:
    """The relation that a test is written at, or all that a test of its own file reads, the last layer last."""
    attached = getattr(node, "attached_node", None) or getattr(node, "tested_node_unique_id", None)
    names = [attached] if attached else node.depends_on.nodes
    found = [manifest.nodes[name] for name in names if name in manifest.nodes]
    order = ("seeds", "staging", "intermediate", "snapshots", "core")
    yield from sorted(found, key=lambda each: order.index(each.schema) if each.schema in order else len(order))


def _name(node: Any) -> str:
    return f"{node.schema}.{node.name}"


def _seconds(result: Any) -> float:
    return round(float(result.execution_time or 0), 3)


def _rows(result: Any) -> int | None:
    rows = (result.adapter_response or {}).get("rows_affected")
    return int(rows) if isinstance(rows, int) and rows >= 0 else None


def _message(result: Any) -> str:
    """What dbt said, where it is more than that all is well."""
    return "" if str(result.status) in ("pass", "success") else str(result.message or "").strip()
