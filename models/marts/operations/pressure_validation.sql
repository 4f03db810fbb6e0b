with published as (

    select * from {{ ref("published_figures") }}

),

occupancy_figures as (

    select * from {{ ref("int_occupancy_figures") }}

),

discharge_figures as (

    select * from {{ ref("int_discharge_figures") }}

),

long_stay_figures as (

    select * from {{ ref("int_long_stay_figures") }}

),

wait_figures as (

    select * from {{ ref("int_wait_figures") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

span as (

    select coalesce(max(days), 0) as days
    from observed_days

),

simulated as (

    select * from occupancy_figures
    union all
    select * from discharge_figures
    union all
    select * from long_stay_figures
    union all
    select * from wait_figures

),

final as (

    select
        cast(published.metric_order as integer) as metric_order,
        cast(published.metric as varchar(48)) as metric,
        cast(published.description as varchar(200)) as description,
        cast(published.unit as varchar(16)) as unit,
        simulated.simulated_value as simulated_value,
        cast(published.lowest as {{ type_double() }}) as published_lowest,
        cast(published.highest as {{ type_double() }}) as published_highest,
        {{ verdict(is_counted=false) }} as verdict,
        cast(published.source as varchar(120)) as source
    from published
    cross join span
    left join simulated on published.metric = simulated.metric

)

select * from final
