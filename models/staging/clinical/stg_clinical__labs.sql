with source as (

    select * from {{ source("clinical", "labs") }}

),

renamed as (

    select
        -- ids
        cast(result_id as varchar(32)) as result_id,
        cast(encounter_id as varchar(24)) as encounter_id,
        cast(patient_id as varchar(16)) as patient_id,

        -- text
        cast(test_code as varchar(24)) as test_code,
        cast(loinc_code as varchar(10)) as loinc_code,
        cast(unit as varchar(24)) as unit,

        -- numerics
        cast(value as {{ type_double() }}) as result_value,
        cast(reference_low as {{ type_double() }}) as reference_low,
        cast(reference_high as {{ type_double() }}) as reference_high,

        -- timestamps
        cast(event_time as {{ type_timestamp() }}) as sampled_at,
        cast(result_time as {{ type_timestamp() }}) as resulted_at,
        cast(batch_date as {{ type_date() }}) as batch_date

    from source

)

select * from renamed
