-- How much of its available time was each robot operating, month by month?
with utilization as (

    select * from {{ ref("robot_utilization") }}

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
        utilization.month_start_date as month_start_date,
        utilization.facility_id as hospital,
        utilization.robot_id as robot_id,
        utilization.robot_id || ' ' || coalesce(utilization.model, 'of an unknown model') as robot,
        utilization.completed_cases + utilization.converted_cases as performed_cases,
        utilization.downtime_hours as downtime_hours,
        utilization.utilisation_ratio as utilisation_ratio,
        utilization.in_session_utilisation_ratio as in_session_utilisation_ratio
    from utilization
    inner join shown on utilization.facility_id = shown.facility_id

)

select * from final
order by facility_id, month_start_date, robot_id
