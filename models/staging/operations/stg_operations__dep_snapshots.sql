with source as (

    select * from {{ source("operations", "dep_snapshots") }}

),

renamed as (

    select
        -- ids
        cast(event_id as varchar(36)) as event_id,
        cast(facility_id as varchar(8)) as facility_id,
        cast(department_id as varchar(16)) as department_id,

        -- text
        cast(snapshot_point as varchar(8)) as snapshot_point,

        -- numerics
        cast(beds as integer) as staffed_beds,
        cast(capacity as integer) as capacity_beds,
        cast(occupied_beds as integer) as occupied_beds,
        cast(waiting_list_size as integer) as waiting_patients,

        -- timestamps
        cast(event_time as {{ type_timestamp() }}) as snapshot_at,
        cast(event_time as {{ type_date() }}) as snapshot_date

    from source

)

select * from renamed
