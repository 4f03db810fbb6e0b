"""What a person wants to know when a run is over: rows, occupancy, waits, and where everything is."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from loaders.staging.manifest import Counts
from loaders.targets import Target, Warehouse

LAYERS = {
    "dimensions": (
        "core.dim_facility", "core.dim_department", "core.dim_patient", "core.dim_robot", "core.dim_surgeon",
        "core.dim_date", "core.dim_time",
    ),
    "facts": (
        "core.fact_admissions", "core.fact_discharges", "core.fact_waiting_list", "core.fact_department_occupancy",
        "core.fact_encounters", "core.fact_vitals", "core.fact_labs", "core.fact_notes",
        "core.fact_procedures", "core.fact_procedure_telemetry", "core.fact_robot_maintenance",
    ),
    "marts": (
        "operations.waiting_time_percentiles", "operations.bed_utilisation", "operations.queue_growth",
        "operations.pressure_validation",
        "clinical.deterioration", "clinical.lab_turnaround", "clinical.length_of_stay", "clinical.readmissions",
        "clinical.clinical_validation",
        "robotics.robot_utilization", "robotics.surgeon_performance", "robotics.facility_performance",
        "robotics.procedure_outcomes", "robotics.daily_procedure_volume", "robotics.telemetry_system_health",
        "robotics.theatre_flow", "robotics.robotics_validation",
    ),
}  # fmt: skip

PERCENTILE = {
    Target.duckdb: "quantile_cont({column}, {share})",
    Target.clickhouse: "quantileExactInclusive({share})({column})",
    Target.redshift: "percentile_cont({share}) within group (order by {column})",
}


@dataclass(frozen=True)
class Waits:
    """Waits of a department in all facilities, in hours."""

    code: str
    name: str
    admissions: int
    p50_hours: float
    p90_hours: float
    p95_hours: float


@dataclass(frozen=True)
class Summary:
    """What a warehouse says of itself."""

    rows: dict[str, int]
    occupancy: list[tuple[date, float]]
    waits: list[Waits]
    verdicts: dict[str, int]
    disagreeing: list[str]


def summarise(warehouse: Warehouse) -> Summary:
    """Read the summary from a built warehouse."""
    import sqlalchemy

    with warehouse.connection() as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(query))]

        def percentile(share: float) -> str:
            return PERCENTILE[warehouse.target].format(share=share, column="admissions.wait_minutes")

        return Summary(
            rows={
                relation: rows(f"select count(*) from {relation}")[0][0]
                for relations in LAYERS.values()
                for relation in relations
            },
            occupancy=[
                (month, share)
                for month, share in rows(
                    """
                    select
                        dates.month_start_date,
                        sum(utilisation.sod_occupied_beds) / cast(sum(utilisation.sod_capacity_beds) as float)
                    from operations.bed_utilisation as utilisation
                    inner join core.dim_date as dates on utilisation.snapshot_date = dates.date_day
                    where utilisation.is_general_acute
                    group by dates.month_start_date
                    order by dates.month_start_date
                    """
                )
            ],
            waits=[
                Waits(*row)
                for row in rows(
                    f"""
                    select
                        departments.department_code,
                        departments.department_name,
                        count(*),
                        {percentile(0.5)} / 60,
                        {percentile(0.9)} / 60,
                        {percentile(0.95)} / 60
                    from core.fact_admissions as admissions
                    inner join core.dim_department as departments
                        on admissions.department_key = departments.department_key
                    inner join (
                        select facility_id, min(snapshot_date) as first_day
                        from core.fact_department_occupancy
                        group by facility_id
                    ) as observed
                        on
                            admissions.facility_id = observed.facility_id
                            and admissions.admission_date >= observed.first_day
                    where departments.department_code is not null
                    group by departments.department_code, departments.department_name
                    order by departments.department_code
                    """
                )
            ],
            verdicts=dict(rows("select verdict, count(*) from operations.pressure_validation group by verdict")),
            disagreeing=[
                f"{metric} {verdict} ({value:.3f}, published {low:g} to {high:g})"
                for metric, verdict, value, low, high in rows(
                    """
                    select metric, verdict, simulated_value, published_lowest, published_highest
                    from operations.pressure_validation
                    where verdict in ('below', 'above')
                    order by metric_order
                    """
                )
            ],
        )


def lines(summary: Summary, counts: Counts, warehouse: Warehouse, docs: Path | None) -> list[str]:
    """The summary as lines for a terminal."""

    def layer(name: str) -> str:
        return " · ".join(
            f"{relation.partition('.')[2].removeprefix('fact_').removeprefix('dim_')} {summary.rows[relation]:,}"
            for relation in LAYERS[name]
        )

    agree, all_figures = summary.verdicts.get("agrees", 0), sum(summary.verdicts.values())
    too_few = summary.verdicts.get("too little data", 0)
    text = [
        "",
        f"raw         {counts.raw:,} records = {counts.staged:,} staged + {counts.duplicates:,} duplicates "
        f"+ {counts.quarantined:,} quarantined",
        *(f"{name:<11} {layer(name)}" for name in LAYERS),
        "",
        "occupancy   of open general and acute beds at the start of the day",
        "            " + "   ".join(f"{month:%b %Y} {share:.1%}" for month, share in summary.occupancy[-12:]),
        "",
        f"{'waits':<11} {'':<32} {'admissions':>10}   {'P50':>6}   {'P90':>6}   {'P95':>6}",
        *(
            f"{waits.code:<11} {waits.name:<32} {waits.admissions:>10,}   {waits.p50_hours:>5.1f}h   "
            f"{waits.p90_hours:>5.1f}h   {waits.p95_hours:>5.1f}h"
            for waits in summary.waits
        ),
        "",
        f"pressure    {agree} of {all_figures} figures agree with what hospitals publish"
        + (f", {too_few} {'needs' if too_few == 1 else 'need'} more days" if too_few else ""),
        *(f"            {figure}" for figure in summary.disagreeing),
        f"warehouse   {warehouse.label}",
    ]
    return text + ([f"docs        {docs}"] if docs else [])
