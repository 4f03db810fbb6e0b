-- How ill were patients in a period, how long did they stay, how many came back and how many died?
with encounters as (

    select * from {{ ref("fact_encounters") }}

),

deterioration as (

    select * from {{ ref("deterioration") }}

),

vitals as (

    select * from {{ ref("fact_vitals") }}
    where news2_score is not null

),

readmissions as (

    select * from {{ ref("readmissions") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

scopes as (

    {{ reporting_scopes() }}

),

stays as (

    select
        encounters.facility_id as facility_id,
        encounters.discharge_date as discharge_date,
        encounters.stay_hours as stay_hours,
        encounters.is_death as is_death,
        encounters.is_adult as is_adult,
        case when deterioration.first_7_at is not null then 1 else 0 end as has_reached_7
    from encounters
    left join deterioration on encounters.encounter_id = deterioration.encounter_id

),

stays_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        cast(count(*) as bigint) as encounters,
        {{ percentile("stays.stay_hours / 24", 0.5) }} as p50_stay_days,
        {{ share_where("stays.is_death") }} as death_share,
        {{ ratio(
            "sum(case when stays.is_adult then stays.has_reached_7 else 0 end)",
            "sum(case when stays.is_adult then 1 else 0 end)"
        ) }} as reached_7_share
    from stays
    inner join scopes
        on
            stays.facility_id = scopes.facility_id
            and stays.discharge_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

sets_by_day as (

    select
        facility_id,
        cast(observed_at as {{ type_date() }}) as observed_date,
        count(*) as scored_sets,
        sum(case when news2_score >= 7 then 1 else 0 end) as high_sets
    from vitals
    group by facility_id, cast(observed_at as {{ type_date() }})

),

sets_by_scope as (

    select
        scopes.shown_facility_id as facility_id,
        scopes.shown_period as period,
        cast(sum(sets_by_day.scored_sets) as bigint) as scored_sets,
        {{ ratio("sum(sets_by_day.high_sets)", "sum(sets_by_day.scored_sets)") }} as high_share
    from sets_by_day
    inner join scopes
        on
            sets_by_day.facility_id = scopes.facility_id
            and sets_by_day.observed_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period

),

scoped_months as (

    select distinct
        scopes.facility_id as facility_id,
        dates.month_start_date as month_start_date,
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period
    from scopes
    inner join dates on scopes.date_day = dates.date_day

),

readmissions_by_scope as (

    select
        scoped_months.shown_facility_id as facility_id,
        scoped_months.shown_period as period,
        {{ ratio("sum(readmissions.emergency_readmissions)", "sum(readmissions.index_discharges)") }}
            as readmission_rate
    from readmissions
    inner join scoped_months
        on
            readmissions.facility_id = scoped_months.facility_id
            and readmissions.month_start_date = scoped_months.month_start_date
    group by scoped_months.shown_facility_id, scoped_months.shown_period

),

final as (

    select
        stays_by_scope.facility_id as facility_id,
        stays_by_scope.period as period,
        stays_by_scope.encounters as encounters,
        sets_by_scope.scored_sets as scored_sets,
        sets_by_scope.high_share as high_share,
        stays_by_scope.reached_7_share as reached_7_share,
        stays_by_scope.p50_stay_days as p50_stay_days,
        readmissions_by_scope.readmission_rate as readmission_rate,
        stays_by_scope.death_share as death_share
    from stays_by_scope
    left join sets_by_scope
        on
            stays_by_scope.facility_id = sets_by_scope.facility_id
            and stays_by_scope.period = sets_by_scope.period
    left join readmissions_by_scope
        on
            stays_by_scope.facility_id = readmissions_by_scope.facility_id
            and stays_by_scope.period = readmissions_by_scope.period

)

select * from final
order by facility_id, period
