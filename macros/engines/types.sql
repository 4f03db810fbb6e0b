{#- Types for casts that engines name differently. Each keeps years from 1900 to 9999, times to the microsecond. -#}

{% macro type_double() -%} {{ adapter.dispatch("type_double")() }} {%- endmacro %}
{% macro default__type_double() -%} double precision {%- endmacro %}
{% macro clickhouse__type_double() -%} Float64 {%- endmacro %}

{% macro type_date() -%} {{ adapter.dispatch("type_date")() }} {%- endmacro %}
{% macro default__type_date() -%} date {%- endmacro %}
{#- ClickHouse's own `date` begins in 1970: patients do not. -#}
{% macro clickhouse__type_date() -%} Date32 {%- endmacro %}

{% macro type_timestamp() -%} {{ adapter.dispatch("type_timestamp")() }} {%- endmacro %}
{% macro default__type_timestamp() -%} timestamp {%- endmacro %}
{#- ClickHouse's own `timestamp` holds whole seconds up to 2106, in the server's time zone. -#}
{% macro clickhouse__type_timestamp() -%} DateTime64(6, 'UTC') {%- endmacro %}

{#-
    The type of a column as the contracts name it, in the words of the engine: varchar(n), integer, bigint, boolean,
    date, timestamp, double (precision), decimal(p,s). Where a column may be null matters to ClickHouse only.
-#}
{% macro type_of(data_type, is_required=false) -%}
    {{ adapter.dispatch("type_of")(data_type, is_required) }}
{%- endmacro %}

{% macro default__type_of(data_type, is_required) -%}
    {{ "double precision" if data_type == "double" else data_type }}
{%- endmacro %}

{% macro clickhouse__type_of(data_type, is_required) -%}
    {%- set names = {
        "integer": "Int32",
        "bigint": "Int64",
        "boolean": "Bool",
        "date": "Date32",
        "timestamp": "DateTime64(6, 'UTC')",
        "double": "Float64",
        "double precision": "Float64",
    } -%}
    {%- set name = "String" if data_type.startswith("varchar") else names.get(data_type, data_type) -%}
    {%- if data_type.startswith("decimal(") -%}
        {%- set name = "Decimal(" ~ data_type[8:-1].replace(" ", "").replace(",", ", ") ~ ")" -%}
    {%- endif -%}
    {{ name if is_required else "Nullable(" ~ name ~ ")" }}
{%- endmacro %}
