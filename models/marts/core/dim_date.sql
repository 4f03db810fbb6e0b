with calendar as (

    select * from {{ ref("calendar") }}

),

parts as (

    select
        *,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast(extract(day from date_day) as integer) as day_of_month
    from calendar

),

-- the fiscal year runs from 1 April to 31 March and is named after both its years
fiscal as (

    select
        *,
        cast(case when month_number >= 4 then year_number else year_number - 1 end as integer) as fiscal_start_year,
        cast(case when month_number >= 4 then month_number - 3 else month_number + 9 end as integer) as fiscal_month
    from parts

),

final as (

    select
        cast(year_number * 10000 + month_number * 100 + day_of_month as integer) as date_key,
        cast(date_day as {{ type_date() }}) as date_day,
        year_number,
        cast(floor({{ ratio("(month_number - 1)", "3") }}) + 1 as integer) as quarter_number,
        month_number,
        day_of_month,
        cast({{ dbt.date_trunc("month", "date_day") }} as {{ type_date() }}) as month_start_date,
        cast(iso_year as integer) as iso_year,
        cast(iso_week as integer) as iso_week,
        cast(iso_weekday as integer) as iso_weekday,
        cast({{ dbt.dateadd("day", "1 - iso_weekday", "date_day") }} as {{ type_date() }}) as week_start_date,
        cast(
            case iso_weekday
                when 1 then 'Monday'
                when 2 then 'Tuesday'
                when 3 then 'Wednesday'
                when 4 then 'Thursday'
                when 5 then 'Friday'
                when 6 then 'Saturday'
                else 'Sunday'
            end as varchar(9)
        ) as weekday_name,
        cast(iso_weekday >= 6 as boolean) as is_weekend,
        cast(bank_holiday_name is not null as boolean) as is_bank_holiday,
        cast(bank_holiday_name as varchar(40)) as bank_holiday_name,
        cast(iso_weekday <= 5 and bank_holiday_name is null as boolean) as is_working_day,
        cast(
            cast(fiscal_start_year as varchar(4))
            || '/'
            || right(cast(fiscal_start_year + 1 as varchar(4)), 2) as varchar(7)
        ) as fiscal_year,
        cast(floor({{ ratio("(fiscal_month - 1)", "3") }}) + 1 as integer) as fiscal_quarter,
        fiscal_month
    from fiscal

)

select * from final
