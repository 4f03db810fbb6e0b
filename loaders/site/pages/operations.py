"""Beds under pressure: how full, who waits and for how long, who stays on."""

import altair as alt

from loaders.site.charts import ALARM, DAYS, MONTHS, QUIET, SAFE, WARN, chart, colours, day, layered, tips
from loaders.site.figures import Column, Figure, Page, Tile

HEADLINE = "site_operations_headline"
NEEDS = "Operations have no day with bed snapshots: `wardhouse run` simulates and builds some."

_BEDS = {"funded_beds": "funded", "open_beds": "open", "occupied_beds": "occupied"}
_PERCENTILES = ["P50", "P90", "P95"]
_PERCENTILE_COLOURS = [SAFE, WARN, ALARM]

TILES = (
    Tile("occupancy", "Occupancy", HEADLINE, "occupancy_rate", "share", "of open general and acute beds, at 00:00"),
    Tile("admissions", "Admissions", HEADLINE, "admissions", "integer"),
    Tile("p90_wait", "P90 wait for a bed", HEADLINE, "p90_wait_hours", "hours", "nine in ten wait less"),
    Tile("over_12_hours", "Waits over 12 hours", HEADLINE, "wait_over_12_hours_share", "share", "of admissions"),
    Tile("delayed", "Delayed discharges", HEADLINE, "delayed_share", "share", "fit to leave, still in bed"),
    Tile("long_stays", "Long stays", HEADLINE, "long_stay_share", "share", "of discharges, 21 days or more"),
)


def _pressure() -> Figure:
    steps = alt.Scale(
        type="threshold", domain=[0.7, 0.85, 0.92, 1], range=["#cfe0ef", "#8fb8dc", "#f0c05a", "#e0733d", "#a3251b"]
    )
    heat = (
        chart(alt.Step(22))
        .mark_rect()
        .encode(
            alt.X("date_day:T", timeUnit="yearmonthdate", title=None, axis=DAYS),
            alt.Y("department_name:N", title=None),
            alt.Color(
                "occupancy_rate:Q",
                scale=steps,
                legend=alt.Legend(title="Occupied beds of open beds", format=".0%", gradientLength=320),
            ),
            tooltip=tips(
                ("department_name:N", "Department", ""),
                ("date_day:T", "Day", "%-d %B %Y"),
                ("occupied_beds:Q", "Occupied", ","),
                ("capacity_beds:Q", "Open", ","),
                ("occupancy_rate:Q", "Occupancy", ".1%"),
            ),
        )
    )
    return Figure(
        name="pressure",
        title="Bed pressure by department and day",
        reading="Each cell is a day at 00:00. Up to 85 % a ward works safely (blue); from 85 % beds are tight "
        "(yellow), from 92 % a ward runs beyond what is advised (orange), at 100 % no open bed is free (red).",
        chart=heat,
        dataset="site_operations_pressure",
        table="site_operations_pressure_by_department",
        columns=(
            Column("department_name", "Department"),
            Column("occupancy_rate", "Occupancy", "share"),
            Column("highest_occupancy_rate", "Highest", "share"),
            Column("days_above_85_percent", "Days above 85 %", "integer"),
            Column("days_above_92_percent", "Days above 92 %", "integer"),
            Column("department_days", "Ward-days", "integer"),
        ),
        needs=NEEDS,
    )


def _beds() -> Figure:
    lines = (
        alt.Chart()
        .transform_fold(["funded_beds", "open_beds", "occupied_beds"], as_=["kind", "beds"])
        .transform_calculate(series=f"{_BEDS}[datum.kind]")
        .mark_line()
        .encode(
            day(),
            alt.Y("beds:Q", title="Beds at 00:00", scale=alt.Scale(zero=False)),
            colours(list(_BEDS.values()), [QUIET, WARN, SAFE]),
            alt.StrokeDash(
                "series:N", title=None, scale=alt.Scale(domain=list(_BEDS.values()), range=[[4, 3], [1, 0], [1, 0]])
            ),
            tooltip=tips(("date_day:T", "Day", "%-d %B %Y"), ("series:N", "Beds", ""), ("beds:Q", "Number", ",")),
        )
    )
    return Figure(
        name="beds",
        title="Occupied beds against open and funded ones",
        reading="Open beds are the staffed ones and those opened in escalation. Where they rise above the funded ones, "
        "wards run on escalation beds; where the occupied ones touch the open ones, nobody else gets a bed.",
        chart=layered(lines),
        dataset="site_operations_beds",
        columns=(
            Column("date_day", "Day", "date"),
            Column("funded_beds", "Funded", "integer"),
            Column("staffed_beds", "Staffed", "integer"),
            Column("escalation_beds_open", "Escalation beds open", "integer"),
            Column("open_beds", "Open", "integer"),
            Column("occupied_beds", "Occupied", "integer"),
            Column("occupancy_rate", "Occupancy", "share"),
        ),
        needs=NEEDS,
    )


def _queue() -> Figure:
    told = tips(
        ("date_day:T", "Day", "%-d %B %Y"),
        ("waiting_patients:Q", "Waiting at the end of the day", ","),
        ("mean_waiting_patients_7_days:Q", "Mean of seven days", ",.1f"),
        ("requests:Q", "Asked for a bed", ","),
        ("admissions:Q", "Admitted", ","),
    )
    waiting = (
        alt.Chart()
        .mark_bar(opacity=0.55)
        .encode(
            alt.X("date_day:T", timeUnit="yearmonthdate", title=None, axis=DAYS),
            alt.Y("waiting_patients:Q", title="Patients"),
            tooltip=told,
        )
    )
    mean = (
        alt.Chart()
        .mark_line(color=ALARM)
        .encode(
            alt.X("date_day:T", timeUnit="yearmonthdate", bandPosition=0.5), alt.Y("mean_waiting_patients_7_days:Q")
        )
    )
    return Figure(
        name="queue",
        title="Patients waiting for a bed",
        reading="Bars are the patients in all queues at the end of a day, the line their mean over seven days.",
        chart=layered(waiting, mean, height=220),
        dataset="site_operations_queue",
        columns=(
            Column("date_day", "Day", "date"),
            Column("requests", "Asked for a bed", "integer"),
            Column("admissions", "Admitted", "integer"),
            Column("discharges", "Discharged", "integer"),
            Column("waiting_patients", "Waiting at the end", "integer"),
            Column("mean_waiting_patients_7_days", "Mean of 7 days", "decimal"),
        ),
        needs=NEEDS,
    )


def _waits() -> Figure:
    department = alt.Y("department_name:N", title=None, sort=alt.SortField("p90_wait_hours", "descending"))
    told = tips(
        ("department_name:N", "Department", ""),
        ("p50_wait_hours:Q", "P50, hours", ",.1f"),
        ("p90_wait_hours:Q", "P90, hours", ",.1f"),
        ("p95_wait_hours:Q", "P95, hours", ",.1f"),
        ("admissions:Q", "Admissions", ","),
    )
    span = (
        alt.Chart()
        .mark_rule(strokeWidth=3, color=QUIET, opacity=0.6)
        .encode(
            alt.X("p50_wait_hours:Q", title="Hours from asking for a bed to lying in one"),
            alt.X2("p95_wait_hours"),
            department,
        )
    )
    points = (
        alt.Chart()
        .transform_fold(["p50_wait_hours", "p90_wait_hours", "p95_wait_hours"], as_=["kind", "hours"])
        .transform_calculate(series="upper(slice(datum.kind, 0, 3))")
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            alt.X("hours:Q"),
            department,
            colours(_PERCENTILES, _PERCENTILE_COLOURS),
            alt.Shape(
                "series:N", scale=alt.Scale(domain=_PERCENTILES, range=["circle", "diamond", "square"]), title=None
            ),
            tooltip=told,
        )
    )
    return Figure(
        name="waits",
        title="Waits for a bed by department: P50, P90, P95",
        reading="Half of the patients wait less than the circle, nine in ten less than the diamond, nineteen in twenty "
        "less than the square.",
        chart=layered(span, points, height=alt.Step(24)),
        dataset="site_operations_waits",
        columns=(
            Column("department_name", "Department"),
            Column("admissions", "Admissions", "integer"),
            Column("p50_wait_hours", "P50", "hours"),
            Column("p90_wait_hours", "P90", "hours"),
            Column("p95_wait_hours", "P95", "hours"),
            Column("wait_over_4_hours_share", "Over 4 h", "share"),
            Column("wait_over_12_hours_share", "Over 12 h", "share"),
        ),
        needs=NEEDS,
    )


def _waits_by_month() -> Figure:
    lines = (
        alt.Chart()
        .transform_fold(["p50_wait_hours", "p90_wait_hours", "p95_wait_hours"], as_=["kind", "hours"])
        .transform_calculate(series="upper(slice(datum.kind, 0, 3))")
        .mark_line(point=alt.OverlayMarkDef(size=50))
        .encode(
            alt.X("month_start_date:T", timeUnit="yearmonth", title=None, axis=MONTHS),
            alt.Y("hours:Q", title="Hours"),
            colours(_PERCENTILES, _PERCENTILE_COLOURS),
            tooltip=tips(
                ("month_start_date:T", "Month", "%B %Y"), ("series:N", "Percentile", ""), ("hours:Q", "Hours", ",.1f")
            ),
        )
    )
    return Figure(
        name="waits_by_month",
        title="Waits for a bed by month",
        reading="The same percentiles over all departments, month by month.",
        chart=layered(lines, height=240),
        dataset="site_operations_waits_by_month",
        columns=(
            Column("month_start_date", "Month", "month"),
            Column("admissions", "Admissions", "integer"),
            Column("p50_wait_hours", "P50", "hours"),
            Column("p90_wait_hours", "P90", "hours"),
            Column("p95_wait_hours", "P95", "hours"),
        ),
        needs=NEEDS,
    )


def _delayed() -> Figure:
    bars = (
        chart(alt.Step(22))
        .mark_bar(color=WARN)
        .encode(
            alt.X("delayed_share:Q", title="Of discharges", axis=alt.Axis(format=".0%")),
            alt.Y("department_name:N", title=None, sort=alt.SortField("delayed_share", "descending")),
            tooltip=tips(
                ("department_name:N", "Department", ""),
                ("delayed_share:Q", "Delayed", ".1%"),
                ("mean_delay_days:Q", "Days of delay each", ".1f"),
                ("delay_days:Q", "Bed-days lost", ","),
            ),
        )
    )
    return Figure(
        name="delayed",
        title="Delayed discharges",
        reading="The share of discharges that came a day or more after the patient was fit to leave.",
        chart=bars,
        dataset="site_operations_stays",
        columns=(
            Column("department_name", "Department"),
            Column("discharges", "Discharges", "integer"),
            Column("delayed_discharges", "Delayed", "integer"),
            Column("delayed_share", "Share", "share"),
            Column("mean_delay_days", "Mean delay", "days"),
            Column("delay_days", "Bed-days lost", "integer"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


def _long_stays() -> Figure:
    series = {"long_stay_share": "of discharges", "long_stay_night_share": "of bed nights"}
    bars = (
        chart(alt.Step(24))
        .transform_fold(list(series), as_=["kind", "share"])
        .transform_calculate(series=f"{series}[datum.kind]")
        .mark_bar()
        .encode(
            alt.X("share:Q", title="Share that is of stays of 21 days or more", axis=alt.Axis(format=".0%")),
            alt.Y("department_name:N", title=None, sort=alt.SortField("long_stay_night_share", "descending")),
            alt.YOffset("series:N", sort=list(series.values())),
            colours(list(series.values()), [SAFE, WARN]),
            tooltip=tips(
                ("department_name:N", "Department", ""),
                ("series:N", "Share", ""),
                ("share:Q", "Is", ".1%"),
                ("long_stays:Q", "Long stays", ","),
            ),
        )
    )
    return Figure(
        name="long_stays",
        title="Long stays",
        reading="Few patients stay for 21 days or more, and they take a large share of all nights in beds.",
        chart=bars,
        dataset="site_operations_stays",
        columns=(
            Column("department_name", "Department"),
            Column("discharges", "Discharges", "integer"),
            Column("long_stays", "Long stays", "integer"),
            Column("long_stay_share", "Of discharges", "share"),
            Column("long_stay_night_share", "Of bed nights", "share"),
        ),
        is_wide=False,
        needs=NEEDS,
    )


PAGE = Page(
    name="operations",
    title="Operations",
    intro="Beds, queues and stays of all wards, as the hospitals' own events tell them.",
    tiles=TILES,
    figures=(_pressure(), _waits(), _beds(), _queue(), _waits_by_month(), _delayed(), _long_stays()),
)
