-- signs, samples, results and notes lie between admission and discharge, of the same patient, in the same batch
with encounters as (

    select * from {{ ref("int_encounters") }}

),

charted as (

    {% for staging, id, first, last in [
        ("vitals", "observation_id", "observed_at", "observed_at"),
        ("labs", "result_id", "sampled_at", "resulted_at"),
        ("notes", "note_id", "noted_at", "noted_at"),
    ] %}
        select
            {{ id }} as row_id,
            encounter_id,
            patient_id,
            batch_date,
            {{ first }} as first_at,
            {{ last }} as last_at
        from {{ ref("stg_clinical__" ~ staging) }}
        {{ "union all" if not loop.last }}
    {% endfor %}

)

select
    charted.row_id,
    charted.first_at,
    charted.last_at,
    encounters.admitted_at,
    encounters.discharged_at
from charted
left join encounters on charted.encounter_id = encounters.encounter_id
where
    encounters.encounter_id is null
    or charted.patient_id <> encounters.patient_id
    or charted.batch_date <> encounters.batch_date
    or charted.first_at < encounters.admitted_at
    or charted.last_at > encounters.discharged_at
