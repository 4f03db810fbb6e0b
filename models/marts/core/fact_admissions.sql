{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="admission_date",
        on_schema_change="fail",
    )
}}

with stays as (

    select * from {{ ref("int_stays") }}
    where admission_event_id is not null

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

    {{ days_to_load("stays", "admission_date", "admitted_at") }}
    union
    {{ days_of_late_patients("stays", "admission_date", "admission_event_id", "admission_event_id") }}

),

{% endif -%}
admissions as (

    select * from stays
    {% if is_incremental() %}
    where admission_date in (select admission_date from days_to_load)
    {% endif %}

),

final as (

    select
        admissions.admission_event_id as admission_event_id,
        admissions.encounter_id as encounter_id,
        {{ date_key("admissions.admission_date") }} as admission_date_key,
        {{ time_key("admissions.admitted_at") }} as admission_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        admissions.facility_id as facility_id,
        admissions.department_id as department_id,
        admissions.admission_method as admission_method,
        admissions.wait_seconds / cast(60 as {{ type_double() }}) as wait_minutes,
        admissions.is_emergency as is_emergency,
        admissions.is_wait_over_4_hours as is_wait_over_4_hours,
        admissions.is_wait_over_12_hours as is_wait_over_12_hours,
        admissions.requested_at as requested_at,
        admissions.admitted_at as admitted_at,
        admissions.admission_date as admission_date
    from admissions
    left join patients on admissions.patient_id = patients.patient_id
    left join facilities
        on
            admissions.facility_id = facilities.facility_id
            and admissions.admitted_at >= facilities.effective_date
            and admissions.admitted_at < facilities.expiration_date
    left join departments
        on
            admissions.department_id = departments.department_id
            and admissions.admitted_at >= departments.effective_date
            and admissions.admitted_at < departments.expiration_date

)

select * from final
