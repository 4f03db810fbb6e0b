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

{#- What a simulated figure is beside the published band; `published`, `simulated` and `span` are relations joined, the
    first two with the number of rows that it takes and that there are, unless they are not counted. -#}
{% macro verdict(is_counted=true) -%}
    cast(
        case
            when span.days < published.minimum_days then 'too little data'
            {% if is_counted -%}
            when coalesce(simulated.row_count, 0) < published.minimum_rows then 'too little data'
            {% endif -%}
            when simulated.simulated_value is null then 'no data'
            when simulated.simulated_value < published.lowest then 'below'
            when simulated.simulated_value > published.highest then 'above'
            else 'agrees'
        end as varchar(16)
    )
{%- endmacro %}
