-- What do service visits of each model of robot cost, in money and in hours, for a robot and year and for a
-- case?
with visits as (

    select * from {{ ref("fact_robot_maintenance") }}

),

robots as (

    select * from {{ ref("dim_robot") }}

),

utilization as (

    select * from {{ ref("robot_utilization") }}

),

visits_by_model as (

    select
        robots.model as model,
        count(*) as visits,
        sum(case when visits.is_emergency then 1 else 0 end) as emergency_visits,
        sum(visits.downtime_hours) as downtime_hours,
        sum(cast(visits.cost_gbp as {{ type_double() }})) as cost_gbp,
        sum(visits.part_count) as parts
    from visits
    inner join robots on visits.robot_key = robots.robot_key
    group by robots.model

),

use_by_model as (

    select
        model,
        count(distinct robot_id) as robots,
        sum(service_days) as service_days,
        sum(completed_cases + converted_cases) as performed_cases
    from utilization
    group by model

),

final as (

    select
        use_by_model.model as model,
        cast(use_by_model.robots as bigint) as robots,
        cast(use_by_model.performed_cases as bigint) as performed_cases,
        cast(coalesce(visits_by_model.visits, 0) as bigint) as visits,
        cast(coalesce(visits_by_model.emergency_visits, 0) as bigint) as emergency_visits,
        cast(coalesce(visits_by_model.parts, 0) as bigint) as parts_replaced,
        coalesce(visits_by_model.cost_gbp, 0) as cost_gbp,
        {{ ratio("visits_by_model.cost_gbp * 365.25", "use_by_model.service_days") }} as cost_a_robot_year_gbp,
        {{ ratio("visits_by_model.cost_gbp", "use_by_model.performed_cases") }} as cost_a_case_gbp,
        {{ ratio("visits_by_model.downtime_hours * 365.25", "use_by_model.service_days") }}
            as downtime_hours_a_robot_year,
        1 - {{ ratio("visits_by_model.downtime_hours", "use_by_model.service_days * 24") }} as uptime_share
    from use_by_model
    left join visits_by_model on use_by_model.model = visits_by_model.model

)

select * from final
order by cost_gbp desc, model asc
