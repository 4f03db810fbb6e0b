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
        -- a list that begins before noon is a morning's, and was to begin at 08:30, minute 510 of the day
        sum(case when is_first_case and start_time_key < 720 then 1 else 0 end) as morning_sessions,
        sum(case when is_first_case and start_time_key <= 540 then 1 else 0 end) as sessions_on_time,
        sum(case when is_first_case and start_time_key between 511 and 719 then start_time_key - 510 else 0 end)
            as late_minutes,
        -- a robot that waits for more than two hours is not turned over, but has no next case yet
        sum(case when turnover_minutes <= 120 then 1 else 0 end) as turnovers,
        {{ percentile("case when turnover_minutes <= 120 then turnover_minutes end", 0.5) }} as p50_turnover_minutes,
        {{ percentile("case when turnover_minutes <= 120 then turnover_minutes end", 0.9) }} as p90_turnover_minutes,
        sum(case when turnover_minutes <= 120 then turnover_minutes else 0 end) as turnover_minutes,
        sum(case when turnover_minutes > 120 then 1 else 0 end) as idle_gaps
    from procedures
    group by facility_id

),

final as (

    select
        facility_id,
        cast(performed_cases as bigint) as performed_cases,
        cast(sessions as bigint) as sessions,
        {{ ratio("performed_cases", "sessions") }} as cases_a_session,
        cast(morning_sessions as bigint) as morning_sessions,
        {{ ratio("sessions_on_time", "morning_sessions") }} as started_by_09_share,
        {{ ratio("late_minutes", "morning_sessions") }} as mean_minutes_late,
        cast(turnovers as bigint) as turnovers,
        p50_turnover_minutes,
        p90_turnover_minutes,
        cast(idle_gaps as bigint) as gaps_over_2_hours,
        {{ ratio("(late_minutes + turnover_minutes)", "60") }} as hours_lost
    from by_facility

)

select * from final
order by facility_id
