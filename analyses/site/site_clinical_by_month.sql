-- How have long stays, deaths and readmissions moved from month to month of discharge?
with encounters as (

    select * from {{ ref("fact_encounters") }}

),

readmissions as (

    select * from {{ ref("readmissions") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

stays_by_month as (

    select
        scopes.shown_facility_id as shown_facility_id,
        dates.month_start_date as month_start_date,
        count(*) as stays,
        {{ share_where("encounters.is_long_stay") }} as long_stay_share,
        {{ share_where("encounters.is_death") }} as death_share
    from encounters
    inner join dates on encounters.discharge_date_key = dates.date_key
    inner join scopes
        on
            encounters.facility_id = scopes.facility_id
            and encounters.discharge_date = scopes.date_day
            and scopes.shown_period = 'all'
    group by scopes.shown_facility_id, dates.month_start_date

),

shown_facilities as (

    select distinct
        facility_id,
        shown_facility_id
    from scopes

),

readmissions_by_month as (

    select
        shown_facilities.shown_facility_id as shown_facility_id,
        readmissions.month_start_date as month_start_date,
        sum(readmissions.index_discharges) as index_discharges,
        {{ ratio("sum(readmissions.emergency_readmissions)", "sum(readmissions.index_discharges)") }}
            as readmission_rate
    from readmissions
    inner join shown_facilities on readmissions.facility_id = shown_facilities.facility_id
    group by shown_facilities.shown_facility_id, readmissions.month_start_date

),

final as (

    select
        stays_by_month.shown_facility_id as facility_id,
        stays_by_month.month_start_date as month_start_date,
        cast(stays_by_month.stays as bigint) as stays,
        stays_by_month.long_stay_share as long_stay_share,
        stays_by_month.death_share as death_share,
        cast(readmissions_by_month.index_discharges as bigint) as index_discharges,
        readmissions_by_month.readmission_rate as readmission_rate
    from stays_by_month
    left join readmissions_by_month
        on
            stays_by_month.shown_facility_id = readmissions_by_month.shown_facility_id
            and stays_by_month.month_start_date = readmissions_by_month.month_start_date

)

select * from final
order by facility_id, month_start_date
