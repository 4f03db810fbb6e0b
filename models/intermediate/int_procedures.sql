with procedures as (

    select * from {{ ref("stg_robotics__procedures") }}

),

outcomes as (

    select * from {{ ref("stg_robotics__procedure_outcomes") }}

),

newest_first as (

    select
        *,
        row_number() over (partition by procedure_id order by updated_at desc) as place
    from outcomes

),

latest as (

    select * from newest_first
    where place = 1

),

final as (

    select
        procedures.procedure_id as procedure_id,
        procedures.encounter_id as encounter_id,
        procedures.patient_id as patient_id,
        procedures.facility_id as facility_id,
        procedures.robot_id as robot_id,
        procedures.surgeon_id as surgeon_id,
        procedures.procedure_type as procedure_type,
        procedures.procedure_category as procedure_category,
        procedures.status as status,
        procedures.cancellation_reason as cancellation_reason,
        procedures.complexity as complexity,
        procedures.duration_minutes as duration_minutes,
        cast(procedures.status = 'completed' as boolean) as is_completed,
        cast(procedures.status = 'converted' as boolean) as is_converted,
        cast(procedures.status = 'cancelled' as boolean) as is_cancelled,
        cast(procedures.status in ('completed', 'converted') as boolean) as is_performed,
        latest.success_status as success_status,
        -- what was not done has no outcome, whatever is told of it
        cast(
            case when procedures.status <> 'cancelled' then latest.has_complication end as boolean
        ) as has_complication,
        case when procedures.status <> 'cancelled' then latest.clavien_dindo_grade end as clavien_dindo_grade,
        cast(
            case
                when procedures.status = 'cancelled' then null
                when latest.has_complication
                    then coalesce(latest.clavien_dindo_grade in ('IIIa', 'IIIb', 'IVa', 'IVb', 'V'), false)
                when not latest.has_complication then false
            end as boolean
        ) as is_major_complication,
        cast(
            case when procedures.status <> 'cancelled' then latest.was_converted end as boolean
        ) as was_converted,
        case when procedures.status <> 'cancelled' then latest.blood_loss_ml end as blood_loss_ml,
        case when procedures.status <> 'cancelled' then latest.stay_days end as stay_days,
        cast(
            case when procedures.status <> 'cancelled' then latest.is_readmitted_30d end as boolean
        ) as is_readmitted_30d,
        case when procedures.status <> 'cancelled' then latest.patient_satisfaction end as patient_satisfaction,
        procedures.started_at as started_at,
        procedures.ended_at as ended_at,
        procedures.procedure_date as procedure_date,
        latest.updated_at as outcome_updated_at
    from procedures
    left join latest on procedures.procedure_id = latest.procedure_id

)

select * from final
