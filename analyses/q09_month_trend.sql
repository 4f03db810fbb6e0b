-- How has the number of cases moved from month to month, and what is the mean of three months?
with performance as (

    select * from {{ ref("facility_performance") }}

),

by_month as (

    select
        month_start_date,
        sum(cases) as cases,
        sum(performed_cases) as performed_cases,
        sum(cancelled_cases) as cancelled_cases,
        sum(operating_minutes) as operating_minutes,
        max(case when is_whole_month then 1 else 0 end) as whole_months
    from performance
    group by month_start_date

),

final as (

    select
        month_start_date,
        cast(whole_months = 1 as boolean) as is_whole_month,
        cast(cases as bigint) as cases,
        cast(performed_cases as bigint) as performed_cases,
        avg(cast(performed_cases as {{ type_double() }})) over (
            order by month_start_date
            rows between 2 preceding and current row
        ) as mean_performed_cases_3_months,
        {{ ratio("cancelled_cases", "cases") }} as cancellation_rate,
        {{ ratio("operating_minutes", "60") }} as operating_hours
    from by_month

)

select * from final
order by month_start_date
