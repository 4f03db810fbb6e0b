{#- Stops before a warehouse that this project did not make, or made in another layout, is touched; marks a new one. -#}
{% macro guard_warehouse() %}
    {{ adapter.dispatch("guard_warehouse")() }}
{% endmacro %}

{% macro duckdb__guard_warehouse() %}
    {% set layout = warehouse_layout() %}
    {% set known = run_query(
        "select count(*) filter (where table_schema = 'landing' and table_name = 'warehouse_layout'), count(*) "
        ~ "from information_schema.tables where table_catalog = current_database()"
    ).rows[0] %}
    {% if known[0] == 0 and known[1] > 0 %}
        {% do exceptions.raise_compiler_error(
            "The database holds tables that are not Wardhouse's: choose another file with WARDHOUSE_DUCKDB"
        ) %}
    {% endif %}
    {% if known[0] == 0 %}
        {% do run_query("create schema if not exists landing") %}
        {% do run_query("create table landing.warehouse_layout as select " ~ layout ~ " as layout") %}
    {% else %}
        {% set found = run_query("select layout from landing.warehouse_layout").rows[0][0] %}
        {% if found != layout %}
            {% do exceptions.raise_compiler_error(
                "The warehouse has layout " ~ found ~ " and this version makes layout " ~ layout
                ~ ": delete the file and build again; the lake has everything"
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- Raised by one when a change needs the warehouse to be built anew. -#}
{% macro warehouse_layout() %}{{ return(1) }}{% endmacro %}
