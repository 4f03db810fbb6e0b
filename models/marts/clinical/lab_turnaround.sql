with labs as (

    select * from {{ ref("fact_labs") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

results as (

    select
        labs.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        labs.test_code as test_code,
        labs.test_name as test_name,
        labs.panel as panel,
        labs.turnaround_minutes as turnaround_minutes,
        labs.is_abnormal as is_abnormal
    from labs
    inner join dates on labs.sampled_date_key = dates.date_key

),

by_month as (

    select
        facility_id,
        month_start_date,
        test_code,
        max(test_name) as test_name,
        max(panel) as panel,
        count(*) as results,
        sum(case when is_abnormal then 1 else 0 end) as abnormal_results,
        {{ percentile("turnaround_minutes", 0.5) }} as p50_turnaround_minutes,
        {{ percentile("turnaround_minutes", 0.9) }} as p90_turnaround_minutes,
        {{ percentile("turnaround_minutes", 0.95) }} as p95_turnaround_minutes,
        max(turnaround_minutes) as longest_turnaround_minutes
    from results
    group by facility_id, month_start_date, test_code

),

final as (

    select
        facility_id,
        month_start_date,
        test_code,
        test_name,
        panel,
        cast(results as bigint) as results,
        p50_turnaround_minutes,
        p90_turnaround_minutes,
        p95_turnaround_minutes,
        longest_turnaround_minutes,
        cast(abnormal_results as bigint) as abnormal_results,
        {{ ratio("abnormal_results", "results") }} as abnormal_share
    from by_month

)

select * from final
