{#- The end of a query: rows of one CTE that another one lacks, either way. It follows the comma after the last CTE. -#}
{% macro differences(one, other) %}
    missing as (
        select * from {{ one }}
        except
        select * from {{ other }}
    ),

    invented as (
        select * from {{ other }}
        except
        select * from {{ one }}
    )

    select * from missing
    union all
    select * from invented
{% endmacro %}
