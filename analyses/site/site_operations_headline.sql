-- What happened to beds in a period: how full, how many admitted, how long they waited?
with utilisation as (

    select * from {{ ref("bed_utilisation") }}
    where is_general_acute

),

admissions as (

    select * from {{ ref("fact_admissions") }}

),

discharges as (

    select * from {{ ref("fact_discharges") }}

),

scopes as (

    {{ reporting_scopes() }}

),

occupancy_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        {{ ratio("sum(utilisation.sod_occupied_beds)", "sum(utilisation.sod_capacity_beds)") }} as occupancy_rate
    from utilisation
    inner join scopes
        on
            utilisation.facility_id = scopes.facility_id
            and utilisation.snapshot_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

waits_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        cast(count(*) as bigint) as admissions,
        {{ percentile("admissions.wait_minutes", 0.9) }} as p90_wait_minutes,
        {{ share_where("admissions.is_wait_over_12_hours") }} as wait_over_12_hours_share
    from admissions
    inner join scopes
        on
            admissions.facility_id = scopes.facility_id
            and admissions.admission_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

discharges_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        cast(count(*) as bigint) as discharges,
        {{ share_where("discharges.is_delayed") }} as delayed_share,
        {{ share_where("discharges.is_long_stay") }} as long_stay_share
    from discharges
    inner join scopes
        on
            discharges.facility_id = scopes.facility_id
            and discharges.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

final as (

    select
        occupancy_by_scope.facility_id as facility_id,
        occupancy_by_scope.period as period,
        occupancy_by_scope.occupancy_rate as occupancy_rate,
        waits_by_scope.admissions as admissions,
        {{ ratio("waits_by_scope.p90_wait_minutes", "60") }} as p90_wait_hours,
        waits_by_scope.wait_over_12_hours_share as wait_over_12_hours_share,
        discharges_by_scope.discharges as discharges,
        discharges_by_scope.delayed_share as delayed_share,
        discharges_by_scope.long_stay_share as long_stay_share
    from occupancy_by_scope
    left join waits_by_scope
        on
            occupancy_by_scope.facility_id = waits_by_scope.facility_id
            and occupancy_by_scope.period = waits_by_scope.period
    left join discharges_by_scope
        on
            occupancy_by_scope.facility_id = discharges_by_scope.facility_id
            and occupancy_by_scope.period = discharges_by_scope.period

)

select * from final
order by facility_id, period
