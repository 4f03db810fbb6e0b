-- nor does capacity exceed the beds that the department is funded for and may open beyond them
with occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

departments as (

    select * from {{ ref("dim_department") }}

)

select
    occupancy.dep_snapshot_event_id,
    occupancy.occupied_beds,
    occupancy.capacity_beds,
    departments.funded_beds + departments.escalation_beds as most_beds
from occupancy
left join departments on occupancy.department_key = departments.department_key
where
    occupancy.occupied_beds > occupancy.capacity_beds
    or occupancy.capacity_beds > departments.funded_beds + departments.escalation_beds
