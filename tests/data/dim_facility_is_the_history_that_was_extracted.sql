-- the dimension is made from dbt's snapshot; the same history straight from the extracts must be no different
with extracts as (

    select * from {{ ref("stg_operations__facilities") }}

),

dimension as (

    select
        facility_id,
        facility_name,
        trust_name,
        region,
        rating,
        effective_date,
        expiration_date
    from {{ ref("dim_facility") }}
    where facility_id <> 'unknown'

),

told_first as (

    select
        *,
        row_number() over (partition by facility_id, updated_at order by extract_date) as telling
    from extracts

),

in_order as (

    select
        *,
        lead(updated_at) over (partition by facility_id order by updated_at) as next_updated_at
    from told_first
    where telling = 1

),

rebuilt as (

    select
        facility_id,
        facility_name,
        trust_name,
        region,
        rating,
        updated_at as effective_date,
        coalesce(next_updated_at, cast('9999-12-31' as timestamp)) as expiration_date
    from in_order
    where not is_deleted

),

missing as (

    select * from rebuilt
    except
    select * from dimension

),

invented as (

    select * from dimension
    except
    select * from rebuilt

)

select * from missing
union all
select * from invented
