with occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

admissions as (

    select * from {{ ref("fact_admissions") }}

),

discharges as (

    select * from {{ ref("fact_discharges") }}

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

-- the queue is what waits when the day is over
queues as (

    select
        facility_id,
        department_id,
        snapshot_date,
        waiting_patients
    from occupancy
    where snapshot_point = 'eod'

),

admissions_by_day as (

    select
        department_id,
        admission_date,
        count(*) as admissions
    from admissions
    group by department_id, admission_date

),

discharges_by_day as (

    select
        department_id,
        discharge_date,
        count(*) as discharges
    from discharges
    group by department_id, discharge_date

),

-- yesterday is the day before, not the row before: where it is missing, growth is unknown
against_yesterday as (

    select
        today.facility_id as facility_id,
        today.department_id as department_id,
        today.snapshot_date as snapshot_date,
        today.waiting_patients as waiting_patients,
        yesterday.waiting_patients as waiting_patients_yesterday
    from queues as today
    left join queues as yesterday
        on
            today.department_id = yesterday.department_id
            and today.snapshot_date = cast({{ dbt.dateadd("day", 1, "yesterday.snapshot_date") }} as {{ type_date() }})

),

flows as (

    select
        against_yesterday.facility_id as facility_id,
        against_yesterday.department_id as department_id,
        against_yesterday.snapshot_date as snapshot_date,
        cast(coalesce(admissions_by_day.admissions, 0) as bigint) as admissions,
        cast(coalesce(discharges_by_day.discharges, 0) as bigint) as discharges,
        against_yesterday.waiting_patients as waiting_patients,
        against_yesterday.waiting_patients_yesterday as waiting_patients_yesterday
    from against_yesterday
    left join admissions_by_day
        on
            against_yesterday.department_id = admissions_by_day.department_id
            and against_yesterday.snapshot_date = admissions_by_day.admission_date
    left join discharges_by_day
        on
            against_yesterday.department_id = discharges_by_day.department_id
            and against_yesterday.snapshot_date = discharges_by_day.discharge_date

),

final as (

    select
        flows.facility_id as facility_id,
        flows.department_id as department_id,
        departments.department_code as department_code,
        departments.department_name as department_name,
        flows.snapshot_date as snapshot_date,
        flows.admissions as admissions,
        flows.discharges as discharges,
        flows.admissions - flows.discharges as net_admissions,
        flows.waiting_patients as waiting_patients,
        flows.waiting_patients_yesterday as waiting_patients_yesterday,
        cast(flows.waiting_patients - flows.waiting_patients_yesterday as integer) as queue_growth,
        flows.admissions + flows.waiting_patients - flows.waiting_patients_yesterday as requests,
        avg(cast(flows.waiting_patients as {{ type_double() }})) over (
            partition by flows.department_id
            order by flows.snapshot_date
            rows between 6 preceding and current row
        ) as mean_waiting_patients_7_days
    from flows
    left join departments on flows.department_id = departments.department_id

)

select * from final
