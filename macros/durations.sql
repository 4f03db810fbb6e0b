{#- Days from one date to another: how many midnights lie between them. -#}
{% macro days_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, "day") }} as integer)
{%- endmacro %}

{#- Whole seconds from one timestamp to a later one, as a bigint. -#}
{% macro seconds_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, "second") }} as bigint)
{%- endmacro %}

{#- Whole years from a date of birth to a later day: birthdays that have come, that of 29 February on 1 March. -#}
{% macro age_years(date_of_birth, day) -%}
    cast(
        extract(year from {{ day }}) - extract(year from {{ date_of_birth }})
        - case
            when
                extract(month from {{ day }}) * 100 + extract(day from {{ day }})
                < extract(month from {{ date_of_birth }}) * 100 + extract(day from {{ date_of_birth }})
                then 1
            else 0
        end as integer
    )
{%- endmacro %}
