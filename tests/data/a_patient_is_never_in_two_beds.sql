with stays as (

    select * from {{ ref("int_stays") }}
    where admitted_at is not null

),

in_order as (

    select
        patient_id,
        encounter_id,
        admitted_at,
        {{ lag("coalesce(discharged_at, cast('9999-12-31' as " ~ type_timestamp() ~ "))") }} over (
            partition by patient_id order by admitted_at, encounter_id
        ) as left_bed_before_at
    from stays

)

select *
from in_order
where left_bed_before_at > admitted_at
