{#- A condition holds in every row; where it cannot be told, it does not fail. -#}
{% test holds(model, condition) %}
    select *
    from {{ model }}
    where not ({{ condition }})
{% endtest %}
