{#- The interpolated percentile (R-7, as PERCENTILE_CONT) of a number, as a double; nulls do not count. -#}
{% macro percentile(expression, share) -%}
    {{ adapter.dispatch("percentile")(expression, share) }}
{%- endmacro %}

{% macro default__percentile(expression, share) -%}
    percentile_cont({{ share }}) within group (order by cast({{ expression }} as double precision))
{%- endmacro %}

{#- quantile_cont of a decimal would be a decimal, rounded. -#}
{% macro duckdb__percentile(expression, share) -%}
    quantile_cont(cast({{ expression }} as double), {{ share }})
{%- endmacro %}

{#- ClickHouse's plain `quantile` is of a sample. -#}
{% macro clickhouse__percentile(expression, share) -%}
    quantileExactInclusive({{ share }})(cast({{ expression }} as Float64))
{%- endmacro %}
