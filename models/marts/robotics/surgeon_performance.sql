with procedures as (

    select * from {{ ref("fact_procedures") }}

),

surgeons as (

    select * from {{ ref("dim_surgeon") }}
    where surgeon_id <> 'unknown'

),

dates as (

    select * from {{ ref("dim_date") }}

),

cases as (

    select
        procedures.surgeon_id as surgeon_id,
        procedures.is_performed as is_performed,
        procedures.is_cancelled as is_cancelled,
        procedures.is_converted as is_converted,
        procedures.duration_minutes as duration_minutes,
        procedures.expected_duration_minutes as expected_duration_minutes,
        procedures.surgeon_case_number as surgeon_case_number,
        procedures.has_complication as has_complication,
        procedures.is_major_complication as is_major_complication,
        procedures.is_readmitted_30d as is_readmitted_30d,
        procedures.patient_satisfaction as patient_satisfaction,
        dates.year_number as year_number,
        case when procedures.surgeon_case_number <= 25 then procedures.duration_minutes end as first_25_minutes,
        case when procedures.surgeon_case_number <= 25 then procedures.expected_duration_minutes end
            as first_25_expected_minutes,
        case when procedures.surgeon_case_number > 25 then procedures.duration_minutes end as later_minutes,
        case when procedures.surgeon_case_number > 25 then procedures.expected_duration_minutes end
            as later_expected_minutes
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key

),

by_year as (

    select
        surgeon_id,
        year_number,
        count(*) as cases,
        sum(case when is_performed then 1 else 0 end) as performed_cases,
        sum(case when is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when is_converted then 1 else 0 end) as conversions,
        sum(case when is_performed then duration_minutes else 0 end) as operating_minutes,
        sum(case when is_performed then expected_duration_minutes else 0 end) as expected_minutes,
        {{ percentile("duration_minutes", 0.5) }} as p50_duration_minutes,
        {{ percentile("duration_minutes", 0.9) }} as p90_duration_minutes,
        sum(case when surgeon_case_number <= 25 then 1 else 0 end) as first_25_cases,
        sum(first_25_minutes) as first_25_minutes,
        sum(first_25_expected_minutes) as first_25_expected_minutes,
        sum(later_minutes) as later_minutes,
        sum(later_expected_minutes) as later_expected_minutes,
        sum(case when is_performed and has_complication is not null then 1 else 0 end) as discharged_cases,
        sum(case when has_complication then 1 else 0 end) as complications,
        sum(case when is_major_complication then 1 else 0 end) as major_complications,
        sum(case when is_readmitted_30d is not null then 1 else 0 end) as followed_cases,
        sum(case when is_readmitted_30d then 1 else 0 end) as readmissions,
        count(patient_satisfaction) as answers,
        sum(patient_satisfaction) as satisfaction_points
    from cases
    group by surgeon_id, year_number

),

latest_versions as (

    select
        surgeon_id,
        surgeon_name,
        specialisation,
        grade,
        facility_id,
        row_number() over (partition by surgeon_id order by effective_date desc) as place
    from surgeons

),

rates as (

    select
        by_year.surgeon_id as surgeon_id,
        by_year.year_number as year_number,
        latest_versions.surgeon_name as surgeon_name,
        latest_versions.specialisation as specialisation,
        latest_versions.grade as grade,
        latest_versions.facility_id as facility_id,
        cast(by_year.cases as bigint) as cases,
        cast(by_year.performed_cases as bigint) as performed_cases,
        cast(by_year.cancelled_cases as bigint) as cancelled_cases,
        cast(by_year.operating_minutes as bigint) as operating_minutes,
        cast(by_year.expected_minutes as bigint) as expected_minutes,
        by_year.p50_duration_minutes as p50_duration_minutes,
        by_year.p90_duration_minutes as p90_duration_minutes,
        {{ ratio("by_year.operating_minutes", "by_year.expected_minutes") }} as duration_ratio,
        cast(by_year.first_25_cases as bigint) as first_25_cases,
        {{ ratio("by_year.first_25_minutes", "by_year.first_25_expected_minutes") }} as first_25_duration_ratio,
        {{ ratio("by_year.later_minutes", "by_year.later_expected_minutes") }} as later_duration_ratio,
        cast(by_year.discharged_cases as bigint) as discharged_cases,
        cast(by_year.complications as bigint) as complications,
        {{ ratio("by_year.complications", "by_year.discharged_cases") }} as complication_rate,
        cast(by_year.major_complications as bigint) as major_complications,
        {{ ratio("by_year.major_complications", "by_year.discharged_cases") }} as major_complication_rate,
        cast(by_year.conversions as bigint) as conversions,
        {{ ratio("by_year.conversions", "by_year.performed_cases") }} as conversion_rate,
        cast(by_year.followed_cases as bigint) as followed_cases,
        cast(by_year.readmissions as bigint) as readmissions,
        {{ ratio("by_year.readmissions", "by_year.followed_cases") }} as readmission_rate,
        cast(by_year.answers as bigint) as answers,
        {{ ratio("by_year.satisfaction_points", "by_year.answers") }} as mean_satisfaction,
        by_year.performed_cases > 0 as has_performed
    from by_year
    left join latest_versions on by_year.surgeon_id = latest_versions.surgeon_id and latest_versions.place = 1

),

ranked as (

    select
        *,
        rank() over (
            partition by specialisation, year_number, has_performed order by duration_ratio
        ) as place,
        count(*) over (partition by specialisation, year_number, has_performed) as surgeons
    from rates

),

final as (

    select
        surgeon_id,
        year_number,
        surgeon_name,
        specialisation,
        grade,
        facility_id,
        cases,
        performed_cases,
        cancelled_cases,
        operating_minutes,
        expected_minutes,
        p50_duration_minutes,
        p90_duration_minutes,
        duration_ratio,
        first_25_cases,
        first_25_duration_ratio,
        later_duration_ratio,
        discharged_cases,
        complications,
        complication_rate,
        major_complications,
        major_complication_rate,
        conversions,
        conversion_rate,
        followed_cases,
        readmissions,
        readmission_rate,
        answers,
        mean_satisfaction,
        cast(case when has_performed then place end as integer) as speciality_rank,
        cast(case when has_performed then surgeons end as integer) as speciality_surgeons
    from ranked

)

select * from final
