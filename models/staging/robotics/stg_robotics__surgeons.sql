with source as (

    select * from {{ source("robotics", "surgeons") }}

),

renamed as (

    select
        -- ids
        cast(surgeon_id as varchar(8)) as surgeon_id,
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(surgeon_name as varchar(120)) as surgeon_name,
        cast(specialisation as varchar(24)) as specialisation,
        cast(grade as varchar(24)) as grade,

        -- numerics
        cast(years_of_experience as integer) as years_of_experience,

        -- booleans
        cast(is_deleted as boolean) as is_deleted,

        -- timestamps
        cast(updated_at as {{ type_timestamp() }}) as updated_at

    from source

)

select * from renamed
