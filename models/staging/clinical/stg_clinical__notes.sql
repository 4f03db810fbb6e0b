with source as (

    select * from {{ source("clinical", "notes") }}

),

renamed as (

    select
        -- ids
        cast(note_id as varchar(32)) as note_id,
        cast(encounter_id as varchar(24)) as encounter_id,
        cast(patient_id as varchar(16)) as patient_id,

        -- text
        cast(note_type as varchar(24)) as note_type,
        cast(author_role as varchar(24)) as author_role,
        cast(note_text as varchar(4000)) as note_text,

        -- timestamps
        cast(note_time as {{ type_timestamp() }}) as noted_at,
        cast(batch_date as {{ type_date() }}) as batch_date

    from source

)

select * from renamed
