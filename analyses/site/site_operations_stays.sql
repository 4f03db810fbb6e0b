-- Which departments' patients stay on after they are fit to leave, and which stay for three weeks or more?
with discharges as (

    select * from {{ ref("fact_discharges") }}

),

departments as (

    select * from {{ ref("dim_department") }}

),

scopes as (

    {{ reporting_scopes() }}

),

by_department as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        departments.department_name as department_name,
        count(*) as discharges,
        sum(case when discharges.is_delayed then 1 else 0 end) as delayed_discharges,
        sum(case when discharges.is_long_stay then 1 else 0 end) as long_stays,
        sum(discharges.delay_days) as delay_days,
        sum(discharges.stay_nights) as stay_nights,
        sum(case when discharges.is_long_stay then discharges.stay_nights else 0 end) as long_stay_nights
    from discharges
    inner join departments on discharges.department_key = departments.department_key
    inner join scopes
        on
            discharges.facility_id = scopes.facility_id
            and discharges.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, departments.department_name

),

final as (

    select
        facility_id,
        period,
        department_name,
        cast(discharges as bigint) as discharges,
        cast(delayed_discharges as bigint) as delayed_discharges,
        {{ ratio("delayed_discharges", "discharges") }} as delayed_share,
        {{ ratio("delay_days", "delayed_discharges") }} as mean_delay_days,
        cast(delay_days as bigint) as delay_days,
        cast(long_stays as bigint) as long_stays,
        {{ ratio("long_stays", "discharges") }} as long_stay_share,
        {{ ratio("long_stay_nights", "stay_nights") }} as long_stay_night_share
    from by_department

)

select * from final
order by facility_id, period, department_name
