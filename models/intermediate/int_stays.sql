with admissions as (

    select * from {{ ref("stg_operations__admissions") }}

),

discharges as (

    select * from {{ ref("stg_operations__discharges") }}

),

-- either event may come without the other: still in bed, or admitted before the data begins
encounters as (

    select
        coalesce(admissions.encounter_id, discharges.encounter_id) as encounter_id,
        coalesce(admissions.patient_id, discharges.patient_id) as patient_id,
        coalesce(admissions.facility_id, discharges.facility_id) as facility_id,
        coalesce(admissions.department_id, discharges.department_id) as department_id,
        admissions.event_id as admission_event_id,
        discharges.event_id as discharge_event_id,
        admissions.admission_method as admission_method,
        discharges.discharge_destination as discharge_destination,
        admissions.requested_at as requested_at,
        admissions.admitted_at as admitted_at,
        admissions.admission_date as admission_date,
        discharges.medically_fit_at as medically_fit_at,
        discharges.discharged_at as discharged_at,
        discharges.discharge_date as discharge_date
    from admissions
    full outer join discharges on admissions.encounter_id = discharges.encounter_id

),

measured as (

    select
        *,
        {{ seconds_between("requested_at", "admitted_at") }} as wait_seconds,
        {{ seconds_between("admitted_at", "discharged_at") }} as stay_seconds,
        {{ days_between("admission_date", "discharge_date") }} as stay_nights,
        {{ seconds_between("medically_fit_at", "discharged_at") }} as delay_seconds,
        {{ days_between("cast(medically_fit_at as " ~ type_date() ~ ")", "discharge_date") }} as delay_days
    from encounters

),

final as (

    select
        encounter_id,
        patient_id,
        facility_id,
        department_id,
        admission_event_id,
        discharge_event_id,
        admission_method,
        discharge_destination,
        wait_seconds,
        stay_seconds,
        stay_nights,
        delay_seconds,
        delay_days,
        cast(admission_method = 'emergency' as boolean) as is_emergency,
        cast(wait_seconds > 4 * 3600 as boolean) as is_wait_over_4_hours,
        cast(wait_seconds > 12 * 3600 as boolean) as is_wait_over_12_hours,
        cast(coalesce(delay_days >= 1, false) as boolean) as is_delayed,
        cast(coalesce(delay_days >= 5, false) as boolean) as is_delayed_5_days,
        cast(stay_nights >= 21 as boolean) as is_long_stay,
        cast(discharge_destination = 'died' as boolean) as is_death,
        requested_at,
        admitted_at,
        admission_date,
        medically_fit_at,
        discharged_at,
        discharge_date
    from measured

)

select * from final
