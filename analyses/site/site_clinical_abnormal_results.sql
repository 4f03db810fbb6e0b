-- Which share of each test's results lies outside its reference range?
with lab_turnaround as (

    select * from {{ ref("lab_turnaround") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

scoped_months as (

    select distinct
        scopes.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period
    from scopes
    inner join dates on scopes.date_day = dates.date_day

),

by_scope as (

    select
        scoped_months.shown_facility_id as shown_facility_id,
        scoped_months.shown_period as shown_period,
        coalesce(lab_turnaround.test_name, lab_turnaround.test_code) as named,
        sum(lab_turnaround.results) as results,
        sum(lab_turnaround.abnormal_results) as abnormal_results
    from lab_turnaround
    inner join scoped_months
        on
            lab_turnaround.facility_id = scoped_months.facility_id
            and lab_turnaround.month_start_date = scoped_months.month_start_date
    group by
        scoped_months.shown_facility_id,
        scoped_months.shown_period,
        coalesce(lab_turnaround.test_name, lab_turnaround.test_code)

),

final as (

    select
        shown_facility_id as facility_id,
        shown_period as period,
        named as test_name,
        cast(results as bigint) as results,
        {{ ratio("abnormal_results", "results") }} as abnormal_share
    from by_scope

)

select * from final
order by facility_id, period, test_name
