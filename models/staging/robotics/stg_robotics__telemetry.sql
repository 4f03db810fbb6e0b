with source as (

    select * from {{ source("robotics", "procedure_telemetry") }}

),

renamed as (

    select
        -- ids
        cast(procedure_id as varchar(28)) as procedure_id,
        cast(robot_id as varchar(8)) as robot_id,

        -- text
        cast(tool_type as varchar(24)) as tool_type,

        -- numerics
        cast(sample_number as integer) as sample_number,
        cast(arm as integer) as arm,
        cast(position_x_mm as {{ type_double() }}) as position_x_mm,
        cast(position_y_mm as {{ type_double() }}) as position_y_mm,
        cast(position_z_mm as {{ type_double() }}) as position_z_mm,
        cast(rotation_x_degrees as {{ type_double() }}) as rotation_x_degrees,
        cast(rotation_y_degrees as {{ type_double() }}) as rotation_y_degrees,
        cast(rotation_z_degrees as {{ type_double() }}) as rotation_z_degrees,
        cast(force_n as {{ type_double() }}) as force_n,
        cast(motor_temperature_celsius as {{ type_double() }}) as motor_temperature_celsius,
        cast(motor_current_amperes as {{ type_double() }}) as motor_current_amperes,
        cast(network_latency_ms as {{ type_double() }}) as network_latency_ms,
        cast(video_fps as {{ type_double() }}) as video_fps,

        -- booleans
        cast(is_tool_active as boolean) as is_tool_active,
        cast(is_camera_moving as boolean) as is_camera_moving,

        -- timestamps
        cast(sample_time as {{ type_timestamp() }}) as sampled_at,
        cast(sample_time as {{ type_date() }}) as sample_date

    from source

)

select * from renamed
