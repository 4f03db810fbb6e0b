with extracts as (

    select * from {{ ref("stg_operations__facilities") }}

),

-- an extract may say again what an earlier one said: a version is what was told first
first_told as (

    select
        *,
        row_number() over (partition by facility_id, updated_at order by extract_date) as telling
    from extracts

),

final as (

    select
        {{ surrogate_key(["facility_id", timestamp_text("updated_at")]) }} as facility_version_key,
        facility_id,
        facility_name,
        trust_name,
        region,
        rating,
        is_deleted,
        updated_at
    from first_told
    where telling = 1

)

select * from final
