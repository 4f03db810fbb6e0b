with extracts as (

    select * from {{ ref("stg_robotics__robots") }}

),

-- staging holds a version once, as it was told first
final as (

    select
        {{ surrogate_key(["robot_id", timestamp_text("updated_at")]) }} as robot_version_key,
        robot_id,
        facility_id,
        model,
        manufacturer,
        serial_number,
        installed_date,
        software_version,
        status,
        is_deleted,
        updated_at
    from extracts

)

select * from final
