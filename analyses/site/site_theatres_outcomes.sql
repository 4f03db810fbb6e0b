-- How many patients of each kind of surgery have a complication, how grave, and what is published for these cases?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

outcomes as (

    select * from {{ ref("procedure_outcomes") }}

),

published as (

    select
        procedure_type,
        max(published_complication_rate) as complication_rate
    from outcomes
    group by procedure_type

),

scopes as (

    {{ reporting_scopes() }}

),

counted as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        procedures.procedure_category as procedure_category,
        count(*) as performed_cases,
        sum(case when procedures.is_converted then 1 else 0 end) as conversions,
        sum(case when procedures.has_complication is not null then 1 else 0 end) as discharged_cases,
        sum(case when procedures.has_complication then 1 else 0 end) as complications,
        sum(case when procedures.is_major_complication then 1 else 0 end) as major_complications,
        sum(case when procedures.clavien_dindo_grade = 'I' then 1 else 0 end) as grade_i,
        sum(case when procedures.clavien_dindo_grade = 'II' then 1 else 0 end) as grade_ii,
        sum(case when procedures.clavien_dindo_grade in ('IIIa', 'IIIb') then 1 else 0 end) as grade_iii,
        sum(case when procedures.clavien_dindo_grade in ('IVa', 'IVb') then 1 else 0 end) as grade_iv,
        sum(case when procedures.clavien_dindo_grade = 'V' then 1 else 0 end) as grade_v,
        -- of the same cases as the simulated rate
        avg(case when procedures.has_complication is not null then published.complication_rate end)
            as published_complication_rate
    from procedures
    inner join scopes
        on
            procedures.facility_id = scopes.facility_id
            and procedures.procedure_date = scopes.date_day
    left join published on procedures.procedure_type = published.procedure_type
    group by scopes.shown_facility_id, scopes.shown_period, procedures.procedure_category

),

rated as (

    select
        *,
        {{ ratio("complications", "discharged_cases") }} as complication_rate,
        {{ ratio("1.96 * 1.96", "discharged_cases") }} as spread
    from counted

),

-- Wilson's interval of 95 %: what the rate may be in truth, of so few cases
bounded as (

    select
        *,
        (complication_rate + spread / 2) / (1 + spread) as middle,
        sqrt(complication_rate * (1 - complication_rate) * spread + spread * spread / 4) / (1 + spread) as half
    from rated

),

final as (

    select
        facility_id,
        period,
        case procedure_category
            when 'ent' then 'ENT'
            when 'hpb' then 'HPB'
            when 'upper_gi' then 'Upper GI'
            else
                upper(substring(procedure_category, 1, 1))
                || replace(substring(procedure_category, 2, 24), '_', ' ')
        end as procedure_category,
        cast(performed_cases as bigint) as performed_cases,
        {{ ratio("conversions", "performed_cases") }} as conversion_rate,
        cast(discharged_cases as bigint) as discharged_cases,
        cast(complications as bigint) as complications,
        cast(grade_i as bigint) as grade_i,
        cast(grade_ii as bigint) as grade_ii,
        cast(grade_iii as bigint) as grade_iii,
        cast(grade_iv as bigint) as grade_iv,
        cast(grade_v as bigint) as grade_v,
        complication_rate,
        middle - half as lowest_rate,
        middle + half as highest_rate,
        {{ ratio("major_complications", "discharged_cases") }} as major_complication_rate,
        {{ ratio("(grade_iv + grade_v)", "discharged_cases") }} as life_threatening_rate,
        published_complication_rate
    from bounded

)

select * from final
order by facility_id, period, procedure_category
