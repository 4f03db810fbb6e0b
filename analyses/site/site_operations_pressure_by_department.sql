-- How full was each kind of department over a period, and on how many days beyond the thresholds of 85 and 92 %?
with utilisation as (

    select * from {{ ref("bed_utilisation") }}

),

scopes as (

    {{ reporting_scopes() }}

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        utilisation.department_name as department_name,
        {{ ratio("sum(utilisation.sod_occupied_beds)", "sum(utilisation.sod_capacity_beds)") }} as occupancy_rate,
        max(utilisation.sod_occupancy_rate) as highest_occupancy_rate,
        cast(sum(case when utilisation.is_above_safe_occupancy then 1 else 0 end) as bigint) as days_above_85_percent,
        cast(sum(case when utilisation.is_above_occupancy_ceiling then 1 else 0 end) as bigint)
            as days_above_92_percent,
        cast(count(*) as bigint) as department_days
    from utilisation
    inner join scopes
        on
            utilisation.facility_id = scopes.facility_id
            and utilisation.snapshot_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, utilisation.department_name

)

select * from final
order by facility_id, period, department_name
