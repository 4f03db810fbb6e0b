with admissions as (

    select * from {{ ref("fact_admissions") }}

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

dates as (

    select * from {{ ref("dim_date") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

-- patients found in bed on the first day are not a fair sample of those who waited
observed_waits as (

    select
        admissions.facility_id as facility_id,
        admissions.department_id as department_id,
        dates.month_start_date as month_start_date,
        admissions.wait_minutes as wait_minutes,
        admissions.is_emergency as is_emergency,
        admissions.is_wait_over_4_hours as is_wait_over_4_hours,
        admissions.is_wait_over_12_hours as is_wait_over_12_hours
    from admissions
    inner join dates on admissions.admission_date_key = dates.date_key
    inner join observed_days
        on
            admissions.facility_id = observed_days.facility_id
            and admissions.admission_date between observed_days.first_day and observed_days.last_day

),

waits_by_month as (

    select
        facility_id,
        department_id,
        month_start_date,
        count(*) as admissions,
        sum(case when is_emergency then 1 else 0 end) as emergency_admissions,
        sum(case when is_wait_over_4_hours then 1 else 0 end) as waits_over_4_hours,
        sum(case when is_wait_over_12_hours then 1 else 0 end) as waits_over_12_hours,
        {{ percentile("wait_minutes", 0.5) }} as p50_wait_minutes,
        {{ percentile("wait_minutes", 0.9) }} as p90_wait_minutes,
        {{ percentile("wait_minutes", 0.95) }} as p95_wait_minutes,
        max(wait_minutes) as longest_wait_minutes
    from observed_waits
    group by facility_id, department_id, month_start_date

),

final as (

    select
        waits_by_month.facility_id as facility_id,
        waits_by_month.department_id as department_id,
        departments.department_code as department_code,
        departments.department_name as department_name,
        waits_by_month.month_start_date as month_start_date,
        cast(waits_by_month.admissions as bigint) as admissions,
        cast(waits_by_month.emergency_admissions as bigint) as emergency_admissions,
        cast(waits_by_month.waits_over_4_hours as bigint) as waits_over_4_hours,
        cast(waits_by_month.waits_over_12_hours as bigint) as waits_over_12_hours,
        waits_by_month.p50_wait_minutes as p50_wait_minutes,
        waits_by_month.p90_wait_minutes as p90_wait_minutes,
        waits_by_month.p95_wait_minutes as p95_wait_minutes,
        waits_by_month.longest_wait_minutes as longest_wait_minutes
    from waits_by_month
    left join departments on waits_by_month.department_id = departments.department_id

)

select * from final
