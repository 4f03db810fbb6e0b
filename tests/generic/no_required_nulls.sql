{#-
    No null in any column that a not_null test stands over: those tests in one query. `wardhouse run` asks this alone,
    plain dbt both.
-#}
{% test no_required_nulls(model) %}
{%- set names = [] -%}
{%- for node in (graph.nodes.values() if execute else []) if node.relation_name == model | string -%}
    {%- do names.extend(required_columns(node.unique_id)) -%}
{%- endfor -%}
{%- if execute and not names -%}
    {%- do exceptions.raise_compiler_error("no not_null test stands over any column of " ~ model) -%}
{%- endif %}
select *
from {{ model }}
where {% for name in names %}{{ name }} is null{{ " or " if not loop.last }}{% endfor %}
{% endtest %}
