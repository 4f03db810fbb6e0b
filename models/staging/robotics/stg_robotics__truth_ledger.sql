with source as (

    select * from {{ source("robotics", "robotics_truth_ledger") }}

),

renamed as (

    select
        -- ids
        cast(facility_id as varchar(8)) as facility_id,

        -- text
        cast(entity as varchar(24)) as entity,
        cast(measure as varchar(32)) as measure,

        -- numerics
        cast(total as bigint) as total,

        -- timestamps
        cast(ledger_date as {{ type_date() }}) as ledger_date,
        cast(event_date as {{ type_date() }}) as event_date

    from source

)

select * from renamed
