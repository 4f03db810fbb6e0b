-- an elective stay of the same patient in the same hospital; what operations have not told yet says nothing
with procedures as (

    select * from {{ ref("int_procedures") }}

),

stays as (

    select * from {{ ref("int_stays") }}

)

select
    procedures.procedure_id,
    procedures.started_at,
    procedures.ended_at,
    stays.admitted_at,
    stays.discharged_at
from procedures
left join stays on procedures.encounter_id = stays.encounter_id
where
    stays.encounter_id is null
    or procedures.patient_id <> stays.patient_id
    or procedures.facility_id <> stays.facility_id
    or stays.is_emergency
    or procedures.started_at < stays.admitted_at
    or coalesce(procedures.ended_at, procedures.started_at) > stays.discharged_at
