{#- Days from one date to another: how many midnights lie between them. -#}
{% macro days_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, "day") }} as integer)
{%- endmacro %}

{#- Whole seconds from one timestamp to a later one, as a bigint. -#}
{% macro seconds_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, "second") }} as bigint)
{%- endmacro %}
