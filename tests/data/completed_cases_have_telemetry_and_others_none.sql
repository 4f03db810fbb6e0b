-- all samples from the first to the last, of the case's robot, while it lasted
with procedures as (

    select * from {{ ref("fact_procedures") }}

),

telemetry as (

    select * from {{ ref("fact_procedure_telemetry") }}

),

sampled as (

    select
        procedure_id,
        min(robot_id) as first_robot_id,
        max(robot_id) as last_robot_id,
        count(*) as samples,
        min(sample_number) as first_number,
        max(sample_number) as last_number,
        min(sampled_at) as first_sampled_at,
        max(sampled_at) as last_sampled_at
    from telemetry
    group by procedure_id

)

select
    procedures.procedure_id as told_procedure_id,
    procedures.status,
    sampled.procedure_id as sampled_procedure_id,
    sampled.samples,
    sampled.first_sampled_at,
    sampled.last_sampled_at
from procedures
full outer join sampled on procedures.procedure_id = sampled.procedure_id
where
    procedures.procedure_id is null
    or procedures.is_completed <> (sampled.procedure_id is not null)
    or sampled.first_number <> 1
    or sampled.last_number <> sampled.samples
    or sampled.first_robot_id <> procedures.robot_id
    or sampled.last_robot_id <> procedures.robot_id
    or sampled.first_sampled_at < procedures.started_at
    or sampled.last_sampled_at > procedures.ended_at
