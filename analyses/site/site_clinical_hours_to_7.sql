-- How long after the admission is NEWS2 first 7 or more, in stays where it ever is?
with deterioration as (

    select * from {{ ref("deterioration") }}
    where first_7_at is not null

),

high_first_sets as (

    select encounter_id from {{ ref("fact_vitals") }}
    where is_first_set and news2_score >= 7

),

scopes as (

    {{ reporting_scopes() }}

),

stays as (

    select
        deterioration.facility_id as facility_id,
        deterioration.discharge_date as discharge_date,
        case when high_first_sets.encounter_id is not null then 1 else 0 end as is_high_at_first,
        case
            when deterioration.hours_to_first_7 < 1 then 1
            when deterioration.hours_to_first_7 < 6 then 2
            when deterioration.hours_to_first_7 < 24 then 3
            when deterioration.hours_to_first_7 < 72 then 4
            when deterioration.hours_to_first_7 < 168 then 5
            when deterioration.hours_to_first_7 < 336 then 6
            else 7
        end as span_order
    from deterioration
    left join high_first_sets on deterioration.encounter_id = high_first_sets.encounter_id

),

by_scope as (

    select
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period,
        stays.span_order as span_order,
        count(*) as stays,
        sum(stays.is_high_at_first) as at_first_set
    from stays
    inner join scopes
        on
            stays.facility_id = scopes.facility_id
            and stays.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, stays.span_order

),

totals as (

    select
        shown_facility_id,
        shown_period,
        sum(stays) as all_stays
    from by_scope
    group by shown_facility_id, shown_period

),

final as (

    select
        by_scope.shown_facility_id as facility_id,
        by_scope.shown_period as period,
        cast(by_scope.span_order as integer) as span_order,
        case by_scope.span_order
            when 1 then 'under 1 h'
            when 2 then '1 to 6 h'
            when 3 then '6 to 24 h'
            when 4 then '1 to 3 d'
            when 5 then '3 to 7 d'
            when 6 then '7 to 14 d'
            else '14 d or more'
        end as span,
        cast(by_scope.stays as bigint) as stays,
        {{ ratio("by_scope.stays", "totals.all_stays") }} as share_of_all,
        {{ ratio("by_scope.at_first_set", "totals.all_stays") }} as at_first_set_share,
        {{ ratio("(by_scope.stays - by_scope.at_first_set)", "totals.all_stays") }} as later_share
    from by_scope
    inner join totals
        on
            by_scope.shown_facility_id = totals.shown_facility_id
            and by_scope.shown_period = totals.shown_period

)

select * from final
order by facility_id, period, span_order
