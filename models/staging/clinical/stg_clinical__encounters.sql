with source as (

    select * from {{ source("clinical", "encounters") }}

),

renamed as (

    select
        -- ids
        cast(encounter_id as varchar(24)) as encounter_id,
        cast(patient_id as varchar(16)) as patient_id,
        cast(facility_id as varchar(8)) as facility_id,
        cast(department_id as varchar(16)) as department_id,

        -- text
        cast(admission_method as varchar(16)) as admission_method,
        cast(scenario as varchar(24)) as scenario,
        cast(primary_diagnosis as varchar(6)) as primary_diagnosis,
        cast(discharge_destination as varchar(16)) as discharge_destination,

        -- numerics
        cast(acuity as integer) as acuity,
        cast(spo2_scale as integer) as spo2_scale,

        -- timestamps
        cast(admit_time as {{ type_timestamp() }}) as admitted_at,
        cast(admit_time as {{ type_date() }}) as admission_date,
        cast(discharge_time as {{ type_timestamp() }}) as discharged_at,
        cast(discharge_time as {{ type_date() }}) as discharge_date,
        cast(batch_date as {{ type_date() }}) as batch_date

    from source

)

select * from renamed
