with admissions as (

    select * from {{ ref("stg_operations__admissions") }}

)

select
    patient_id,
    admission_date
from admissions
group by patient_id, admission_date
having count(*) > 1
