with admissions as (

    select * from {{ ref("fact_admissions") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

observed_admissions as (

    select admissions.*
    from admissions
    inner join observed_days
        on
            admissions.facility_id = observed_days.facility_id
            and admissions.admission_date between observed_days.first_day and observed_days.last_day

),

emergencies as (

    select
        {{ percentile("wait_minutes / 60", 0.5) }} as emergency_wait_median_hours,
        {{ percentile("wait_minutes / 60", 0.95) }} as emergency_wait_p95_hours,
        {{ share_where("is_wait_over_4_hours") }} as emergency_wait_over_4_hours_share,
        {{ share_where("is_wait_over_12_hours") }} as emergency_wait_over_12_hours_share
    from observed_admissions
    where is_emergency

),

overall as (

    select {{ share_where("is_emergency") }} as emergency_share
    from observed_admissions

),

final as (

    {{ figures("emergencies", [
        "emergency_wait_median_hours", "emergency_wait_p95_hours", "emergency_wait_over_4_hours_share",
        "emergency_wait_over_12_hours_share",
    ]) }}
    union all
    {{ figures("overall", ["emergency_share"]) }}

)

select * from final
