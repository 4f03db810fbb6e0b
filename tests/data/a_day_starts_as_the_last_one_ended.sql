with occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

ends as (

    select * from occupancy
    where snapshot_point = 'eod'

),

starts as (

    select * from occupancy
    where snapshot_point = 'sod'

)

select
    starts.department_id,
    starts.snapshot_date,
    starts.occupied_beds,
    ends.occupied_beds as occupied_beds_the_evening_before
from starts
inner join ends
    on
        starts.department_id = ends.department_id
        and starts.snapshot_date = cast({{ dbt.dateadd("day", 1, "ends.snapshot_date") }} as {{ type_date() }})
where
    starts.occupied_beds <> ends.occupied_beds
    or starts.waiting_patients <> ends.waiting_patients
