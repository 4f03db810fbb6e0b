with extracts as (

    select * from {{ ref("stg_operations__patients") }}

),

-- type 1: what was said last holds for all time
newest_first as (

    select
        *,
        row_number() over (partition by patient_id order by updated_at desc, extract_date asc) as place
    from extracts

),

known as (

    select
        {{ surrogate_key(["patient_id"]) }} as patient_key,
        patient_id,
        facility_id,
        sex,
        blood_group,
        postcode_district,
        date_of_birth,
        is_deleted,
        updated_at
    from newest_first
    where place = 1

),

unknown_member as (

    select
        {{ unknown_key() }} as patient_key,
        cast('unknown' as varchar(16)) as patient_id,
        cast(null as varchar(8)) as facility_id,
        cast(null as varchar(8)) as sex,
        cast(null as varchar(3)) as blood_group,
        cast(null as varchar(4)) as postcode_district,
        cast(null as {{ type_date() }}) as date_of_birth,
        cast(false as boolean) as is_deleted,
        cast(null as {{ type_timestamp() }}) as updated_at

),

final as (

    select * from known
    union all
    select * from unknown_member

)

select * from final
