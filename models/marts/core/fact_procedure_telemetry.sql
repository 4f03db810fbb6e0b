{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="sample_date",
        on_schema_change="fail",
    )
}}

-- a procedure knows its versions of robot and facility: no sample has to look for them
with procedures as (

    select
        procedure_id,
        robot_key,
        facility_key
    from {{ ref("fact_procedures") }}

),

-- samples are named where they are read: a CTE that is named twice is held in memory
{% if is_incremental() %}
days_to_load as (

    {{ days_with_other_rows(ref("stg_robotics__telemetry"), "sample_date") }}
    union
    {{ days_of_rekeyed_procedures("sample_date") }}

),

{% endif -%}
samples as (

    select * from {{ ref("stg_robotics__telemetry") }}
    {% if is_incremental() %}
    where sample_date in (select sample_date from days_to_load)
    {% endif %}

),

final as (

    select
        samples.procedure_id as procedure_id,
        samples.sample_number as sample_number,
        {{ date_key("samples.sample_date") }} as sample_date_key,
        coalesce(procedures.robot_key, {{ unknown_key() }}) as robot_key,
        coalesce(procedures.facility_key, {{ unknown_key() }}) as facility_key,
        samples.robot_id as robot_id,
        samples.arm as arm,
        samples.position_x_mm as position_x_mm,
        samples.position_y_mm as position_y_mm,
        samples.position_z_mm as position_z_mm,
        samples.rotation_x_degrees as rotation_x_degrees,
        samples.rotation_y_degrees as rotation_y_degrees,
        samples.rotation_z_degrees as rotation_z_degrees,
        samples.force_n as force_n,
        samples.tool_type as tool_type,
        samples.is_tool_active as is_tool_active,
        samples.is_camera_moving as is_camera_moving,
        samples.motor_temperature_celsius as motor_temperature_celsius,
        samples.motor_current_amperes as motor_current_amperes,
        samples.network_latency_ms as network_latency_ms,
        samples.video_fps as video_fps,
        samples.sampled_at as sampled_at,
        samples.sample_date as sample_date
    from samples
    left join procedures on samples.procedure_id = procedures.procedure_id

)

select * from final
