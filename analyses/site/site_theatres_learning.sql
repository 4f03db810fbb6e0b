-- How do durations, conversions and complications change with the number of robotic cases a surgeon has done?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

scopes as (

    {{ reporting_scopes() }}

),

-- who has operated often may be slower or faster than others from the first case on
surgeons as (

    select
        surgeon_id,
        {{ ratio("sum(duration_minutes)", "sum(expected_duration_minutes)") }} as own_ratio
    from procedures
    group by surgeon_id

),

banded as (

    select
        procedures.facility_id as facility_id,
        procedures.procedure_date as procedure_date,
        procedures.surgeon_id as surgeon_id,
        procedures.complexity as complexity,
        procedures.duration_minutes as duration_minutes,
        procedures.expected_duration_minutes as expected_duration_minutes,
        procedures.expected_duration_minutes * surgeons.own_ratio as own_duration_minutes,
        procedures.is_converted as is_converted,
        procedures.has_complication as has_complication,
        case
            when procedures.surgeon_case_number <= 10 then 1
            when procedures.surgeon_case_number <= 25 then 2
            when procedures.surgeon_case_number <= 50 then 3
            when procedures.surgeon_case_number <= 100 then 4
            else 5
        end as band
    from procedures
    inner join surgeons on procedures.surgeon_id = surgeons.surgeon_id

),

by_band as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        banded.band as band,
        cast(count(distinct banded.surgeon_id) as bigint) as surgeons,
        cast(count(*) as bigint) as performed_cases,
        {{ ratio("sum(banded.complexity)", "count(*)") }} as mean_complexity,
        {{ ratio("sum(banded.duration_minutes)", "sum(banded.expected_duration_minutes)") }} as duration_ratio,
        {{ ratio("sum(banded.duration_minutes)", "sum(banded.own_duration_minutes)") }} as own_duration_ratio,
        {{ share_where("banded.is_converted") }} as conversion_rate,
        {{ ratio(
            "sum(case when banded.has_complication then 1 else 0 end)",
            "sum(case when banded.has_complication is not null then 1 else 0 end)",
        ) }} as complication_rate
    from banded
    inner join scopes
        on
            banded.facility_id = scopes.facility_id
            and banded.procedure_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, banded.band

),

final as (

    select
        facility_id,
        period,
        band,
        case band
            when 1 then '1-10'
            when 2 then '11-25'
            when 3 then '26-50'
            when 4 then '51-100'
            else '101+'
        end as experience,
        surgeons,
        performed_cases,
        mean_complexity,
        duration_ratio,
        own_duration_ratio,
        conversion_rate,
        complication_rate
    from by_band

)

select * from final
order by facility_id, period, band
