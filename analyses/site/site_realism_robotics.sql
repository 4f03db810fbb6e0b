-- Where does each simulated figure of robotics lie beside its published band?
with figures as (

    select * from {{ ref("robotics_validation") }}

),

{{ beside_bands("figures") }}
order by metric_order, metric
