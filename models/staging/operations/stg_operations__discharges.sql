with source as (

    select * from {{ source("operations", "discharges") }}

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
        cast(discharge_destination as varchar(16)) as discharge_destination,

        -- timestamps
        cast(medically_fit_time as {{ type_timestamp() }}) as medically_fit_at,
        cast(event_time as {{ type_timestamp() }}) as discharged_at,
        cast(event_time as {{ type_date() }}) as discharge_date

    from source

)

select * from renamed
