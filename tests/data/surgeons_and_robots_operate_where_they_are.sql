-- by the versions that held when the case began: in its hospital, the robot in service and for such procedures
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

robots as (

    select * from {{ ref("dim_robot") }}
    where robot_id <> 'unknown'

),

surgeons as (

    select * from {{ ref("dim_surgeon") }}
    where surgeon_id <> 'unknown'

),

types as (

    select * from {{ ref("procedure_types") }}

)

select
    procedures.procedure_id,
    procedures.facility_id,
    robots.facility_id as robot_facility_id,
    robots.status,
    robots.domain as robot_domain,
    types.domain as procedure_domain,
    surgeons.facility_id as surgeon_facility_id
from procedures
left join robots on procedures.robot_key = robots.robot_key
left join surgeons on procedures.surgeon_key = surgeons.surgeon_key
left join types on procedures.procedure_type = types.procedure_type
where
    robots.facility_id <> procedures.facility_id
    or robots.status <> 'active'
    or surgeons.facility_id <> procedures.facility_id
    or replace(robots.domain, 'single_port', 'soft_tissue') <> types.domain
