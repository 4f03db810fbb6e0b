{#- Stops before a warehouse that this project did not make, or made in another layout, is touched; marks a new one. -#}
{% macro guard_warehouse() %}
    {% set schemas = ["landing"] %}
    {% for node in graph.nodes.values() if node.resource_type in ("model", "seed", "snapshot") %}
        {% if node.schema not in schemas %}{% do schemas.append(node.schema) %}{% endif %}
    {% endfor %}
    {% set known = run_query(adapter.dispatch("tables_in")(schemas)).rows[0] %}
    {% if known[0] == 0 and known[1] > 0 %}
        {% do exceptions.raise_compiler_error(
            "The database holds tables that are not Wardhouse's: choose another with " ~ place_variable()
        ) %}
    {% endif %}
    {% set layout = warehouse_layout() %}
    {% if known[0] == 0 %}
        {% do adapter.create_schema(api.Relation.create(database=target.database or "", schema="landing")) %}
        {% do run_query(adapter.dispatch("layout_table")(layout)) %}
    {% else %}
        {% set found = run_query("select layout from landing.warehouse_layout").rows[0][0] %}
        {% if found != layout %}
            {% do exceptions.raise_compiler_error(
                "The warehouse has layout " ~ found ~ " and this version makes layout " ~ layout
                ~ ": delete it and build again; the lake has everything"
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- Raised by one when a change needs the warehouse to be built anew. -#}
{% macro warehouse_layout() %}{{ return(2) }}{% endmacro %}

{#- How many tables there are: landing.warehouse_layout, and any in what is ours; in a DuckDB file, all is ours. -#}
{% macro default__tables_in(schemas) %}
    select
        coalesce(sum(case when table_schema = 'landing' and table_name = 'warehouse_layout' then 1 else 0 end), 0),
        count(*)
    from information_schema.tables
    where table_schema in ('{{ schemas | join("', '") }}')
{% endmacro %}

{% macro duckdb__tables_in(schemas) %}
    select
        count(*) filter (where table_schema = 'landing' and table_name = 'warehouse_layout'),
        count(*)
    from information_schema.tables
    where table_catalog = current_database()
{% endmacro %}

{% macro clickhouse__tables_in(schemas) %}
    select
        countIf(database = 'landing' and name = 'warehouse_layout'),
        count()
    from system.tables
    where database in ('{{ schemas | join("', '") }}')
{% endmacro %}

{% macro default__layout_table(layout) %}
    create table landing.warehouse_layout as select {{ layout }} as layout
{% endmacro %}

{% macro clickhouse__layout_table(layout) %}
    create table landing.warehouse_layout {{ on_cluster_clause(this) }} engine = MergeTree order by layout
    as select {{ layout }} as layout
{% endmacro %}

{#- Which setting chooses another place for the warehouse. -#}
{% macro place_variable() %}
    {{ return(adapter.dispatch("place_variable")()) }}
{% endmacro %}

{% macro duckdb__place_variable() %}{{ return("WARDHOUSE_DUCKDB") }}{% endmacro %}

{% macro clickhouse__place_variable() %}{{ return("WARDHOUSE_CLICKHOUSE_HOST") }}{% endmacro %}

{% macro redshift__place_variable() %}{{ return("WARDHOUSE_REDSHIFT_DATABASE") }}{% endmacro %}

{#- Stops where an engine, or how it is set up, would give other answers. -#}
{% macro guard_engine() %}
    {{ adapter.dispatch("guard_engine")() }}
{% endmacro %}

{% macro default__guard_engine() %}{% endmacro %}

{#- Old versions cut dates off at 2299 or earlier; without the profile's settings, a join that misses gives 0 or ''. -#}
{% macro clickhouse__guard_engine() %}
    {% set found = run_query(
        "select toString(cast('9999-12-31' as DateTime64(6, 'UTC'))), b.x is null, version() "
        ~ "from (select 1 as k) as a left join (select 2 as k, 3 as x) as b on a.k = b.k"
    ).rows[0] %}
    {% if not found[0].startswith("9999-12-31") %}
        {% do exceptions.raise_compiler_error(
            "ClickHouse " ~ found[2] ~ " cuts dates off before 9999: use a newer one; 26.9 is known to do"
        ) %}
    {% endif %}
    {% if not found[1] %}
        {% do exceptions.raise_compiler_error(
            "ClickHouse joins without nulls: the profile needs custom_settings as in profiles.yml"
        ) %}
    {% endif %}
{% endmacro %}
