with extracts as (

    select * from {{ ref("stg_operations__patients") }}

),

batches as (

    select * from {{ ref("stg_clinical__patients") }}

),

-- type 1: what was said last holds for all time
newest_first as (

    select
        *,
        row_number() over (partition by patient_id order by updated_at desc, extract_date asc) as place
    from extracts

),

registered as (

    select * from newest_first
    where place = 1

),

newest_batch_first as (

    select
        *,
        row_number() over (partition by patient_id order by batch_date desc) as place
    from batches

),

treated as (

    select * from newest_batch_first
    where place = 1

),

-- the registry's word goes before the ward's
known as (

    select
        coalesce(registered.patient_id, treated.patient_id) as patient_id,
        coalesce(registered.facility_id, treated.facility_id) as facility_id,
        coalesce(registered.sex, treated.sex) as sex,
        coalesce(registered.blood_group, treated.blood_group) as blood_group,
        registered.postcode_district as postcode_district,
        coalesce(registered.date_of_birth, treated.date_of_birth) as date_of_birth,
        cast(coalesce(registered.is_deleted, false) as boolean) as is_deleted,
        registered.updated_at as updated_at,
        cast(registered.patient_id is not null as boolean) as is_in_operations,
        cast(treated.patient_id is not null as boolean) as is_in_clinical
    from registered
    full outer join treated on registered.patient_id = treated.patient_id

),

keyed as (

    select
        {{ surrogate_key(["patient_id"]) }} as patient_key,
        patient_id,
        facility_id,
        sex,
        blood_group,
        postcode_district,
        date_of_birth,
        is_deleted,
        updated_at,
        is_in_operations,
        is_in_clinical
    from known

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
        cast(null as {{ type_timestamp() }}) as updated_at,
        cast(false as boolean) as is_in_operations,
        cast(false as boolean) as is_in_clinical

),

final as (

    select * from keyed
    union all
    select * from unknown_member

)

select * from final
