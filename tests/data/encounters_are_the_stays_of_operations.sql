-- one to one, in every word that both sources say, on the days that have a batch
with encounters as (

    select * from {{ ref("int_encounters") }}

),

stays as (

    select * from {{ ref("int_stays") }}
    where discharge_event_id is not null

),

batches as (

    select distinct batch_date
    from encounters

),

discharged as (

    select stays.*
    from stays
    inner join batches on stays.discharge_date = batches.batch_date

)

select
    encounters.encounter_id as clinical_encounter_id,
    discharged.encounter_id as operations_encounter_id,
    encounters.batch_date,
    discharged.discharge_date
from encounters
full outer join discharged on encounters.encounter_id = discharged.encounter_id
where
    encounters.encounter_id is null
    or discharged.encounter_id is null
    or encounters.batch_date <> discharged.discharge_date
    or encounters.patient_id <> discharged.patient_id
    or encounters.facility_id <> discharged.facility_id
    or encounters.department_id <> discharged.department_id
    or encounters.discharged_at <> discharged.discharged_at
    or encounters.discharge_destination <> discharged.discharge_destination
    -- an admission that operations has not told yet says nothing
    or encounters.admitted_at <> discharged.admitted_at
    or encounters.admission_method <> discharged.admission_method
