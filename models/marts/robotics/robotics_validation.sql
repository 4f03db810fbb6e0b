with published as (

    select * from {{ ref("published_robotics_figures") }}

),

simulated as (

    select * from {{ ref("int_robotics_figures") }}

),

theatre_days as (

    select * from {{ ref("int_theatre_days") }}

),

span as (

    select count(distinct date_day) as days
    from theatre_days

),

final as (

    select
        cast(published.metric_order as integer) as metric_order,
        cast(published.metric as varchar(48)) as metric,
        cast(published.description as varchar(200)) as description,
        cast(published.unit as varchar(16)) as unit,
        cast(coalesce(simulated.row_count, 0) as bigint) as row_count,
        simulated.simulated_value as simulated_value,
        cast(published.lowest as {{ type_double() }}) as published_lowest,
        cast(published.highest as {{ type_double() }}) as published_highest,
        {{ verdict() }} as verdict,
        cast(published.source as varchar(120)) as source
    from published
    cross join span
    left join simulated on published.metric = simulated.metric

)

select * from final
