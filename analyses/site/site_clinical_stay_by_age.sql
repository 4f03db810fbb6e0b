-- How long did patients of each age stay?
with encounters as (

    select * from {{ ref("fact_encounters") }}

),

scopes as (

    {{ reporting_scopes() }}

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        encounters.age_band as age_band,
        cast(coalesce(min(encounters.age_years), 999) as integer) as lowest_age,
        cast(count(*) as bigint) as stays,
        {{ percentile("encounters.stay_hours / 24", 0.5) }} as p50_stay_days,
        {{ percentile("encounters.stay_hours / 24", 0.9) }} as p90_stay_days,
        {{ percentile("encounters.stay_hours / 24", 0.95) }} as p95_stay_days,
        {{ share_where("encounters.is_long_stay") }} as long_stay_share
    from encounters
    inner join scopes
        on
            encounters.facility_id = scopes.facility_id
            and encounters.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, encounters.age_band

)

select * from final
order by facility_id, period, lowest_age, age_band
