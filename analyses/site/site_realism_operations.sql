-- Where does each simulated figure of operations lie beside its published band?
with figures as (

    select * from {{ ref("pressure_validation") }}

),

{{ beside_bands("figures", is_counted=false) }}
order by metric_order, metric
