-- Which ten robots are in use for most of their available time, and how dependable are they?
with utilization as (

    select * from {{ ref("robot_utilization") }}

),

measured as (

    select
        robot_id,
        max(model) as model,
        sum(completed_cases + converted_cases) as performed_cases,
        sum(operating_minutes) as operating_minutes,
        sum(available_minutes) as available_minutes,
        sum(session_days) as session_days,
        sum(service_days) as service_days,
        sum(emergency_visits) as emergency_visits,
        sum(downtime_hours) as downtime_hours
    from utilization
    group by robot_id

),

final as (

    select
        robot_id,
        model,
        cast(performed_cases as bigint) as performed_cases,
        {{ ratio("operating_minutes", "60") }} as operating_hours,
        coalesce({{ ratio("operating_minutes", "available_minutes") }}, 0) as utilisation_share,
        {{ ratio("operating_minutes", "session_days * 480") }} as in_session_utilisation_share,
        {{ ratio("performed_cases", "session_days") }} as cases_a_session,
        cast(emergency_visits as bigint) as emergency_visits,
        1 - {{ ratio("downtime_hours", "service_days * 24") }} as uptime_share
    from measured

)

select * from final
order by utilisation_share desc, robot_id asc
limit 10
