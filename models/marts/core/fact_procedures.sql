with operations as (

    select * from {{ ref("int_procedures") }}

),

types as (

    select * from {{ ref("procedure_types") }}

),

patients as (

    select * from {{ ref("dim_patient") }}

),

facilities as (

    select * from {{ ref("dim_facility") }}

),

robots as (

    select * from {{ ref("dim_robot") }}

),

surgeons as (

    select * from {{ ref("dim_surgeon") }}

),

-- cancelled cases are in no order: they stand apart, and get nothing
in_order as (

    select
        *,
        row_number() over (partition by surgeon_id, is_performed order by started_at, procedure_id) as case_number,
        row_number() over (
            partition by robot_id, procedure_date, is_performed order by started_at, procedure_id
        ) as case_of_day,
        {{ lag("ended_at") }} over (
            partition by robot_id, procedure_date, is_performed order by started_at, procedure_id
        ) as last_ended_at
    from operations

),

final as (

    select
        in_order.procedure_id as procedure_id,
        in_order.encounter_id as encounter_id,
        {{ date_key("in_order.procedure_date") }} as procedure_date_key,
        {{ time_key("in_order.started_at") }} as start_time_key,
        coalesce(patients.patient_key, {{ unknown_key() }}) as patient_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(robots.robot_key, {{ unknown_key() }}) as robot_key,
        coalesce(surgeons.surgeon_key, {{ unknown_key() }}) as surgeon_key,
        in_order.facility_id as facility_id,
        in_order.robot_id as robot_id,
        in_order.surgeon_id as surgeon_id,
        in_order.procedure_type as procedure_type,
        in_order.procedure_category as procedure_category,
        in_order.status as status,
        in_order.cancellation_reason as cancellation_reason,
        in_order.complexity as complexity,
        in_order.is_completed as is_completed,
        in_order.is_converted as is_converted,
        in_order.is_cancelled as is_cancelled,
        in_order.is_performed as is_performed,
        in_order.duration_minutes as duration_minutes,
        types.expected_duration_minutes as expected_duration_minutes,
        in_order.success_status as success_status,
        in_order.has_complication as has_complication,
        in_order.clavien_dindo_grade as clavien_dindo_grade,
        in_order.is_major_complication as is_major_complication,
        in_order.blood_loss_ml as blood_loss_ml,
        in_order.stay_days as stay_days,
        in_order.is_readmitted_30d as is_readmitted_30d,
        in_order.patient_satisfaction as patient_satisfaction,
        cast(case when in_order.is_performed then in_order.case_number end as integer) as surgeon_case_number,
        case
            when in_order.is_performed
                then
                    {{ seconds_between("in_order.last_ended_at", "in_order.started_at") }}
                    / cast(60 as {{ type_double() }})
        end as turnover_minutes,
        cast(in_order.is_performed and in_order.case_of_day = 1 as boolean) as is_first_case,
        in_order.started_at as started_at,
        in_order.ended_at as ended_at,
        in_order.procedure_date as procedure_date
    from in_order
    left join types on in_order.procedure_type = types.procedure_type
    left join patients on in_order.patient_id = patients.patient_id
    left join facilities
        on
            in_order.facility_id = facilities.facility_id
            and in_order.started_at >= facilities.effective_date
            and in_order.started_at < facilities.expiration_date
    left join robots
        on
            in_order.robot_id = robots.robot_id
            and in_order.started_at >= robots.effective_date
            and in_order.started_at < robots.expiration_date
    left join surgeons
        on
            in_order.surgeon_id = surgeons.surgeon_id
            and in_order.started_at >= surgeons.effective_date
            and in_order.started_at < surgeons.expiration_date

)

select * from final
