with visits as (

    select * from {{ ref("stg_robotics__maintenance_logs") }}

),

facilities as (

    select * from {{ ref("dim_facility") }}

),

robots as (

    select * from {{ ref("dim_robot") }}

),

final as (

    select
        visits.maintenance_id as maintenance_id,
        {{ date_key("visits.maintenance_date") }} as start_date_key,
        coalesce(robots.robot_key, {{ unknown_key() }}) as robot_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        visits.robot_id as robot_id,
        visits.facility_id as facility_id,
        visits.maintenance_type as maintenance_type,
        visits.is_emergency as is_emergency,
        visits.technician as technician,
        visits.downtime_hours as downtime_hours,
        visits.cost_gbp as cost_gbp,
        visits.parts_replaced as parts_replaced,
        -- one more than there are semicolons between them
        cast(
            case
                when visits.parts_replaced is null then 0
                else
                    {{ dbt.length("visits.parts_replaced") }}
                    - {{ dbt.length("replace(visits.parts_replaced, ';', '')") }}
                    + 1
            end as integer
        ) as part_count,
        visits.started_at as started_at,
        visits.ended_at as ended_at,
        visits.maintenance_date as maintenance_date
    from visits
    left join robots
        on
            visits.robot_id = robots.robot_id
            and visits.started_at >= robots.effective_date
            and visits.started_at < robots.expiration_date
    left join facilities
        on
            visits.facility_id = facilities.facility_id
            and visits.started_at >= facilities.effective_date
            and visits.started_at < facilities.expiration_date

)

select * from final
