{#-
    What the site's analyses share: under which facilities and periods a row is shown. One row per facility, observed
    day and choice of a reader: the facility or 'all', and 'all', the day's year or its month (2024-02). Joined by
    facility_id and date_day, each row of a fact is counted once in each choice.
-#}
{% macro reporting_scopes() -%}
    {%- for facility in ["facility_id", "'all'"] -%}
        {%- for characters in [0, 4, 7] %}
    select
        facility_id,
        date_day,
        cast({{ facility }} as varchar(16)) as shown_facility_id,
        cast({{ "substring(month_text, 1, " ~ characters ~ ")" if characters else "'all'" }} as varchar(10)) as shown_period
    from (
        select
            observed.facility_id as facility_id,
            dates.date_day as date_day,
            cast(dates.month_start_date as varchar(10)) as month_text
        from (
            select
                facility_id,
                min(snapshot_date) as first_day,
                max(snapshot_date) as last_day
            from {{ ref("fact_department_occupancy") }}
            group by facility_id
        ) as observed
        inner join {{ ref("dim_date") }} as dates
            on dates.date_day between observed.first_day and observed.last_day
    ) as days
            {%- if not loop.last %}
    union all
            {%- endif %}
        {%- endfor %}
        {%- if not loop.last %}
    union all
        {%- endif %}
    {%- endfor %}
{%- endmacro %}

{#-
    The end of a query, after the comma behind a CTE of simulated figures beside published bands: where each figure lies
    on a common axis, on which every band goes from 0 to 1. A figure further than one band away from its own is shown
    there, at -1 or 2, and is_off_axis; its verdict, where it says more than that it agrees, stands at said_at.
-#}
{% macro beside_bands(figures, is_counted=true) -%}
placed as (

    select
        *,
        {{ ratio("(simulated_value - published_lowest)", "(published_highest - published_lowest)") }} as place
    from {{ figures }}

),

final as (

    select
        metric_order,
        metric,
        description,
        unit,
        simulated_value,
        published_lowest,
        published_highest,
        verdict,
        {% if is_counted %}
        row_count,
        {% endif %}
        source,
        case when place < -1 then -1 when place > 2 then 2 else place end as position,
        case
            when place is null then cast(0.5 as {{ type_double() }})
            when place < -1 then -1
            when place > 2 then 2
            else place
        end as said_at,
        case when place < -1 or place > 2 then 'yes' else 'no' end as is_off_axis
    from placed

)

select * from final
{%- endmacro %}
