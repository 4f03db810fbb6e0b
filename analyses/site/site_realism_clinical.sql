-- Where does each simulated figure of patients lie beside its published band?
with figures as (

    select * from {{ ref("clinical_validation") }}

),

{{ beside_bands("figures") }}
order by metric_order, metric
