"""Altair as the site uses it: rows by name, which the page fills in, and a theme for light and for dark."""

from collections.abc import Sequence
from typing import Any

import altair as alt

ROWS = alt.NamedData("rows")
"""The rows that the page gives to a chart: those of the chosen facility and period."""

SAFE, WARN, ALARM = "#3b82c4", "#d99414", "#cf4a32"
"""Within limits, beyond the first, beyond the second: told apart without colour vision, on light and dark."""

QUIET = "#8794a3"
"""What is there to compare with: capacity, a published figure."""

SERIES = ("#3b82c4", "#d99414", "#2a9d78", "#b565b0", "#cf4a32", "#7b8794", "#8b6f2f", "#4f6bd8")

THEMES: dict[str, dict[str, Any]] = {
    name: {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "padding": 4,
        "view": {"stroke": None},
        "axis": {
            "labelColor": quiet, "titleColor": quiet, "gridColor": grid, "domainColor": grid, "tickColor": grid,
            "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "aria": False,
        },
        "axisX": {"grid": False, "labelSeparation": 8, "labelBound": True},
        "axisBand": {"grid": False},
        "legend": {
            "labelColor": text, "titleColor": quiet, "labelFontSize": 12, "titleFontSize": 12, "orient": "top",
            "titleFontWeight": "normal", "aria": False, "symbolType": "square", "labelLimit": 260,
            "columns": {"expr": "windowSize()[0] < 600 ? 1 : 0"},
        },
        "header": {"labelColor": text, "titleColor": quiet, "labelFontSize": 12},
        "title": {"color": text},
        "text": {"color": text},
        "range": {"category": list(SERIES)},
        "mark": {"color": SAFE},
        "rule": {"color": quiet},
        "bar": {"aria": False}, "line": {"aria": False, "strokeWidth": 2}, "point": {"aria": False},
        "area": {"aria": False}, "rect": {"aria": False}, "circle": {"aria": False}, "tick": {"aria": False},
    }
    for name, text, quiet, grid in (
        ("light", "#1c2733", "#4d5b69", "#e1e6eb"),
        ("dark", "#e8edf2", "#aab6c3", "#303b47"),
    )
}  # fmt: skip


DAYS = alt.Axis(format="%-d %b %y", labelOverlap=True, tickCount=8)
MONTHS = alt.Axis(format="%b %Y", labelOverlap=True)
"""Axes of time."""

_FIT = alt.AutoSizeParams(type="fit-x", contains="padding")


def chart(height: int | alt.Step = 260) -> alt.Chart:
    """A chart over the page's rows, as wide as there is room; `alt.Step(22)` is a height for each value of y."""
    return alt.Chart(ROWS, width="container", height=height, autosize=_FIT)


def layered(*layers: alt.Chart, height: int | alt.Step = 260) -> alt.LayerChart | alt.FacetChart:
    """Layers, made with alt.Chart(), over the page's rows, as wide as there is room."""
    return alt.layer(*layers, data=ROWS).properties(width="container", height=height, autosize=_FIT)


def day(title: str | None = None, field: str = "date_day") -> alt.X:
    """Days, or months, along the bottom."""
    return alt.X(f"{field}:T", title=title, axis=DAYS)


def share(field: str, title: str, **options: Any) -> alt.Y:
    """A share, in per cent, up the side."""
    return alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format=".0%"), **options)


def colours(
    domain: Sequence[str], colours: Sequence[str], title: str | None = None, field: str = "series"
) -> alt.Color:
    """Named series in colours of their own."""
    scale = alt.Scale(domain=list(domain), range=list(colours))
    return alt.Color(f"{field}:N", title=title, scale=scale)


def threshold(value: float, axis: str = "y", colour: str = QUIET) -> alt.Chart:
    """A dashed line at a value."""
    where = alt.Y if axis == "y" else alt.X
    rule = alt.Chart(alt.InlineData([{"at": value}])).mark_rule(strokeDash=[5, 4], color=colour)
    return rule.encode(where("at:Q"))


def tips(*columns: tuple[str, str, str]) -> list[alt.Tooltip]:
    """What pointing at a mark tells: (field with its type, title, d3 format)."""
    return [alt.Tooltip(field, title=title, format=form or alt.Undefined) for field, title, form in columns]
