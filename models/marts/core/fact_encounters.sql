{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="batch_date",
        on_schema_change="fail",
    )
}}

with stays as (

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

{% if is_incremental() %}
days_to_load as (

    {{ days_to_load("stays", "batch_date", "discharged_at") }}
    union
    {{ days_of_late_patients("stays", "batch_date", "encounter_id", "encounter_id") }}

),

{% endif -%}
encounters as (

    select * from stays
    {% if is_incremental() %}
    where batch_date in (select batch_date from days_to_load)
    {% endif %}

),

final as (

    select
        encounters.encounter_id as encounter_id,
        {{ date_key("encounters.admission_date") }} as admission_date_key,
        {{ time_key("encounters.admitted_at") }} as admission_time_key,
        {{ date_key("encounters.discharge_date") }} as discharge_date_key,
        {{ time_key("encounters.discharged_at") }} as discharge_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        encounters.admission_method as admission_method,
        encounters.scenario as scenario,
        encounters.scenario_name as scenario_name,
        encounters.diagnosis_code as diagnosis_code,
        encounters.diagnosis_name as diagnosis_name,
        encounters.discharge_destination as discharge_destination,
        encounters.acuity as acuity,
        encounters.spo2_scale as spo2_scale,
        encounters.age_years as age_years,
        encounters.age_band as age_band,
        encounters.stay_seconds / cast(3600 as {{ type_double() }}) as stay_hours,
        encounters.stay_nights as stay_nights,
        encounters.is_emergency as is_emergency,
        encounters.is_adult as is_adult,
        encounters.is_long_stay as is_long_stay,
        encounters.is_death as is_death,
        encounters.admitted_at as admitted_at,
        encounters.admission_date as admission_date,
        encounters.discharged_at as discharged_at,
        encounters.discharge_date as discharge_date,
        encounters.batch_date as batch_date
    from encounters
    left join patients on encounters.patient_id = patients.patient_id
    left join facilities
        on
            encounters.facility_id = facilities.facility_id
            and encounters.discharged_at >= facilities.effective_date
            and encounters.discharged_at < facilities.expiration_date
    left join departments
        on
            encounters.department_id = departments.department_id
            and encounters.discharged_at >= departments.effective_date
            and encounters.discharged_at < departments.expiration_date

)

select * from final
