with utilisation as (

    select * from {{ ref("bed_utilisation") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

-- all beds of the network together
days as (

    select
        snapshot_date,
        sum(case when is_general_acute then sod_occupied_beds else 0 end) as general_acute_occupied,
        sum(case when is_general_acute then sod_capacity_beds else 0 end) as general_acute_capacity,
        sum(case when department_code = 'ICU' then sod_occupied_beds else 0 end) as critical_care_occupied,
        sum(case when department_code = 'ICU' then sod_capacity_beds else 0 end) as critical_care_capacity
    from utilisation
    group by snapshot_date

),

months as (

    select
        dates.month_start_date as month_start_date,
        {{ ratio("sum(days.general_acute_occupied)", "sum(days.general_acute_capacity)") }} as occupancy_rate,
        count(*) as observed_days,
        max(
            {{ days_between("dates.month_start_date", dbt.dateadd("month", 1, "dates.month_start_date")) }}
        ) as month_days
    from days
    inner join dates on days.snapshot_date = dates.date_day
    group by dates.month_start_date

),

whole_months as (

    select * from months
    where observed_days = month_days

),

by_day as (

    select
        {{ ratio("sum(general_acute_occupied)", "sum(general_acute_capacity)") }} as general_acute_occupancy,
        {{ ratio("sum(critical_care_occupied)", "sum(critical_care_capacity)") }} as adult_critical_care_occupancy
    from days

),

by_month as (

    select
        min(occupancy_rate) as lowest_month_occupancy,
        max(occupancy_rate) as highest_month_occupancy,
        max(occupancy_rate) - min(occupancy_rate) as month_occupancy_spread
    from whole_months

),

final as (

    {{ figures("by_day", ["general_acute_occupancy", "adult_critical_care_occupancy"]) }}
    union all
    {{ figures("by_month", ["lowest_month_occupancy", "highest_month_occupancy", "month_occupancy_spread"]) }}

)

select * from final
