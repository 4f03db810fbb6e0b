-- Up to which day does the warehouse hold each source?
with occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

encounters as (

    select * from {{ ref("fact_encounters") }}

),

procedures as (

    select * from {{ ref("fact_procedures") }}

),

final as (

    select
        cast('operations' as varchar(16)) as source_name,
        min(snapshot_date) as first_day,
        max(snapshot_date) as last_day
    from occupancy
    union all
    select
        cast('clinical' as varchar(16)) as source_name,
        min(batch_date) as first_day,
        max(batch_date) as last_day
    from encounters
    union all
    select
        cast('robotics' as varchar(16)) as source_name,
        min(procedure_date) as first_day,
        max(procedure_date) as last_day
    from procedures

)

select * from final
order by source_name
