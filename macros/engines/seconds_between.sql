{#- Whole seconds from one timestamp to a later one, as a bigint. -#}
{% macro seconds_between(earlier, later) -%}
    {{ adapter.dispatch("seconds_between")(earlier, later) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, "second") }} as bigint)
{%- endmacro %}
