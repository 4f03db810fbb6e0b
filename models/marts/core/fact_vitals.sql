{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="batch_date",
        on_schema_change="fail",
    )
}}

with scores as (

    select * from {{ ref("int_news2_scores") }}

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

    {{ days_to_load("scores", "batch_date", "observed_at") }}
    union
    {{ days_of_late_patients("scores", "batch_date", "observation_id", "observation_id") }}

),

{% endif -%}
vitals as (

    select * from scores
    {% if is_incremental() %}
    where batch_date in (select batch_date from days_to_load)
    {% endif %}

),

final as (

    select
        vitals.observation_id as observation_id,
        vitals.encounter_id as encounter_id,
        {{ date_key("vitals.observed_at") }} as observed_date_key,
        {{ time_key("vitals.observed_at") }} as observed_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        vitals.facility_id as facility_id,
        vitals.department_id as department_id,
        vitals.heart_rate as heart_rate,
        vitals.resp_rate as resp_rate,
        vitals.spo2 as spo2,
        vitals.spo2_scale as spo2_scale,
        vitals.on_oxygen as on_oxygen,
        vitals.temperature_celsius as temperature_celsius,
        vitals.systolic_bp as systolic_bp,
        vitals.diastolic_bp as diastolic_bp,
        vitals.consciousness as consciousness,
        vitals.resp_rate_score as resp_rate_score,
        vitals.spo2_score as spo2_score,
        vitals.oxygen_score as oxygen_score,
        vitals.systolic_bp_score as systolic_bp_score,
        vitals.heart_rate_score as heart_rate_score,
        vitals.consciousness_score as consciousness_score,
        vitals.temperature_score as temperature_score,
        vitals.news2_score as news2_score,
        vitals.has_red_score as has_red_score,
        vitals.news2_band as news2_band,
        {{ seconds_between("vitals.admitted_at", "vitals.observed_at") }}
        / cast(3600 as {{ type_double() }}) as hours_since_admission,
        cast(
            row_number() over (
                partition by vitals.encounter_id order by vitals.observed_at, vitals.observation_id
            ) = 1 as boolean
        ) as is_first_set,
        vitals.observed_at as observed_at,
        vitals.batch_date as batch_date
    from vitals
    left join patients on vitals.patient_id = patients.patient_id
    left join facilities
        on
            vitals.facility_id = facilities.facility_id
            and vitals.observed_at >= facilities.effective_date
            and vitals.observed_at < facilities.expiration_date
    left join departments
        on
            vitals.department_id = departments.department_id
            and vitals.observed_at >= departments.effective_date
            and vitals.observed_at < departments.expiration_date

)

select * from final
