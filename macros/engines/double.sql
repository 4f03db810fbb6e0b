{#- The type of a double, for casts. -#}
{% macro type_double() -%}
    {{ adapter.dispatch("type_double")() }}
{%- endmacro %}

{% macro default__type_double() -%} double precision {%- endmacro %}

{% macro duckdb__type_double() -%} double {%- endmacro %}
