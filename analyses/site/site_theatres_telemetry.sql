-- On which share of days do a robot's sensors go beyond their limits before an emergency visit, and on other days?
with health as (

    select * from {{ ref("telemetry_system_health") }}

),

utilization as (

    select * from {{ ref("robot_utilization") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

last_day as (

    select max(sample_date) as last_sample_date
    from health

),

-- of the last days nobody knows yet whether a visit follows
judged as (

    select
        utilization.facility_id as facility_id,
        health.sample_date as sample_date,
        health.robot_id as robot_id,
        health.health_status as health_status,
        health.samples as samples,
        case
            when health.days_to_emergency <= 2 then 1
            when health.days_to_emergency <= 6 then 2
            when health.days_to_emergency <= 13 then 3
            when health.days_to_emergency <= 20 then 4
            when health.days_to_emergency <= 30 then 5
            else 6
        end as band
    from health
    cross join last_day
    inner join dates on health.sample_date_key = dates.date_key
    inner join utilization
        on
            health.robot_id = utilization.robot_id
            and dates.month_start_date = utilization.month_start_date
    where
        health.days_to_emergency is not null
        or {{ days_between("health.sample_date", "last_day.last_sample_date") }} > 30

),

by_band as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        judged.band as band,
        cast(count(distinct judged.robot_id) as bigint) as robots,
        cast(count(*) as bigint) as robot_days,
        cast(sum(judged.samples) as bigint) as samples,
        {{ share_where("judged.health_status = 'alarm'") }} as alarm_share,
        {{ share_where("judged.health_status <> 'healthy'") }} as warn_share
    from judged
    inner join scopes
        on
            judged.facility_id = scopes.facility_id
            and judged.sample_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, judged.band

),

final as (

    select
        facility_id,
        period,
        band,
        case band
            when 1 then '0-2'
            when 2 then '3-6'
            when 3 then '7-13'
            when 4 then '14-20'
            when 5 then '21-30'
            else 'other days'
        end as days_before,
        robots,
        robot_days,
        samples,
        alarm_share,
        warn_share
    from by_band

)

select * from final
order by facility_id, period, band
