with source as (

    select * from {{ source("clinical", "clinical_patients") }}

),

renamed as (

    select
        -- ids
        cast(patient_id as varchar(16)) as patient_id,
        cast(facility_id as varchar(8)) as facility_id,
        cast(nhs_number as varchar(10)) as nhs_number,

        -- text
        cast(given_name as varchar(60)) as given_name,
        cast(family_name as varchar(60)) as family_name,
        cast(sex as varchar(8)) as sex,
        cast(blood_group as varchar(3)) as blood_group,

        -- timestamps
        cast(date_of_birth as {{ type_date() }}) as date_of_birth,
        cast(batch_date as {{ type_date() }}) as batch_date

    from source

)

select * from renamed
