with source as (

    select * from {{ source("robotics", "surgical_procedures") }}

),

renamed as (

    select
        -- ids
        cast(procedure_id as varchar(28)) as procedure_id,
        cast(encounter_id as varchar(24)) as encounter_id,
        cast(patient_id as varchar(16)) as patient_id,
        cast(facility_id as varchar(8)) as facility_id,
        cast(robot_id as varchar(8)) as robot_id,
        cast(surgeon_id as varchar(8)) as surgeon_id,

        -- text
        cast(procedure_type as varchar(48)) as procedure_type,
        cast(procedure_category as varchar(24)) as procedure_category,
        cast(status as varchar(16)) as status,
        cast(cancellation_reason as varchar(24)) as cancellation_reason,

        -- numerics
        cast(complexity as integer) as complexity,
        cast(duration_minutes as integer) as duration_minutes,

        -- timestamps
        cast(start_time as {{ type_timestamp() }}) as started_at,
        cast(end_time as {{ type_timestamp() }}) as ended_at,
        cast(start_time as {{ type_date() }}) as procedure_date,
        cast(updated_at as {{ type_timestamp() }}) as updated_at

    from source

)

select * from renamed
