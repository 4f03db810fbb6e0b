-- Which kinds of service visits cost most, in money and in hours that robots stand still?
with visits as (

    select * from {{ ref("fact_robot_maintenance") }}

),

scopes as (

    {{ reporting_scopes() }}

),

by_type as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        visits.maintenance_type as maintenance_type,
        visits.is_emergency as is_emergency,
        cast(count(*) as bigint) as visits,
        sum(visits.downtime_hours) as downtime_hours,
        sum(cast(visits.cost_gbp as {{ type_double() }})) as cost_gbp
    from visits
    inner join scopes
        on
            visits.facility_id = scopes.facility_id
            and visits.maintenance_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, visits.maintenance_type, visits.is_emergency

),

final as (

    select
        facility_id,
        period,
        upper(substring(maintenance_type, 1, 1)) || replace(substring(maintenance_type, 2, 32), '_', ' ')
            as maintenance_type,
        case when is_emergency then 'for a fault' else 'planned' end as kind,
        visits,
        downtime_hours,
        cost_gbp,
        {{ ratio("cost_gbp", "visits") }} as cost_a_visit_gbp
    from by_type

)

select * from final
order by facility_id, period, maintenance_type, kind
