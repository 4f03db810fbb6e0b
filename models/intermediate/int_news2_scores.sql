with vitals as (

    select * from {{ ref("stg_clinical__vitals") }}

),

encounters as (

    select * from {{ ref("int_encounters") }}

),

-- the score is made for adults: the signs of children are kept and not scored
signs as (

    select
        vitals.observation_id as observation_id,
        vitals.encounter_id as encounter_id,
        vitals.patient_id as patient_id,
        encounters.facility_id as facility_id,
        encounters.department_id as department_id,
        encounters.is_adult as is_adult,
        encounters.spo2_scale as spo2_scale,
        vitals.heart_rate as heart_rate,
        vitals.resp_rate as resp_rate,
        vitals.spo2 as spo2,
        vitals.on_oxygen as on_oxygen,
        vitals.temperature_celsius as temperature_celsius,
        cast(floor(vitals.temperature_celsius * 10 + 0.5) as integer) as temperature_tenths,
        vitals.systolic_bp as systolic_bp,
        vitals.diastolic_bp as diastolic_bp,
        vitals.consciousness as consciousness,
        encounters.admitted_at as admitted_at,
        vitals.observed_at as observed_at,
        vitals.batch_date as batch_date
    from vitals
    inner join encounters on vitals.encounter_id = encounters.encounter_id

),

scored as (

    select
        *,
        case when is_adult then {{ news2_resp_rate("resp_rate") }} end as resp_rate_score,
        case when is_adult then {{ news2_spo2("spo2", "spo2_scale", "on_oxygen") }} end as spo2_score,
        case when is_adult then {{ news2_oxygen("on_oxygen") }} end as oxygen_score,
        case when is_adult then {{ news2_systolic_bp("systolic_bp") }} end as systolic_bp_score,
        case when is_adult then {{ news2_heart_rate("heart_rate") }} end as heart_rate_score,
        case when is_adult then {{ news2_consciousness("consciousness") }} end as consciousness_score,
        case when is_adult then {{ news2_temperature("temperature_tenths") }} end as temperature_score
    from signs

),

summed as (

    select
        *,
        cast(
            resp_rate_score + spo2_score + oxygen_score + systolic_bp_score + heart_rate_score + consciousness_score
            + temperature_score as integer
        ) as news2_score,
        cast(
            case
                when is_adult
                    then
                        resp_rate_score = 3 or spo2_score = 3 or systolic_bp_score = 3 or heart_rate_score = 3
                        or consciousness_score = 3 or temperature_score = 3
            end as boolean
        ) as has_red_score
    from scored

),

final as (

    select
        observation_id,
        encounter_id,
        patient_id,
        facility_id,
        department_id,
        heart_rate,
        resp_rate,
        spo2,
        spo2_scale,
        on_oxygen,
        temperature_celsius,
        systolic_bp,
        diastolic_bp,
        consciousness,
        resp_rate_score,
        spo2_score,
        oxygen_score,
        systolic_bp_score,
        heart_rate_score,
        consciousness_score,
        temperature_score,
        news2_score,
        has_red_score,
        {{ news2_band("news2_score", "has_red_score") }} as news2_band,
        admitted_at,
        observed_at,
        batch_date
    from summed

)

select * from final
