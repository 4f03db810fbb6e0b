-- By how much has robotic surgery grown in each quarter against the same quarter a year before?
with volume as (

    select * from {{ ref("daily_procedure_volume") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

quarter_lengths as (

    select
        year_number,
        quarter_number,
        count(*) as quarter_days
    from dates
    group by year_number, quarter_number

),

by_quarter as (

    select
        dates.year_number as year_number,
        dates.quarter_number as quarter_number,
        count(distinct volume.procedure_date) as observed_days,
        sum(volume.performed_cases) as performed_cases
    from volume
    inner join dates on volume.procedure_date_key = dates.date_key
    group by dates.year_number, dates.quarter_number

),

-- growth is of whole quarters only
whole_quarters as (

    select
        by_quarter.year_number as year_number,
        by_quarter.quarter_number as quarter_number,
        by_quarter.performed_cases as performed_cases,
        case when by_quarter.observed_days = quarter_lengths.quarter_days then by_quarter.performed_cases end
            as whole_quarter_cases
    from by_quarter
    inner join quarter_lengths
        on
            by_quarter.year_number = quarter_lengths.year_number
            and by_quarter.quarter_number = quarter_lengths.quarter_number

),

final as (

    select
        this_year.year_number as year_number,
        this_year.quarter_number as quarter_number,
        cast(this_year.performed_cases as bigint) as performed_cases,
        cast(a_year_before.whole_quarter_cases as bigint) as performed_cases_a_year_before,
        {{ ratio(
            "(this_year.whole_quarter_cases - a_year_before.whole_quarter_cases)",
            "a_year_before.whole_quarter_cases",
        ) }} as growth_rate
    from whole_quarters as this_year
    left join whole_quarters as a_year_before
        on
            this_year.quarter_number = a_year_before.quarter_number
            and this_year.year_number = a_year_before.year_number + 1

)

select * from final
order by year_number, quarter_number
