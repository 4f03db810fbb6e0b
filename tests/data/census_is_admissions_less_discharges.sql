with admissions as (

    select * from {{ ref("fact_admissions") }}

),

discharges as (

    select * from {{ ref("fact_discharges") }}

),

occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

moves as (

    select
        department_id,
        admission_date as move_date,
        1 as patients
    from admissions
    union all
    select
        department_id,
        discharge_date as move_date,
        -1 as patients
    from discharges
    union all
    -- a day without moves still has a census
    select distinct
        department_id,
        snapshot_date as move_date,
        0 as patients
    from occupancy

),

days as (

    select
        department_id,
        move_date,
        sum(patients) as patients
    from moves
    group by department_id, move_date

),

census as (

    select
        department_id,
        move_date,
        sum(patients) over (
            partition by department_id order by move_date rows between unbounded preceding and current row
        ) as patients_at_end,
        patients as patients_added
    from days

)

select
    occupancy.department_id,
    occupancy.snapshot_at,
    occupancy.occupied_beds,
    census.patients_at_end,
    census.patients_added
from occupancy
left join census
    on occupancy.department_id = census.department_id and occupancy.snapshot_date = census.move_date
where
    occupancy.occupied_beds <> case
        when occupancy.snapshot_point = 'eod' then census.patients_at_end
        else census.patients_at_end - census.patients_added
    end
    or census.patients_at_end is null
