-- Do cases that begin later in the day take longer, or turn out worse?
with procedures as (

    select * from {{ ref("fact_procedures") }}

),

times as (

    select * from {{ ref("dim_time") }}

),

by_hour as (

    select
        times.hour_of_day as hour_of_day,
        count(*) as cases,
        sum(case when procedures.is_performed then 1 else 0 end) as performed_cases,
        sum(case when procedures.is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when procedures.is_converted then 1 else 0 end) as conversions,
        sum(case when procedures.is_performed then procedures.duration_minutes end) as operating_minutes,
        sum(case when procedures.is_performed then procedures.expected_duration_minutes end) as expected_minutes,
        sum(case when procedures.is_performed and procedures.has_complication is not null then 1 else 0 end)
            as discharged_cases,
        sum(case when procedures.has_complication then 1 else 0 end) as complications
    from procedures
    inner join times on procedures.start_time_key = times.time_key
    group by times.hour_of_day

),

final as (

    select
        hour_of_day,
        cast(cases as bigint) as cases,
        cast(performed_cases as bigint) as performed_cases,
        {{ ratio("cancelled_cases", "cases") }} as cancellation_rate,
        {{ ratio("operating_minutes", "performed_cases") }} as mean_duration_minutes,
        {{ ratio("operating_minutes", "expected_minutes") }} as duration_ratio,
        {{ ratio("conversions", "performed_cases") }} as conversion_rate,
        {{ ratio("complications", "discharged_cases") }} as complication_rate
    from by_hour

)

select * from final
order by hour_of_day
