-- How many cases does each hospital cancel on the day in each month, and why?
with procedures as (

    select * from {{ ref("fact_procedures") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

by_month as (

    select
        dates.month_start_date as month_start_date,
        procedures.facility_id as facility_id,
        count(*) as cases,
        sum(case when procedures.is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when procedures.cancellation_reason = 'patient_unwell' then 1 else 0 end) as patient_unwell,
        sum(case when procedures.cancellation_reason = 'list_overrun' then 1 else 0 end) as list_overrun,
        sum(case when procedures.cancellation_reason = 'robot_unavailable' then 1 else 0 end) as robot_unavailable
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by dates.month_start_date, procedures.facility_id

),

final as (

    select
        month_start_date,
        facility_id,
        cast(cases as bigint) as cases,
        cast(cancelled_cases as bigint) as cancelled_cases,
        {{ ratio("cancelled_cases", "cases") }} as cancellation_rate,
        cast(patient_unwell as bigint) as patient_unwell,
        cast(list_overrun as bigint) as list_overrun,
        cast(robot_unavailable as bigint) as robot_unavailable
    from by_month

)

select * from final
order by month_start_date, facility_id
