with telemetry as (

    select * from {{ ref("fact_procedure_telemetry") }}

),

visits as (

    select * from {{ ref("fact_robot_maintenance") }}
    where is_emergency

),

limits as (

    select * from {{ ref("telemetry_limits") }}

),

-- one row, so that a sample meets its limits without a join of its own
bounds as (

    select
        max(case when channel = 'motor_temperature_celsius' then warn_limit end) as temperature_warn,
        max(case when channel = 'motor_temperature_celsius' then alarm_limit end) as temperature_alarm,
        max(case when channel = 'motor_temperature_celsius' then watch_share end) as temperature_watch,
        max(case when channel = 'motor_temperature_celsius' then alarm_share end) as temperature_bad,
        max(case when channel = 'motor_current_amperes' then warn_limit end) as current_warn,
        max(case when channel = 'motor_current_amperes' then alarm_limit end) as current_alarm,
        max(case when channel = 'motor_current_amperes' then watch_share end) as current_watch,
        max(case when channel = 'motor_current_amperes' then alarm_share end) as current_bad,
        max(case when channel = 'network_latency_ms' then warn_limit end) as latency_warn,
        max(case when channel = 'network_latency_ms' then alarm_limit end) as latency_alarm,
        max(case when channel = 'network_latency_ms' then watch_share end) as latency_watch,
        max(case when channel = 'network_latency_ms' then alarm_share end) as latency_bad,
        max(case when channel = 'video_fps' then warn_limit end) as fps_warn,
        max(case when channel = 'video_fps' then alarm_limit end) as fps_alarm,
        max(case when channel = 'video_fps' then watch_share end) as fps_watch,
        max(case when channel = 'video_fps' then alarm_share end) as fps_bad
    from limits

),

robot_days as (

    select
        telemetry.robot_id as robot_id,
        telemetry.sample_date as sample_date,
        max(telemetry.sample_date_key) as sample_date_key,
        count(distinct telemetry.procedure_id) as procedures,
        count(*) as samples,
        max(telemetry.motor_temperature_celsius) as highest_temperature_celsius,
        {{ percentile("telemetry.motor_temperature_celsius", 0.95) }} as p95_temperature_celsius,
        max(telemetry.motor_current_amperes) as highest_current_amperes,
        sum(case when telemetry.motor_temperature_celsius > bounds.temperature_warn then 1 else 0 end)
            as temperature_warn_samples,
        sum(case when telemetry.motor_temperature_celsius > bounds.temperature_alarm then 1 else 0 end)
            as temperature_alarm_samples,
        sum(case when telemetry.motor_current_amperes > bounds.current_warn then 1 else 0 end)
            as current_warn_samples,
        sum(case when telemetry.motor_current_amperes > bounds.current_alarm then 1 else 0 end)
            as current_alarm_samples,
        sum(case when telemetry.network_latency_ms > bounds.latency_warn then 1 else 0 end)
            as latency_warn_samples,
        sum(case when telemetry.network_latency_ms > bounds.latency_alarm then 1 else 0 end)
            as latency_alarm_samples,
        sum(case when telemetry.video_fps < bounds.fps_warn then 1 else 0 end) as fps_warn_samples,
        sum(case when telemetry.video_fps < bounds.fps_alarm then 1 else 0 end) as fps_alarm_samples
    from telemetry
    cross join bounds
    group by telemetry.robot_id, telemetry.sample_date

),

-- each channel is put in order by itself, since Redshift has one order a select, and reads the fact by itself, since
-- DuckDB keeps the rows of a CTE that is named more than once
currents as (

    select
        robot_id,
        sample_date,
        {{ percentile("motor_current_amperes", 0.95) }} as p95_current_amperes
    from {{ ref("fact_procedure_telemetry") }}
    group by robot_id, sample_date

),

latencies as (

    select
        robot_id,
        sample_date,
        {{ percentile("network_latency_ms", 0.95) }} as p95_latency_ms
    from {{ ref("fact_procedure_telemetry") }}
    group by robot_id, sample_date

),

frames as (

    select
        robot_id,
        sample_date,
        {{ percentile("video_fps", 0.05) }} as p05_video_fps
    from {{ ref("fact_procedure_telemetry") }}
    group by robot_id, sample_date

),

next_emergencies as (

    select
        robot_days.robot_id as robot_id,
        robot_days.sample_date as sample_date,
        min(visits.maintenance_date) as next_emergency_date
    from robot_days
    inner join visits
        on robot_days.robot_id = visits.robot_id and robot_days.sample_date <= visits.maintenance_date
    group by robot_days.robot_id, robot_days.sample_date

),

final as (

    select
        robot_days.robot_id as robot_id,
        robot_days.sample_date as sample_date,
        robot_days.sample_date_key as sample_date_key,
        cast(robot_days.procedures as bigint) as procedures,
        cast(robot_days.samples as bigint) as samples,
        robot_days.highest_temperature_celsius as highest_temperature_celsius,
        robot_days.p95_temperature_celsius as p95_temperature_celsius,
        robot_days.highest_current_amperes as highest_current_amperes,
        currents.p95_current_amperes as p95_current_amperes,
        latencies.p95_latency_ms as p95_latency_ms,
        frames.p05_video_fps as p05_video_fps,
        cast(robot_days.temperature_warn_samples as bigint) as temperature_warn_samples,
        cast(robot_days.temperature_alarm_samples as bigint) as temperature_alarm_samples,
        cast(robot_days.current_warn_samples as bigint) as current_warn_samples,
        cast(robot_days.current_alarm_samples as bigint) as current_alarm_samples,
        cast(robot_days.latency_warn_samples as bigint) as latency_warn_samples,
        cast(robot_days.latency_alarm_samples as bigint) as latency_alarm_samples,
        cast(robot_days.fps_warn_samples as bigint) as fps_warn_samples,
        cast(robot_days.fps_alarm_samples as bigint) as fps_alarm_samples,
        cast(
            case
                when
                    {{ ratio("robot_days.temperature_alarm_samples", "robot_days.samples") }} >= bounds.temperature_bad
                    or {{ ratio("robot_days.current_alarm_samples", "robot_days.samples") }} >= bounds.current_bad
                    or {{ ratio("robot_days.latency_alarm_samples", "robot_days.samples") }} >= bounds.latency_bad
                    or {{ ratio("robot_days.fps_alarm_samples", "robot_days.samples") }} >= bounds.fps_bad
                    then 'alarm'
                when
                    {{ ratio("robot_days.temperature_warn_samples", "robot_days.samples") }} >= bounds.temperature_watch
                    or {{ ratio("robot_days.current_warn_samples", "robot_days.samples") }} >= bounds.current_watch
                    or {{ ratio("robot_days.latency_warn_samples", "robot_days.samples") }} >= bounds.latency_watch
                    or {{ ratio("robot_days.fps_warn_samples", "robot_days.samples") }} >= bounds.fps_watch
                    then 'watch'
                else 'healthy'
            end as varchar(8)
        ) as health_status,
        next_emergencies.next_emergency_date as next_emergency_date,
        {{ days_between("robot_days.sample_date", "next_emergencies.next_emergency_date") }} as days_to_emergency
    from robot_days
    inner join currents on robot_days.robot_id = currents.robot_id and robot_days.sample_date = currents.sample_date
    inner join latencies on robot_days.robot_id = latencies.robot_id and robot_days.sample_date = latencies.sample_date
    inner join frames on robot_days.robot_id = frames.robot_id and robot_days.sample_date = frames.sample_date
    cross join bounds
    left join next_emergencies
        on
            robot_days.robot_id = next_emergencies.robot_id
            and robot_days.sample_date = next_emergencies.sample_date

)

select * from final
