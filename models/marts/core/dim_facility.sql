with versions as (

    select * from {{ ref("facility_versions") }}

),

-- a version holds until the next one, whichever came to us first
in_order as (

    select
        *,
        {{ lead("updated_at") }} over (partition by facility_id order by updated_at) as next_updated_at
    from versions

),

known as (

    select
        facility_version_key as facility_key,
        facility_id,
        facility_name,
        trust_name,
        region,
        rating,
        updated_at as effective_date,
        coalesce(next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date,
        cast(next_updated_at is null as boolean) as is_current
    from in_order
    where not is_deleted

),

unknown_member as (

    select
        {{ unknown_key() }} as facility_key,
        cast('unknown' as varchar(8)) as facility_id,
        cast(null as varchar(120)) as facility_name,
        cast(null as varchar(120)) as trust_name,
        cast(null as varchar(40)) as region,
        cast(null as varchar(24)) as rating,
        cast('1900-01-01' as {{ type_timestamp() }}) as effective_date,
        cast('9999-12-31' as {{ type_timestamp() }}) as expiration_date,
        cast(true as boolean) as is_current

),

final as (

    select * from known
    union all
    select * from unknown_member

)

select * from final
