with extracts as (

    select * from {{ ref("stg_robotics__facilities") }}

),

-- staging holds a version once, as it was told first
final as (

    select
        {{ surrogate_key(["facility_id", timestamp_text("updated_at")]) }} as surgical_facility_version_key,
        facility_id,
        facility_name,
        city,
        facility_type,
        facility_beds,
        is_deleted,
        updated_at
    from extracts

)

select * from final
