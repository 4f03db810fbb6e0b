-- Which hospitals do most robotic surgery, and how do they compare in punctuality, cancellations and outcomes?
with performance as (

    select * from {{ ref("facility_performance") }}

),

facilities as (

    select * from {{ ref("dim_facility") }}
    where is_current

),

measured as (

    select
        facility_id,
        sum(cases) as cases,
        sum(performed_cases) as performed_cases,
        sum(cancelled_cases) as cancelled_cases,
        sum(operating_minutes) as operating_minutes,
        sum(first_cases) as first_cases,
        sum(first_cases_on_time) as first_cases_on_time,
        sum(discharged_cases) as discharged_cases,
        sum(complications) as complications,
        sum(followed_cases) as followed_cases,
        sum(readmissions) as readmissions,
        max(robots_used) as most_robots_used,
        max(surgeons_used) as most_surgeons_used
    from performance
    group by facility_id

),

final as (

    select
        measured.facility_id as facility_id,
        facilities.facility_name as facility_name,
        cast(measured.performed_cases as bigint) as performed_cases,
        {{ ratio("measured.operating_minutes", "60") }} as operating_hours,
        {{ ratio("measured.cancelled_cases", "measured.cases") }} as cancellation_rate,
        {{ ratio("measured.first_cases_on_time", "measured.first_cases") }} as first_case_on_time_share,
        {{ ratio("measured.complications", "measured.discharged_cases") }} as complication_rate,
        {{ ratio("measured.readmissions", "measured.followed_cases") }} as readmission_rate,
        measured.most_robots_used as most_robots_a_month,
        measured.most_surgeons_used as most_surgeons_a_month
    from measured
    left join facilities on measured.facility_id = facilities.facility_id

)

select * from final
order by performed_cases desc, facility_id asc
