-- How long do cases of each complexity take, and how long were they expected to take?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

scopes as (

    {{ reporting_scopes() }}

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        procedures.complexity as complexity,
        cast(count(*) as bigint) as performed_cases,
        {{ percentile("procedures.duration_minutes", 0.1) }} as p10_minutes,
        {{ percentile("procedures.duration_minutes", 0.25) }} as p25_minutes,
        {{ percentile("procedures.duration_minutes", 0.5) }} as p50_minutes,
        {{ percentile("procedures.duration_minutes", 0.75) }} as p75_minutes,
        {{ percentile("procedures.duration_minutes", 0.9) }} as p90_minutes,
        {{ ratio("sum(procedures.duration_minutes)", "count(*)") }} as mean_minutes,
        {{ ratio("sum(procedures.expected_duration_minutes)", "count(procedures.expected_duration_minutes)") }}
            as mean_expected_minutes
    from procedures
    inner join scopes
        on
            procedures.facility_id = scopes.facility_id
            and procedures.procedure_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, procedures.complexity

)

select * from final
order by facility_id, period, complexity
