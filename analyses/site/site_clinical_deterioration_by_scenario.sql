-- Of adults with each illness, how many have a NEWS2 of 7 or more, at their first set of vital signs or later?
with encounters as (

    select * from {{ ref("fact_encounters") }}
    where is_adult

),

deterioration as (

    select * from {{ ref("deterioration") }}
    where first_7_at is not null

),

high_first_sets as (

    select encounter_id from {{ ref("fact_vitals") }}
    where is_first_set and news2_score >= 7

),

scopes as (

    {{ reporting_scopes() }}

),

stays as (

    select
        encounters.facility_id as facility_id,
        encounters.discharge_date as discharge_date,
        encounters.scenario_name as scenario_name,
        case when high_first_sets.encounter_id is not null then 1 else 0 end as is_high_at_first,
        case
            when deterioration.encounter_id is not null and high_first_sets.encounter_id is null then 1 else 0
        end as is_high_later,
        case when deterioration.is_death then 1 else 0 end as is_high_and_died
    from encounters
    left join deterioration on encounters.encounter_id = deterioration.encounter_id
    left join high_first_sets on encounters.encounter_id = high_first_sets.encounter_id

),

by_scope as (

    select
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period,
        stays.scenario_name as scenario_name,
        count(*) as stays,
        sum(stays.is_high_at_first) as high_at_first,
        sum(stays.is_high_later) as high_later,
        sum(stays.is_high_and_died) as high_and_died
    from stays
    inner join scopes
        on
            stays.facility_id = scopes.facility_id
            and stays.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, stays.scenario_name

),

final as (

    select
        shown_facility_id as facility_id,
        shown_period as period,
        scenario_name,
        cast(stays as bigint) as stays,
        {{ ratio("high_at_first", "stays") }} as at_first_set_share,
        {{ ratio("high_later", "stays") }} as later_share,
        {{ ratio("(high_at_first + high_later)", "stays") }} as reached_7_share,
        {{ ratio("high_and_died", "(high_at_first + high_later)") }} as death_share
    from by_scope

)

select * from final
order by facility_id, period, scenario_name
