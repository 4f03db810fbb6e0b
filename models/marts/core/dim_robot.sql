with versions as (

    select * from {{ ref("robot_versions") }}

),

models as (

    select * from {{ ref("robot_models") }}

),

-- a version holds until the next one, whichever came to us first
in_order as (

    select
        *,
        {{ lead("updated_at") }} over (partition by robot_id order by updated_at) as next_updated_at
    from versions

),

known as (

    select
        in_order.robot_version_key as robot_key,
        in_order.robot_id as robot_id,
        in_order.model as model,
        in_order.manufacturer as manufacturer,
        models.arms as arms,
        models.domain as domain,
        models.release_year as release_year,
        models.list_price_gbp_k as list_price_gbp_k,
        in_order.serial_number as serial_number,
        in_order.facility_id as facility_id,
        in_order.installed_date as installed_date,
        in_order.software_version as software_version,
        in_order.status as status,
        in_order.updated_at as effective_date,
        coalesce(in_order.next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date,
        cast(in_order.next_updated_at is null as boolean) as is_current
    from in_order
    left join models on in_order.model = models.model
    where not in_order.is_deleted

),

unknown_member as (

    select
        {{ unknown_key() }} as robot_key,
        cast('unknown' as varchar(8)) as robot_id,
        cast(null as varchar(40)) as model,
        cast(null as varchar(40)) as manufacturer,
        cast(null as integer) as arms,
        cast(null as varchar(16)) as domain,
        cast(null as integer) as release_year,
        cast(null as integer) as list_price_gbp_k,
        cast(null as varchar(24)) as serial_number,
        cast('unknown' as varchar(8)) as facility_id,
        cast(null as {{ type_date() }}) as installed_date,
        cast(null as varchar(16)) as software_version,
        cast(null as varchar(16)) as status,
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
