{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="discharge_date",
        on_schema_change="fail",
    )
}}

with stays as (

    select * from {{ ref("int_stays") }}
    where discharge_event_id is not null

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
-- a discharge loaded before its admission came has no stay yet
days_to_load as (

    {{ days_to_load("stays", "discharge_date", "discharged_at") }}
    union
    {{ days_of_late_patients("stays", "discharge_date", "discharge_event_id", "discharge_event_id") }}
    union
    select stays.discharge_date as discharge_date
    from stays
    inner join {{ this }} as loaded on stays.discharge_event_id = loaded.discharge_event_id
    where loaded.admitted_at is null and stays.admitted_at is not null

),

{% endif -%}
discharges as (

    select * from stays
    {% if is_incremental() %}
    where discharge_date in (select discharge_date from days_to_load)
    {% endif %}

),

final as (

    select
        discharges.discharge_event_id as discharge_event_id,
        discharges.encounter_id as encounter_id,
        {{ date_key("discharges.discharge_date") }} as discharge_date_key,
        {{ time_key("discharges.discharged_at") }} as discharge_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        discharges.facility_id as facility_id,
        discharges.department_id as department_id,
        discharges.discharge_destination as discharge_destination,
        discharges.stay_seconds / cast(3600 as {{ type_double() }}) as stay_hours,
        discharges.stay_nights as stay_nights,
        discharges.delay_seconds / cast(3600 as {{ type_double() }}) as delay_hours,
        discharges.delay_days as delay_days,
        discharges.is_delayed as is_delayed,
        discharges.is_delayed_5_days as is_delayed_5_days,
        discharges.is_long_stay as is_long_stay,
        discharges.is_death as is_death,
        discharges.admitted_at as admitted_at,
        discharges.medically_fit_at as medically_fit_at,
        discharges.discharged_at as discharged_at,
        discharges.discharge_date as discharge_date
    from discharges
    left join patients on discharges.patient_id = patients.patient_id
    left join facilities
        on
            discharges.facility_id = facilities.facility_id
            and discharges.discharged_at >= facilities.effective_date
            and discharges.discharged_at < facilities.expiration_date
    left join departments
        on
            discharges.department_id = departments.department_id
            and discharges.discharged_at >= departments.effective_date
            and discharges.discharged_at < departments.expiration_date

)

select * from final
