-- a stay is in the mart if and only if one of its sets scores 5, and its first crossings are sets that score so
with vitals as (

    select * from {{ ref("fact_vitals") }}
    where news2_score >= 5

),

deterioration as (

    select * from {{ ref("deterioration") }}

),

crossed as (

    select
        encounter_id,
        max(news2_score) as highest_news2_score,
        min(observed_at) as first_5_at
    from vitals
    group by encounter_id

)

select
    crossed.encounter_id as crossed_encounter_id,
    deterioration.encounter_id as told_encounter_id
from crossed
full outer join deterioration on crossed.encounter_id = deterioration.encounter_id
where
    crossed.encounter_id is null
    or deterioration.encounter_id is null
    or crossed.first_5_at <> deterioration.first_5_at
    or crossed.highest_news2_score <> deterioration.highest_news2_score
