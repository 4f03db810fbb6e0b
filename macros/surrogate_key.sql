{#-
    The key of a row: md5 over its parts, each with its length before it, so that no two lists of parts are one text.
    Parts are texts, whole numbers, dates or times, never doubles; a missing part is `~`.
-#}
{% macro surrogate_key(parts) -%}
    {%- set texts = [] -%}
    {%- for part in parts -%}
        {%- set text = "cast(" ~ part ~ " as " ~ dbt.type_string() ~ ")" -%}
        {%- do texts.append(
            "coalesce(cast(" ~ dbt.length(text) ~ " as " ~ dbt.type_string() ~ ") || ':' || " ~ text ~ ", '~')"
        ) -%}
    {%- endfor -%}
    {{ dbt.hash(texts | join(" || '|' || ")) }}
{%- endmacro %}

{#- The key of a dimension's unknown member, which facts get where nothing is known as of their time. -#}
{% macro unknown_key() -%}
    {{ surrogate_key(["'unknown'"]) }}
{%- endmacro %}
