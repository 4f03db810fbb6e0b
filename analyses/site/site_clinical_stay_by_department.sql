-- How long did patients of each kind of department stay?
with encounters as (

    select * from {{ ref("fact_encounters") }}

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

scopes as (

    {{ reporting_scopes() }}

),

stays as (

    select
        encounters.facility_id as facility_id,
        encounters.discharge_date as discharge_date,
        coalesce(departments.department_name, 'Unknown') as department_name,
        encounters.stay_hours as stay_hours,
        encounters.is_long_stay as is_long_stay
    from encounters
    left join departments on encounters.department_id = departments.department_id

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        stays.department_name as department_name,
        cast(count(*) as bigint) as stays,
        {{ percentile("stays.stay_hours / 24", 0.5) }} as p50_stay_days,
        {{ percentile("stays.stay_hours / 24", 0.9) }} as p90_stay_days,
        {{ percentile("stays.stay_hours / 24", 0.95) }} as p95_stay_days,
        {{ share_where("stays.is_long_stay") }} as long_stay_share
    from stays
    inner join scopes
        on
            stays.facility_id = scopes.facility_id
            and stays.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, stays.department_name

)

select * from final
order by facility_id, period, department_name
