with source as (

    select * from {{ source("operations", "admissions") }}

),

renamed as (

    select
        -- ids
        cast(event_id as varchar(36)) as event_id,
        cast(encounter_id as varchar(24)) as encounter_id,
        cast(patient_id as varchar(16)) as patient_id,
        cast(facility_id as varchar(8)) as facility_id,
        cast(department_id as varchar(16)) as department_id,

        -- text
        cast(admission_method as varchar(16)) as admission_method,

        -- timestamps
        cast(request_time as {{ type_timestamp() }}) as requested_at,
        cast(event_time as {{ type_timestamp() }}) as admitted_at,
        cast(event_time as {{ type_date() }}) as admission_date

    from source

)

select * from renamed
