-- Which ten surgeons operated most, how long did their cases take against what they should take, and how did
-- patients fare?
with performance as (

    select * from {{ ref("surgeon_performance") }}

),

measured as (

    select
        surgeon_id,
        max(surgeon_name) as surgeon_name,
        max(specialisation) as specialisation,
        max(grade) as grade,
        sum(performed_cases) as performed_cases,
        sum(operating_minutes) as operating_minutes,
        sum(expected_minutes) as expected_minutes,
        sum(conversions) as conversions,
        sum(discharged_cases) as discharged_cases,
        sum(complications) as complications,
        sum(major_complications) as major_complications,
        sum(mean_satisfaction * answers) as satisfaction_points,
        sum(answers) as answers
    from performance
    group by surgeon_id

),

final as (

    select
        surgeon_id,
        surgeon_name,
        specialisation,
        grade,
        cast(performed_cases as bigint) as performed_cases,
        {{ ratio("operating_minutes", "expected_minutes") }} as duration_ratio,
        {{ ratio("conversions", "performed_cases") }} as conversion_rate,
        {{ ratio("complications", "discharged_cases") }} as complication_rate,
        {{ ratio("major_complications", "discharged_cases") }} as major_complication_rate,
        {{ ratio("satisfaction_points", "answers") }} as mean_satisfaction
    from measured

)

select * from final
order by performed_cases desc, surgeon_id asc
limit 10
