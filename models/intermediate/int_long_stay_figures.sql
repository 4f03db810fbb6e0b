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

-- stays in general and acute beds, up to the end of the observed days
observed_stays as (

    select
        stays.admission_date as admission_date,
        observed_days.first_day as first_day,
        least(coalesce(stays.discharge_date, observed_days.last_day), observed_days.last_day) as observed_until
    from stays
    inner join observed_days on stays.facility_id = observed_days.facility_id
    inner join departments on stays.department_id = departments.department_id
    where
        departments.is_general_acute
        and stays.admission_date <= observed_days.last_day
        and coalesce(stays.discharge_date, observed_days.last_day) >= observed_days.first_day

),

nights as (

    select
        {{ days_between("admission_date", "first_day") }} as nights_before,
        {{ days_between("admission_date", "observed_until") }} as nights
    from observed_stays

),

-- how many of them fall within the observed days, and how many of those after so many nights
observed_nights as (

    select
        sum(nights - greatest(nights_before, 0)) as nights,
        sum(greatest(nights - greatest(nights_before, 7), 0)) as nights_after_7,
        sum(greatest(nights - greatest(nights_before, 14), 0)) as nights_after_14,
        sum(greatest(nights - greatest(nights_before, 21), 0)) as nights_after_21
    from nights

),

beds as (

    select
        {{ ratio("nights_after_7", "nights") }} as beds_7_days_share,
        {{ ratio("nights_after_14", "nights") }} as beds_14_days_share,
        {{ ratio("nights_after_21", "nights") }} as beds_21_days_share
    from observed_nights

),

final as (

    {{ figures("beds", ["beds_7_days_share", "beds_14_days_share", "beds_21_days_share"]) }}

)

select * from final
