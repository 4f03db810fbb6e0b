{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="batch_date",
        on_schema_change="fail",
    )
}}

with written as (

    select * from {{ ref("stg_clinical__notes") }}

),

encounters as (

    select * from {{ ref("int_encounters") }}

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

-- where and when the stay was
charted as (

    select
        written.*,
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        encounters.admitted_at as admitted_at
    from written
    inner join encounters on written.encounter_id = encounters.encounter_id

),

{% if is_incremental() %}
days_to_load as (

    {{ days_to_load("charted", "batch_date", "noted_at") }}
    union
    {{ days_of_late_patients("charted", "batch_date", "note_id", "note_id") }}

),

{% endif -%}
notes as (

    select * from charted
    {% if is_incremental() %}
    where batch_date in (select batch_date from days_to_load)
    {% endif %}

),

final as (

    select
        notes.note_id as note_id,
        notes.encounter_id as encounter_id,
        {{ date_key("notes.noted_at") }} as note_date_key,
        {{ time_key("notes.noted_at") }} as note_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        notes.facility_id as facility_id,
        notes.department_id as department_id,
        notes.note_type as note_type,
        notes.author_role as author_role,
        notes.note_text as note_text,
        cast({{ dbt.length("notes.note_text") }} as integer) as character_count,
        cast({{ word_count("notes.note_text") }} as integer) as word_count,
        {{ seconds_between("notes.admitted_at", "notes.noted_at") }}
        / cast(3600 as {{ type_double() }}) as hours_since_admission,
        notes.noted_at as noted_at,
        notes.batch_date as batch_date
    from notes
    left join patients on notes.patient_id = patients.patient_id
    left join facilities
        on
            notes.facility_id = facilities.facility_id
            and notes.noted_at >= facilities.effective_date
            and notes.noted_at < facilities.expiration_date
    left join departments
        on
            notes.department_id = departments.department_id
            and notes.noted_at >= departments.effective_date
            and notes.noted_at < departments.expiration_date

)

select * from final
