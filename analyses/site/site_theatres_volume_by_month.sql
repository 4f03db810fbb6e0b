-- How many cases were planned, performed and cancelled in each month, and why were they cancelled?
with volume as (

    select * from {{ ref("daily_procedure_volume") }}

),

procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_cancelled

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

volume_by_month as (

    select
        scopes.shown_facility_id as facility_id,
        dates.month_start_date as month_start_date,
        sum(volume.scheduled_cases) as scheduled_cases,
        sum(volume.performed_cases) as performed_cases,
        sum(volume.cancelled_cases) as cancelled_cases
    from volume
    inner join scopes
        on
            volume.facility_id = scopes.facility_id
            and volume.procedure_date = scopes.date_day
            and scopes.shown_period = 'all'
    inner join dates on volume.procedure_date_key = dates.date_key
    group by scopes.shown_facility_id, dates.month_start_date

),

reasons_by_month as (

    select
        scopes.shown_facility_id as facility_id,
        dates.month_start_date as month_start_date,
        sum(case when procedures.cancellation_reason = 'patient_unwell' then 1 else 0 end) as patient_unwell_cases,
        sum(case when procedures.cancellation_reason = 'list_overrun' then 1 else 0 end) as list_overrun_cases,
        sum(case when procedures.cancellation_reason = 'robot_unavailable' then 1 else 0 end)
            as robot_unavailable_cases
    from procedures
    inner join scopes
        on
            procedures.facility_id = scopes.facility_id
            and procedures.procedure_date = scopes.date_day
            and scopes.shown_period = 'all'
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by scopes.shown_facility_id, dates.month_start_date

),

final as (

    select
        volume_by_month.facility_id as facility_id,
        volume_by_month.month_start_date as month_start_date,
        cast(volume_by_month.scheduled_cases as bigint) as scheduled_cases,
        cast(volume_by_month.performed_cases as bigint) as performed_cases,
        cast(volume_by_month.cancelled_cases as bigint) as cancelled_cases,
        {{ ratio("volume_by_month.cancelled_cases", "volume_by_month.scheduled_cases") }} as cancellation_rate,
        cast(coalesce(reasons_by_month.patient_unwell_cases, 0) as bigint) as patient_unwell_cases,
        cast(coalesce(reasons_by_month.list_overrun_cases, 0) as bigint) as list_overrun_cases,
        cast(coalesce(reasons_by_month.robot_unavailable_cases, 0) as bigint) as robot_unavailable_cases
    from volume_by_month
    left join reasons_by_month
        on
            volume_by_month.facility_id = reasons_by_month.facility_id
            and volume_by_month.month_start_date = reasons_by_month.month_start_date

)

select * from final
order by facility_id, month_start_date
