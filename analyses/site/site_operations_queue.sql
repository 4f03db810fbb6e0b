-- How many patients waited for a bed at the end of each day, and how does that compare with the week before?
with queues as (

    select * from {{ ref("queue_growth") }}

),

scopes as (

    {{ reporting_scopes() }}

),

by_day as (

    select
        scopes.shown_facility_id as facility_id,
        queues.snapshot_date as date_day,
        cast(sum(queues.waiting_patients) as bigint) as waiting_patients,
        cast(sum(queues.requests) as bigint) as requests,
        cast(sum(queues.admissions) as bigint) as admissions,
        cast(sum(queues.discharges) as bigint) as discharges
    from queues
    inner join scopes
        on
            queues.facility_id = scopes.facility_id
            and queues.snapshot_date = scopes.date_day
            and scopes.shown_period = 'all'
    group by scopes.shown_facility_id, queues.snapshot_date

),

final as (

    select
        facility_id,
        date_day,
        waiting_patients,
        requests,
        admissions,
        discharges,
        avg(cast(waiting_patients as {{ type_double() }})) over (
            partition by facility_id
            order by date_day
            rows between 6 preceding and current row
        ) as mean_waiting_patients_7_days
    from by_day

)

select * from final
order by facility_id, date_day
