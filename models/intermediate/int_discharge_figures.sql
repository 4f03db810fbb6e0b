with discharges as (

    select * from {{ ref("fact_discharges") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

times as (

    select * from {{ ref("dim_time") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

observed_discharges as (

    select
        discharges.*,
        dates.iso_weekday as iso_weekday,
        times.hour_of_day as hour_of_day
    from discharges
    inner join dates on discharges.discharge_date_key = dates.date_key
    inner join times on discharges.discharge_time_key = times.time_key
    inner join observed_days
        on
            discharges.facility_id = observed_days.facility_id
            and discharges.discharge_date between observed_days.first_day and observed_days.last_day

),

overall as (

    select
        {{ percentile("stay_hours / 24", 0.5) }} as median_stay_days,
        {{ ratio("sum(cast(round(stay_hours * 3600) as bigint))", "count(stay_hours) * 86400") }} as mean_stay_days,
        {{ share_where("is_delayed") }} as delayed_discharge_share,
        {{ share_where("is_delayed_5_days") }} as delayed_5_days_share,
        avg(cast(case when is_delayed then delay_days end as {{ type_double() }})) as mean_delay_days,
        {{ share_where("hour_of_day < 12") }} as discharged_before_noon_share,
        {{ share_where("hour_of_day < 17") }} as discharged_before_17_share,
        {{ share_where("hour_of_day < 6 or hour_of_day = 23") }} as discharged_at_night_share
    from observed_discharges

),

by_weekday as (

    select
        iso_weekday,
        count(*) as discharges
    from observed_discharges
    group by iso_weekday

),

span as (

    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from observed_days

),

-- each weekday against the mean day, however often it occurs in the observed days
weekdays_observed as (

    select
        dates.iso_weekday as iso_weekday,
        count(*) as days
    from dates
    cross join span
    where dates.date_day between span.first_day and span.last_day
    group by dates.iso_weekday

),

-- a weekday on which nobody was discharged counts as one
weekday_means as (

    select
        weekdays_observed.iso_weekday as iso_weekday,
        {{ ratio("coalesce(by_weekday.discharges, 0)", "weekdays_observed.days") }} as discharges_a_day
    from weekdays_observed
    left join by_weekday on weekdays_observed.iso_weekday = by_weekday.iso_weekday

),

against_the_mean as (

    select
        iso_weekday,
        {{ ratio("discharges_a_day", "avg(discharges_a_day) over ()") }} as weekday_index
    from weekday_means

),

weekday_indices as (

    select
        max(case when iso_weekday = 1 then weekday_index end) as discharge_monday_index,
        max(case when iso_weekday = 2 then weekday_index end) as discharge_tuesday_index,
        max(case when iso_weekday = 3 then weekday_index end) as discharge_wednesday_index,
        max(case when iso_weekday = 4 then weekday_index end) as discharge_thursday_index,
        max(case when iso_weekday = 5 then weekday_index end) as discharge_friday_index,
        max(case when iso_weekday = 6 then weekday_index end) as discharge_saturday_index,
        max(case when iso_weekday = 7 then weekday_index end) as discharge_sunday_index
    from against_the_mean

),

final as (

    {{ figures("overall", [
        "median_stay_days", "mean_stay_days", "delayed_discharge_share", "delayed_5_days_share", "mean_delay_days",
        "discharged_before_noon_share", "discharged_before_17_share", "discharged_at_night_share",
    ]) }}
    union all
    {{ figures("weekday_indices", [
        "discharge_monday_index", "discharge_tuesday_index", "discharge_wednesday_index", "discharge_thursday_index",
        "discharge_friday_index", "discharge_saturday_index", "discharge_sunday_index",
    ]) }}

)

select * from final
