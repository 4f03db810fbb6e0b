{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="batch_date",
        on_schema_change="fail",
    )
}}

with results as (

    select * from {{ ref("stg_clinical__labs") }}

),

encounters as (

    select * from {{ ref("int_encounters") }}

),

tests as (

    select * from {{ ref("lab_tests") }}

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
        results.*,
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        encounters.admitted_at as admitted_at
    from results
    inner join encounters on results.encounter_id = encounters.encounter_id

),

{% if is_incremental() %}
days_to_load as (

    {{ days_to_load("charted", "batch_date", "sampled_at") }}
    union
    {{ days_of_late_patients("charted", "batch_date", "result_id", "result_id") }}

),

{% endif -%}
labs as (

    select * from charted
    {% if is_incremental() %}
    where batch_date in (select batch_date from days_to_load)
    {% endif %}

),

final as (

    select
        labs.result_id as result_id,
        labs.encounter_id as encounter_id,
        {{ date_key("labs.sampled_at") }} as sampled_date_key,
        {{ time_key("labs.sampled_at") }} as sampled_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        labs.facility_id as facility_id,
        labs.department_id as department_id,
        labs.test_code as test_code,
        tests.test_name as test_name,
        tests.panel as panel,
        labs.loinc_code as loinc_code,
        labs.unit as unit,
        labs.result_value as result_value,
        labs.reference_low as reference_low,
        labs.reference_high as reference_high,
        cast(
            case
                when labs.result_value < labs.reference_low then 'low'
                when labs.result_value > labs.reference_high then 'high'
                else 'normal'
            end as varchar(6)
        ) as abnormal_flag,
        cast(
            labs.result_value < labs.reference_low or labs.result_value > labs.reference_high as boolean
        ) as is_abnormal,
        {{ seconds_between("labs.sampled_at", "labs.resulted_at") }}
        / cast(60 as {{ type_double() }}) as turnaround_minutes,
        {{ seconds_between("labs.admitted_at", "labs.sampled_at") }}
        / cast(3600 as {{ type_double() }}) as hours_since_admission,
        labs.sampled_at as sampled_at,
        labs.resulted_at as resulted_at,
        labs.batch_date as batch_date
    from labs
    left join tests on labs.test_code = tests.test_code
    left join patients on labs.patient_id = patients.patient_id
    left join facilities
        on
            labs.facility_id = facilities.facility_id
            and labs.sampled_at >= facilities.effective_date
            and labs.sampled_at < facilities.expiration_date
    left join departments
        on
            labs.department_id = departments.department_id
            and labs.sampled_at >= departments.effective_date
            and labs.sampled_at < departments.expiration_date

)

select * from final
