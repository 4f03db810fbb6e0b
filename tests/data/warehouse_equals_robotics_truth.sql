-- every row and every sum that the simulator says it wrote, by entity and day; nothing to compare without a ledger
with ledger as (

    select * from {{ ref("stg_robotics__truth_ledger") }}
    where measure <> 'duplicates' and measure not like 'fault.%'

),

truth as (

    select
        entity,
        event_date,
        measure,
        sum(total) as total
    from ledger
    group by entity, event_date, measure

),

-- relations are named where they are read: DuckDB would hold telemetry for being named twice
warehouse as (

    {% set told = "cast(updated_at as " ~ type_date() ~ ")" %}
    {# written when it was over, or called off before it began #}
    {% set written = "cast(coalesce(ended_at, started_at) as " ~ type_date() ~ ")" %}
    {% set measures = {
        ("stg_robotics__facilities", "surgical_facilities", told): {"rows": "1"},
        ("stg_robotics__surgeons", "surgeons", told): {"rows": "1"},
        ("stg_robotics__robots", "surgical_robots", told): {"rows": "1"},
        ("fact_procedures", "surgical_procedures", written): {
            "rows": "1",
            "minutes": "coalesce(duration_minutes, 0)",
            "cancelled": "case when is_cancelled then 1 else 0 end",
        },
        ("stg_robotics__procedure_outcomes", "procedure_outcomes", told): {"rows": "1", "blood_loss_ml": "coalesce(blood_loss_ml, 0)"},
        ("fact_robot_maintenance", "robot_maintenance_logs", written): {
            "rows": "1",
            "cost_pence": "cast(cost_gbp * 100 as bigint)",
        },
        ("fact_procedure_telemetry", "procedure_telemetry", "sample_date"): {
            "rows": "1",
            "force_hundredths": "cast(round(force_n * 100) as bigint)",
        },
    } %}
    {% for place, sums in measures.items() %}
        {% set is_last_place = loop.last %}
        {% for measure, expression in sums.items() %}
            select
                '{{ place[1] }}' as entity,
                {{ place[2] }} as event_date,
                '{{ measure }}' as measure,
                sum({{ expression }}) as total
            from {{ ref(place[0]) }}
            group by {{ place[2] }}
            {{ "union all" if not (is_last_place and loop.last) }}
        {% endfor %}
    {% endfor %}

)

select
    coalesce(truth.entity, warehouse.entity) as entity,
    coalesce(truth.event_date, warehouse.event_date) as event_date,
    coalesce(truth.measure, warehouse.measure) as measure,
    truth.total as true_total,
    warehouse.total as warehouse_total
from truth
full outer join warehouse
    on
        truth.entity = warehouse.entity
        and truth.event_date = warehouse.event_date
        and truth.measure = warehouse.measure
where
    coalesce(truth.total, 0) <> coalesce(warehouse.total, 0)
    and (select count(*) from ledger) > 0
