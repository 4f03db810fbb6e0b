{#- A timestamp as text, to the microsecond: 2024-02-29 23:59:59.000000. Engines' own casts differ in the fraction. -#}
{% macro timestamp_text(moment) -%} {{ adapter.dispatch("timestamp_text")(moment) }} {%- endmacro %}
{% macro default__timestamp_text(moment) -%} to_char({{ moment }}, 'YYYY-MM-DD HH24:MI:SS.US') {%- endmacro %}
{% macro duckdb__timestamp_text(moment) -%} strftime({{ moment }}, '%Y-%m-%d %H:%M:%S.%f') {%- endmacro %}
{% macro clickhouse__timestamp_text(moment) -%} toString({{ moment }}) {%- endmacro %}

{#- How dbt.length counts: ClickHouse's `length` counts bytes, everybody else's counts characters. -#}
{% macro clickhouse__length(expression) -%} lengthUTF8({{ expression }}) {%- endmacro %}

{#- Words of a text: what spaces, tabs and line breaks leave between them. -#}
{% macro word_count(expression) -%} {{ adapter.dispatch("word_count")(expression) }} {%- endmacro %}
{% macro default__word_count(expression) -%} regexp_count({{ expression }}, '[^[:space:]]+') {%- endmacro %}
{% macro duckdb__word_count(expression) -%} len(regexp_extract_all({{ expression }}, '[^[:space:]]+')) {%- endmacro %}
{% macro clickhouse__word_count(expression) -%} countMatches({{ expression }}, '[^[:space:]]+') {%- endmacro %}
