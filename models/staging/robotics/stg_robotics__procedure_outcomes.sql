with source as (

    select * from {{ source("robotics", "procedure_outcomes") }}

),

renamed as (

    select
        -- ids
        cast(procedure_id as varchar(28)) as procedure_id,

        -- text
        cast(success_status as varchar(16)) as success_status,
        cast(clavien_dindo_grade as varchar(4)) as clavien_dindo_grade,

        -- numerics
        cast(blood_loss_ml as integer) as blood_loss_ml,
        cast(stay_days as integer) as stay_days,
        cast(patient_satisfaction as integer) as patient_satisfaction,

        -- booleans
        cast(has_complication as boolean) as has_complication,
        cast(was_converted as boolean) as was_converted,
        cast(is_readmitted_30d as boolean) as is_readmitted_30d,

        -- timestamps
        cast(updated_at as {{ type_timestamp() }}) as updated_at

    from source

)

select * from renamed
