-- all samples from the first to the last, of the case's robot, while it lasted; on days that both sources have told of
with procedures as (

    select * from {{ ref("fact_procedures") }}

),

telemetry as (

    select * from {{ ref("fact_procedure_telemetry") }}

),

-- telemetry is named once: DuckDB would hold all of it for a second time
sampled as (

    select
        telemetry.procedure_id as procedure_id,
        min(telemetry.sample_date) as sample_date,
        count(*) as samples,
        min(telemetry.sample_number) as first_number,
        max(telemetry.sample_number) as last_number,
        min(telemetry.sampled_at) as first_sampled_at,
        max(telemetry.sampled_at) as last_sampled_at,
        sum(case when telemetry.robot_id <> procedures.robot_id then 1 else 0 end) as of_another_robot
    from telemetry
    left join procedures on telemetry.procedure_id = procedures.procedure_id
    group by telemetry.procedure_id

),

days as (

    select sample_date as told_date
    from sampled
    intersect
    select procedure_date as told_date
    from procedures

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
    or sampled.of_another_robot > 0
    or sampled.first_sampled_at < procedures.started_at
    or sampled.last_sampled_at > procedures.ended_at
