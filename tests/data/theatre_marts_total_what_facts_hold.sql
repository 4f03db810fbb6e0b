-- a case, a minute or a sample that a mart loses or counts twice shows here
with procedures as (

    select
        count(*) as cases,
        sum(duration_minutes) as minutes
    from {{ ref("fact_procedures") }}

),

telemetry as (

    select count(*) as samples
    from {{ ref("fact_procedure_telemetry") }}

),

totals as (

    select
        'robot_utilization' as mart,
        sum(cases) as cases,
        sum(operating_minutes) as minutes
    from {{ ref("robot_utilization") }}
    union all
    select
        'surgeon_performance' as mart,
        sum(cases) as cases,
        sum(operating_minutes) as minutes
    from {{ ref("surgeon_performance") }}
    union all
    select
        'facility_performance' as mart,
        sum(cases) as cases,
        sum(operating_minutes) as minutes
    from {{ ref("facility_performance") }}
    union all
    select
        'daily_procedure_volume' as mart,
        sum(scheduled_cases) as cases,
        sum(operating_minutes) as minutes
    from {{ ref("daily_procedure_volume") }}

),

lost_cases as (

    select
        totals.mart as mart,
        totals.cases as counted,
        procedures.cases as held
    from totals
    cross join procedures
    where
        coalesce(totals.cases, 0) <> procedures.cases
        or coalesce(totals.minutes, 0) <> coalesce(procedures.minutes, 0)

),

health as (

    select coalesce(sum(samples), 0) as samples
    from {{ ref("telemetry_system_health") }}

),

lost_samples as (

    select
        'telemetry_system_health' as mart,
        health.samples as counted,
        telemetry.samples as held
    from health
    cross join telemetry
    where health.samples <> telemetry.samples

)

select * from lost_cases
union all
select * from lost_samples
