with telemetry as (

    select * from {{ ref("fact_procedure_telemetry") }}

),

limits as (

    select * from {{ ref("telemetry_limits") }}

),

-- one row, so that a sample meets its limits without a join of its own
alarms as (

    select
        max(case when channel = 'motor_temperature_celsius' then alarm_limit end) as temperature_alarm,
        max(case when channel = 'motor_current_amperes' then alarm_limit end) as current_alarm,
        max(case when channel = 'network_latency_ms' then alarm_limit end) as latency_alarm,
        max(case when channel = 'video_fps' then alarm_limit end) as fps_alarm
    from limits

),

final as (

    select
        telemetry.procedure_id as procedure_id,
        count(*) as samples,
        sum(
            case
                when
                    telemetry.motor_temperature_celsius > alarms.temperature_alarm
                    or telemetry.motor_current_amperes > alarms.current_alarm
                    or telemetry.network_latency_ms > alarms.latency_alarm
                    or telemetry.video_fps < alarms.fps_alarm
                    then 1
                else 0
            end
        ) as alarm_samples,
        sum(telemetry.force_n) as force_sum,
        sum(telemetry.motor_current_amperes) as current_sum,
        sum(telemetry.force_n * telemetry.force_n) as force_square_sum,
        sum(telemetry.motor_current_amperes * telemetry.motor_current_amperes) as current_square_sum,
        sum(telemetry.force_n * telemetry.motor_current_amperes) as force_current_sum
    from telemetry
    cross join alarms
    group by telemetry.procedure_id

)

select * from final
