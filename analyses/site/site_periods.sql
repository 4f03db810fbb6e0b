-- Which years and months can be chosen?
with scopes as (

    {{ reporting_scopes() }}

),

final as (

    select
        shown_period as period,
        min(date_day) as first_day,
        max(date_day) as last_day
    from scopes
    where shown_facility_id = 'all'
    group by shown_period

)

select * from final
order by period
