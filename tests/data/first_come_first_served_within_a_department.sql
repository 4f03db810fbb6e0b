-- nobody gets a bed before someone who asked the same department earlier, whatever the admission method
with admissions as (

    select * from {{ ref("fact_admissions") }}

),

in_order_of_requests as (

    select
        department_id,
        admission_event_id,
        requested_at,
        admitted_at,
        max(admitted_at) over (
            partition by department_id
            order by requested_at, admitted_at
            rows between unbounded preceding and 1 preceding
        ) as latest_admission_before_at
    from admissions

)

select *
from in_order_of_requests
where latest_admission_before_at > admitted_at
