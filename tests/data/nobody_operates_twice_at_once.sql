-- nor does a robot: no performed case begins before all those before it have ended
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed

),

in_order as (

    {% for who in ["surgeon_id", "robot_id"] %}
        select
            {{ who }} as who,
            procedure_id,
            started_at,
            max(ended_at) over (
                partition by {{ who }}
                order by started_at, procedure_id
                rows between unbounded preceding and 1 preceding
            ) as busy_until_at
        from procedures
        {{ "union all" if not loop.last }}
    {% endfor %}

)

select *
from in_order
where busy_until_at > started_at
