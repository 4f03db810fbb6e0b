-- How long did elective patients wait in a hospital's month, beside full beds and robots that stood still?
with flow as (

    select * from {{ ref("theatre_flow") }}

),

scopes as (

    {{ reporting_scopes() }}

),

shown as (

    select distinct
        facility_id,
        shown_facility_id
    from scopes

),

final as (

    select
        shown.shown_facility_id as facility_id,
        flow.month_start_date as month_start_date,
        flow.facility_id as hospital,
        flow.mean_occupancy_rate as mean_occupancy_rate,
        flow.p50_wait_minutes / 60 as p50_wait_hours,
        flow.p90_wait_minutes / 60 as p90_wait_hours,
        flow.elective_admissions as elective_admissions,
        flow.downtime_hours as downtime_hours,
        flow.visits as visits,
        flow.cases as cases,
        flow.cancelled_cases as cancelled_cases
    from flow
    inner join shown on flow.facility_id = shown.facility_id

)

select * from final
order by facility_id, month_start_date, hospital
