with extracts as (

    select * from {{ ref("stg_operations__departments") }}

),

-- an extract may say again what an earlier one said: a version is what was told first
first_told as (

    select
        *,
        row_number() over (partition by department_id, updated_at order by extract_date) as telling
    from extracts

),

final as (

    select
        {{ surrogate_key(["department_id", timestamp_text("updated_at")]) }} as department_version_key,
        department_id,
        facility_id,
        department_code,
        department_name,
        specialty_code,
        is_general_acute,
        funded_beds,
        escalation_beds,
        is_deleted,
        updated_at
    from first_told
    where telling = 1

)

select * from final
