{#-
    A type 2 dimension of two sources holds the versions that window functions find in both's extracts: one from each
    moment at which either says something, while either knows the entity, with what each said last up to then. `main`
    and `other` have extracts, told_by (the first by it counts), and attributes; an attribute of both is main's.
-#}
{% test merged_history_as_extracted(model, entity, main, other) %}
    {%- set sources = {"main": main, "other": other} %}
    {%- set shared = [] %}
    {%- for name in main.attributes if name in other.attributes %}{% do shared.append(name) %}{% endfor %}
    {%- set columns = [entity] + main.attributes %}
    {%- for name in other.attributes if name not in shared %}{% do columns.append(name) %}{% endfor %}
    with dimension as (
        select {{ columns | join(", ") }}, effective_date, expiration_date
        from {{ model }}
        where {{ entity }} <> 'unknown'
    ),

    {% for source, told in sources.items() %}
    {{ source }}_first as (
        select
            *,
            row_number() over (partition by {{ entity }}, updated_at order by {{ told.told_by }}) as telling
        from {{ told.extracts }}
    ),

    {% endfor %}
    -- one row a moment, with what each source said at it
    told as (
        {% for source, told in sources.items() %}
        select
            {{ entity }},
            updated_at,
            {% for part, own in sources.items() %}
            {{ "1" if part == source else "0" }} as {{ part }}_tellings,
            {{ "case when is_deleted then 0 else 1 end" if part == source else "cast(null as integer)" }} as {{ part }}_knows,
            {% for name in own.attributes %}
            {{ "case when not is_deleted then " ~ name ~ " end" if part == source else "null" }} as {{ part }}_{{ name }}
            {{- "," if not loop.last }}
            {% endfor %}
            {{- "," if not loop.last }}
            {% endfor %}
        from {{ source }}_first
        where telling = 1
        {{ "union all" if not loop.last }}
        {% endfor %}
    ),

    moments as (
        select
            {{ entity }},
            updated_at,
            {% for part, own in sources.items() %}
            max({{ part }}_tellings) as {{ part }}_tellings,
            max({{ part }}_knows) as {{ part }}_knows,
            {% for name in own.attributes %}
            max({{ part }}_{{ name }}) as {{ part }}_{{ name }}{{ "," if not loop.last }}
            {% endfor %}
            {{- "," if not loop.last }}
            {% endfor %}
        from told
        group by {{ entity }}, updated_at
    ),

    -- how often each source has spoken: moments with the same number follow the same telling
    counted as (
        select
            *,
            {% for part in sources %}
            sum({{ part }}_tellings) over (
                partition by {{ entity }} order by updated_at rows between unbounded preceding and current row
            ) as {{ part }}_number,
            {% endfor %}
            {{ lead("updated_at") }} over (partition by {{ entity }} order by updated_at) as next_updated_at
        from moments
    ),

    carried as (
        select
            {{ entity }},
            updated_at,
            next_updated_at,
            {% for part, own in sources.items() %}
            max({{ part }}_knows) over (partition by {{ entity }}, {{ part }}_number) as {{ part }}_knows,
            {% for name in own.attributes %}
            max({{ part }}_{{ name }}) over (partition by {{ entity }}, {{ part }}_number) as {{ part }}_{{ name }}
            {{- "," if not loop.last }}
            {% endfor %}
            {{- "," if not loop.last }}
            {% endfor %}
        from counted
    ),

    rebuilt as (
        select
            {{ entity }},
            {% for name in main.attributes %}
            {{ "coalesce(main_" ~ name ~ ", other_" ~ name ~ ")" if name in shared else "main_" ~ name }} as {{ name }},
            {% endfor %}
            {% for name in other.attributes if name not in shared %}
            other_{{ name }} as {{ name }},
            {% endfor %}
            updated_at as effective_date,
            coalesce(next_updated_at, cast('9999-12-31' as {{ type_timestamp() }})) as expiration_date
        from carried
        where main_knows = 1 or other_knows = 1
    ),

    {{ differences("rebuilt", "dimension") }}
{% endtest %}
