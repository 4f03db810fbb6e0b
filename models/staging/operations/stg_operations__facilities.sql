with source as (

    select * from {{ source("operations", "facilities") }}

),

renamed as (

    select
        -- ids
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(facility_name as varchar(120)) as facility_name,
        cast(trust_name as varchar(120)) as trust_name,
        cast(region as varchar(40)) as region,
        cast(rating as varchar(24)) as rating,

        -- booleans
        cast(is_deleted as boolean) as is_deleted,

        -- timestamps
        cast(updated_at as {{ type_timestamp() }}) as updated_at,
        cast(extract_date as {{ type_date() }}) as extract_date

    from source

)

select * from renamed
