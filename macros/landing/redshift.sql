{#-
    How Redshift gets the lake: tables that COPY fills, each staged file once. The ledger of loaded files is kept in
    the same transaction, so that a run killed anywhere leaves both as they were.
-#}

{% macro redshift__manifest_rows() %}
    {% if not var("lake").startswith("s3://") %}
        {% do exceptions.raise_compiler_error(
            "Redshift reads from S3 only, and the lake is " ~ var("lake")
            ~ ": use a lake such as s3://bucket/prefix, or `wardhouse run --target redshift`"
        ) %}
    {% endif %}
    {% do adapter.create_schema(api.Relation.create(database=target.database or "", schema="landing")) %}
    {% do run_query("create table if not exists landing.manifest (line varchar(65535))") %}
    {% do run_query(
        "create table if not exists landing.loaded_files (entity varchar(64), partition_name varchar(16), "
        ~ "file_key varchar(512), row_count bigint, loaded_at timestamp)"
    ) %}
    {#- the manifest's lines have no tab: JSON writes it as \t -#}
    {% do run_query("begin") %}
    {% do run_query("delete from landing.manifest") %}
    {% do run_query(
        "copy landing.manifest from '" ~ lake_uri("staging/manifest.json") ~ "' " ~ redshift_access() ~ " delimiter '\\t'"
    ) %}
    {% do run_query("commit") %}
    {% set fields = ["'entity'", "'partition'", "'data', 'key'", "'data', 'rows'"] %}
    {% set columns = [] %}
    {% for field in fields %}
        {% do columns.append("json_extract_path_text(line, " ~ field ~ ") as field_" ~ loop.index) %}
    {% endfor %}
    {{ return(run_query(
        "select " ~ columns | join(", ") ~ " from landing.manifest order by field_1, field_2"
    ).rows) }}
{% endmacro %}

{% macro redshift__land(source, files) %}
    {% set table = "landing." ~ source.name %}
    {% set partition_column = source.config.meta.partition %}
    {% do run_query(redshift_landing_table(source, table, partition_column)) %}
    {% set loaded = {} %}
    {% for row in run_query(
        "select partition_name, file_key from landing.loaded_files where entity = '" ~ source.name ~ "'"
    ).rows %}
        {% do loaded.update({row[0]: row[1]}) %}
    {% endfor %}
    {% set named = {} %}
    {% for file in files %}
        {% do named.update({file.partition: file}) %}
    {% endfor %}
    {% for partition in loaded if partition not in named %}
        {{ redshift_load(source.name, table, partition_column, partition, none) }}
    {% endfor %}
    {% for partition, file in named.items() if loaded.get(partition) != file.key %}
        {{ redshift_load(source.name, table, partition_column, partition, file) }}
    {% endfor %}
{% endmacro %}

{% macro redshift_landing_table(source, table, partition_column) %}
    create table if not exists {{ table }} (
        {% for column in source.columns.values() %}
        {{ column.name }} {{ type_of(column.data_type) }}{{ "," if not loop.last }}
        {% endfor %}
    ) diststyle even sortkey ({{ partition_column }})
{% endmacro %}

{#- One partition: its old rows out, the rows of its file in, as many as the manifest says, and the ledger with them. -#}
{% macro redshift_load(entity, table, partition_column, partition, file) %}
    {% set span = redshift_span(partition) %}
    {% set within = partition_column ~ " >= '" ~ span[0] ~ "' and " ~ partition_column ~ " < '" ~ span[1] ~ "'" %}
    {% do run_query("begin") %}
    {% do run_query("delete from " ~ table ~ " where " ~ within) %}
    {% do run_query(
        "delete from landing.loaded_files where entity = '" ~ entity ~ "' and partition_name = '" ~ partition ~ "'"
    ) %}
    {% if file is not none %}
        {% do run_query(
            "copy " ~ table ~ " from '" ~ lake_uri(file.key) ~ "' " ~ redshift_access() ~ " format as parquet"
        ) %}
        {% do run_query(
            "insert into landing.loaded_files values ('" ~ entity ~ "', '" ~ partition ~ "', '" ~ file.key ~ "', "
            ~ file.rows ~ ", getdate())"
        ) %}
        {% set row_count = run_query("select count(*) from " ~ table ~ " where " ~ within).rows[0][0] %}
        {% if row_count != file.rows %}
            {% do run_query("rollback") %}
            {% do exceptions.raise_compiler_error(
                "COPY of " ~ file.key ~ " made " ~ row_count ~ " rows, and the manifest says " ~ file.rows
            ) %}
        {% endif %}
    {% endif %}
    {% do run_query("commit") %}
{% endmacro %}

{#- The first day of a partition such as 2024-02 or 2024-02-29, and the first one after it. -#}
{% macro redshift_span(partition) %}
    {% set day = modules.datetime.date.fromisoformat(partition if partition | length == 10 else partition ~ "-01") %}
    {% set after = day + modules.datetime.timedelta(days=1 if partition | length == 10 else 31) %}
    {{ return([day, after if partition | length == 10 else after.replace(day=1)]) }}
{% endmacro %}

{#- Who COPY reads S3 as: the cluster's default role, or the one that is named. -#}
{% macro redshift_access() -%}
    {%- set role = env_var("WARDHOUSE_REDSHIFT_IAM_ROLE", "default") -%}
    {{ return("iam_role " ~ (role if role == "default" else "'" ~ role ~ "'")) }}
{%- endmacro %}
