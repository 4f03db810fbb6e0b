{#- The key of a day in dim_date, such as 20240229. -#}
{% macro date_key(day) -%}
    cast(
        extract(year from {{ day }}) * 10000 + extract(month from {{ day }}) * 100 + extract(day from {{ day }})
        as integer
    )
{%- endmacro %}

{#- The key of a moment's minute in dim_time: minutes since midnight. -#}
{% macro time_key(moment) -%}
    cast(extract(hour from {{ moment }}) * 60 + extract(minute from {{ moment }}) as integer)
{%- endmacro %}
