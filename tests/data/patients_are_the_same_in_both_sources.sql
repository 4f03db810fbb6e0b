with told as (

    select
        patient_id,
        nhs_number,
        sex,
        date_of_birth,
        blood_group
    from {{ ref("stg_operations__patients") }}
    union
    select
        patient_id,
        nhs_number,
        sex,
        date_of_birth,
        blood_group
    from {{ ref("stg_clinical__patients") }}

)

select patient_id
from told
group by patient_id
having count(*) > 1
