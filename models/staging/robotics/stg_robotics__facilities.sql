with source as (

    select * from {{ source("robotics", "surgical_facilities") }}

),

renamed as (

    select
        -- ids
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(facility_name as varchar(120)) as facility_name,
        cast(city as varchar(80)) as city,
        cast(facility_type as varchar(24)) as facility_type,

        -- numerics
        cast(beds as integer) as facility_beds,

        -- booleans
        cast(is_deleted as boolean) as is_deleted,

        -- timestamps
        cast(updated_at as {{ type_timestamp() }}) as updated_at

    from source

)

select * from renamed
