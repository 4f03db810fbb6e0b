with stays as (

    select * from {{ ref("int_stays") }}

),

departments as (

    select * from {{ ref("dim_department") }}
    where is_current

),

observed_days as (

    select * from {{ ref("int_observed_days") }}

),

-- a stay's nights in general and acute beds, counted from its first, up to the end of the observed days
nights as (

    select
        {{ days_between("stays.admission_date", "observed_days.first_day") }} as nights_before,
        {{ days_between(
            "stays.admission_date",
            "least(coalesce(stays.discharge_date, observed_days.last_day), observed_days.last_day)",
        ) }} as nights
    from stays
    inner join observed_days on stays.facility_id = observed_days.facility_id
    inner join departments on stays.department_id = departments.department_id
    where
        departments.is_general_acute
        and stays.admission_date <= observed_days.last_day
        and coalesce(stays.discharge_date, observed_days.last_day) >= observed_days.first_day

),

beds as (

    select
        {% for days in [7, 14, 21] %}
        {{ ratio(
            "sum(greatest(nights - greatest(nights_before, " ~ days ~ "), 0))",
            "sum(nights - greatest(nights_before, 0))",
        ) }} as beds_{{ days }}_days_share{{ "," if not loop.last }}
        {% endfor %}
    from nights

),

final as (

    {{ figures("beds", ["beds_7_days_share", "beds_14_days_share", "beds_21_days_share"]) }}

)

select * from final
