-- Of patients who died after a NEWS2 of 7 or more, how long after the first one did they die?
with deterioration as (

    select * from {{ ref("deterioration") }}
    where hours_from_first_7_to_death is not null

),

scopes as (

    {{ reporting_scopes() }}

),

deaths as (

    select
        facility_id,
        discharge_date,
        case
            when hours_from_first_7_to_death < 6 then 1
            when hours_from_first_7_to_death < 12 then 2
            when hours_from_first_7_to_death < 24 then 3
            when hours_from_first_7_to_death < 72 then 4
            when hours_from_first_7_to_death < 168 then 5
            when hours_from_first_7_to_death < 336 then 6
            else 7
        end as span_order
    from deterioration

),

by_scope as (

    select
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period,
        deaths.span_order as span_order,
        count(*) as deaths
    from deaths
    inner join scopes
        on
            deaths.facility_id = scopes.facility_id
            and deaths.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, deaths.span_order

),

totals as (

    select
        shown_facility_id,
        shown_period,
        sum(deaths) as all_deaths
    from by_scope
    group by shown_facility_id, shown_period

),

final as (

    select
        by_scope.shown_facility_id as facility_id,
        by_scope.shown_period as period,
        cast(by_scope.span_order as integer) as span_order,
        case by_scope.span_order
            when 1 then 'under 6 h'
            when 2 then '6 to 12 h'
            when 3 then '12 to 24 h'
            when 4 then '1 to 3 d'
            when 5 then '3 to 7 d'
            when 6 then '7 to 14 d'
            else '14 d or more'
        end as span,
        cast(by_scope.deaths as bigint) as deaths,
        {{ ratio("by_scope.deaths", "totals.all_deaths") }} as share_of_all
    from by_scope
    inner join totals
        on
            by_scope.shown_facility_id = totals.shown_facility_id
            and by_scope.shown_period = totals.shown_period

)

select * from final
order by facility_id, period, span_order
