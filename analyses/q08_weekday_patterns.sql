-- On which weekdays do theatres operate most, cancel most, and overrun their eight hours?
with volume as (

    select * from {{ ref("daily_procedure_volume") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

by_weekday as (

    select
        dates.iso_weekday as iso_weekday,
        max(dates.weekday_name) as weekday_name,
        count(distinct volume.procedure_date) as days,
        sum(volume.scheduled_cases) as cases,
        sum(volume.performed_cases) as performed_cases,
        sum(volume.cancelled_cases) as cancelled_cases,
        sum(volume.operating_minutes) as operating_minutes,
        sum(volume.robots_in_use) as robot_sessions
    from volume
    inner join dates on volume.procedure_date_key = dates.date_key
    group by dates.iso_weekday

),

final as (

    select
        iso_weekday,
        weekday_name,
        cast(days as bigint) as days,
        cast(cases as bigint) as cases,
        cast(performed_cases as bigint) as performed_cases,
        {{ ratio("performed_cases", "days") }} as performed_cases_a_day,
        {{ ratio("cancelled_cases", "cases") }} as cancellation_rate,
        {{ ratio("performed_cases", "robot_sessions") }} as cases_a_session,
        {{ ratio("operating_minutes", "robot_sessions * 480") }} as in_session_utilisation_share
    from by_weekday

)

select * from final
order by iso_weekday
