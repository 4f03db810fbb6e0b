-- How many rows are in each dimension, fact and mart?
{%- set relations = [
    "core.dim_facility", "core.dim_department", "core.dim_patient", "core.dim_robot", "core.dim_surgeon",
    "core.dim_date", "core.dim_time", "core.fact_admissions", "core.fact_discharges", "core.fact_waiting_list",
    "core.fact_department_occupancy", "core.fact_encounters", "core.fact_vitals", "core.fact_labs", "core.fact_notes",
    "core.fact_procedures", "core.fact_procedure_telemetry", "core.fact_robot_maintenance",
    "operations.waiting_time_percentiles", "operations.bed_utilisation", "operations.queue_growth",
    "operations.pressure_validation", "clinical.deterioration", "clinical.lab_turnaround", "clinical.length_of_stay",
    "clinical.readmissions", "clinical.clinical_validation", "robotics.robot_utilization",
    "robotics.surgeon_performance", "robotics.facility_performance", "robotics.procedure_outcomes",
    "robotics.daily_procedure_volume", "robotics.telemetry_system_health", "robotics.theatre_flow",
    "robotics.robotics_validation",
] %}
with counted as (

    {% for relation in relations %}
        select
            cast('{{ relation }}' as varchar(64)) as relation_name,
            cast(count(*) as bigint) as relation_rows
        from {{ ref(relation.split(".")[1]) }}
        {{ "union all" if not loop.last }}
    {% endfor %}

),

layered as (

    select
        relation_name,
        relation_rows,
        cast(
            case
                when relation_name like 'core.dim_%' then 1
                when relation_name like 'core.fact_%' then 2
                else 3
            end as integer
        ) as layer_order
    from counted

),

final as (

    select
        layer_order,
        cast(
            case layer_order when 1 then 'dimensions' when 2 then 'facts' else 'marts' end as varchar(16)
        ) as layer_name,
        relation_name,
        relation_rows,
        cast(sum(relation_rows) over (partition by layer_order) as bigint) as layer_rows
    from layered

)

select * from final
order by layer_order, relation_name
