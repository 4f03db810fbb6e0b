-- nights after the procedure, deaths, and emergency admissions within 30 days of discharge, counted as in readmissions
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

stays as (

    select * from {{ ref("int_stays") }}

),

emergencies as (

    select * from {{ ref("int_stays") }}
    where is_emergency and admitted_at is not null

),

returns as (

    select
        stays.encounter_id as encounter_id,
        min(emergencies.admitted_at) as next_emergency_at
    from stays
    inner join emergencies
        on stays.patient_id = emergencies.patient_id and stays.discharged_at < emergencies.admitted_at
    group by stays.encounter_id

),

told as (

    select
        procedures.procedure_id as procedure_id,
        procedures.stay_days as stay_days,
        procedures.clavien_dindo_grade as clavien_dindo_grade,
        procedures.is_readmitted_30d as is_readmitted_30d,
        {{ days_between("procedures.procedure_date", "stays.discharge_date") }} as nights,
        stays.is_death as is_death,
        coalesce(
            {{ seconds_between("stays.discharged_at", "returns.next_emergency_at") }} <= 30 * 86400, false
        ) as came_back
    from procedures
    inner join stays on procedures.encounter_id = stays.encounter_id
    left join returns on procedures.encounter_id = returns.encounter_id
    where stays.discharged_at is not null

)

select *
from told
where
    stay_days <> nights
    or is_readmitted_30d <> came_back
    or (is_death and is_readmitted_30d is not null)
    or (stay_days is not null and is_death <> coalesce(clavien_dindo_grade = 'V', false))
