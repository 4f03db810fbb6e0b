with extracts as (

    select * from {{ ref("stg_robotics__surgeons") }}

),

-- staging holds a version once, as it was told first
final as (

    select
        {{ surrogate_key(["surgeon_id", timestamp_text("updated_at")]) }} as surgeon_version_key,
        surgeon_id,
        facility_id,
        surgeon_name,
        specialisation,
        grade,
        years_of_experience,
        is_deleted,
        updated_at
    from extracts

)

select * from final
