with procedures as (

    select * from {{ ref("fact_procedures") }}

),

utilization as (

    select * from {{ ref("robot_utilization") }}

),

case_telemetry as (

    select * from {{ ref("int_case_telemetry") }}

),

cases as (

    select
        count(*) as cases,
        {{ share_where("is_cancelled") }} as cancelled_on_the_day_share
    from procedures

),

performed as (

    select
        count(*) as cases,
        {{ share_where("is_converted") }} as conversion_share,
        {{ ratio("sum(duration_minutes)", "sum(expected_duration_minutes)") }} as duration_to_expected_ratio
    from procedures
    where is_performed

),

discharged as (

    select
        count(*) as cases,
        {{ share_where("has_complication") }} as complication_share,
        {{ share_where("is_major_complication") }} as major_complication_share,
        {{ share_where("clavien_dindo_grade = 'V'") }} as operative_mortality
    from procedures
    where is_performed and has_complication is not null

),

complications as (

    select
        count(*) as cases,
        {{ share_where("clavien_dindo_grade in ('I', 'II')") }} as minor_grades_share,
        {{ share_where("clavien_dindo_grade in ('IIIa', 'IIIb')") }} as grade_3_share,
        {{ share_where("clavien_dindo_grade in ('IVa', 'IVb')") }} as grade_4_share,
        {{ share_where("clavien_dindo_grade = 'V'") }} as grade_5_share
    from procedures
    where has_complication

),

followed as (

    select
        count(*) as cases,
        {{ share_where("is_readmitted_30d") }} as readmission_share
    from procedures
    where is_readmitted_30d is not null

),

turnovers as (

    select
        count(*) as cases,
        {{ percentile("turnover_minutes", 0.5) }} as median_turnover_minutes
    from procedures
    where turnover_minutes is not null

),

first_cases as (

    select
        count(*) as cases,
        {{ share_where("start_time_key <= 540") }} as first_case_by_09_share
    from procedures
    where is_first_case

),

-- by months in service, so that each counts as long as it was
robots as (

    select
        coalesce(sum(session_days), 0) as session_days,
        {{ ratio("sum(operating_minutes)", "sum(session_days) * 480") }} as in_session_utilisation
    from utilization

),

service as (

    select
        coalesce(sum(service_days), 0) as service_days,
        1 - {{ ratio("sum(downtime_hours)", "sum(service_days) * 24") }} as uptime_share,
        {{ ratio("sum(completed_cases + converted_cases) * 365.25", "sum(service_days)") }} as cases_per_robot_year
    from utilization

),

faults as (

    select
        count(*) as cases,
        {{ share_where("alarm_samples > 0") }} as fault_case_share
    from case_telemetry

),

sums as (

    select
        coalesce(sum(samples), 0) as samples,
        cast(sum(samples) as {{ type_double() }}) as n,
        sum(force_sum) as force_sum,
        sum(current_sum) as current_sum,
        sum(force_square_sum) as force_square_sum,
        sum(current_square_sum) as current_square_sum,
        sum(force_current_sum) as force_current_sum
    from case_telemetry

),

-- Pearson's, from sums
couplings as (

    select
        samples,
        (n * force_current_sum - force_sum * current_sum)
        / nullif(
            sqrt(n * force_square_sum - force_sum * force_sum)
            * sqrt(n * current_square_sum - current_sum * current_sum),
            0
        ) as force_current_correlation
    from sums

),

-- Spearman's: ties share the mean of their places
places as (

    select
        rank() over (order by complexity)
        + (count(*) over (partition by complexity) - 1) / cast(2 as {{ type_double() }}) as complexity_place,
        rank() over (order by duration_minutes)
        + (count(*) over (partition by duration_minutes) - 1) / cast(2 as {{ type_double() }}) as duration_place
    from procedures
    where is_performed

),

place_sums as (

    select
        count(*) as cases,
        cast(count(*) as {{ type_double() }}) as n,
        sum(complexity_place) as complexity_sum,
        sum(duration_place) as duration_sum,
        sum(complexity_place * complexity_place) as complexity_square_sum,
        sum(duration_place * duration_place) as duration_square_sum,
        sum(complexity_place * duration_place) as product_sum
    from places

),

orders as (

    select
        cases,
        (n * product_sum - complexity_sum * duration_sum)
        / nullif(
            sqrt(n * complexity_square_sum - complexity_sum * complexity_sum)
            * sqrt(n * duration_square_sum - duration_sum * duration_sum),
            0
        ) as complexity_duration_correlation
    from place_sums

),

final as (

    {{ figures("cases", ["cancelled_on_the_day_share"], "cases") }}
    union all
    {{ figures("performed", ["conversion_share", "duration_to_expected_ratio"], "cases") }}
    union all
    {{ figures("discharged", [
        "complication_share", "major_complication_share", "operative_mortality",
    ], "cases") }}
    union all
    {{ figures("complications", [
        "minor_grades_share", "grade_3_share", "grade_4_share", "grade_5_share",
    ], "cases") }}
    union all
    {{ figures("followed", ["readmission_share"], "cases") }}
    union all
    {{ figures("turnovers", ["median_turnover_minutes"], "cases") }}
    union all
    {{ figures("first_cases", ["first_case_by_09_share"], "cases") }}
    union all
    {{ figures("robots", ["in_session_utilisation"], "session_days") }}
    union all
    {{ figures("service", ["uptime_share", "cases_per_robot_year"], "service_days") }}
    union all
    {{ figures("faults", ["fault_case_share"], "cases") }}
    union all
    {{ figures("couplings", ["force_current_correlation"], "samples") }}
    union all
    {{ figures("orders", ["complexity_duration_correlation"], "cases") }}

)

select * from final
