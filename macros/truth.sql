{#-
    Where the warehouse and a truth ledger differ, by entity, day and measure; nothing where there is no ledger. `measures`
    says for each (relation, entity, day column) the measures that the ledger has of it, as expressions to sum. Relations
    are named where they are read: DuckDB would hold a CTE in memory for being named twice.
-#}
{% macro differences_from_truth(ledger, measures) %}
    with ledger as (

        select * from {{ ref(ledger) }}
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

    warehouse as (

        {% for (relation, entity, day), sums in measures.items() %}
            {% set is_last_relation = loop.last %}
            {% for measure, expression in sums.items() %}
                select
                    '{{ entity }}' as entity,
                    {{ day }} as event_date,
                    '{{ measure }}' as measure,
                    sum({{ expression }}) as total
                from {{ ref(relation) }}
                group by {{ day }}
                {{ "union all" if not (is_last_relation and loop.last) }}
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
{% endmacro %}
