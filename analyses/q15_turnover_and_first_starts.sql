-- How much time does each hospital lose to late first cases and between two cases of a robot?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

by_facility as (

    select
        facility_id,
        count(*) as performed_cases,
        sum(case when is_first_case then 1 else 0 end) as sessions,
        sum(case when is_first_case and start_time_key <= 540 then 1 else 0 end) as sessions_on_time,
        -- lists are to begin at 08:30, minute 510 of the day
        sum(case when is_first_case and start_time_key > 510 then start_time_key - 510 else 0 end) as late_minutes,
        {{ percentile("turnover_minutes", 0.5) }} as p50_turnover_minutes,
        {{ percentile("turnover_minutes", 0.9) }} as p90_turnover_minutes,
        count(turnover_minutes) as turnovers,
        sum(turnover_minutes) as turnover_minutes
    from procedures
    group by facility_id

),

final as (

    select
        facility_id,
        cast(performed_cases as bigint) as performed_cases,
        cast(sessions as bigint) as sessions,
        {{ ratio("performed_cases", "sessions") }} as cases_a_session,
        {{ ratio("sessions_on_time", "sessions") }} as started_by_09_share,
        {{ ratio("late_minutes", "sessions") }} as mean_minutes_late,
        cast(turnovers as bigint) as turnovers,
        p50_turnover_minutes,
        p90_turnover_minutes,
        {{ ratio("(late_minutes + coalesce(turnover_minutes, 0))", "60") }} as hours_lost
    from by_facility

)

select * from final
order by facility_id
