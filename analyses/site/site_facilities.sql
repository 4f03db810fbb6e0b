-- Which facilities can be chosen, in order of their ids?
with facilities as (

    select * from {{ ref("dim_facility") }}

),

occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

observed as (

    select distinct facility_id from occupancy

),

final as (

    select
        facilities.facility_id as facility_id,
        facilities.facility_name as facility_name
    from facilities
    inner join observed on facilities.facility_id = observed.facility_id
    where facilities.is_current

)

select * from final
order by facility_id
