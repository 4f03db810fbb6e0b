{% set pairs = {
    "fact_admissions": "stg_operations__admissions",
    "fact_discharges": "stg_operations__discharges",
    "fact_waiting_list": "stg_operations__wait_snapshots",
    "fact_department_occupancy": "stg_operations__dep_snapshots",
    "fact_encounters": "stg_clinical__encounters",
    "fact_vitals": "stg_clinical__vitals",
    "fact_labs": "stg_clinical__labs",
    "fact_notes": "stg_clinical__notes",
    "fact_procedures": "stg_robotics__procedures",
    "fact_procedure_telemetry": "stg_robotics__telemetry",
    "fact_robot_maintenance": "stg_robotics__maintenance_logs",
} %}
with totals as (

    {% for fact, staging in pairs.items() %}
        select
            '{{ fact }}' as fact,
            (select count(*) from {{ ref(fact) }}) as fact_rows,
            (select count(*) from {{ ref(staging) }}) as staged_rows
        {{ "union all" if not loop.last }}
    {% endfor %}

)

select *
from totals
where fact_rows <> staged_rows
