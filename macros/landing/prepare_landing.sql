{#- Makes the relations that sources name, from what the lake's manifest says is staged. Runs before anything else. -#}
{% macro prepare_landing() %}
    {% if execute and flags.WHICH in ("build", "run", "test", "snapshot", "show", "clone") %}
        {{ guard_engine() }}
        {{ guard_warehouse() }}
        {% set staged = staged_files() %}
        {% do adapter.create_schema(api.Relation.create(database=target.database or "", schema="landing")) %}
        {% for source in graph.sources.values() | selectattr("schema", "equalto", "landing") %}
            {{ land(source, staged.get(source.name, [])) }}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#- What there is of an entity becomes its landing relation: a view over its files, or a table that they fill. -#}
{% macro land(source, files) %}
    {{ adapter.dispatch("land")(source, files) }}
{% endmacro %}

{% macro duckdb__land(source, files) %}
    {% set places = [] %}
    {% for file in files %}{% do places.append(lake_uri(file.key)) %}{% endfor %}
    {% set rows = "select * from read_parquet(['" ~ places | join("', '") ~ "'], hive_partitioning = false)" %}
    {{ land_as_view(source, rows if files else no_rows(source)) }}
{% endmacro %}

{% macro land_as_view(source, rows) %}
    {% do run_query("create or replace view landing." ~ source.name ~ " as " ~ rows) %}
{% endmacro %}

{#- A select of an entity's columns, and of no row. -#}
{% macro no_rows(source) %}
    select
        {% for column in source.columns.values() %}
        cast(null as {{ type_of(column.data_type) }}) as {{ column.name }}{{ "," if not loop.last }}
        {% endfor %}
    where false
{% endmacro %}

{#-
    What the manifest says is staged: by entity, in order of partitions, dictionaries with the partition, the key of its
    file and its rows.
-#}
{% macro staged_files() %}
    {% set rows = adapter.dispatch("manifest_rows")() %}
    {% if not rows %}
        {{ nothing_staged() }}
    {% endif %}
    {% set files = {} %}
    {% for row in rows if row[2] %}
        {% do files.setdefault(row[0], []).append({"partition": row[1], "key": row[2], "rows": row[3] | int}) %}
    {% endfor %}
    {{ return(files) }}
{% endmacro %}

{% macro duckdb__manifest_rows() %}
    {% set manifest = lake_uri("staging/manifest.json") %}
    {% if run_query("select count(*) from glob('" ~ manifest ~ "')").rows[0][0] == 0 %}
        {{ nothing_staged() }}
    {% endif %}
    {{ return(run_query(
        "select entity, partition, data.key, data.rows from read_json('" ~ manifest ~ "', format = 'newline_delimited', "
        ~ "maximum_object_size = 16777216, columns = {entity: 'varchar', partition: 'varchar', "
        ~ "data: 'struct(key varchar, rows bigint)'}) order by entity, partition"
    ).rows) }}
{% endmacro %}

{% macro nothing_staged() %}
    {% do exceptions.raise_compiler_error(
        "Nothing is staged in " ~ var("lake") ~ ": run `wardhouse generate` and `wardhouse stage` first, "
        ~ "or `wardhouse run` for everything"
    ) %}
{% endmacro %}

{#- Where an object of the lake is: an s3:// address, or a path. -#}
{% macro lake_uri(key) -%}
    {{ return(var("lake") ~ "/" ~ key) }}
{%- endmacro %}
