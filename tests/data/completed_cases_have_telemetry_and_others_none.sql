-- all samples from the first to the last, of the case's robot, while it lasted; on days that both sources have told of
with procedures as (

    select * from {{ ref("fact_procedures") }}

),

telemetry as (

    select * from {{ ref("fact_procedure_telemetry") }}

),

days as (

    select sample_date as told_date
    from telemetry
    intersect
    select procedure_date as told_date
    from procedures

),

sampled as (

    select
        procedure_id,
        min(sample_date) as sample_date,
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
inner join days on coalesce(procedures.procedure_date, sampled.sample_date) = days.told_date
where
    procedures.procedure_id is null
    or procedures.is_completed <> (sampled.procedure_id is not null)
    or sampled.first_number <> 1
    or sampled.last_number <> sampled.samples
    or sampled.first_robot_id <> procedures.robot_id
    or sampled.last_robot_id <> procedures.robot_id
    or sampled.first_sampled_at < procedures.started_at
    or sampled.last_sampled_at > procedures.ended_at
