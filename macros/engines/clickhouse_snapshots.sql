{#-
    The table that a snapshot is put together in. A run that died before its exchange leaves it behind, and the adapter
    would add to it: rows of the dead run would come back as current versions.
-#}
{% macro clickhouse__snapshot_merge_sql(target, source, insert_cols) -%}
    {%- do adapter.drop_relation(target.derivative("__snapshot_upsert")) -%}
    {{ return(dbt.clickhouse__snapshot_merge_sql(target, source, insert_cols)) }}
{%- endmacro %}

{#- Times of versions are of the type that models have; the adapter's now() is of whole seconds. -#}
{% macro clickhouse__snapshot_get_time() -%} now64(6, 'UTC') {%- endmacro %}
