{#-
    One row a figure, (metric, simulated_value), from a relation of one row that holds them side by side. The relation is
    named once: ClickHouse works a CTE out anew wherever it is named.
-#}
{% macro figures(relation, metrics) %}
    select
        cast(names.metric as varchar(48)) as metric,
        case names.metric
            {% for metric in metrics %}
            when '{{ metric }}' then cast({{ relation }}.{{ metric }} as {{ type_double() }})
            {% endfor %}
        end as simulated_value
    from {{ relation }}
    cross join (
        {% for metric in metrics %}
        select '{{ metric }}' as metric
        {{ "union all" if not loop.last }}
        {% endfor %}
    ) as names
{% endmacro %}

{#- The share of rows for which a condition holds, as a double. -#}
{% macro share_where(condition) -%}
    avg(cast(case when {{ condition }} then 1 else 0 end as {{ type_double() }}))
{%- endmacro %}

{#- One number over another as a double; nothing where the second is zero. -#}
{% macro ratio(part, whole) -%}
    {{ part }} / nullif(cast({{ whole }} as {{ type_double() }}), 0)
{%- endmacro %}
