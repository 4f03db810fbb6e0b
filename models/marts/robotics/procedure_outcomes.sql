with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

types as (

    select * from {{ ref("procedure_types") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

by_year as (

    select
        procedures.procedure_type as procedure_type,
        dates.year_number as year_number,
        max(procedures.procedure_category) as procedure_category,
        count(*) as performed_cases,
        sum(case when procedures.success_status = 'success' then 1 else 0 end) as successes,
        sum(case when procedures.success_status = 'partial_success' then 1 else 0 end) as partial_successes,
        sum(case when procedures.success_status = 'failure' then 1 else 0 end) as failures,
        sum(case when procedures.is_converted then 1 else 0 end) as conversions,
        sum(case when procedures.has_complication is not null then 1 else 0 end) as discharged_cases,
        sum(case when procedures.has_complication then 1 else 0 end) as complications,
        sum(case when procedures.is_major_complication then 1 else 0 end) as major_complications,
        sum(case when procedures.clavien_dindo_grade = 'I' then 1 else 0 end) as grade_i,
        sum(case when procedures.clavien_dindo_grade = 'II' then 1 else 0 end) as grade_ii,
        sum(case when procedures.clavien_dindo_grade = 'IIIa' then 1 else 0 end) as grade_iiia,
        sum(case when procedures.clavien_dindo_grade = 'IIIb' then 1 else 0 end) as grade_iiib,
        sum(case when procedures.clavien_dindo_grade = 'IVa' then 1 else 0 end) as grade_iva,
        sum(case when procedures.clavien_dindo_grade = 'IVb' then 1 else 0 end) as grade_ivb,
        sum(case when procedures.clavien_dindo_grade = 'V' then 1 else 0 end) as grade_v,
        sum(case when procedures.is_readmitted_30d is not null then 1 else 0 end) as followed_cases,
        sum(case when procedures.is_readmitted_30d then 1 else 0 end) as readmissions,
        {{ percentile("procedures.blood_loss_ml", 0.5) }} as p50_blood_loss_ml,
        {{ percentile("procedures.blood_loss_ml", 0.9) }} as p90_blood_loss_ml
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by procedures.procedure_type, dates.year_number

),

-- apart from blood loss: Redshift has one order a select
stays as (

    select
        procedures.procedure_type as procedure_type,
        dates.year_number as year_number,
        {{ percentile("procedures.stay_days", 0.5) }} as p50_stay_days,
        {{ percentile("procedures.stay_days", 0.9) }} as p90_stay_days
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by procedures.procedure_type, dates.year_number

),

final as (

    select
        by_year.procedure_type as procedure_type,
        by_year.year_number as year_number,
        by_year.procedure_category as procedure_category,
        cast(by_year.performed_cases as bigint) as performed_cases,
        cast(by_year.successes as bigint) as successes,
        cast(by_year.partial_successes as bigint) as partial_successes,
        cast(by_year.failures as bigint) as failures,
        cast(by_year.conversions as bigint) as conversions,
        {{ ratio("by_year.conversions", "by_year.performed_cases") }} as conversion_rate,
        cast(types.conversion_rate as {{ type_double() }}) as published_conversion_rate,
        cast(by_year.discharged_cases as bigint) as discharged_cases,
        cast(by_year.complications as bigint) as complications,
        {{ ratio("by_year.complications", "by_year.discharged_cases") }} as complication_rate,
        cast(types.complication_rate as {{ type_double() }}) as published_complication_rate,
        cast(by_year.major_complications as bigint) as major_complications,
        {{ ratio("by_year.major_complications", "by_year.discharged_cases") }} as major_complication_rate,
        cast(by_year.grade_i as bigint) as grade_i,
        cast(by_year.grade_ii as bigint) as grade_ii,
        cast(by_year.grade_iiia as bigint) as grade_iiia,
        cast(by_year.grade_iiib as bigint) as grade_iiib,
        cast(by_year.grade_iva as bigint) as grade_iva,
        cast(by_year.grade_ivb as bigint) as grade_ivb,
        cast(by_year.grade_v as bigint) as grade_v,
        cast(by_year.followed_cases as bigint) as followed_cases,
        cast(by_year.readmissions as bigint) as readmissions,
        {{ ratio("by_year.readmissions", "by_year.followed_cases") }} as readmission_rate,
        cast(types.readmission_rate as {{ type_double() }}) as published_readmission_rate,
        by_year.p50_blood_loss_ml as p50_blood_loss_ml,
        by_year.p90_blood_loss_ml as p90_blood_loss_ml,
        stays.p50_stay_days as p50_stay_days,
        stays.p90_stay_days as p90_stay_days
    from by_year
    inner join stays on by_year.procedure_type = stays.procedure_type and by_year.year_number = stays.year_number
    left join types on by_year.procedure_type = types.procedure_type

)

select * from final
