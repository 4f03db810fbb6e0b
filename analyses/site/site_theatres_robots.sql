-- How much of its available time was each robot operating in a period, and how long did it stand still?
with utilization as (

    select * from {{ ref("robot_utilization") }}

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

final as (

    select
        months.shown_facility_id as facility_id,
        months.shown_period as period,
        utilization.robot_id as robot_id,
        utilization.model as model,
        utilization.facility_id as hospital,
        cast(sum(utilization.completed_cases + utilization.converted_cases) as bigint) as performed_cases,
        {{ ratio("sum(utilization.operating_minutes)", "sum(utilization.available_minutes)") }} as utilisation_ratio,
        {{ ratio("sum(utilization.operating_minutes)", "sum(utilization.session_days * 480)") }}
            as in_session_utilisation_ratio,
        sum(utilization.downtime_hours) as downtime_hours
    from utilization
    inner join months
        on
            utilization.facility_id = months.facility_id
            and utilization.month_start_date = months.month_start_date
    group by
        months.shown_facility_id,
        months.shown_period,
        utilization.robot_id,
        utilization.model,
        utilization.facility_id

)

select * from final
order by facility_id, period, robot_id, hospital, model
