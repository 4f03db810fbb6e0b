with source as (

    select * from {{ source("robotics", "robot_maintenance_logs") }}

),

renamed as (

    select
        -- ids
        cast(maintenance_id as varchar(16)) as maintenance_id,
        cast(robot_id as varchar(8)) as robot_id,
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(maintenance_type as varchar(32)) as maintenance_type,
        cast(technician as varchar(60)) as technician,
        cast(parts_replaced as varchar(120)) as parts_replaced,

        -- numerics
        cast(downtime_hours as {{ type_double() }}) as downtime_hours,
        cast(cost_gbp as decimal(12, 2)) as cost_gbp,

        -- booleans
        cast(is_emergency as boolean) as is_emergency,

        -- timestamps
        cast(start_time as {{ type_timestamp() }}) as started_at,
        cast(end_time as {{ type_timestamp() }}) as ended_at,
        cast(start_time as {{ type_date() }}) as maintenance_date,
        cast(updated_at as {{ type_timestamp() }}) as updated_at

    from source

)

select * from renamed
