with snapshots as (

    select * from {{ ref("stg_operations__dep_snapshots") }}

),

-- patients found in bed on the first day were admitted before it; what is counted by day starts with the first snapshot
final as (

    select
        facility_id,
        min(snapshot_date) as first_day,
        max(snapshot_date) as last_day,
        count(distinct snapshot_date) as days
    from snapshots
    group by facility_id

)

select * from final
