"""The pages of the data model: model.html, columns.html, dictionary.html and dbt.html."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from loaders.errors import WarehouseError
from loaders.site.model.counts import count_rows
from loaders.site.model.docs import dbt_shell, docs_page
from loaders.site.model.entities import diagrams, joins
from loaders.site.model.lineage import Lineage, trace
from loaders.site.model.relations import LAYERS, Exposure, Model, Relation, read_artifact, read_model, with_rows
from loaders.site.render import PAGES, json_in_html, render
from loaders.targets import Warehouse

READ = ("mart", "fact", "dimension", "snapshot", "seed", "source")
"""Layers that people read, as the dictionary has them."""
START = ("waiting_time_percentiles", "p90_wait_minutes")
"""The column that column lineage shows at first."""
_PLURAL = {
    "source": "Sources",
    "seed": "Seeds",
    "staging": "Staging",
    "intermediate": "Intermediate",
    "snapshot": "Snapshots",
    "dimension": "Dimensions",
    "fact": "Facts",
    "mart": "Marts",
}


def write_model_pages(
    site: Path, manifest: Path, catalog: Path, colophon: str, warehouse: Warehouse | None = None, missing: str = ""
) -> list[Path]:
    """Write the four pages into a folder that has the assets. Returns their paths.

    `manifest` and `catalog` are dbt's files; the models in the manifest should be compiled, or lineage says that they
    are not. Rows are counted in `warehouse`. A missing catalog is told on the pages, and so is `missing`, the reason
    why there is no warehouse. Raises WarehouseError for a missing manifest.
    """
    told = read_artifact(manifest)
    try:
        listed = read_artifact(catalog)
    except WarehouseError:
        listed = None
    model = read_model(told, listed)
    if missing:
        model = replace(model, missing=(missing, *model.missing))
    if warehouse is not None:
        model = with_rows(model, count_rows(warehouse, model, READ))
    lineage = trace(model)
    pages = {
        "model.html": model_page(model, lineage, colophon),
        "columns.html": columns_page(model, lineage, colophon),
        "dictionary.html": dictionary_page(model, colophon),
        "dbt.html": docs_page(dbt_shell(), told, listed, "model.html"),
    }
    for name, page in pages.items():
        (site / name).write_text(page, encoding="utf-8")
    return [site / name for name in pages]


def model_page(model: Model, lineage: Lineage, colophon: str) -> str:
    """The overview: how many relations there are, the star as diagrams, and which fact has which dimension."""
    drawn = diagrams(model)
    facts, dimensions = list(model.at("fact")), list(model.at("dimension"))
    of: dict[tuple[str, str], list[str]] = {}
    for join in joins(model, facts):
        of.setdefault((join.of.id, join.to.id), []).append(join.column.name)
    return _render(
        "model.html",
        "Data model",
        colophon,
        model,
        counts=[(_PLURAL[layer], sum(1 for _ in model.at(layer))) for layer in LAYERS],
        columns=sum(len(each.columns) for each in model.relations.values()),
        unread=len(lineage.unread),
        diagrams=drawn,
        dimensions=dimensions,
        matrix=[(fact, [of.get((fact.id, each.id), []) for each in dimensions]) for fact in facts],
    )


def dictionary_page(model: Model, colophon: str) -> str:
    """Every relation that people read, with every column."""
    layers = [(_PLURAL[layer], layer, list(model.at(layer))) for layer in READ]
    shown = [each for _, _, relations in layers for each in relations]
    return _render(
        "dictionary.html",
        "Data dictionary",
        colophon,
        model,
        layers=[layer for layer in layers if layer[2]],
        relations=len(shown),
        columns=sum(len(each.columns) for each in shown),
    )


def columns_page(model: Model, lineage: Lineage, colophon: str) -> str:
    """What each column is made of and what is made of it."""
    return _render(
        "columns.html",
        "Column lineage",
        colophon,
        model,
        unread=[(model.relations[key], why) for key, why in sorted(lineage.unread.items())],
        traced=sum(1 for each in model.relations.values() if each.layer not in ("source", "seed")),
        data=json_in_html(_lineage_data(model, lineage)),
    )


def with_code(text: str) -> Markup:
    """A description as HTML: what stands between backticks is code, all else is text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


def anchor(relation: Relation) -> str:
    """The name of a relation in addresses; sources carry their system, since models may be called the same."""
    return f"{relation.domain}.{relation.name}" if relation.layer == "source" else relation.name


def address(relation: Relation) -> str:
    """Where a relation is described: in the dictionary, or in dbt's docs."""
    if relation.layer in READ:
        return f"dictionary.html#{anchor(relation)}"
    return f"dbt.html#!/model/{relation.id}"


def _lineage_data(model: Model, lineage: Lineage) -> dict[str, Any]:
    """Relations with their columns, each with the places of what it is made of: relation, column, whether as is."""
    relations = list(model.relations.values())
    place = {
        (relation.id, column.name): (at, n)
        for at, relation in enumerate(relations)
        for n, column in enumerate(relation.columns)
    }
    of = {relation.id: at for at, relation in enumerate(relations)}
    return {
        "start": _start(model),
        "relations": [
            {
                "name": relation.name,
                "anchor": anchor(relation),
                "layer": LAYERS[relation.layer],
                "href": address(relation),
                "reads": [of[each] for each in relation.reads if each in of],
                "unread": lineage.unread.get(relation.id, ""),
                "columns": [
                    [
                        column.name,
                        column.type,
                        column.description.replace("`", ""),
                        [
                            [*place[edge.relation, edge.column], int(edge.is_as_is)]
                            for edge in lineage.upstream.get((relation.id, column.name), ())
                        ],
                    ]
                    for column in relation.columns
                ],
            }
            for relation in relations
        ],
        "exposures": [
            {
                "title": each.title,
                "href": _page_of(each),
                "description": " ".join(each.description.replace("`", "").split()),
                "reads": [of[key] for key in each.reads if key in of],
            }
            for each in model.exposures
        ],
    }


def _page_of(exposure: Exposure) -> str:
    """A dashboard of this site by its page, else its entry in dbt's docs."""
    page = f"{exposure.name.removeprefix('dashboard_')}.html"
    return page if page in dict(PAGES) else f"dbt.html#!/exposure/{exposure.id}"


def _start(model: Model) -> str:
    marts = [each for each in model.at("mart", "fact", "dimension", "staging") if each.columns]
    chosen = next((each for each in marts if each.name == START[0]), None)
    if chosen and any(column.name == START[1] for column in chosen.columns):
        return f"{anchor(chosen)}.{START[1]}"
    first = next(iter(marts), None)
    return f"{anchor(first)}.{first.columns[-1].name}" if first else ""


def _render(template: str, title: str, colophon: str, model: Model, **values: Any) -> str:
    return render(
        template,
        "model.html",
        title,
        colophon,
        missing=model.missing,
        anchor=anchor,
        address=address,
        model=model,
        with_code=with_code,
        breakable=Markup("_<wbr>"),
        **values,
    )
