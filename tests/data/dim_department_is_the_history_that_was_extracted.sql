-- the dimension is made from dbt's snapshot; the same history straight from the extracts must be no different
with extracts as (

    select * from {{ ref("stg_operations__departments") }}

),

dimension as (

    select
        department_id,
        facility_id,
        department_code,
        department_name,
        specialty_code,
        funded_beds,
        escalation_beds,
        effective_date,
        expiration_date
    from {{ ref("dim_department") }}
    where department_id <> 'unknown'

),

told_first as (

    select
        *,
        row_number() over (partition by department_id, updated_at order by extract_date) as telling
    from extracts

),

in_order as (

    select
        *,
        lead(updated_at) over (partition by department_id order by updated_at) as next_updated_at
    from told_first
    where telling = 1

),

rebuilt as (

    select
        department_id,
        facility_id,
        department_code,
        department_name,
        specialty_code,
        funded_beds,
        escalation_beds,
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
