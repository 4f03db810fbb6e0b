-- How are sets of vital signs spread over the bands of NEWS2 in each week?
with vitals as (

    select * from {{ ref("fact_vitals") }}
    where news2_score is not null

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

sets_by_day as (

    select
        facility_id,
        cast(observed_at as {{ type_date() }}) as observed_date,
        count(*) as scored_sets,
        sum(case when news2_band = 'low' then 1 else 0 end) as low_sets,
        sum(case when news2_band = 'low_medium' then 1 else 0 end) as low_medium_sets,
        sum(case when news2_band = 'medium' then 1 else 0 end) as medium_sets,
        sum(case when news2_band = 'high' then 1 else 0 end) as high_sets
    from vitals
    group by facility_id, cast(observed_at as {{ type_date() }})

),

by_week as (

    select
        scopes.shown_facility_id as shown_facility_id,
        dates.week_start_date as week_start_date,
        min(dates.date_day) as first_day,
        sum(sets_by_day.scored_sets) as scored_sets,
        sum(sets_by_day.low_sets) as low_sets,
        sum(sets_by_day.low_medium_sets) as low_medium_sets,
        sum(sets_by_day.medium_sets) as medium_sets,
        sum(sets_by_day.high_sets) as high_sets
    from sets_by_day
    inner join dates on sets_by_day.observed_date = dates.date_day
    inner join scopes
        on
            sets_by_day.facility_id = scopes.facility_id
            and sets_by_day.observed_date = scopes.date_day
            and scopes.shown_period = 'all'
    group by scopes.shown_facility_id, dates.week_start_date

),

final as (

    select
        shown_facility_id as facility_id,
        first_day as date_day,
        cast(scored_sets as bigint) as scored_sets,
        {{ ratio("low_sets", "scored_sets") }} as low_share,
        {{ ratio("low_medium_sets", "scored_sets") }} as low_medium_share,
        {{ ratio("medium_sets", "scored_sets") }} as medium_share,
        {{ ratio("high_sets", "scored_sets") }} as high_share
    from by_week

)

select * from final
order by facility_id, date_day
