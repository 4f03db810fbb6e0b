with encounters as (

    select * from {{ ref("fact_encounters") }}

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

-- all facilities together: a department has the same code in each
stays as (

    select
        coalesce(departments.department_code, 'unknown') as department_code,
        encounters.scenario as scenario,
        encounters.age_band as age_band,
        encounters.stay_hours as stay_hours,
        encounters.is_long_stay as is_long_stay
    from encounters
    left join departments on encounters.department_id = departments.department_id

),

measured as (

    select
        department_code,
        scenario,
        age_band,
        count(*) as encounters,
        {{ ratio("sum(cast(round(stay_hours * 3600) as bigint))", "count(*) * 86400") }} as mean_stay_days,
        {{ percentile("stay_hours / 24", 0.5) }} as p50_stay_days,
        {{ percentile("stay_hours / 24", 0.9) }} as p90_stay_days,
        {{ percentile("stay_hours / 24", 0.95) }} as p95_stay_days,
        sum(case when is_long_stay then 1 else 0 end) as long_stays
    from stays
    group by department_code, scenario, age_band

),

final as (

    select
        cast(department_code as varchar(8)) as department_code,
        scenario,
        age_band,
        cast(encounters as bigint) as encounters,
        mean_stay_days,
        p50_stay_days,
        p90_stay_days,
        p95_stay_days,
        cast(long_stays as bigint) as long_stays,
        {{ ratio("long_stays", "encounters") }} as long_stay_share
    from measured

)

select * from final
