with stays as (

    select * from {{ ref("int_stays") }}

),

deaths as (

    select
        patient_id,
        min(discharged_at) as died_at
    from stays
    where is_death
    group by patient_id

)

select
    stays.encounter_id,
    deaths.died_at
from stays
inner join deaths on stays.patient_id = deaths.patient_id
where stays.admitted_at > deaths.died_at
