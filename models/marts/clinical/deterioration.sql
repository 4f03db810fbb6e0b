with vitals as (

    select * from {{ ref("fact_vitals") }}
    where news2_score is not null

),

encounters as (

    select * from {{ ref("fact_encounters") }}

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

-- a score holds until the next set is taken
until_next_set as (

    select
        encounter_id,
        news2_score,
        observed_at,
        {{ lead("observed_at") }} over (
            partition by encounter_id order by observed_at, observation_id
        ) as next_observed_at
    from vitals

),

crossings as (

    select
        encounter_id,
        min(case when news2_score >= 5 then observed_at end) as first_5_at,
        min(case when news2_score >= 7 then observed_at end) as first_7_at,
        max(news2_score) as highest_news2_score,
        count(*) as scored_sets,
        sum(
            case
                when news2_score >= 5 and next_observed_at is not null
                    then {{ seconds_between("observed_at", "next_observed_at") }}
                else 0
            end
        ) as seconds_at_5,
        max(case when next_observed_at is null and news2_score >= 5 then observed_at end) as still_at_5_from
    from until_next_set
    group by encounter_id
    having max(news2_score) >= 5

),

final as (

    select
        encounters.encounter_id as encounter_id,
        encounters.patient_key as patient_key,
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        departments.department_code as department_code,
        encounters.scenario as scenario,
        encounters.age_band as age_band,
        encounters.is_emergency as is_emergency,
        encounters.discharge_date as discharge_date,
        cast(crossings.scored_sets as bigint) as scored_sets,
        crossings.highest_news2_score as highest_news2_score,
        crossings.first_5_at as first_5_at,
        {{ seconds_between("encounters.admitted_at", "crossings.first_5_at") }}
        / cast(3600 as {{ type_double() }}) as hours_to_first_5,
        crossings.first_7_at as first_7_at,
        {{ seconds_between("encounters.admitted_at", "crossings.first_7_at") }}
        / cast(3600 as {{ type_double() }}) as hours_to_first_7,
        -- the last score holds until the patient leaves
        (crossings.seconds_at_5 + coalesce(
            {{ seconds_between("crossings.still_at_5_from", "encounters.discharged_at") }}, 0
        )) / cast(3600 as {{ type_double() }}) as hours_at_5,
        encounters.discharge_destination as discharge_destination,
        encounters.is_death as is_death,
        case
            when encounters.is_death
                then {{ seconds_between("crossings.first_7_at", "encounters.discharged_at") }}
        end / cast(3600 as {{ type_double() }}) as hours_from_first_7_to_death
    from crossings
    inner join encounters on crossings.encounter_id = encounters.encounter_id
    left join departments on encounters.department_id = departments.department_id

)

select * from final
