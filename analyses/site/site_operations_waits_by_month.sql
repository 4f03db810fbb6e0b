-- How have waits for a bed moved from month to month?
with admissions as (

    select * from {{ ref("fact_admissions") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

by_month as (

    select
        scopes.shown_facility_id as facility_id,
        dates.month_start_date as month_start_date,
        count(*) as admissions,
        {{ percentile("admissions.wait_minutes", 0.5) }} as p50_wait_minutes,
        {{ percentile("admissions.wait_minutes", 0.9) }} as p90_wait_minutes,
        {{ percentile("admissions.wait_minutes", 0.95) }} as p95_wait_minutes
    from admissions
    inner join dates on admissions.admission_date_key = dates.date_key
    inner join scopes
        on
            admissions.facility_id = scopes.facility_id
            and admissions.admission_date = scopes.date_day
            and scopes.shown_period = 'all'
    group by scopes.shown_facility_id, dates.month_start_date

),

final as (

    select
        facility_id,
        month_start_date,
        cast(admissions as bigint) as admissions,
        {{ ratio("p50_wait_minutes", "60") }} as p50_wait_hours,
        {{ ratio("p90_wait_minutes", "60") }} as p90_wait_hours,
        {{ ratio("p95_wait_minutes", "60") }} as p95_wait_hours
    from by_month

)

select * from final
order by facility_id, month_start_date
