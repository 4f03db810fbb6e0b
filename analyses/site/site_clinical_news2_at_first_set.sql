-- How ill are adults at the first set of vital signs of a stay, by how they were admitted?
with vitals as (

    select * from {{ ref("fact_vitals") }}
    where is_first_set and news2_score is not null

),

encounters as (

    select * from {{ ref("fact_encounters") }}

),

scopes as (

    {{ reporting_scopes() }}

),

first_sets as (

    select
        encounters.facility_id as facility_id,
        encounters.discharge_date as discharge_date,
        case when encounters.is_emergency then 'Emergency' else 'Planned' end as admission,
        vitals.news2_band as news2_band
    from vitals
    inner join encounters on vitals.encounter_id = encounters.encounter_id

),

final as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        first_sets.admission as admission,
        cast(count(*) as bigint) as stays,
        {{ share_where("first_sets.news2_band = 'low'") }} as low_share,
        {{ share_where("first_sets.news2_band = 'low_medium'") }} as low_medium_share,
        {{ share_where("first_sets.news2_band = 'medium'") }} as medium_share,
        {{ share_where("first_sets.news2_band = 'high'") }} as high_share
    from first_sets
    inner join scopes
        on
            first_sets.facility_id = scopes.facility_id
            and first_sets.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, first_sets.admission

)

select * from final
order by facility_id, period, admission
