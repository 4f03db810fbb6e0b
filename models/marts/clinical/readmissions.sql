with encounters as (

    select * from {{ ref("fact_encounters") }}

),

charts as (

    select * from {{ ref("stg_clinical__encounters") }}

),

stays as (

    select * from {{ ref("int_stays") }}
    where is_emergency and admitted_at is not null

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

dates as (

    select * from {{ ref("dim_date") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

-- who came back: operations knows of every admission, also of patients who are still in bed
returns as (

    select
        charts.encounter_id as encounter_id,
        min(stays.admitted_at) as next_emergency_at
    from charts
    inner join stays on charts.patient_id = stays.patient_id and charts.discharged_at < stays.admitted_at
    group by charts.encounter_id

),

-- who left alive, and early enough for the 30 days after it to be observed
index_discharges as (

    select
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        dates.month_start_date as month_start_date,
        {{ seconds_between("encounters.discharged_at", "returns.next_emergency_at") }} as seconds_to_return
    from encounters
    inner join dates on encounters.discharge_date_key = dates.date_key
    inner join observed_days on encounters.facility_id = observed_days.facility_id
    left join returns on encounters.encounter_id = returns.encounter_id
    where
        not encounters.is_death
        and {{ days_between("encounters.discharge_date", "observed_days.last_day") }} >= 30

),

by_month as (

    select
        facility_id,
        department_id,
        month_start_date,
        count(*) as index_discharges,
        sum(case when seconds_to_return <= 30 * 86400 then 1 else 0 end) as emergency_readmissions
    from index_discharges
    group by facility_id, department_id, month_start_date

),

final as (

    select
        by_month.facility_id as facility_id,
        by_month.department_id as department_id,
        departments.department_code as department_code,
        departments.department_name as department_name,
        by_month.month_start_date as month_start_date,
        cast(by_month.index_discharges as bigint) as index_discharges,
        cast(by_month.emergency_readmissions as bigint) as emergency_readmissions,
        {{ ratio("by_month.emergency_readmissions", "by_month.index_discharges") }} as readmission_rate
    from by_month
    left join departments on by_month.department_id = departments.department_id

)

select * from final
