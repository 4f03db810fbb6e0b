with versions as (

    select * from {{ ref("surgeon_versions") }}

),

-- a version holds until the next one, whichever came to us first
in_order as (

    select
        *,
        {{ lead("updated_at") }} over (partition by surgeon_id order by updated_at) as next_updated_at
    from versions

),

known as (

    select
        surgeon_version_key as surgeon_key,
        surgeon_id,
        surgeon_name,
        specialisation,
        grade,
        years_of_experience,
        facility_id,
        updated_at as effective_date,
        coalesce(next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date,
        cast(next_updated_at is null as boolean) as is_current
    from in_order
    where not is_deleted

),

unknown_member as (

    select
        {{ unknown_key() }} as surgeon_key,
        cast('unknown' as varchar(8)) as surgeon_id,
        cast(null as varchar(120)) as surgeon_name,
        cast(null as varchar(24)) as specialisation,
        cast(null as varchar(24)) as grade,
        cast(null as integer) as years_of_experience,
        cast('unknown' as varchar(8)) as facility_id,
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
