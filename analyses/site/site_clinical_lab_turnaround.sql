-- How long does the laboratory take for a sample of each panel of tests?
with labs as (

    select * from {{ ref("fact_labs") }}

),

scopes as (

    {{ reporting_scopes() }}

),

-- a sample is done when its last result is there
samples as (

    select
        encounter_id,
        facility_id,
        cast(sampled_at as {{ type_date() }}) as sampled_date,
        sampled_at,
        panel,
        max(turnaround_minutes) as turnaround_minutes
    from labs
    where turnaround_minutes is not null
    group by encounter_id, facility_id, sampled_at, panel

),

by_scope as (

    select
        scopes.shown_facility_id as shown_facility_id,
        scopes.shown_period as shown_period,
        coalesce(samples.panel, 'unknown') as panel_code,
        count(*) as samples,
        {{ percentile("samples.turnaround_minutes", 0.5) }} as p50_turnaround_minutes,
        {{ percentile("samples.turnaround_minutes", 0.9) }} as p90_turnaround_minutes,
        {{ percentile("samples.turnaround_minutes", 0.95) }} as p95_turnaround_minutes
    from samples
    inner join scopes
        on
            samples.facility_id = scopes.facility_id
            and samples.sampled_date = scopes.date_day
    group by scopes.shown_facility_id, scopes.shown_period, coalesce(samples.panel, 'unknown')

),

final as (

    select
        shown_facility_id as facility_id,
        shown_period as period,
        case panel_code
            when 'bnp' then 'NT-proBNP'
            when 'bone' then 'Bone profile'
            when 'coagulation' then 'Coagulation'
            when 'crp' then 'C-reactive protein'
            when 'fbc' then 'Full blood count'
            when 'gas' then 'Blood gas'
            when 'glucose' then 'Glucose'
            when 'ketones' then 'Ketones'
            when 'lft' then 'Liver function'
            when 'procalcitonin' then 'Procalcitonin'
            when 'troponin' then 'Troponin'
            when 'ue' then 'Urea and electrolytes'
            else panel_code
        end as panel_name,
        cast(samples as bigint) as samples,
        p50_turnaround_minutes,
        p90_turnaround_minutes,
        p95_turnaround_minutes
    from by_scope

)

select * from final
order by facility_id, period, panel_name
