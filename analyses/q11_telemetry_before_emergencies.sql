-- Does telemetry show trouble in the 14 days before a robot's emergency visit, more than on other days?
with health as (

    select * from {{ ref("telemetry_system_health") }}

),

last_day as (

    select max(sample_date) as last_sample_date
    from health

),

-- of the last days nobody knows yet whether a visit follows
judged as (

    select
        health.*,
        case when health.days_to_emergency <= 14 then 'within 14 days of a visit' else 'other days' end as period
    from health
    cross join last_day
    where
        health.days_to_emergency is not null
        or {{ days_between("health.sample_date", "last_day.last_sample_date") }} >= 14

),

final as (

    select
        period,
        count(*) as robot_days,
        cast(sum(samples) as bigint) as samples,
        {{ share_where("health_status = 'alarm'") }} as alarm_day_share,
        {{ share_where("health_status = 'watch'") }} as watch_day_share,
        {{ ratio("sum(temperature_warn_samples)", "sum(samples)") }} as hot_sample_share,
        {{ ratio("sum(current_warn_samples)", "sum(samples)") }} as high_current_sample_share,
        {{ ratio("sum(latency_warn_samples)", "sum(samples)") }} as slow_network_sample_share,
        {{ ratio("sum(fps_warn_samples)", "sum(samples)") }} as low_fps_sample_share,
        avg(p95_temperature_celsius) as mean_p95_temperature_celsius,
        avg(p95_current_amperes) as mean_p95_current_amperes
    from judged
    group by period

)

select * from final
order by period desc
