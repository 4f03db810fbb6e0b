with occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

departments as (

    select * from {{ ref("dim_department") }}

),

-- start and end of the day side by side; the department is as it was when the day started
days as (

    select
        facility_id,
        department_id,
        snapshot_date,
        coalesce(
            max(case when snapshot_point = 'sod' then department_key end), max(department_key)
        ) as department_key,
        max(case when snapshot_point = 'sod' then staffed_beds end) as staffed_beds,
        max(case when snapshot_point = 'sod' then capacity_beds end) as sod_capacity_beds,
        max(case when snapshot_point = 'eod' then capacity_beds end) as eod_capacity_beds,
        max(case when snapshot_point = 'sod' then occupied_beds end) as sod_occupied_beds,
        max(case when snapshot_point = 'eod' then occupied_beds end) as eod_occupied_beds,
        max(case when snapshot_point = 'sod' then escalation_beds_open end) as escalation_beds_open
    from occupancy
    group by facility_id, department_id, snapshot_date

),

rates as (

    select
        *,
        sod_occupied_beds / nullif(cast(sod_capacity_beds as {{ type_double() }}), 0) as sod_occupancy_rate,
        eod_occupied_beds / nullif(cast(eod_capacity_beds as {{ type_double() }}), 0) as eod_occupancy_rate
    from days

),

final as (

    select
        rates.facility_id as facility_id,
        rates.department_id as department_id,
        departments.department_code as department_code,
        departments.department_name as department_name,
        departments.is_general_acute as is_general_acute,
        rates.snapshot_date as snapshot_date,
        departments.funded_beds as funded_beds,
        rates.staffed_beds as staffed_beds,
        rates.escalation_beds_open as escalation_beds_open,
        rates.sod_capacity_beds as sod_capacity_beds,
        rates.eod_capacity_beds as eod_capacity_beds,
        rates.sod_occupied_beds as sod_occupied_beds,
        rates.eod_occupied_beds as eod_occupied_beds,
        rates.sod_occupancy_rate as sod_occupancy_rate,
        rates.eod_occupancy_rate as eod_occupancy_rate,
        avg(rates.sod_occupancy_rate) over (
            partition by rates.department_id
            order by rates.snapshot_date
            rows between 6 preceding and current row
        ) as mean_occupancy_rate_7_days,
        cast(coalesce(rates.sod_occupancy_rate > 0.85, false) as boolean) as is_above_safe_occupancy,
        cast(coalesce(rates.sod_occupancy_rate > 0.92, false) as boolean) as is_above_occupancy_ceiling
    from rates
    left join departments on rates.department_key = departments.department_key

)

select * from final
