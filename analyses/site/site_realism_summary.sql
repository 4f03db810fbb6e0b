-- How many simulated figures agree with what is published, of how many?
with pressure_validation as (

    select * from {{ ref("pressure_validation") }}

),

clinical_validation as (

    select * from {{ ref("clinical_validation") }}

),

robotics_validation as (

    select * from {{ ref("robotics_validation") }}

),

figures as (

    select
        'operations' as domain,
        verdict
    from pressure_validation
    union all
    select
        'clinical' as domain,
        verdict
    from clinical_validation
    union all
    select
        'robotics' as domain,
        verdict
    from robotics_validation

),

counted as (

    select
        {% for domain in ["operations", "clinical", "robotics"] %}
            cast(sum(case when domain = '{{ domain }}' then 1 else 0 end) as bigint) as {{ domain }}_figures,
            cast(sum(case when domain = '{{ domain }}' and verdict = 'agrees' then 1 else 0 end) as bigint)
                as {{ domain }}_agreeing,
        {% endfor %}
        cast(sum(case when verdict in ('below', 'above') then 1 else 0 end) as bigint) as outside,
        cast(sum(case when verdict in ('too little data', 'no data') then 1 else 0 end) as bigint) as not_judged
    from figures

),

final as (

    select
        cast(operations_agreeing as varchar(10)) || ' of ' || cast(operations_figures as varchar(10))
            as operations_agree,
        cast(clinical_agreeing as varchar(10)) || ' of ' || cast(clinical_figures as varchar(10)) as clinical_agree,
        cast(robotics_agreeing as varchar(10)) || ' of ' || cast(robotics_figures as varchar(10)) as robotics_agree,
        outside,
        not_judged
    from counted

)

select * from final
order by outside, not_judged
