{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="snapshot_date",
        on_schema_change="fail",
    )
}}

with snapshots as (

    select * from {{ ref("stg_operations__wait_snapshots") }}

),

departments as (

    select * from {{ ref("dim_department") }}

),

facilities as (

    select * from {{ ref("dim_facility") }}

),

patients as (

    select * from {{ ref("dim_patient") }}

),

{% if is_incremental() %}
days_to_load as (

    {{ days_to_load("snapshots", "snapshot_date", "snapshot_at") }}
    union
    {{ days_of_late_patients("snapshots", "snapshot_date", "event_id", "wait_snapshot_event_id") }}

),

{% endif -%}
waiting as (

    select * from snapshots
    {% if is_incremental() %}
    where snapshot_date in (select snapshot_date from days_to_load)
    {% endif %}

),

final as (

    select
        waiting.event_id as wait_snapshot_event_id,
        {{ date_key("waiting.snapshot_date") }} as snapshot_date_key,
        {{ date_key("waiting.request_date") }} as request_date_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        waiting.patient_id as patient_id,
        waiting.facility_id as facility_id,
        waiting.department_id as department_id,
        waiting.wait_duration_hours as wait_duration_hours,
        waiting.requested_at as requested_at,
        waiting.snapshot_at as snapshot_at,
        waiting.snapshot_date as snapshot_date
    from waiting
    left join patients on waiting.patient_id = patients.patient_id
    left join facilities
        on
            waiting.facility_id = facilities.facility_id
            and waiting.snapshot_at >= facilities.effective_date
            and waiting.snapshot_at < facilities.expiration_date
    left join departments
        on
            waiting.department_id = departments.department_id
            and waiting.snapshot_at >= departments.effective_date
            and waiting.snapshot_at < departments.expiration_date

)

select * from final
