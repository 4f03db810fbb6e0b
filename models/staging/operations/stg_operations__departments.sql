with source as (

    select * from {{ source("operations", "departments") }}

),

renamed as (

    select
        -- ids
        cast(department_id as varchar(16)) as department_id,
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(department_code as varchar(8)) as department_code,
        cast(department_name as varchar(80)) as department_name,
        cast(specialty_code as varchar(3)) as specialty_code,

        -- numerics
        cast(funded_beds as integer) as funded_beds,
        cast(escalation_beds as integer) as escalation_beds,

        -- booleans
        cast(is_general_acute as boolean) as is_general_acute,
        cast(is_deleted as boolean) as is_deleted,

        -- timestamps
        cast(updated_at as {{ type_timestamp() }}) as updated_at,
        cast(extract_date as {{ type_date() }}) as extract_date

    from source

)

select * from renamed
