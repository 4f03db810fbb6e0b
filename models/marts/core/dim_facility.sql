with trust_versions as (

    select * from {{ ref("facility_versions") }}

),

theatre_versions as (

    select * from {{ ref("surgical_facility_versions") }}

),

-- what each source said holds until it says something else, whichever came to us first
told_by_trusts as (

    select
        *,
        coalesce(
            {{ lead("updated_at") }} over (partition by facility_id order by updated_at),
            cast('9999-12-31' as {{ type_timestamp() }})
        ) as next_updated_at
    from trust_versions

),

told_by_theatres as (

    select
        *,
        coalesce(
            {{ lead("updated_at") }} over (partition by facility_id order by updated_at),
            cast('9999-12-31' as {{ type_timestamp() }})
        ) as next_updated_at
    from theatre_versions

),

-- a version begins whenever either says something
moments as (

    select
        facility_id,
        updated_at
    from trust_versions
    union
    select
        facility_id,
        updated_at
    from theatre_versions

),

merged as (

    select
        moments.facility_id as facility_id,
        coalesce(trusts.facility_name, theatres.facility_name) as facility_name,
        trusts.trust_name as trust_name,
        trusts.region as region,
        trusts.rating as rating,
        theatres.city as city,
        theatres.facility_type as facility_type,
        theatres.facility_beds as facility_beds,
        cast(trusts.facility_id is not null or theatres.facility_id is not null as boolean) as is_known,
        moments.updated_at as updated_at
    from moments
    left join told_by_trusts as trusts
        on
            moments.facility_id = trusts.facility_id
            and moments.updated_at >= trusts.updated_at
            and moments.updated_at < trusts.next_updated_at
            and not trusts.is_deleted
    left join told_by_theatres as theatres
        on
            moments.facility_id = theatres.facility_id
            and moments.updated_at >= theatres.updated_at
            and moments.updated_at < theatres.next_updated_at
            and not theatres.is_deleted

),

in_order as (

    select
        *,
        {{ lead("updated_at") }} over (partition by facility_id order by updated_at) as next_updated_at
    from merged

),

known as (

    select
        {{ surrogate_key(["facility_id", timestamp_text("updated_at")]) }} as facility_key,
        facility_id,
        facility_name,
        trust_name,
        region,
        rating,
        city,
        facility_type,
        facility_beds,
        updated_at as effective_date,
        coalesce(next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date,
        cast(next_updated_at is null as boolean) as is_current
    from in_order
    where is_known

),

unknown_member as (

    select
        {{ unknown_key() }} as facility_key,
        cast('unknown' as varchar(8)) as facility_id,
        cast(null as varchar(120)) as facility_name,
        cast(null as varchar(120)) as trust_name,
        cast(null as varchar(40)) as region,
        cast(null as varchar(24)) as rating,
        cast(null as varchar(80)) as city,
        cast(null as varchar(24)) as facility_type,
        cast(null as integer) as facility_beds,
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
