"""Beds under pressure: how full, who waits and for how long, who stays on."""

import altair as alt

from loaders.site.charts import chart, tips
from loaders.site.figures import Column, Figure, Page, Tile

HEADLINE = "site_operations_headline"
NEEDS = "Operations have no day with bed snapshots: `wardhouse run` simulates and builds some."

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
            alt.X("date_day:T", timeUnit="yearmonthdate", title=None, axis=alt.Axis(format="%-d %b %y", tickCount=8)),
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


PAGE = Page(
    name="operations",
    title="Operations",
    intro="Beds, queues and stays of all wards, as the hospitals' own events tell them.",
    tiles=TILES,
    figures=(_pressure(),),
)
