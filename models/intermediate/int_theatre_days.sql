with procedures as (

    select * from {{ ref("fact_procedures") }}

),

robots as (

    select * from {{ ref("dim_robot") }}
    where robot_id <> 'unknown'

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

facilities as (

    select facility_id from robots
    where facility_id is not null
    union
    select facility_id from procedures

),

-- the theatre system tells of a day when every facility has reached it
told_days as (

    select max(first_day) as told_day from observed_days
    union all
    select min(last_day) as told_day from observed_days
    union all
    select min(procedure_date) as told_day from procedures
    union all
    select max(procedure_date) as told_day from procedures

),

span as (

    select
        min(told_day) as first_day,
        max(told_day) as last_day
    from told_days

),

final as (

    select
        facilities.facility_id as facility_id,
        dates.date_key as date_key,
        dates.date_day as date_day,
        dates.month_start_date as month_start_date,
        dates.year_number as year_number,
        dates.is_working_day as is_working_day
    from facilities
    cross join dates
    cross join span
    where dates.date_day between span.first_day and span.last_day

)

select * from final
