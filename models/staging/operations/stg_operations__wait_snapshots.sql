with source as (

    select * from {{ source("operations", "wait_snapshots") }}

),

renamed as (

    select
        -- ids
        cast(event_id as varchar(36)) as event_id,
        cast(patient_id as varchar(16)) as patient_id,
        cast(facility_id as varchar(8)) as facility_id,
        cast(department_id as varchar(16)) as department_id,

        -- numerics
        cast(wait_duration_hours as {{ type_double() }}) as wait_duration_hours,

        -- timestamps
        cast(request_time as {{ type_timestamp() }}) as requested_at,
        cast(request_date as {{ type_date() }}) as request_date,
        cast(event_time as {{ type_timestamp() }}) as snapshot_at,
        cast(event_time as {{ type_date() }}) as snapshot_date

    from source

)

select * from renamed
