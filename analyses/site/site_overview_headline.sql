-- How many robotic cases were performed, how many discharges came back as emergencies, and how many of the figures
-- that can be judged agree with published ones?
with volume as (

    select * from {{ ref("daily_procedure_volume") }}

),

readmissions as (

    select * from {{ ref("readmissions") }}

),

verdicts as (

    select verdict from {{ ref("pressure_validation") }}
    union all
    select verdict from {{ ref("clinical_validation") }}
    union all
    select verdict from {{ ref("robotics_validation") }}

),

cases as (

    select cast(sum(performed_cases) as bigint) as performed_cases from volume

),

returns as (

    select {{ ratio("sum(emergency_readmissions)", "sum(index_discharges)") }} as readmission_rate from readmissions

),

realism as (

    select
        {{ ratio(
            "sum(case when verdict = 'agrees' then 1 else 0 end)",
            "sum(case when verdict in ('agrees', 'below', 'above') then 1 else 0 end)",
        ) }} as agreeing_share
    from verdicts

),

final as (

    select
        cast('all' as varchar(16)) as facility_id,
        cast('all' as varchar(10)) as period,
        cases.performed_cases as performed_cases,
        returns.readmission_rate as readmission_rate,
        realism.agreeing_share as agreeing_share
    from cases
    cross join returns
    cross join realism

)

select * from final
