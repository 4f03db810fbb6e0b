{#-
    A type 2 dimension, made from dbt's snapshot, holds the versions that window functions find in the extracts. Of what
    was told twice, the first counts by `told_by`.
-#}
{% test history_as_extracted(model, extracts, entity, attributes, told_by="extract_date") %}
    {%- set columns = [entity] + attributes %}
    with dimension as (
        select {{ columns | join(", ") }}, effective_date, expiration_date
        from {{ model }}
        where {{ entity }} <> 'unknown'
    ),

    told_first as (
        select
            *,
            row_number() over (partition by {{ entity }}, updated_at order by {{ told_by }}) as telling
        from {{ extracts }}
    ),

    in_order as (
        select
            *,
            {{ lead("updated_at") }} over (partition by {{ entity }} order by updated_at) as next_updated_at
        from told_first
        where telling = 1
    ),

    rebuilt as (
        select
            {{ columns | join(", ") }},
            updated_at as effective_date,
            coalesce(next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date
        from in_order
        where not is_deleted
    ),

    {{ differences("rebuilt", "dimension") }}
{% endtest %}
