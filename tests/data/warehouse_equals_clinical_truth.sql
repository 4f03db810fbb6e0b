-- every row and every sum that the simulator says it wrote, by entity and batch; nothing to compare without a ledger
with ledger as (

    select * from {{ ref("stg_clinical__truth_ledger") }}
    where measure <> 'duplicates' and measure not like 'fault.%'

),

patients as (

    select * from {{ ref("stg_clinical__patients") }}

),

encounters as (

    select * from {{ ref("fact_encounters") }}

),

vitals as (

    select * from {{ ref("fact_vitals") }}

),

labs as (

    select * from {{ ref("fact_labs") }}

),

notes as (

    select * from {{ ref("fact_notes") }}

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

warehouse as (

    {% set measures = {
        ("patients", "clinical_patients"): {"rows": "1"},
        ("encounters", "encounters"): {
            "rows": "1",
            "stay_seconds": "cast(round(stay_hours * 3600) as bigint)",
            "deaths": "case when is_death then 1 else 0 end",
        },
        ("vitals", "vitals"): {
            "rows": "1",
            "heart_rate": "heart_rate",
            "temperature_tenths": "cast(round(temperature_celsius * 10) as bigint)",
        },
        ("labs", "labs"): {"rows": "1", "abnormal": "case when is_abnormal then 1 else 0 end"},
        ("notes", "notes"): {"rows": "1", "characters": "character_count"},
    } %}
    {% for place, sums in measures.items() %}
        {% set is_last_place = loop.last %}
        {% for measure, expression in sums.items() %}
            select
                '{{ place[1] }}' as entity,
                batch_date as event_date,
                '{{ measure }}' as measure,
                sum({{ expression }}) as total
            from {{ place[0] }}
            group by batch_date
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
