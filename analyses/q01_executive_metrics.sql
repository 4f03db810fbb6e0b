-- How much did robotic theatres do in each year, how well were the robots used, and how did patients fare?
with procedures as (

    select * from {{ ref("fact_procedures") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

utilization as (

    select * from {{ ref("robot_utilization") }}

),

cases_by_year as (

    select
        dates.year_number as year_number,
        count(*) as cases,
        sum(case when procedures.is_performed then 1 else 0 end) as performed_cases,
        sum(case when procedures.is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when procedures.is_converted then 1 else 0 end) as conversions,
        sum(case when procedures.is_performed and procedures.has_complication is not null then 1 else 0 end)
            as discharged_cases,
        sum(case when procedures.has_complication then 1 else 0 end) as complications,
        sum(case when procedures.is_readmitted_30d is not null then 1 else 0 end) as followed_cases,
        sum(case when procedures.is_readmitted_30d then 1 else 0 end) as readmissions,
        sum(procedures.patient_satisfaction) as satisfaction_points,
        count(procedures.patient_satisfaction) as answers,
        count(distinct case when procedures.is_performed then procedures.surgeon_id end) as surgeons,
        count(distinct case when procedures.is_performed then procedures.robot_id end) as robots
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by dates.year_number

),

use_by_year as (

    select
        dates.year_number as year_number,
        sum(utilization.operating_minutes) as operating_minutes,
        sum(utilization.available_minutes) as available_minutes,
        sum(utilization.downtime_hours) as downtime_hours
    from utilization
    inner join dates on utilization.month_start_date = dates.date_day
    group by dates.year_number

),

final as (

    select
        cases_by_year.year_number as year_number,
        cast(cases_by_year.cases as bigint) as cases,
        cast(cases_by_year.performed_cases as bigint) as performed_cases,
        {{ ratio("cases_by_year.cancelled_cases", "cases_by_year.cases") }} as cancellation_rate,
        {{ ratio("cases_by_year.conversions", "cases_by_year.performed_cases") }} as conversion_rate,
        {{ ratio("cases_by_year.complications", "cases_by_year.discharged_cases") }} as complication_rate,
        {{ ratio("cases_by_year.readmissions", "cases_by_year.followed_cases") }} as readmission_rate,
        {{ ratio("cases_by_year.satisfaction_points", "cases_by_year.answers") }} as mean_satisfaction,
        cast(cases_by_year.surgeons as bigint) as surgeons,
        cast(cases_by_year.robots as bigint) as robots,
        {{ ratio("use_by_year.operating_minutes", "60") }} as operating_hours,
        {{ ratio("use_by_year.operating_minutes", "use_by_year.available_minutes") }} as utilisation_share,
        use_by_year.downtime_hours as downtime_hours
    from cases_by_year
    left join use_by_year on cases_by_year.year_number = use_by_year.year_number

)

select * from final
order by year_number
