-- the source rounds to hundredths of an hour
with waiting_list as (

    select * from {{ ref("fact_waiting_list") }}

)

select
    wait_snapshot_event_id,
    wait_duration_hours,
    {{ seconds_between("requested_at", "snapshot_at") }} / cast(3600 as {{ type_double() }}) as hours_between
from waiting_list
where
    abs(wait_duration_hours - {{ seconds_between("requested_at", "snapshot_at") }} / cast(3600 as {{ type_double() }}))
    > 0.0051
