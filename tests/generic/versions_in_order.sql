{#- The versions of an entity follow each other without overlap, each holds for a time, and at most one is current. -#}
{% test versions_in_order(model, entity) %}
    with versions as (
        select
            {{ entity }},
            effective_date,
            expiration_date,
            is_current,
            {{ lead("effective_date") }} over (partition by {{ entity }} order by effective_date) as next_effective_date
        from {{ model }}
    ),

    most_current as (
        select {{ entity }}
        from versions
        where is_current
        group by {{ entity }}
        having count(*) > 1
    )

    select {{ entity }}
    from versions
    where effective_date >= expiration_date or next_effective_date < expiration_date
    union all
    select {{ entity }}
    from most_current
{% endtest %}
