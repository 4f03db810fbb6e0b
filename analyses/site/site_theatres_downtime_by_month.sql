-- For how many hours did robots stand still in each month, by plan and for a fault, and what did visits cost?
with visits as (

    select * from {{ ref("fact_robot_maintenance") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        dates.month_start_date as month_start_date,
        case when visits.is_emergency then 'for a fault' else 'planned' end as kind,
        cast(count(*) as bigint) as visits,
        sum(visits.downtime_hours) as downtime_hours,
        sum(cast(visits.cost_gbp as {{ type_double() }})) as cost_gbp
    from visits
    inner join scopes
        on
            visits.facility_id = scopes.facility_id
            and visits.maintenance_date = scopes.date_day
            and scopes.shown_period = 'all'
    inner join dates on visits.start_date_key = dates.date_key
    group by
        scopes.shown_facility_id,
        dates.month_start_date,
        case when visits.is_emergency then 'for a fault' else 'planned' end

)

select * from final
order by facility_id, month_start_date, kind
