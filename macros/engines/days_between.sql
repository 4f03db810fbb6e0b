{#- Days from one date to another: how many midnights lie between them. -#}
{% macro days_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, "day") }} as integer)
{%- endmacro %}
