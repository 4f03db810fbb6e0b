"""Each simulated figure beside the published one."""

from typing import Literal

import altair as alt

from loaders.site.charts import ALARM, QUIET, SAFE, WARN, layered, tips
from loaders.site.figures import Column, Figure, Page, Tile

SUMMARY = "site_realism_summary"

TILES = (
    Tile("operations", "Operations agree", SUMMARY, "operations_agree", "text", "figures lie in their bands"),
    Tile("clinical", "Clinical agree", SUMMARY, "clinical_agree", "text", "figures lie in their bands"),
    Tile("robotics", "Robotics agree", SUMMARY, "robotics_agree", "text", "figures lie in their bands"),
    Tile("outside", "Outside their bands", SUMMARY, "outside", "integer", "below or above, in all three"),
    Tile("not_judged", "Not judged", SUMMARY, "not_judged", "integer", "too few days or rows, or none"),
)

VERDICTS = {
    "agrees": (SAFE, "circle"),
    "below": (WARN, "triangle-down"),
    "above": (ALARM, "triangle-up"),
    "too little data": ("#8e6bbf", "diamond"),
    "no data": (QUIET, "cross"),
}


_SIMULATED = (
    "datum.simulated_value === null ? 'nothing' : datum.unit === 'share' ? format(datum.simulated_value, '.3~p')"
    " : format(datum.simulated_value, ',.3~r')"
)
_PUBLISHED = (
    "datum.unit === 'share'"
    " ? format(100 * datum.published_lowest, '.3~r') + '–' + format(datum.published_highest, '.3~p')"
    " : format(datum.published_lowest, ',.3~r') + '–' + format(datum.published_highest, ',.3~r')"
    " + (indexof(['days', 'hours', 'minutes', 'cases'], datum.unit) < 0 ? '' : ' ' + datum.unit)"
)

_SIDES: tuple[tuple[Literal["left", "center", "right"], int, str], ...] = (
    ("left", -6, "datum.said_at < -0.3"),
    ("center", 0, "datum.said_at >= -0.3 && datum.said_at <= 1.3"),
    ("right", 6, "datum.said_at > 1.3"),
)
"""On which side of its mark a word has room on a narrow screen, shifted by pixels."""


def _lines(characters: int) -> str:
    return f"split(replace(datum.label, regexp('(.{{1,{characters}}})( |$)', 'g'), '$1\\n'), '\\n')"


def _beside_bands() -> alt.LayerChart | alt.FacetChart:
    where = alt.Y(
        "description:N",
        title=None,
        sort=alt.EncodingSortField("metric_order", op="min"),
        axis=alt.Axis(
            labelLimit=400,
            labelExpr=f"windowSize()[0] < 768 ? {_lines(26)} : {_lines(44)}",
            labelLineHeight=13,
            labelFontSize=11,
            ticks=False,
            grid=True,
        ),
    )
    scale = alt.Scale(domain=[-1.4, 2.4], nice=False)
    axis = alt.Axis(
        values=[0, 1],
        labelExpr="datum.value === 0 ? 'lowest published ' : ' highest'",
        labelAlign={"condition": {"test": "datum.value === 0", "value": "right"}, "value": "left"},
        labelBound=False,
        labelOverlap=False,
        orient="top",
        grid=False,
    )
    band = (
        alt.Chart()
        .transform_calculate(from_="0", to="1")
        .mark_bar(height=12, color=QUIET, opacity=0.35)
        .encode(alt.X("from_:Q", scale=scale, title=None, axis=axis), where, alt.X2("to"))
    )
    names = list(VERDICTS)
    dots = (
        alt.Chart()
        .transform_calculate(simulated=_SIMULATED, published=_PUBLISHED)
        .mark_point(filled=True, size=95, opacity=1)
        .encode(
            alt.X("position:Q", scale=scale, title=None, axis=axis),
            where,
            alt.Color(
                "verdict:N",
                scale=alt.Scale(domain=names, range=[colour for colour, _ in VERDICTS.values()]),
                legend=alt.Legend(title="Simulated figure"),
            ),
            alt.Shape("verdict:N", scale=alt.Scale(domain=names, range=[shape for _, shape in VERDICTS.values()])),
            tooltip=tips(
                ("description:N", "Figure", ""),
                ("simulated:N", "Simulated", ""),
                ("published:N", "Published", ""),
                ("verdict:N", "Verdict", ""),
                ("is_off_axis:N", "Further out than shown", ""),
                ("source:N", "Source", ""),
            ),
        )
    )
    words = [
        alt.Chart()
        .transform_filter(f"datum.verdict !== 'agrees' && {where_said}")
        .mark_text(align=align, dx=shift, dy=-12, fontSize=11, aria=False)
        .encode(alt.X("said_at:Q", scale=scale, title=None, axis=axis), where, alt.Text("verdict:N"))
        for align, shift, where_said in _SIDES
    ]
    figures = (
        alt.Chart()
        .transform_calculate(middle="0.5", told=f"({_SIMULATED}) + ' (' + ({_PUBLISHED}) + ')'")
        .mark_text(dy=15, fontSize=11, aria=False)
        .encode(alt.X("middle:Q", scale=scale, title=None, axis=axis), where, alt.Text("told:N"))
    )
    return layered(band, dots, *words, figures, height=alt.Step(46))


def _figure(domain: str, title: str, is_counted: bool = True, is_wide: bool = True) -> Figure:
    counted = (Column("row_count", "Rows", "integer"),) if is_counted else ()
    return Figure(
        name=domain,
        title=title,
        reading="Each grey bar is a published band, drawn from its lowest to its highest value to the same length; the "
        "mark is the simulated figure. A blue dot in the bar agrees; a triangle lies below or above, by as many "
        "lengths of the band as shown and at most by one; a violet diamond has too little data to be judged. Below the "
        "bar are the simulated figure and, in brackets, the published band.",
        chart=_beside_bands(),
        dataset=f"site_realism_{domain}",
        columns=(
            Column("description", "Figure"),
            Column("simulated_value", "Simulated", "decimal", kind_from="unit"),
            Column("published_lowest", "Published lowest", "decimal", kind_from="unit"),
            Column("published_highest", "Published highest", "decimal", kind_from="unit"),
            Column("unit", "Unit"),
            Column("verdict", "Verdict"),
            *counted,
            Column("source", "Source"),
        ),
        is_wide=is_wide,
        needs="Nothing is simulated: `wardhouse run` simulates and builds something.",
    )


PAGE = Page(
    name="realism",
    title="Realism",
    intro="Each simulated figure beside the band that is published for real hospitals. The simulation's constants were "
    "tuned until figures lay in these bands, so agreement here is calibration, not validation: it says that the "
    "data look like what they were fitted to, not that they predict anything. Bands marked as own knowledge or as "
    "fitted are the weakest. Figures are of all facilities and the whole period; what has too few days or rows for a "
    "verdict is not judged.",
    tiles=TILES,
    figures=(
        _figure("operations", "Operations: beds, waits and discharges against NHS figures", is_counted=False),
        _figure("clinical", "Clinical: illness, readmission and mortality against published cohorts"),
        _figure("robotics", "Robotics: theatres, outcomes and telemetry against published series"),
    ),
    has_filters=False,
)
