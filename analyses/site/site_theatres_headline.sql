-- What did robotic theatres do in a period, how well were robots used, and how did patients fare?
with performance as (

    select * from {{ ref("facility_performance") }}

),

utilization as (

    select * from {{ ref("robot_utilization") }}

),

procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

visits as (

    select * from {{ ref("fact_robot_maintenance") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

months as (

    select distinct
        scopes.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period
    from scopes
    inner join dates on scopes.date_day = dates.date_day

),

performance_by_scope as (

    select
        months.shown_facility_id as facility_id,
        months.shown_period as period,
        sum(performance.performed_cases) as performed_cases,
        {{ ratio("sum(performance.cancelled_cases)", "sum(performance.cases)") }} as cancellation_rate,
        {{ ratio("sum(performance.complications)", "sum(performance.discharged_cases)") }} as complication_rate,
        {{ ratio("sum(performance.first_cases_on_time)", "sum(performance.first_cases)") }} as first_case_on_time_share
    from performance
    inner join months
        on
            performance.facility_id = months.facility_id
            and performance.month_start_date = months.month_start_date
    group by months.shown_facility_id, months.shown_period

),

utilization_by_scope as (

    select
        months.shown_facility_id as facility_id,
        months.shown_period as period,
        {{ ratio("sum(utilization.operating_minutes)", "sum(utilization.available_minutes)") }} as utilisation_ratio,
        {{ ratio("sum(utilization.operating_minutes)", "sum(utilization.session_days * 480)") }}
            as in_session_utilisation_ratio
    from utilization
    inner join months
        on
            utilization.facility_id = months.facility_id
            and utilization.month_start_date = months.month_start_date
    group by months.shown_facility_id, months.shown_period

),

conversions_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        {{ share_where("procedures.is_converted") }} as conversion_rate
    from procedures
    inner join scopes
        on
            procedures.facility_id = scopes.facility_id
            and procedures.procedure_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

visits_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        sum(visits.downtime_hours) as downtime_hours,
        sum(cast(visits.cost_gbp as {{ type_double() }})) as cost_gbp
    from visits
    inner join scopes
        on
            visits.facility_id = scopes.facility_id
            and visits.maintenance_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

final as (

    select
        performance_by_scope.facility_id as facility_id,
        performance_by_scope.period as period,
        cast(performance_by_scope.performed_cases as bigint) as performed_cases,
        utilization_by_scope.utilisation_ratio as utilisation_ratio,
        utilization_by_scope.in_session_utilisation_ratio as in_session_utilisation_ratio,
        performance_by_scope.cancellation_rate as cancellation_rate,
        performance_by_scope.complication_rate as complication_rate,
        conversions_by_scope.conversion_rate as conversion_rate,
        performance_by_scope.first_case_on_time_share as first_case_on_time_share,
        coalesce(visits_by_scope.downtime_hours, 0) as downtime_hours,
        coalesce(visits_by_scope.cost_gbp, 0) as cost_gbp
    from performance_by_scope
    left join utilization_by_scope
        on
            performance_by_scope.facility_id = utilization_by_scope.facility_id
            and performance_by_scope.period = utilization_by_scope.period
    left join conversions_by_scope
        on
            performance_by_scope.facility_id = conversions_by_scope.facility_id
            and performance_by_scope.period = conversions_by_scope.period
    left join visits_by_scope
        on
            performance_by_scope.facility_id = visits_by_scope.facility_id
            and performance_by_scope.period = visits_by_scope.period

)

select * from final
order by facility_id, period
