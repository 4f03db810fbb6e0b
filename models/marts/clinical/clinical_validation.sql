with figures as (

    select * from {{ ref("published_clinical_figures") }}

),

scenarios as (

    select * from {{ ref("scenarios") }}
    where published_mortality_low is not null

),

simulated as (

    select * from {{ ref("int_clinical_figures") }}

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

span as (

    select coalesce(max(days), 0) as days
    from observed_days

),

-- one published mortality a scenario, after the figures of the whole hospital
published as (

    select
        metric,
        cast(metric_order as integer) as metric_order,
        description,
        unit,
        lowest,
        highest,
        minimum_days,
        cast(minimum_rows as integer) as minimum_rows,
        source
    from figures
    union all
    select
        'mortality_' || scenario as metric,
        cast(100 + row_number() over (order by scenario) as integer) as metric_order,
        'Deaths in hospital among encounters for: ' || scenario_name as description,
        'share' as unit,
        published_mortality_low as lowest,
        published_mortality_high as highest,
        28 as minimum_days,
        -- so many that a hundred deaths are the fewest to be expected
        cast(round(100 / published_mortality_low) as integer) as minimum_rows,
        'Mortality by scenario, within 30 % or the band that is reported' as source
    from scenarios

),

final as (

    select
        published.metric_order as metric_order,
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
