{#-
    One row a figure, (metric, simulated_value), from a relation of one row that holds them side by side; with `counted`,
    its column of how many rows they are of, a row_count too. The relation is named once: ClickHouse works a CTE out anew
    wherever it is named.
-#}
{% macro figures(relation, metrics, counted=none) %}
    select
        cast(names.metric as varchar(48)) as metric,
        {% if counted is not none %}
        cast({{ relation }}.{{ counted }} as bigint) as row_count,
        {% endif %}
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
