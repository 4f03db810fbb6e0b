with source as (

    select * from {{ source("clinical", "vitals") }}

),

renamed as (

    select
        -- ids
        cast(observation_id as varchar(32)) as observation_id,
        cast(encounter_id as varchar(24)) as encounter_id,
        cast(patient_id as varchar(16)) as patient_id,

        -- text
        cast(consciousness as varchar(1)) as consciousness,

        -- numerics
        cast(heart_rate as integer) as heart_rate,
        cast(resp_rate as integer) as resp_rate,
        cast(spo2 as integer) as spo2,
        cast(temperature_celsius as {{ type_double() }}) as temperature_celsius,
        cast(systolic_bp as integer) as systolic_bp,
        cast(diastolic_bp as integer) as diastolic_bp,

        -- booleans
        cast(on_oxygen as boolean) as on_oxygen,

        -- timestamps
        cast(event_time as {{ type_timestamp() }}) as observed_at,
        cast(batch_date as {{ type_date() }}) as batch_date

    from source

)

select * from renamed
