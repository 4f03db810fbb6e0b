{#- Makes the relations that sources name, from what the lake's manifest says is staged. Runs before anything else. -#}
{% macro prepare_landing() %}
    {% if execute and flags.WHICH in ("build", "run", "test", "snapshot", "show", "clone") %}
        {{ guard_warehouse() }}
        {% set staged = staged_files() %}
        {% do adapter.create_schema(api.Relation.create(database=target.database, schema="landing")) %}
        {% for source in graph.sources.values() | selectattr("schema", "equalto", "landing") %}
            {% do run_query(landing_relation(source, staged.get(source.name, []))) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#- Files by entity, in order of partitions: {"admissions": ["<path>", …]}. -#}
{% macro staged_files() %}
    {{ return(adapter.dispatch("staged_files")()) }}
{% endmacro %}

{% macro duckdb__staged_files() %}
    {% set manifest = var("lake") ~ "/staging/manifest.json" %}
    {% if run_query("select count(*) from glob('" ~ manifest ~ "')").rows[0][0] == 0 %}
        {% do exceptions.raise_compiler_error(
            "Nothing is staged in " ~ var("lake") ~ ": run `wardhouse generate` and `wardhouse stage` first, "
            ~ "or `wardhouse run` for everything"
        ) %}
    {% endif %}
    {% set rows = run_query(
        "select part.entity, part.data.key from ("
        ~ "select unnest(partitions) as part from read_json('" ~ manifest ~ "', maximum_object_size = 1073741824)"
        ~ ") where part.data is not null order by part.entity, part.partition"
    ).rows %}
    {% set files = {} %}
    {% for row in rows %}
        {% do files.setdefault(row[0], []).append(var("lake") ~ "/" ~ row[1]) %}
    {% endfor %}
    {{ return(files) }}
{% endmacro %}

{#- The statement that makes the relation of a source from its staged files; without files, an empty one. -#}
{% macro landing_relation(source, files) %}
    {{ return(adapter.dispatch("landing_relation")(source, files)) }}
{% endmacro %}

{% macro duckdb__landing_relation(source, files) %}
    create or replace view landing.{{ source.name }} as
    {% if files %}
    select * from read_parquet(['{{ files | join("', '") }}'], hive_partitioning = false)
    {% else %}
    select
        {% for column in source.columns.values() %}
        cast(null as {{ column.data_type }}) as {{ column.name }}{{ "," if not loop.last }}
        {% endfor %}
    where false
    {% endif %}
{% endmacro %}
