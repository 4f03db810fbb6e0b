"""Pages as HTML: templates that escape what they are given, and what a dashboard's script needs as JSON."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from loaders.site.charts import THEMES
from loaders.site.datasets import Dataset, packed
from loaders.site.figures import Figure, Page

PAGES = (
    ("index.html", "Overview"),
    ("operations.html", "Operations"),
    ("theatres.html", "Theatres"),
    ("clinical.html", "Clinical"),
    ("realism.html", "Realism"),
    ("quality.html", "Quality"),
    ("model.html", "Data model"),
)
"""What is in every page's navigation: file and title."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    template: str, current: str, title: str, colophon: str, files: Collection[str] | None = None, **values: Any
) -> str:
    """A page from a template that extends base.html; `current` is its file among PAGES, or its nearest of kin.

    Its navigation leads to all pages, or to `files` where only those are there.
    """
    pages = [{"file": file, "title": name} for file, name in PAGES if files is None or file in files]
    return _TEMPLATES.get_template(template).render(
        pages=pages, current=current, title=title, colophon=colophon, root="", prose=prose, **values
    )


def prose(text: str) -> Markup:
    """Text of which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


def dashboard(
    page: Page,
    datasets: Mapping[str, Dataset],
    choices: Mapping[str, list[tuple[str, str]]],
    colophon: str,
    template: str = "dashboard.html",
    **values: Any,
) -> str:
    """A page of tiles and figures with the rows that they show; a template of its own may show more."""
    data = {
        "choices": choices if page.has_filters else {"facility": [], "period": []},
        "datasets": {name: _described(datasets[name]) for name in page.datasets()},
        "figures": [_figure(figure) for figure in page.figures],
        "themes": THEMES,
        "tiles": [
            {"name": tile.name, "dataset": tile.dataset, "column": tile.column, "kind": tile.kind}
            for tile in page.tiles
        ],
    }
    return render(template, f"{page.name}.html", page.title, colophon, page=page, data=json_in_html(data), **values)


def json_in_html(value: Any) -> Markup:
    """JSON that may stand in a script element whatever it says."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _described(dataset: Dataset) -> dict[str, Any]:
    return {"columns": packed(dataset), "missing": dataset.missing}


def _figure(figure: Figure) -> dict[str, Any]:
    spec = figure.chart.to_dict()
    spec.pop("$schema", None)
    spec.pop("config", None)
    return {
        "name": figure.name,
        "dataset": figure.dataset,
        "table": figure.table,
        "needs": figure.needs,
        "columns": [asdict(column) for column in figure.columns],
        "spec": spec,
        "bands": _bands(spec),
    }


def _bands(spec: dict[str, Any]) -> dict[str, Any] | None:
    """The field whose values are bands up the side, and the height of each, where a chart's height is by bands."""
    if not isinstance(spec.get("height"), dict):
        return None
    layers = [spec, *spec.get("layer", [])]
    field = next(field for layer in layers if (field := layer.get("encoding", {}).get("y", {}).get("field")))
    return {"field": field, "pixels": spec.pop("height")["step"]}
