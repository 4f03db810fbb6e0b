with procedures as (

    select * from {{ ref("fact_procedures") }}

),

visits as (

    select * from {{ ref("fact_robot_maintenance") }}

),

robots as (

    select * from {{ ref("dim_robot") }}
    where robot_id <> 'unknown'

),

theatre_days as (

    select * from {{ ref("int_theatre_days") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

days as (

    select
        date_day,
        month_start_date,
        is_working_day
    from theatre_days
    group by date_day, month_start_date, is_working_day

),

-- a robot is in service on a day if it is so for a part of it
days_in_service as (

    select
        robots.robot_id as robot_id,
        robots.effective_date as effective_date,
        days.month_start_date as month_start_date,
        days.date_day as date_day,
        case when days.is_working_day then days.date_day end as business_day
    from robots
    cross join days
    where
        robots.status <> 'retired'
        and robots.effective_date < cast({{ dbt.dateadd("day", 1, "days.date_day") }} as {{ type_timestamp() }})
        and robots.expiration_date > cast(days.date_day as {{ type_timestamp() }})

),

months_in_service as (

    select
        robot_id,
        month_start_date,
        count(distinct date_day) as service_days,
        count(distinct business_day) as business_days
    from days_in_service
    group by robot_id, month_start_date

),

cases_by_month as (

    select
        procedures.robot_id as robot_id,
        dates.month_start_date as month_start_date,
        count(*) as cases,
        sum(case when procedures.is_completed then 1 else 0 end) as completed_cases,
        sum(case when procedures.is_converted then 1 else 0 end) as converted_cases,
        sum(case when procedures.is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when procedures.is_performed then procedures.duration_minutes else 0 end) as operating_minutes,
        count(distinct case when procedures.is_performed then procedures.procedure_date end) as session_days,
        {{ percentile("procedures.duration_minutes", 0.9) }} as p90_duration_minutes
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by procedures.robot_id, dates.month_start_date

),

-- apart from durations: Redshift has one order a select
turnovers_by_month as (

    select
        procedures.robot_id as robot_id,
        dates.month_start_date as month_start_date,
        {{ percentile("procedures.turnover_minutes", 0.5) }} as p50_turnover_minutes
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by procedures.robot_id, dates.month_start_date

),

visits_by_month as (

    select
        visits.robot_id as robot_id,
        dates.month_start_date as month_start_date,
        count(*) as visits,
        sum(case when visits.is_emergency then 1 else 0 end) as emergency_visits,
        sum(visits.downtime_hours) as downtime_hours
    from visits
    inner join dates on visits.start_date_key = dates.date_key
    group by visits.robot_id, dates.month_start_date

),

robot_months as (

    select
        robot_id,
        month_start_date
    from months_in_service
    union
    select
        robot_id,
        month_start_date
    from cases_by_month
    union
    select
        robot_id,
        month_start_date
    from visits_by_month

),

-- the robot as it was when the month, or what is told of it, was over
last_versions as (

    select
        robot_months.robot_id as robot_id,
        robot_months.month_start_date as month_start_date,
        robots.model as model,
        robots.facility_id as facility_id,
        row_number() over (
            partition by robot_months.robot_id, robot_months.month_start_date
            order by robots.effective_date desc
        ) as place
    from robot_months
    inner join robots on robot_months.robot_id = robots.robot_id
    where
        robots.effective_date
        < cast({{ dbt.dateadd("month", 1, "robot_months.month_start_date") }} as {{ type_timestamp() }})

),

measured as (

    select
        robot_months.robot_id as robot_id,
        robot_months.month_start_date as month_start_date,
        last_versions.model as model,
        last_versions.facility_id as facility_id,
        cast(coalesce(cases_by_month.cases, 0) as bigint) as cases,
        cast(coalesce(cases_by_month.completed_cases, 0) as bigint) as completed_cases,
        cast(coalesce(cases_by_month.converted_cases, 0) as bigint) as converted_cases,
        cast(coalesce(cases_by_month.cancelled_cases, 0) as bigint) as cancelled_cases,
        cast(coalesce(cases_by_month.operating_minutes, 0) as bigint) as operating_minutes,
        cast(coalesce(cases_by_month.session_days, 0) as integer) as session_days,
        cast(coalesce(months_in_service.service_days, 0) as integer) as service_days,
        cast(coalesce(months_in_service.business_days, 0) as integer) as business_days,
        cast(coalesce(visits_by_month.visits, 0) as bigint) as visits,
        cast(coalesce(visits_by_month.emergency_visits, 0) as bigint) as emergency_visits,
        cast(coalesce(visits_by_month.downtime_hours, 0) as {{ type_double() }}) as downtime_hours,
        turnovers_by_month.p50_turnover_minutes as p50_turnover_minutes,
        cases_by_month.p90_duration_minutes as p90_duration_minutes
    from robot_months
    left join months_in_service
        on
            robot_months.robot_id = months_in_service.robot_id
            and robot_months.month_start_date = months_in_service.month_start_date
    left join cases_by_month
        on
            robot_months.robot_id = cases_by_month.robot_id
            and robot_months.month_start_date = cases_by_month.month_start_date
    left join turnovers_by_month
        on
            robot_months.robot_id = turnovers_by_month.robot_id
            and robot_months.month_start_date = turnovers_by_month.month_start_date
    left join visits_by_month
        on
            robot_months.robot_id = visits_by_month.robot_id
            and robot_months.month_start_date = visits_by_month.month_start_date
    left join last_versions
        on
            robot_months.robot_id = last_versions.robot_id
            and robot_months.month_start_date = last_versions.month_start_date
            and last_versions.place = 1

),

final as (

    select
        robot_id,
        month_start_date,
        model,
        facility_id,
        cases,
        completed_cases,
        converted_cases,
        cancelled_cases,
        operating_minutes,
        session_days,
        service_days,
        business_days,
        cast(business_days * 480 as bigint) as available_minutes,
        visits,
        emergency_visits,
        downtime_hours,
        {{ ratio("operating_minutes", "business_days * 480") }} as utilisation_ratio,
        {{ ratio("operating_minutes", "session_days * 480") }} as in_session_utilisation_ratio,
        case
            when service_days > 0 and downtime_hours > service_days * 24 then cast(0 as {{ type_double() }})
            else 1 - {{ ratio("downtime_hours", "service_days * 24") }}
        end as uptime_ratio,
        p50_turnover_minutes,
        p90_duration_minutes
    from measured

)

select * from final
