with vitals as (

    select * from {{ ref("fact_vitals") }}

),

encounters as (

    select * from {{ ref("fact_encounters") }}

),

labs as (

    select * from {{ ref("fact_labs") }}

),

readmissions as (

    select * from {{ ref("readmissions") }}

),

scored_sets as (

    select
        count(*) as sets,
        {{ share_where("news2_score >= 7") }} as news2_7_or_more_share
    from vitals
    where news2_score is not null

),

first_sets as (

    select
        count(*) as sets,
        {{ share_where("news2_score < 3") }} as first_news2_below_3_share,
        {{ share_where("news2_score between 3 and 5") }} as first_news2_3_to_5_share,
        {{ share_where("news2_score > 5") }} as first_news2_above_5_share
    from vitals
    where is_first_set and news2_score is not null

),

emergencies as (

    select
        count(*) as sets,
        {{ share_where("vitals.on_oxygen") }} as emergency_on_oxygen_share
    from vitals
    inner join encounters on vitals.encounter_id = encounters.encounter_id
    where vitals.is_first_set and encounters.is_adult and encounters.is_emergency

),

results as (

    select
        count(*) as results,
        {{ share_where("is_abnormal") }} as abnormal_result_share
    from labs

),

returns as (

    select
        coalesce(sum(index_discharges), 0) as discharges,
        {{ ratio("sum(emergency_readmissions)", "sum(index_discharges)") }} as emergency_readmission_share
    from readmissions

),

deaths as (

    select
        count(*) as encounters,
        {{ share_where("is_death") }} as hospital_mortality
    from encounters

),

deaths_by_scenario as (

    select
        cast('mortality_' || scenario as varchar(48)) as metric,
        cast(count(*) as bigint) as row_count,
        {{ share_where("is_death") }} as simulated_value
    from encounters
    group by scenario

),

final as (

    {{ figures("first_sets", [
        "first_news2_below_3_share", "first_news2_3_to_5_share", "first_news2_above_5_share",
    ], "sets") }}
    union all
    {{ figures("scored_sets", ["news2_7_or_more_share"], "sets") }}
    union all
    {{ figures("emergencies", ["emergency_on_oxygen_share"], "sets") }}
    union all
    {{ figures("results", ["abnormal_result_share"], "results") }}
    union all
    {{ figures("returns", ["emergency_readmission_share"], "discharges") }}
    union all
    {{ figures("deaths", ["hospital_mortality"], "encounters") }}
    union all
    select * from deaths_by_scenario

)

select * from final
