{#- How ClickHouse sees the lake: views over file(), s3(), or on a cluster s3Cluster(). -#}

{% macro clickhouse__land(source, files) %}
    {% set columns = [] %}
    {% for column in source.columns.values() %}
        {% do columns.append(column.name ~ " " ~ type_of(column.data_type)) %}
    {% endfor %}
    {% set keys = files | map(attribute="key") | list %}
    {% set pattern = keys | first if keys | length == 1 else "{" ~ keys | join(",") ~ "}" %}
    {#- folders such as event_date=2024-02 are no columns -#}
    {% set rows = "select * from " ~ clickhouse_reader(pattern, "Parquet", columns | join(", "))
        ~ " settings use_hive_partitioning = 0" if files %}
    {{ land_as_view(source, rows if files else no_rows(source)) }}
{% endmacro %}

{% macro clickhouse__manifest_rows() %}
    {% set manifest = clickhouse_reader("staging/manifest.jso{n}", "JSONAsString", "line String") %}
    {{ return(run_query(
        "select JSONExtractString(line, 'entity') as entity, JSONExtractString(line, 'partition') as name, "
        ~ "JSONExtractString(line, 'data', 'key') as file, JSONExtractInt(line, 'data', 'rows') as row_count from "
        ~ manifest ~ " order by entity, name"
    ).rows) }}
{% endmacro %}

{#- A table function over objects of the lake; `pattern` is a key, or several as {one,another}. -#}
{% macro clickhouse_reader(pattern, format, columns) -%}
    {%- set lake = var("lake") -%}
    {%- set arguments = "'" ~ format ~ "', '" ~ columns.replace("'", "\\'") ~ "'" -%}
    {%- if lake.startswith("s3://") -%}
        {%- set endpoint = env_var("AWS_ENDPOINT_URL_S3", env_var("AWS_ENDPOINT_URL", "")) -%}
        {%- set place = endpoint.rstrip("/") ~ "/" ~ lake[5:] if endpoint else lake -%}
        {%- set cluster = env_var("WARDHOUSE_CLICKHOUSE_CLUSTER", "") -%}
        {{ "s3Cluster('" ~ cluster ~ "', " if cluster else "s3(" }}'{{ place }}/{{ pattern }}', {{ arguments }})
    {%- else -%}
        {%- set place = lake if lake.startswith("/") else env_var("PWD", ".") ~ "/" ~ lake -%}
        file('{{ place }}/{{ pattern }}', {{ arguments }})
    {%- endif -%}
{%- endmacro %}
