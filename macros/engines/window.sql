{#- The value in the next row of a window, nothing in the last row. -#}
{% macro lead(expression) -%} {{ adapter.dispatch("lead")(expression) }} {%- endmacro %}
{% macro default__lead(expression) -%} lead({{ expression }}) {%- endmacro %}
{#- Beyond the window, ClickHouse gives a type's default, 1970 or 0, unless the type holds nulls. -#}
{% macro clickhouse__lead(expression) -%} lead(toNullable({{ expression }})) {%- endmacro %}

{#- The value in the row before, nothing in the first row. -#}
{% macro lag(expression) -%} {{ adapter.dispatch("lag")(expression) }} {%- endmacro %}
{% macro default__lag(expression) -%} lag({{ expression }}) {%- endmacro %}
{% macro clickhouse__lag(expression) -%} lag(toNullable({{ expression }})) {%- endmacro %}
