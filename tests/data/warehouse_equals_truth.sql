-- every row and every sum that the simulator says it emitted, by entity and day; nothing to compare without a ledger
with ledger as (

    select * from {{ ref("stg_operations__truth_ledger") }}
    where measure <> 'duplicates' and measure not like 'fault.%'

),

admissions as (

    select * from {{ ref("fact_admissions") }}

),

discharges as (

    select * from {{ ref("fact_discharges") }}

),

waiting_list as (

    select * from {{ ref("fact_waiting_list") }}

),

occupancy as (

    select * from {{ ref("fact_department_occupancy") }}

),

facilities as (

    select * from {{ ref("stg_operations__facilities") }}

),

departments as (

    select * from {{ ref("stg_operations__departments") }}

),

patients as (

    select * from {{ ref("stg_operations__patients") }}

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
        ("admissions", "admissions", "admission_date"): {
            "rows": "1",
            "wait_seconds": "cast(round(wait_minutes * 60) as bigint)",
            "electives": "case when is_emergency then 0 else 1 end",
        },
        ("discharges", "discharges", "discharge_date"): {
            "rows": "1",
            "stay_seconds": "cast(round(stay_hours * 3600) as bigint)",
            "delay_days": "coalesce(delay_days, 0)",
            "deaths": "case when is_death then 1 else 0 end",
        },
        ("waiting_list", "wait_snapshots", "snapshot_date"): {
            "rows": "1",
            "wait_hundredths": "cast(round(wait_duration_hours * 100) as bigint)",
        },
        ("occupancy", "dep_snapshots", "snapshot_date"): {
            "rows": "1",
            "beds": "staffed_beds",
            "capacity": "capacity_beds",
            "occupied_beds": "occupied_beds",
            "waiting_list_size": "waiting_patients",
        },
        ("facilities", "facilities", "extract_date"): {"rows": "1"},
        ("departments", "departments", "extract_date"): {"rows": "1"},
        ("patients", "patients", "extract_date"): {"rows": "1"},
    } %}
    {% for place, sums in measures.items() %}
        {% set is_last_place = loop.last %}
        {% for measure, expression in sums.items() %}
            select
                '{{ place[1] }}' as entity,
                {{ place[2] }} as event_date,
                '{{ measure }}' as measure,
                sum({{ expression }}) as total
            from {{ place[0] }}
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
