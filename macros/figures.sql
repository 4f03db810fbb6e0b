{#- One row a figure, (metric, simulated_value), from a relation that holds them side by side in one row. -#}
{% macro figures(relation, metrics) %}
    {% for metric in metrics %}
    select
        cast('{{ metric }}' as varchar(48)) as metric,
        cast({{ metric }} as {{ type_double() }}) as simulated_value
    from {{ relation }}
    {{ "union all" if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- The share of rows for which a condition holds, as a double. -#}
{% macro share_where(condition) -%}
    avg(cast(case when {{ condition }} then 1 else 0 end as {{ type_double() }}))
{%- endmacro %}

{#- One number over another as a double; nothing where the second is zero. -#}
{% macro ratio(part, whole) -%}
    {{ part }} / nullif(cast({{ whole }} as {{ type_double() }}), 0)
{%- endmacro %}
