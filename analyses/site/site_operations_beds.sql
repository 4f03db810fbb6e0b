-- How many beds were funded, staffed, open and occupied at the start of each day?
with utilisation as (

    select * from {{ ref("bed_utilisation") }}

),

scopes as (

    {{ reporting_scopes() }}

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        utilisation.snapshot_date as date_day,
        cast(sum(utilisation.funded_beds) as bigint) as funded_beds,
        cast(sum(utilisation.staffed_beds) as bigint) as staffed_beds,
        cast(sum(utilisation.sod_capacity_beds) as bigint) as open_beds,
        cast(sum(utilisation.sod_occupied_beds) as bigint) as occupied_beds,
        cast(sum(utilisation.escalation_beds_open) as bigint) as escalation_beds_open,
        {{ ratio("sum(utilisation.sod_occupied_beds)", "sum(utilisation.sod_capacity_beds)") }} as occupancy_rate
    from utilisation
    inner join scopes
        on
            utilisation.facility_id = scopes.facility_id
            and utilisation.snapshot_date = scopes.date_day
            and scopes.shown_period = 'all'
    group by scopes.shown_facility_id, utilisation.snapshot_date

)

select * from final
order by facility_id, date_day
