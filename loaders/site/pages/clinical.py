"""How ill patients are and become, how long they stay, and who comes back."""

from collections.abc import Mapping

import altair as alt

from loaders.site.charts import ALARM, MONTHS, QUIET, SAFE, WARN, chart, colours, day, layered, share, tips
from loaders.site.figures import Column, Figure, Page, Tile

HEADLINE = "site_clinical_headline"
NEEDS = "There are no clinical records: `wardhouse run` simulates and builds some."

TILES = (
    Tile("encounters", "Stays", HEADLINE, "encounters", "integer", "that ended in the period"),
    Tile("high_share", "NEWS2 of 7 or more", HEADLINE, "high_share", "share", "of all sets of vital signs"),
    Tile("deteriorated", "Deteriorated", HEADLINE, "reached_7_share", "share", "of adults, NEWS2 reached 7"),
    Tile("stay", "Median length of stay", HEADLINE, "p50_stay_days", "days", "of stays that ended"),
    Tile("readmitted", "Emergency readmission", HEADLINE, "readmission_rate", "share", "within 30 days of leaving"),
    Tile("died", "Died in hospital", HEADLINE, "death_share", "share", "of stays that ended"),
)

BANDS = {
    "low_share": "low: 0 to 4",
    "low_medium_share": "low, but 3 in one sign",
    "medium_share": "medium: 5 or 6",
    "high_share": "high: 7 or more",
}
BAND_COLOURS = ("#8fb8dc", "#3b6fa8", WARN, ALARM)
PERCENTILE_COLOURS = (SAFE, WARN, ALARM)
ONSETS = {"at_first_set_share": "at the first set", "later_share": "later in the stay"}
SPANS_TO_7 = ("under 1 h", "1 to 6 h", "6 to 24 h", "1 to 3 d", "3 to 7 d", "7 to 14 d", "14 d or more")
SPANS_TO_DEATH = ("under 6 h", "6 to 12 h", "12 to 24 h", "1 to 3 d", "3 to 7 d", "7 to 14 d", "14 d or more")

_LABELS = alt.Axis(labelLimit=220)
_ALONG = alt.Axis(format=".0%", grid=True, tickCount=6)
_SHARES = tuple(Column(name, label.capitalize(), "share") for name, label in BANDS.items())


def _in_turn(shown: alt.Chart, columns: Mapping[str, str], value: str) -> alt.Chart:
    """Columns of a row one after the other: `value`, and their labels as `series` in order of `place`."""
    names = list(columns)
    return shown.transform_fold([*columns], as_=["column", value]).transform_calculate(
        series=f"{dict(columns)}[datum.column]", place=f"indexof({names}, datum.column)"
    )


def _news2_by_week() -> Figure:
    drawn = {name: BANDS[name] for name in ("high_share", "medium_share", "low_medium_share")}
    shown = (
        _in_turn(chart(), drawn, "share")
        .mark_area(interpolate="monotone", opacity=0.9)
        .encode(
            day(),
            share("share", "Share of sets", stack="zero"),
            colours([*drawn.values()], (ALARM, WARN, BAND_COLOURS[1]), "NEWS2"),
            alt.Order("place:Q"),
            tooltip=tips(
                ("date_day:T", "From", "%-d %B %Y"), ("series:N", "NEWS2", ""), ("share:Q", "Share of sets", ".2%")
            ),
        )
    )
    return Figure(
        name="news2_by_week",
        title="Sets of vital signs that ask for more than routine care, by NEWS2 and week",
        reading="The height is the share of sets with a NEWS2 of 7 or more (red), 5 or 6 (orange), or lower with 3 for "
        "a single sign (blue); all others are low. A chart comes with the end of a stay, so the last weeks hold only "
        "patients who left soon; a week counts in the month in which it begins.",
        chart=shown,
        dataset="site_clinical_news2_by_week",
        columns=(Column("date_day", "Week from", "date"), Column("scored_sets", "Sets", "integer"), *_SHARES),
        needs=NEEDS,
    )


def _news2_at_first_set() -> Figure:
    shown = (
        _in_turn(chart(alt.Step(44)), BANDS, "share")
        .mark_bar()
        .encode(
            alt.X("share:Q", title="Share of adults", axis=_ALONG, scale=alt.Scale(domain=[0, 1])),
            alt.Y("admission:N", title=None, axis=_LABELS),
            colours([*BANDS.values()], BAND_COLOURS, "NEWS2"),
            alt.Order("place:Q"),
            tooltip=tips(("admission:N", "Admission", ""), ("series:N", "NEWS2", ""), ("share:Q", "Share", ".1%")),
        )
    )
    return Figure(
        name="news2_at_first_set",
        title="NEWS2 at the first set of vital signs, by method of admission",
        reading="Each bar is all adults admitted that way, divided by the band of the first NEWS2 of their stay.",
        chart=shown,
        dataset="site_clinical_news2_at_first_set",
        columns=(Column("admission", "Admission"), Column("stays", "Stays", "integer"), *_SHARES),
        needs=NEEDS,
    )


def _deterioration_by_scenario() -> Figure:
    shown = (
        _in_turn(chart(alt.Step(21)), ONSETS, "share")
        .mark_bar()
        .encode(
            alt.X("share:Q", title="Share of adults", axis=_ALONG),
            alt.Y(
                "scenario_name:N",
                title=None,
                axis=_LABELS,
                sort=alt.EncodingSortField("reached_7_share", op="max", order="descending"),
            ),
            colours([*ONSETS.values()], (SAFE, ALARM), "First 7 or more"),
            alt.Order("place:Q"),
            tooltip=tips(
                ("scenario_name:N", "Illness", ""),
                ("stays:Q", "Adults", ","),
                ("series:N", "First 7 or more", ""),
                ("share:Q", "Share of adults", ".1%"),
            ),
        )
    )
    return Figure(
        name="deterioration_by_scenario",
        title="Adults whose NEWS2 reaches 7, by illness",
        reading="The whole bar is the share of adults with that illness whose NEWS2 is ever 7 or more: blue those who "
        "have it at their first set of vital signs, red those who rise to it later.",
        chart=shown,
        dataset="site_clinical_deterioration_by_scenario",
        columns=(
            Column("scenario_name", "Illness"),
            Column("stays", "Adults", "integer"),
            Column("reached_7_share", "Reached 7", "share"),
            Column("at_first_set_share", "At the first set", "share"),
            Column("later_share", "Later", "share"),
            Column("death_share", "Of those who reached 7, died", "share"),
        ),
        needs=NEEDS,
    )


def _hours_to_7() -> Figure:
    shown = (
        _in_turn(chart(), ONSETS, "share")
        .mark_bar()
        .encode(
            alt.X("span:N", title="Time from admission", sort=SPANS_TO_7, axis=_slanted()),
            share("share", "Share of stays that reach 7"),
            colours([*ONSETS.values()], (SAFE, ALARM), "First 7 or more"),
            alt.Order("place:Q"),
            tooltip=tips(
                ("span:N", "After", ""), ("series:N", "First 7 or more", ""), ("share:Q", "Share of stays", ".1%")
            ),
        )
    )
    return Figure(
        name="hours_to_7",
        title="From admission to the first NEWS2 of 7 or more",
        reading="Of stays in which NEWS2 is ever 7 or more, how many first have it so long after the admission; the "
        "spans of time grow longer to the right.",
        chart=shown,
        dataset="site_clinical_hours_to_7",
        columns=(
            Column("span", "After admission"),
            Column("stays", "Stays", "integer"),
            Column("share_of_all", "Share", "share"),
        ),
        is_wide=False,
        needs="NEWS2 reached 7 in no stay.",
    )


def _hours_to_death() -> Figure:
    shown = (
        chart()
        .mark_bar(color=ALARM)
        .encode(
            alt.X("span:N", title="Time from the first 7", sort=SPANS_TO_DEATH, axis=_slanted()),
            share("share_of_all", "Share of deaths"),
            tooltip=tips(("span:N", "After", ""), ("deaths:Q", "Deaths", ","), ("share_of_all:Q", "Share", ".1%")),
        )
    )
    return Figure(
        name="hours_to_death",
        title="From the first NEWS2 of 7 or more to death",
        reading="Of patients who died after a NEWS2 of 7 or more, how many died so long after the first one; the spans "
        "of time grow longer to the right.",
        chart=shown,
        dataset="site_clinical_hours_to_death",
        columns=(
            Column("span", "After the first 7"),
            Column("deaths", "Deaths", "integer"),
            Column("share_of_all", "Share", "share"),
        ),
        is_wide=False,
        needs="Nobody died after a NEWS2 of 7.",
    )


def _slanted() -> alt.Axis:
    return alt.Axis(labelAngle=-35, labelLimit=120)


def _stays(by: str, column: str, heading: str, title: str, sort: str) -> Figure:
    return Figure(
        name=f"stay_by_{by}",
        title=title,
        reading="Dots on a line are the median (blue), and what nine in ten (orange) and nineteen in twenty (red) "
        "stays do not exceed: a long line is a long tail.",
        chart=_percentiles(column, heading, "stay_days", "Days", alt.EncodingSortField(sort, op="max")),
        dataset=f"site_clinical_stay_by_{by}",
        columns=(
            Column(column, heading),
            Column("stays", "Stays", "integer"),
            Column("p50_stay_days", "P50", "days"),
            Column("p90_stay_days", "P90", "days"),
            Column("p95_stay_days", "P95", "days"),
            Column("long_stay_share", "21 nights or more", "share"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _percentiles(
    column: str, heading: str, measure: str, title: str, sort: alt.EncodingSortField
) -> alt.LayerChart | alt.FacetChart:
    """P50, P90 and P95 of a measure as dots on a line, one line for each value of a column."""
    found = {f"p{percent}_{measure}": f"P{percent}" for percent in (50, 90, 95)}
    first, *_, last = found
    where = alt.Y(f"{column}:N", title=None, axis=_LABELS, sort=sort)
    axis = alt.Axis(grid=True, tickCount=6)
    line = (
        alt.Chart()
        .mark_rule(strokeWidth=3, color=QUIET, opacity=0.5)
        .encode(alt.X(f"{first}:Q", title=title, axis=axis), where, alt.X2(last))
    )
    told = [(f"{name}:Q", label, ",.1f") for name, label in found.items()]
    dots = (
        _in_turn(alt.Chart(), found, "value")
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            alt.X("value:Q", title=title, axis=axis),
            where,
            colours([*found.values()], PERCENTILE_COLOURS),
            alt.Shape(
                "series:N",
                title=None,
                scale=alt.Scale(domain=[*found.values()], range=["circle", "diamond", "square"]),
            ),
            tooltip=tips((f"{column}:N", heading, ""), *told),
        )
    )
    return layered(line, dots, height=alt.Step(26))


def _by_month() -> Figure:
    lines = {
        "long_stay_share": "21 nights or more",
        "readmission_rate": "readmitted in 30 days",
        "death_share": "died",
    }
    shown = (
        _in_turn(chart(), lines, "share")
        .transform_filter("isValid(datum.share)")
        .mark_line(point=alt.OverlayMarkDef(filled=True, size=45))
        .encode(
            alt.X("month_start_date:T", title=None, axis=MONTHS),
            share("share", "Share of stays", scale=alt.Scale(zero=True)),
            colours([*lines.values()], (WARN, SAFE, ALARM)),
            tooltip=tips(
                ("month_start_date:T", "Month", "%B %Y"), ("series:N", "What", ""), ("share:Q", "Share", ".1%")
            ),
        )
    )
    return Figure(
        name="by_month",
        title="Long stays, readmissions and deaths by month of leaving",
        reading="Each line is a share of the stays that ended in a month. Readmissions are of patients who left alive, "
        "and need 30 days after it: they are not known yet of the newest ones.",
        chart=shown,
        dataset="site_clinical_by_month",
        columns=(
            Column("month_start_date", "Month", "month"),
            Column("stays", "Stays", "integer"),
            Column("long_stay_share", "21 nights or more", "share"),
            Column("death_share", "Died", "share"),
            Column("index_discharges", "Left alive, followed 30 days", "integer"),
            Column("readmission_rate", "Readmitted", "share"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _readmissions_by_department() -> Figure:
    shown = (
        chart(alt.Step(34))
        .mark_bar(color=SAFE)
        .encode(
            alt.X("readmission_rate:Q", title="Readmitted", axis=_ALONG),
            alt.Y(
                "department_name:N",
                title=None,
                axis=_LABELS,
                sort=alt.EncodingSortField("readmission_rate", op="max", order="descending"),
            ),
            tooltip=tips(
                ("department_name:N", "Department", ""),
                ("index_discharges:Q", "Left alive", ","),
                ("emergency_readmissions:Q", "Readmitted", ","),
                ("readmission_rate:Q", "Rate", ".1%"),
            ),
        )
    )
    return Figure(
        name="readmissions_by_department",
        title="Emergency readmissions within 30 days, by department",
        reading="Of patients who left a department alive and could be followed for 30 days, the share with an "
        "emergency admission in that time, to whichever department.",
        chart=shown,
        dataset="site_clinical_readmissions_by_department",
        columns=(
            Column("department_name", "Department"),
            Column("index_discharges", "Left alive", "integer"),
            Column("emergency_readmissions", "Readmitted", "integer"),
            Column("readmission_rate", "Rate", "share"),
        ),
        is_wide=False,
        needs="Nobody has left so long ago that 30 days could be followed.",
    )


def _lab_turnaround() -> Figure:
    slowest = alt.EncodingSortField("p50_turnaround_minutes", op="max", order="descending")
    return Figure(
        name="lab_turnaround",
        title="Laboratory turnaround by panel",
        reading="From sample to last result: dots are the median (blue), and what nine in ten (orange) and nineteen in "
        "twenty (red) samples do not exceed.",
        chart=_percentiles("panel_name", "Panel", "turnaround_minutes", "Minutes", slowest),
        dataset="site_clinical_lab_turnaround",
        columns=(
            Column("panel_name", "Panel"),
            Column("samples", "Samples", "integer"),
            Column("p50_turnaround_minutes", "P50", "minutes"),
            Column("p90_turnaround_minutes", "P90", "minutes"),
            Column("p95_turnaround_minutes", "P95", "minutes"),
        ),
        is_wide=False,
        needs="There are no laboratory results: `wardhouse run` simulates and builds some.",
    )


def _abnormal_results() -> Figure:
    shown = (
        chart(alt.Step(20))
        .mark_bar(color=SAFE)
        .encode(
            alt.X("abnormal_share:Q", title="Share of results", axis=_ALONG),
            alt.Y(
                "test_name:N",
                title=None,
                axis=_LABELS,
                sort=alt.EncodingSortField("abnormal_share", op="max", order="descending"),
            ),
            tooltip=tips(
                ("test_name:N", "Test", ""), ("results:Q", "Results", ","), ("abnormal_share:Q", "Abnormal", ".1%")
            ),
        )
    )
    return Figure(
        name="abnormal_results",
        title="Results outside the reference range, by test",
        reading="Each bar is the share of a test's results below or above its reference range.",
        chart=shown,
        dataset="site_clinical_abnormal_results",
        columns=(
            Column("test_name", "Test"),
            Column("results", "Results", "integer"),
            Column("abnormal_share", "Abnormal", "share"),
        ),
        is_wide=False,
        needs="There are no laboratory results: `wardhouse run` simulates and builds some.",
    )


PAGE = Page(
    name="clinical",
    title="Clinical",
    intro="How ill patients are when they come, who gets worse, how long they stay and who comes back. NEWS2 is the "
    "early warning score of the Royal College of Physicians: 5 asks for an urgent review, 7 for an emergency one. "
    "Patients count in the period in which they left, sets of vital signs and samples in which they were taken.",
    tiles=TILES,
    figures=(
        _news2_by_week(),
        _news2_at_first_set(),
        _deterioration_by_scenario(),
        _hours_to_7(),
        _hours_to_death(),
        _stays("department", "department_name", "Department", "Length of stay by department", "p50_stay_days"),
        _stays("age", "age_band", "Age at admission", "Length of stay by age", "lowest_age"),
        _by_month(),
        _readmissions_by_department(),
        _lab_turnaround(),
        _abnormal_results(),
    ),
)
