-- the waiting list is who has asked and not been admitted, and it is as long as the department says
with waiting_list as (

    select * from {{ ref("fact_waiting_list") }}

),

occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

stays as (

    select * from {{ ref("int_stays") }}

),

waiting_by_department as (

    select
        department_id,
        snapshot_date,
        count(*) as patients
    from waiting_list
    group by department_id, snapshot_date

),

wrong_length as (

    select
        occupancy.department_id,
        occupancy.snapshot_at,
        'the list is not as long as the snapshot says' as finding
    from occupancy
    left join waiting_by_department
        on
            occupancy.department_id = waiting_by_department.department_id
            and occupancy.snapshot_date = waiting_by_department.snapshot_date
    where
        occupancy.snapshot_point = 'sod'
        and occupancy.waiting_patients <> coalesce(waiting_by_department.patients, 0)

),

not_waiting as (

    select
        waiting_list.department_id,
        waiting_list.snapshot_at,
        'a patient on the list was admitted before the snapshot' as finding
    from waiting_list
    inner join stays
        on
            waiting_list.patient_id = stays.patient_id
            and waiting_list.requested_at = stays.requested_at
    where stays.admitted_at < waiting_list.snapshot_at

)

select * from wrong_length
union all
select * from not_waiting
