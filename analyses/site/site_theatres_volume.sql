-- How many cases were performed on each day, and what is their mean over seven days?
with volume as (

    select * from {{ ref("daily_procedure_volume") }}

),

scopes as (

    {{ reporting_scopes() }}

),

days as (

    select
        scopes.shown_facility_id as facility_id,
        volume.procedure_date as date_day,
        cast(sum(volume.performed_cases) as bigint) as performed_cases
    from volume
    inner join scopes
        on
            volume.facility_id = scopes.facility_id
            and volume.procedure_date = scopes.date_day
            and scopes.shown_period = 'all'
    group by scopes.shown_facility_id, volume.procedure_date

),

final as (

    select
        facility_id,
        date_day,
        performed_cases,
        avg(cast(performed_cases as {{ type_double() }})) over (
            partition by facility_id
            order by date_day
            rows between 6 preceding and current row
        ) as mean_performed_cases_7_days
    from days

)

select * from final
order by facility_id, date_day
