with procedures as (

    select * from {{ ref("fact_procedures") }}

),

theatre_days as (

    select * from {{ ref("int_theatre_days") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

months as (

    select
        facility_id,
        month_start_date,
        count(*) as observed_days,
        max(
            {{ days_between("month_start_date", dbt.dateadd("month", 1, "month_start_date")) }}
        ) as month_days
    from theatre_days
    group by facility_id, month_start_date

),

cases_by_month as (

    select
        procedures.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        count(*) as cases,
        sum(case when procedures.is_performed then 1 else 0 end) as performed_cases,
        sum(case when procedures.is_cancelled then 1 else 0 end) as cancelled_cases,
        sum(case when procedures.is_performed then procedures.duration_minutes else 0 end) as operating_minutes,
        sum(case when procedures.is_performed and procedures.has_complication is not null then 1 else 0 end)
            as discharged_cases,
        sum(case when procedures.has_complication then 1 else 0 end) as complications,
        sum(case when procedures.is_readmitted_30d is not null then 1 else 0 end) as followed_cases,
        sum(case when procedures.is_readmitted_30d then 1 else 0 end) as readmissions,
        sum(case when procedures.is_first_case then 1 else 0 end) as first_cases,
        sum(case when procedures.is_first_case and procedures.start_time_key <= 540 then 1 else 0 end)
            as first_cases_on_time,
        count(distinct case when procedures.is_performed then procedures.robot_id end) as robots_used,
        count(distinct case when procedures.is_performed then procedures.surgeon_id end) as surgeons_used
    from procedures
    inner join dates on procedures.procedure_date_key = dates.date_key
    group by procedures.facility_id, dates.month_start_date

),

measured as (

    select
        months.facility_id as facility_id,
        months.month_start_date as month_start_date,
        months.observed_days = months.month_days as is_whole_month,
        coalesce(cases_by_month.cases, 0) as cases,
        coalesce(cases_by_month.performed_cases, 0) as performed_cases,
        coalesce(cases_by_month.cancelled_cases, 0) as cancelled_cases,
        coalesce(cases_by_month.operating_minutes, 0) as operating_minutes,
        coalesce(cases_by_month.discharged_cases, 0) as discharged_cases,
        coalesce(cases_by_month.complications, 0) as complications,
        coalesce(cases_by_month.followed_cases, 0) as followed_cases,
        coalesce(cases_by_month.readmissions, 0) as readmissions,
        coalesce(cases_by_month.first_cases, 0) as first_cases,
        coalesce(cases_by_month.first_cases_on_time, 0) as first_cases_on_time,
        coalesce(cases_by_month.robots_used, 0) as robots_used,
        coalesce(cases_by_month.surgeons_used, 0) as surgeons_used
    from months
    left join cases_by_month
        on
            months.facility_id = cases_by_month.facility_id
            and months.month_start_date = cases_by_month.month_start_date

),

-- a month is held against that of a year before where both were observed from end to end
against_a_year_before as (

    select
        measured.facility_id as facility_id,
        measured.month_start_date as month_start_date,
        measured.is_whole_month as is_whole_month,
        measured.cases as cases,
        measured.performed_cases as performed_cases,
        measured.cancelled_cases as cancelled_cases,
        measured.operating_minutes as operating_minutes,
        measured.discharged_cases as discharged_cases,
        measured.complications as complications,
        measured.followed_cases as followed_cases,
        measured.readmissions as readmissions,
        measured.first_cases as first_cases,
        measured.first_cases_on_time as first_cases_on_time,
        measured.robots_used as robots_used,
        measured.surgeons_used as surgeons_used,
        case
            when measured.is_whole_month and a_year_before.is_whole_month then a_year_before.performed_cases
        end as performed_cases_a_year_before
    from measured
    left join measured as a_year_before
        on
            measured.facility_id = a_year_before.facility_id
            and measured.month_start_date
            = cast({{ dbt.dateadd("month", 12, "a_year_before.month_start_date") }} as {{ type_date() }})

),

final as (

    select
        facility_id,
        month_start_date,
        cast(is_whole_month as boolean) as is_whole_month,
        cast(cases as bigint) as cases,
        cast(performed_cases as bigint) as performed_cases,
        cast(cancelled_cases as bigint) as cancelled_cases,
        cast(performed_cases_a_year_before as bigint) as performed_cases_a_year_before,
        {{ ratio("(performed_cases - performed_cases_a_year_before)", "performed_cases_a_year_before") }}
            as growth_ratio,
        cast(operating_minutes as bigint) as operating_minutes,
        {{ ratio("cancelled_cases", "cases") }} as cancellation_rate,
        cast(discharged_cases as bigint) as discharged_cases,
        cast(complications as bigint) as complications,
        {{ ratio("complications", "discharged_cases") }} as complication_rate,
        cast(followed_cases as bigint) as followed_cases,
        cast(readmissions as bigint) as readmissions,
        {{ ratio("readmissions", "followed_cases") }} as readmission_rate,
        cast(first_cases as bigint) as first_cases,
        cast(first_cases_on_time as bigint) as first_cases_on_time,
        {{ ratio("first_cases_on_time", "first_cases") }} as first_case_on_time_share,
        cast(robots_used as integer) as robots_used,
        cast(surgeons_used as integer) as surgeons_used
    from against_a_year_before

)

select * from final
