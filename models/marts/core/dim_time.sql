with calendar as (

    select * from {{ ref("calendar") }}

),

-- any table of 1,440 rows or more would do to count the minutes of a day
minutes as (

    select cast(row_number() over (order by date_day) - 1 as integer) as time_key
    from calendar

),

parts as (

    select
        time_key,
        cast(floor({{ ratio("time_key", "60") }}) as integer) as hour_of_day,
        cast(time_key % 60 as integer) as minute_of_hour
    from minutes
    where time_key < 1440

),

final as (

    select
        time_key,
        cast(
            lpad(cast(hour_of_day as varchar(2)), 2, '0')
            || ':'
            || lpad(cast(minute_of_hour as varchar(2)), 2, '0') as varchar(5)
        ) as time_of_day,
        hour_of_day,
        minute_of_hour,
        cast(
            case
                when hour_of_day < 6 then 'night'
                when hour_of_day < 12 then 'morning'
                when hour_of_day < 18 then 'afternoon'
                else 'evening'
            end as varchar(9)
        ) as day_part,
        cast(hour_of_day between 9 and 16 as boolean) as is_business_hours
    from parts

)

select * from final
