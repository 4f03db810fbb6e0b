with versions as (

    select * from {{ ref("department_versions") }}

),

-- a version holds until the next one, whichever came to us first
in_order as (

    select
        *,
        {{ lead("updated_at") }} over (partition by department_id order by updated_at) as next_updated_at
    from versions

),

known as (

    select
        department_version_key as department_key,
        department_id,
        facility_id,
        department_code,
        department_name,
        specialty_code,
        is_general_acute,
        funded_beds,
        escalation_beds,
        updated_at as effective_date,
        coalesce(next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date,
        cast(next_updated_at is null as boolean) as is_current
    from in_order
    where not is_deleted

),

unknown_member as (

    select
        {{ unknown_key() }} as department_key,
        cast('unknown' as varchar(16)) as department_id,
        cast('unknown' as varchar(8)) as facility_id,
        cast(null as varchar(8)) as department_code,
        cast(null as varchar(80)) as department_name,
        cast(null as varchar(3)) as specialty_code,
        cast(null as boolean) as is_general_acute,
        cast(null as integer) as funded_beds,
        cast(null as integer) as escalation_beds,
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
