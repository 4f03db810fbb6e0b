with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

visits as (

    select * from {{ ref("fact_robot_maintenance") }}

)

select
    procedures.procedure_id,
    visits.maintenance_id
from procedures
inner join visits
    on
        procedures.robot_id = visits.robot_id
        and procedures.started_at < visits.ended_at
        and procedures.ended_at > visits.started_at
