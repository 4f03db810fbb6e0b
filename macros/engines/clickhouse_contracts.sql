{#-
    Contracts on ClickHouse. Models say their types once, in words that every engine has; here they become ClickHouse's,
    without nulls where a not_null test says so, which is what keys to sort by need.
-#}

{% macro clickhouse__get_assert_columns_equivalent(sql) -%}
    {%- set promised = {} -%}
    {%- for column in model.columns.values() -%}
        {%- do promised.update({column.name: type_of(column.data_type, true)}) -%}
    {%- endfor -%}
    {%- set found = {} -%}
    {%- for column in adapter.get_column_schema_from_query(sql, query_settings=config.get("query_settings", {})) -%}
        {%- do found.update({column.name: column.dtype}) -%}
    {%- endfor -%}
    {%- if promised != found -%}
        {%- do exceptions.raise_contract_error(as_columns(promised), as_columns(found)) -%}
    {%- endif -%}
{%- endmacro %}

{% macro as_columns(types) -%}
    {%- set columns = [] -%}
    {%- for name, type in types.items() -%}
        {%- do columns.append({"name": name, "data_type": type}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{% macro clickhouse__get_table_columns_and_constraints() -%}
    {%- set required = required_columns(model.unique_id) -%}
    (
        {% for column in model.columns.values() %}
        {{ column.name }} {{ type_of(column.data_type, column.name in required) }}{{ "," if not loop.last }}
        {% endfor %}
    )
{%- endmacro %}

{#- The columns of a node that a not_null test stands over. -#}
{% macro required_columns(unique_id) -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == "test" and node.attached_node == unique_id -%}
        {%- if node.test_metadata.name == "not_null" and not node.config.where -%}
            {%- do names.append(node.column_name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{#- Seeds, with their types in the same words; an empty cell is null. -#}
{% macro clickhouse__create_csv_table(model, agate_table) %}
    {% set types = model.config.column_types %}
    {% set sql %}
        create table {{ this }} {{ on_cluster_clause(this) }} (
            {% for name in agate_table.column_names %}
            {{ name }} {{ type_of(types[name]) }}{{ "," if not loop.last }}
            {% endfor %}
        )
        {{ engine_clause() }}
        order by tuple()
    {% endset %}
    {% call statement("_") %}{{ sql }}{% endcall %}
    {{ return(sql) }}
{% endmacro %}
