-- Of patients whom each kind of department sent home, how many came back as emergencies within 30 days?
with readmissions as (

    select * from {{ ref("readmissions") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

scoped_months as (

    select distinct
        scopes.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period
    from scopes
    inner join dates on scopes.date_day = dates.date_day

),

by_scope as (

    select
        scoped_months.shown_facility_id as shown_facility_id,
        scoped_months.shown_period as shown_period,
        coalesce(readmissions.department_name, 'Unknown') as named,
        sum(readmissions.index_discharges) as index_discharges,
        sum(readmissions.emergency_readmissions) as emergency_readmissions
    from readmissions
    inner join scoped_months
        on
            readmissions.facility_id = scoped_months.facility_id
            and readmissions.month_start_date = scoped_months.month_start_date
    group by
        scoped_months.shown_facility_id,
        scoped_months.shown_period,
        coalesce(readmissions.department_name, 'Unknown')

),

final as (

    select
        shown_facility_id as facility_id,
        shown_period as period,
        named as department_name,
        cast(index_discharges as bigint) as index_discharges,
        cast(emergency_readmissions as bigint) as emergency_readmissions,
        {{ ratio("emergency_readmissions", "index_discharges") }} as readmission_rate
    from by_scope

)

select * from final
order by facility_id, period, department_name
