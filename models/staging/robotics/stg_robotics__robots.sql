with source as (

    select * from {{ source("robotics", "surgical_robots") }}

),

renamed as (

    select
        -- ids
        cast(robot_id as varchar(8)) as robot_id,
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(model as varchar(40)) as model,
        cast(manufacturer as varchar(40)) as manufacturer,
        cast(serial_number as varchar(24)) as serial_number,
        cast(software_version as varchar(16)) as software_version,
        cast(status as varchar(16)) as status,

        -- booleans
        cast(is_deleted as boolean) as is_deleted,

        -- timestamps
        cast(installed_date as {{ type_date() }}) as installed_date,
        cast(updated_at as {{ type_timestamp() }}) as updated_at

    from source

)

select * from renamed
