-- How long did half, nine in ten and nineteen in twenty patients wait for a bed of each kind of department?
with admissions as (

    select * from {{ ref("fact_admissions") }}

),

departments as (

    select * from {{ ref("dim_department") }}

),

scopes as (

    {{ reporting_scopes() }}

),

by_department as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        departments.department_name as department_name,
        count(*) as admissions,
        sum(case when admissions.is_wait_over_4_hours then 1 else 0 end) as waits_over_4_hours,
        sum(case when admissions.is_wait_over_12_hours then 1 else 0 end) as waits_over_12_hours,
        {{ percentile("admissions.wait_minutes", 0.5) }} as p50_wait_minutes,
        {{ percentile("admissions.wait_minutes", 0.9) }} as p90_wait_minutes,
        {{ percentile("admissions.wait_minutes", 0.95) }} as p95_wait_minutes
    from admissions
    inner join departments on admissions.department_key = departments.department_key
    inner join scopes
        on
            admissions.facility_id = scopes.facility_id
            and admissions.admission_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, departments.department_name

),

final as (

    select
        facility_id,
        period,
        department_name,
        cast(admissions as bigint) as admissions,
        {{ ratio("p50_wait_minutes", "60") }} as p50_wait_hours,
        {{ ratio("p90_wait_minutes", "60") }} as p90_wait_hours,
        {{ ratio("p95_wait_minutes", "60") }} as p95_wait_hours,
        {{ ratio("waits_over_4_hours", "admissions") }} as wait_over_4_hours_share,
        {{ ratio("waits_over_12_hours", "admissions") }} as wait_over_12_hours_share
    from by_department

)

select * from final
order by facility_id, period, department_name
