with procedures as (

    select * from {{ ref("fact_procedures") }}

),

theatre_days as (

    select * from {{ ref("int_theatre_days") }}

),

cases_by_day as (

    select
        facility_id,
        procedure_date,
        count(*) as scheduled_cases,
        sum(case when is_performed then 1 else 0 end) as performed_cases,
        sum(case when is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when is_performed then duration_minutes else 0 end) as operating_minutes,
        count(distinct case when is_performed then robot_id end) as robots_in_use
    from procedures
    group by facility_id, procedure_date

),

days as (

    select
        theatre_days.facility_id as facility_id,
        theatre_days.date_day as date_day,
        theatre_days.date_key as date_key,
        theatre_days.is_working_day as is_working_day,
        cast(coalesce(cases_by_day.scheduled_cases, 0) as bigint) as scheduled_cases,
        cast(coalesce(cases_by_day.performed_cases, 0) as bigint) as performed_cases,
        cast(coalesce(cases_by_day.cancelled_cases, 0) as bigint) as cancelled_cases,
        cast(coalesce(cases_by_day.operating_minutes, 0) as bigint) as operating_minutes,
        cast(coalesce(cases_by_day.robots_in_use, 0) as integer) as robots_in_use
    from theatre_days
    left join cases_by_day
        on
            theatre_days.facility_id = cases_by_day.facility_id
            and theatre_days.date_day = cases_by_day.procedure_date

),

final as (

    select
        facility_id,
        date_day as procedure_date,
        date_key as procedure_date_key,
        cast(is_working_day as boolean) as is_working_day,
        scheduled_cases,
        performed_cases,
        cancelled_cases,
        operating_minutes,
        robots_in_use,
        avg(cast(performed_cases as {{ type_double() }})) over (
            partition by facility_id
            order by date_day
            rows between 6 preceding and current row
        ) as mean_performed_cases_7_days
    from days

)

select * from final
