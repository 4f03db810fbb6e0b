-- Where does each simulated figure of robotic surgery lie beside its published band?
with figures as (

    select * from {{ ref("robotics_validation") }}

),

{{ beside_bands("figures") }}
order by metric_order, metric
