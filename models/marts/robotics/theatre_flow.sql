with procedures as (

    select * from {{ ref("fact_procedures") }}

),

visits as (

    select * from {{ ref("fact_robot_maintenance") }}

),

admissions as (

    select * from {{ ref("fact_admissions") }}
    where not is_emergency

),

occupancy as (

    select * from {{ ref("bed_utilisation") }}

),

-- the departments that robotic theatres take their patients from
departments as (

    select distinct department_id from {{ ref("dim_department") }}
    where department_code in ('GSUR', 'ORTH', 'UROL', 'GYNA')

),

theatre_days as (

    select * from {{ ref("int_theatre_days") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

months as (

    select
        facility_id,
        month_start_date
    from theatre_days
    group by facility_id, month_start_date

),

cases_by_month as (

    select
        procedures.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        count(*) as cases,
        sum(case when procedures.is_cancelled then 1 else 0 end) as cancelled_cases
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by procedures.facility_id, dates.month_start_date

),

visits_by_month as (

    select
        visits.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        count(*) as visits,
        sum(visits.downtime_hours) as downtime_hours
    from visits
    inner join dates on visits.start_date_key = dates.date_key
    group by visits.facility_id, dates.month_start_date

),

-- patients found in bed on the first day are not a fair sample of those who waited
waits_by_month as (

    select
        admissions.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        count(*) as elective_admissions,
        {{ percentile("admissions.wait_minutes", 0.5) }} as p50_wait_minutes,
        {{ percentile("admissions.wait_minutes", 0.9) }} as p90_wait_minutes
    from admissions
    inner join departments on admissions.department_id = departments.department_id
    inner join dates on admissions.admission_date_key = dates.date_key
    inner join observed_days
        on
            admissions.facility_id = observed_days.facility_id
            and admissions.admission_date between observed_days.first_day and observed_days.last_day
    group by admissions.facility_id, dates.month_start_date

),

beds_by_month as (

    select
        occupancy.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        sum(occupancy.sod_occupied_beds) as occupied_beds,
        sum(occupancy.sod_capacity_beds) as capacity_beds
    from occupancy
    inner join departments on occupancy.department_id = departments.department_id
    inner join dates on occupancy.snapshot_date = dates.date_day
    group by occupancy.facility_id, dates.month_start_date

),

final as (

    select
        months.facility_id as facility_id,
        months.month_start_date as month_start_date,
        cast(coalesce(cases_by_month.cases, 0) as bigint) as cases,
        cast(coalesce(cases_by_month.cancelled_cases, 0) as bigint) as cancelled_cases,
        cast(coalesce(visits_by_month.visits, 0) as bigint) as visits,
        cast(coalesce(visits_by_month.downtime_hours, 0) as {{ type_double() }}) as downtime_hours,
        cast(coalesce(waits_by_month.elective_admissions, 0) as bigint) as elective_admissions,
        waits_by_month.p50_wait_minutes as p50_wait_minutes,
        waits_by_month.p90_wait_minutes as p90_wait_minutes,
        {{ ratio("beds_by_month.occupied_beds", "beds_by_month.capacity_beds") }} as mean_occupancy_rate
    from months
    left join cases_by_month
        on
            months.facility_id = cases_by_month.facility_id
            and months.month_start_date = cases_by_month.month_start_date
    left join visits_by_month
        on
            months.facility_id = visits_by_month.facility_id
            and months.month_start_date = visits_by_month.month_start_date
    left join waits_by_month
        on
            months.facility_id = waits_by_month.facility_id
            and months.month_start_date = waits_by_month.month_start_date
    left join beds_by_month
        on
            months.facility_id = beds_by_month.facility_id
            and months.month_start_date = beds_by_month.month_start_date

)

select * from final
