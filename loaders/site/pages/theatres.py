"""Robotic theatres: how much robots operate, how long cases take, how patients fare, and how dependable robots are."""

import altair as alt

from loaders.site.charts import ALARM, DAYS, QUIET, SAFE, WARN, chart, colours, layered, share, threshold, tips
from loaders.site.figures import Column, Figure, Page, Tile

HEADLINE = "site_theatres_headline"
NEEDS = "Theatres have told of none: `wardhouse run` simulates and builds some."
PALE, DEEP, DARK, PUBLISHED, OWN = "#8fb8dc", "#2463a6", "#1c4e80", "#b565b0", "#2a9d78"

TILES = (
    Tile("cases", "Performed cases", HEADLINE, "performed_cases", "integer", "completed or converted"),
    Tile("utilisation", "Robot utilisation", HEADLINE, "utilisation_ratio", "share", "of 8 hours a business day"),
    Tile(
        "in_session",
        "In-session utilisation",
        HEADLINE,
        "in_session_utilisation_ratio",
        "share",
        "of 8 hours on days with a case",
    ),
    Tile("on_time", "First cases on time", HEADLINE, "first_case_on_time_share", "share", "begun by 09:00 UTC"),
    Tile("cancelled", "Cancelled cases", HEADLINE, "cancellation_rate", "share", "of planned cases, on the day"),
    Tile("complications", "Complication rate", HEADLINE, "complication_rate", "share", "of discharged cases"),
    Tile("conversions", "Conversion rate", HEADLINE, "conversion_rate", "share", "of performed cases, to open surgery"),
    Tile("downtime", "Robot downtime", HEADLINE, "downtime_hours", "hours", "of service visits"),
    Tile("cost", "Cost of visits", HEADLINE, "cost_gbp", "gbp", "planned, and for a fault"),
)


def _months() -> alt.X:
    """Months as bands."""
    axis = alt.Axis(format="%b %y", labelAngle=0, labelOverlap=True)
    return alt.X("month_start_date:O", timeUnit="yearmonth", title=None, axis=axis)


def _series(layer: alt.Chart, name: str) -> alt.Chart:
    """The layer with its name, for the legend."""
    return layer.transform_calculate(series=f"'{name}'")


def _robots() -> Figure:
    steps = alt.Scale(
        type="threshold",
        domain=[0.05, 0.1, 0.2, 0.3, 0.4],
        range=["#e9eff5", "#c6dbef", PALE, "#5a96cf", DEEP, DARK],
    )
    heat = (
        chart(alt.Step(17))
        .mark_rect()
        .encode(
            _months(),
            alt.Y(
                "robot:N",
                title=None,
                sort=alt.EncodingSortField("utilisation_ratio", op="mean", order="descending"),
                axis=alt.Axis(labelLimit=240),
            ),
            alt.Color(
                "utilisation_ratio:Q",
                scale=steps,
                legend=alt.Legend(title="Share of available time", format=".0%"),
            ),
            tooltip=tips(
                ("robot:N", "Robot", ""),
                ("hospital:N", "Facility", ""),
                ("month_start_date:T", "Month", "%B %Y"),
                ("utilisation_ratio:Q", "Utilisation", ".1%"),
                ("in_session_utilisation_ratio:Q", "On days with a case", ".1%"),
                ("performed_cases:Q", "Performed cases", ","),
                ("downtime_hours:Q", "Downtime hours", ",.1f"),
            ),
        )
    )
    return Figure(
        name="robots",
        title="Robot utilisation by robot and month",
        reading="Each row is a robot, the busiest on top, each cell a month: the darker, the more of eight hours a "
        "business day the robot was operating. Blank is where it was not in service.",
        chart=heat,
        dataset="site_theatres_robots_by_month",
        table="site_theatres_robots",
        columns=(
            Column("robot_id", "Robot"),
            Column("model", "Model"),
            Column("hospital", "Facility"),
            Column("performed_cases", "Performed cases", "integer"),
            Column("utilisation_ratio", "Utilisation", "share"),
            Column("in_session_utilisation_ratio", "On days with a case", "share"),
            Column("downtime_hours", "Downtime", "hours"),
        ),
        needs=NEEDS,
    )


def _volume() -> Figure:
    one, mean = "Cases of the day", "Mean of 7 days"
    colour = colours([one, mean], [QUIET, SAFE])
    told = tips(
        ("date_day:T", "Day", "%A %-d %B %Y"),
        ("performed_cases:Q", one, ","),
        ("mean_performed_cases_7_days:Q", mean, ",.1f"),
    )
    x = alt.X("date_day:T", timeUnit="yearmonthdate", title=None, axis=DAYS)
    bars = alt.Chart().mark_bar(opacity=0.6, binSpacing=0)
    bars = bars.encode(x, alt.Y("performed_cases:Q", title="Performed cases"), colour, tooltip=told)
    line = alt.Chart().mark_line().encode(x.bandPosition(0.5), alt.Y("mean_performed_cases_7_days:Q"), colour)
    return Figure(
        name="volume",
        title="Performed cases a day, and their mean of seven days",
        reading="Bars are days; theatres rest at weekends and on bank holidays. The line is the mean of a day and the "
        "six before it. The table tells of months, and why cases were cancelled.",
        chart=layered(_series(bars, one), _series(line, mean), height=240),
        dataset="site_theatres_volume",
        table="site_theatres_volume_by_month",
        columns=(
            Column("month_start_date", "Month", "month"),
            Column("scheduled_cases", "Planned", "integer"),
            Column("performed_cases", "Performed", "integer"),
            Column("cancelled_cases", "Cancelled", "integer"),
            Column("cancellation_rate", "Cancellation rate", "share"),
            Column("patient_unwell_cases", "Patient unwell", "integer"),
            Column("list_overrun_cases", "List overrun", "integer"),
            Column("robot_unavailable_cases", "Robot unavailable", "integer"),
        ),
        needs=NEEDS,
    )


def _durations() -> Figure:
    most, middle, median, expected = "P10 to P90", "P25 to P75", "Median", "Expected, mean"
    colour = colours([most, middle, median, expected], [QUIET, PALE, DEEP, WARN])
    told = tips(
        ("complexity:O", "Complexity", ""),
        ("performed_cases:Q", "Performed cases", ","),
        ("p10_minutes:Q", "P10 minutes", ",.0f"),
        ("p50_minutes:Q", "Median minutes", ",.0f"),
        ("p90_minutes:Q", "P90 minutes", ",.0f"),
        ("mean_minutes:Q", "Mean minutes", ",.0f"),
        ("mean_expected_minutes:Q", "Expected minutes, mean", ",.0f"),
    )
    x = alt.X("complexity:O", title="Complexity, from 1 to 10", axis=alt.Axis(labelAngle=0))
    base = alt.Chart().encode(x, colour, tooltip=told)
    whisker = base.mark_bar(size=3).encode(alt.Y("p10_minutes:Q", title="Minutes"), alt.Y2("p90_minutes"))
    box = base.mark_bar(size=20).encode(alt.Y("p25_minutes:Q"), alt.Y2("p75_minutes"))
    tick = base.mark_tick(size=20, thickness=3).encode(alt.Y("p50_minutes:Q"))
    point = base.mark_point(shape="diamond", size=80, filled=True, opacity=1).encode(alt.Y("mean_expected_minutes:Q"))
    layers = [(whisker, most), (box, middle), (tick, median), (point, expected)]
    return Figure(
        name="durations",
        title="Durations against complexity, beside what was expected",
        reading="Half of a complexity's cases lie within the box, four in five within the whisker. The diamond is what "
        "cases of these types take on average.",
        chart=layered(*[_series(layer, name) for layer, name in layers], height=300),
        dataset="site_theatres_durations",
        columns=(
            Column("complexity", "Complexity", "integer"),
            Column("performed_cases", "Cases", "integer"),
            Column("p10_minutes", "P10, min", "decimal"),
            Column("p50_minutes", "Median, min", "decimal"),
            Column("p90_minutes", "P90, min", "decimal"),
            Column("mean_minutes", "Mean, min", "decimal"),
            Column("mean_expected_minutes", "Expected, min", "decimal"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _learning() -> Figure:
    bands = ["1-10", "11-25", "26-50", "51-100", "101+"]
    types, own = "What their types take", "What their surgeons take"
    colour = colours([types, own], [SAFE, OWN], title="Minutes that cases took, over")
    base = alt.Chart().encode(
        alt.X("experience:O", title="The surgeon's case number", sort=bands, axis=alt.Axis(labelAngle=0)),
        colour,
        tooltip=tips(
            ("experience:O", "Case number", ""),
            ("performed_cases:Q", "Performed cases", ","),
            ("surgeons:Q", "Surgeons", ","),
            ("duration_ratio:Q", f"Over {types[0].lower()}{types[1:]}", ".3f"),
            ("own_duration_ratio:Q", f"Over {own[0].lower()}{own[1:]}", ".3f"),
            ("mean_complexity:Q", "Mean complexity", ".1f"),
            ("conversion_rate:Q", "Conversion rate", ".1%"),
            ("complication_rate:Q", "Complication rate", ".1%"),
        ),
    )
    size = alt.Size("surgeons:Q", legend=None, scale=alt.Scale(range=[20, 400], domainMin=0))
    layers = []
    for field, name in (("duration_ratio", types), ("own_duration_ratio", own)):
        y = alt.Y(f"{field}:Q", title="Ratio", scale=alt.Scale(zero=False))
        layers += [
            _series(base.mark_line(), name).encode(y),
            _series(base.mark_circle(opacity=1), name).encode(y, size),
        ]
    return Figure(
        name="learning",
        title="The learning curve: durations by how many robotic cases a surgeon has done",
        reading="At 1.10 cases took a tenth longer than their types do on average (blue), or than their surgeons take "
        "for them (green), which leaves out who operates how often. The larger a point, the more surgeons.",
        chart=layered(threshold(1), *layers, height=300),
        dataset="site_theatres_learning",
        columns=(
            Column("experience", "Case number"),
            Column("surgeons", "Surgeons", "integer"),
            Column("performed_cases", "Cases", "integer"),
            Column("duration_ratio", "Over types", "decimal"),
            Column("own_duration_ratio", "Over surgeons", "decimal"),
            Column("complication_rate", "Complications", "share"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


KINDS = colours(["planned", "for a fault"], [SAFE, ALARM], field="kind")


def _downtime_by_month() -> Figure:
    bars = (
        chart(280)
        .mark_bar()
        .encode(
            _months(),
            alt.Y("downtime_hours:Q", title="Hours"),
            KINDS,
            tooltip=tips(
                ("month_start_date:T", "Month", "%B %Y"),
                ("kind:N", "Visits", ""),
                ("visits:Q", "How many", ","),
                ("downtime_hours:Q", "Hours", ",.1f"),
                ("cost_gbp:Q", "Cost, £", ",.0f"),
            ),
        )
    )
    return Figure(
        name="downtime_by_month",
        title="Robot downtime by month, planned and for a fault",
        reading="Hours of the visits that began in a month, added up over robots: red is what nobody planned.",
        chart=bars,
        dataset="site_theatres_downtime_by_month",
        columns=(
            Column("month_start_date", "Month", "month"),
            Column("kind", "Visits"),
            Column("visits", "How many", "integer"),
            Column("downtime_hours", "Downtime", "hours"),
            Column("cost_gbp", "Cost", "gbp"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _downtime_by_type() -> Figure:
    bars = (
        chart(alt.Step(28))
        .mark_bar()
        .encode(
            alt.X("cost_gbp:Q", title="Cost", axis=alt.Axis(labelExpr="'£' + format(datum.value, '~s')", tickCount=4)),
            alt.Y("maintenance_type:N", title=None, sort="-x", axis=alt.Axis(labelLimit=240)),
            KINDS,
            tooltip=tips(
                ("maintenance_type:N", "Visit", ""),
                ("visits:Q", "How many", ","),
                ("downtime_hours:Q", "Hours", ",.1f"),
                ("cost_gbp:Q", "Cost, £", ",.0f"),
                ("cost_a_visit_gbp:Q", "A visit, £", ",.0f"),
            ),
        )
    )
    return Figure(
        name="downtime_by_type",
        title="What service visits cost, by type",
        reading="The longer a bar, the dearer all visits of its type together; the table has their hours, and what one "
        "visit costs.",
        chart=bars,
        dataset="site_theatres_downtime_by_type",
        columns=(
            Column("maintenance_type", "Visit"),
            Column("kind", "Kind"),
            Column("visits", "How many", "integer"),
            Column("downtime_hours", "Downtime", "hours"),
            Column("cost_gbp", "Cost", "gbp"),
            Column("cost_a_visit_gbp", "A visit", "gbp"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _outcomes() -> Figure:
    minor, major, grave = "Grades I and II", "Grade III", "Grades IV and V"
    interval, published = "95 % interval", "Published rate"
    colour = colours([minor, major, grave, interval, published], [PALE, WARN, ALARM, QUIET, PUBLISHED])
    told = tips(
        ("procedure_category:N", "Surgery", ""),
        ("discharged_cases:Q", "Discharged cases", ","),
        ("complications:Q", "Complications", ","),
        ("complication_rate:Q", "Complication rate", ".1%"),
        ("lowest_rate:Q", "Interval from", ".1%"),
        ("highest_rate:Q", "Interval to", ".1%"),
        ("published_complication_rate:Q", "Published", ".1%"),
        ("major_complication_rate:Q", "Grade III or worse", ".1%"),
        ("life_threatening_rate:Q", "Grade IV or V", ".1%"),
    )
    category = alt.Y(
        "procedure_category:N",
        title=None,
        sort=alt.EncodingSortField("complication_rate", op="max", order="descending"),
    )
    per_cent = alt.Axis(format=".0%", grid=True)
    base = alt.Chart().encode(category, colour, tooltip=told)
    every = base.mark_bar(size=16).encode(alt.X("complication_rate:Q", title="Of discharged cases", axis=per_cent))
    worse = base.mark_bar(size=16).encode(alt.X("major_complication_rate:Q"))
    worst = base.mark_bar(size=16).encode(alt.X("life_threatening_rate:Q"))
    whisker = base.mark_bar(size=2).encode(alt.X("lowest_rate:Q"), alt.X2("highest_rate"))
    point = base.mark_point(shape="diamond", size=90, filled=True, opacity=1)
    point = point.encode(alt.X("published_complication_rate:Q"))
    layers = [(every, minor), (worse, major), (worst, grave), (whisker, interval), (point, published)]
    return Figure(
        name="outcomes",
        title="Complications by kind of surgery and Clavien-Dindo grade, beside published rates",
        reading="A bar is the share of patients with a complication, coloured by its grade, from I to V (death). The "
        "diamond is what is published for the same types of cases; within the thin line the difference may be chance.",
        chart=layered(*[_series(layer, name) for layer, name in layers], height=alt.Step(28)),
        dataset="site_theatres_outcomes",
        columns=(
            Column("procedure_category", "Surgery"),
            Column("performed_cases", "Cases", "integer"),
            Column("conversion_rate", "Conversions", "share"),
            Column("discharged_cases", "Discharged", "integer"),
            Column("complication_rate", "Complications", "share"),
            Column("lowest_rate", "Interval from", "share"),
            Column("highest_rate", "to", "share"),
            Column("published_complication_rate", "Published", "share"),
            Column("grade_i", "Grade I", "integer"),
            Column("grade_ii", "II", "integer"),
            Column("grade_iii", "III", "integer"),
            Column("grade_iv", "IV", "integer"),
            Column("grade_v", "V", "integer"),
        ),
        needs=NEEDS,
    )


def _telemetry() -> Figure:
    bands = ["other days", "21-30", "14-20", "7-13", "3-6", "0-2"]
    warn, alarm = "Beyond warn limits", "Beyond alarm limits"
    colour = colours([warn, alarm], [WARN, ALARM])
    base = alt.Chart().encode(
        alt.X("days_before:O", title="Days to the next emergency visit", sort=bands, axis=alt.Axis(labelAngle=0)),
        colour,
        tooltip=tips(
            ("days_before:O", "Days to the visit", ""),
            ("robot_days:Q", "Robot-days", ","),
            ("warn_share:Q", "Beyond warn or alarm limits", ".1%"),
            ("alarm_share:Q", "Beyond alarm limits", ".1%"),
        ),
    )
    some = base.mark_bar().encode(share("warn_share", "Of robot-days with a case"))
    bad = base.mark_bar().encode(share("alarm_share", "Of robot-days with a case"))
    return Figure(
        name="telemetry",
        title="Robots' telemetry before faults, against other days",
        reading="The share of days on which a robot's temperature, current, latency or video went beyond its limits, "
        "the nearer to an emergency visit the further right.",
        chart=layered(_series(some, warn), _series(bad, alarm), height=300),
        dataset="site_theatres_telemetry",
        columns=(
            Column("days_before", "Days to the visit"),
            Column("robots", "Robots", "integer"),
            Column("robot_days", "Robot-days", "integer"),
            Column("samples", "Samples", "integer"),
            Column("warn_share", "Beyond warn or alarm", "share"),
            Column("alarm_share", "Beyond alarm", "share"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _flow() -> Figure:
    points = (
        chart(300)
        .mark_circle(color=SAFE, opacity=0.6)
        .encode(
            alt.X(
                "mean_occupancy_rate:Q",
                title="Occupied beds of open beds",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(format=".0%", grid=True),
            ),
            alt.Y("p90_wait_hours:Q", title="P90 wait for a bed, hours"),
            alt.Size(
                "downtime_hours:Q",
                title="Robot downtime, hours",
                scale=alt.Scale(range=[25, 700], domainMin=0),
                legend=alt.Legend(symbolType="circle"),
            ),
            tooltip=tips(
                ("hospital:N", "Facility", ""),
                ("month_start_date:T", "Month", "%B %Y"),
                ("mean_occupancy_rate:Q", "Occupancy", ".1%"),
                ("p50_wait_hours:Q", "Median wait, hours", ",.1f"),
                ("p90_wait_hours:Q", "P90 wait, hours", ",.1f"),
                ("elective_admissions:Q", "Elective admissions", ","),
                ("downtime_hours:Q", "Robot downtime, hours", ",.1f"),
                ("cancelled_cases:Q", "Cancelled cases", ","),
            ),
        )
    )
    return Figure(
        name="flow",
        title="Elective waits against full beds and robot downtime",
        reading="Each circle is a hospital's month: the further right, the fuller the beds that theatres send their "
        "patients to; the higher, the longer the waits for them; the larger, the longer robots stood still.",
        chart=points,
        dataset="site_theatres_flow",
        columns=(
            Column("hospital", "Facility"),
            Column("month_start_date", "Month", "month"),
            Column("mean_occupancy_rate", "Occupancy", "share"),
            Column("p50_wait_hours", "Median wait", "hours"),
            Column("p90_wait_hours", "P90 wait", "hours"),
            Column("elective_admissions", "Elective admissions", "integer"),
            Column("downtime_hours", "Robot downtime", "hours"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


PAGE = Page(
    name="theatres",
    title="Theatres",
    intro="Robotic theatres: how much robots operate, how long cases take, how patients fare, and how often robots "
    "stand still.",
    tiles=TILES,
    figures=(
        _robots(),
        _volume(),
        _durations(),
        _learning(),
        _outcomes(),
        _downtime_by_month(),
        _flow(),
        _downtime_by_type(),
        _telemetry(),
    ),
)
