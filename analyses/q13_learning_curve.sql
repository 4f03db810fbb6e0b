-- How do durations, conversions and complications fall with the number of robotic cases a surgeon has done?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

banded as (

    select
        *,
        case
            when surgeon_case_number <= 10 then 1
            when surgeon_case_number <= 25 then 2
            when surgeon_case_number <= 50 then 3
            when surgeon_case_number <= 100 then 4
            else 5
        end as band
    from procedures

),

final as (

    select
        case band
            when 1 then 'cases 1 to 10'
            when 2 then 'cases 11 to 25'
            when 3 then 'cases 26 to 50'
            when 4 then 'cases 51 to 100'
            else 'cases from 101 on'
        end as experience,
        count(distinct surgeon_id) as surgeons,
        count(*) as performed_cases,
        {{ ratio("sum(duration_minutes)", "sum(expected_duration_minutes)") }} as duration_ratio,
        {{ ratio("sum(complexity)", "count(*)") }} as mean_complexity,
        {{ share_where("is_converted") }} as conversion_rate,
        {{ ratio(
            "sum(case when has_complication then 1 else 0 end)",
            "sum(case when has_complication is not null then 1 else 0 end)",
        ) }} as complication_rate
    from banded
    group by band

)

select * from final
order by experience
