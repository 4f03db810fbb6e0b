with encounters as (

    select * from {{ ref("stg_clinical__encounters") }}

),

patients as (

    select * from {{ ref("stg_clinical__patients") }}

),

scenarios as (

    select * from {{ ref("scenarios") }}

),

diagnoses as (

    select * from {{ ref("diagnoses") }}

),

-- a batch is complete in itself: it holds the patients of its encounters
joined as (

    select
        encounters.encounter_id as encounter_id,
        encounters.patient_id as patient_id,
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        encounters.admission_method as admission_method,
        encounters.scenario as scenario,
        scenarios.scenario_name as scenario_name,
        encounters.primary_diagnosis as diagnosis_code,
        diagnoses.diagnosis_name as diagnosis_name,
        encounters.discharge_destination as discharge_destination,
        encounters.acuity as acuity,
        encounters.spo2_scale as spo2_scale,
        {{ age_years("patients.date_of_birth", "encounters.admission_date") }} as age_years,
        {{ seconds_between("encounters.admitted_at", "encounters.discharged_at") }} as stay_seconds,
        {{ days_between("encounters.admission_date", "encounters.discharge_date") }} as stay_nights,
        encounters.admitted_at as admitted_at,
        encounters.admission_date as admission_date,
        encounters.discharged_at as discharged_at,
        encounters.discharge_date as discharge_date,
        encounters.batch_date as batch_date
    from encounters
    left join patients
        on encounters.patient_id = patients.patient_id and encounters.batch_date = patients.batch_date
    left join scenarios on encounters.scenario = scenarios.scenario
    left join diagnoses on encounters.primary_diagnosis = diagnoses.icd10_code

),

final as (

    select
        encounter_id,
        patient_id,
        facility_id,
        department_id,
        admission_method,
        scenario,
        scenario_name,
        diagnosis_code,
        diagnosis_name,
        discharge_destination,
        acuity,
        spo2_scale,
        age_years,
        cast(
            case
                when age_years < 5 then '0-4'
                when age_years < 18 then '5-17'
                when age_years < 30 then '18-29'
                when age_years < 45 then '30-44'
                when age_years < 55 then '45-54'
                when age_years < 65 then '55-64'
                when age_years < 75 then '65-74'
                when age_years < 85 then '75-84'
                when age_years >= 85 then '85+'
                else 'unknown'
            end as varchar(8)
        ) as age_band,
        stay_seconds,
        stay_nights,
        cast(admission_method = 'emergency' as boolean) as is_emergency,
        cast(coalesce(age_years >= 16, false) as boolean) as is_adult,
        cast(stay_nights >= 21 as boolean) as is_long_stay,
        cast(discharge_destination = 'died' as boolean) as is_death,
        admitted_at,
        admission_date,
        discharged_at,
        discharge_date,
        batch_date
    from joined

)

select * from final
