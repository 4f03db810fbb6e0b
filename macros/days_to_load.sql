{#-
    The days with a loaded row whose patient was unknown then and is known now: registrations may come late. `rows` is
    the CTE of all rows, with a `patient_id`; the event's id has one name there and perhaps another in what is loaded.
-#}
{% macro days_of_late_patients(rows, day, event_id, loaded_event_id) %}
    select {{ rows }}.{{ day }} as {{ day }}
    from {{ rows }}
    inner join {{ this }} as loaded on {{ rows }}.{{ event_id }} = loaded.{{ loaded_event_id }}
    inner join {{ ref("dim_patient") }} as patients on {{ rows }}.patient_id = patients.patient_id
    where loaded.patient_key = {{ unknown_key() }}
{% endmacro %}

{#-
    The days that an incremental fact must load again, so that it holds the same rows as after a full refresh:
    the newest `lookback_days`, any day whose rows are not as many as were loaded, and any day on which a version of a
    dimension holds that no loaded row refers to (it was extracted late). `rows` is the CTE of all rows, with `day` and
    `moment` columns and the department_id, facility_id of each.
-#}
{% macro days_to_load(rows, day, moment) %}
    {{ days_with_other_rows(rows, day) }}
    union
    select {{ rows }}.{{ day }} as {{ day }}
    from {{ rows }}
    inner join {{ ref("dim_department") }} as departments
        on
            {{ rows }}.department_id = departments.department_id
            and {{ rows }}.{{ moment }} >= departments.effective_date
            and {{ rows }}.{{ moment }} < departments.expiration_date
    where departments.department_key not in (select department_key from {{ this }})
    union
    select {{ rows }}.{{ day }} as {{ day }}
    from {{ rows }}
    inner join {{ ref("dim_facility") }} as facilities
        on
            {{ rows }}.facility_id = facilities.facility_id
            and {{ rows }}.{{ moment }} >= facilities.effective_date
            and {{ rows }}.{{ moment }} < facilities.expiration_date
    where facilities.facility_key not in (select facility_key from {{ this }})
{% endmacro %}

{#- The newest `lookback_days`, and any day whose rows are not as many as were loaded. -#}
{% macro days_with_other_rows(rows, day) %}
    select staged.{{ day }} as {{ day }}
    from (select {{ day }}, count(*) as row_count from {{ rows }} group by {{ day }}) as staged
    left join (select {{ day }}, count(*) as row_count from {{ this }} group by {{ day }}) as loaded
        on staged.{{ day }} = loaded.{{ day }}
    cross join (select max({{ day }}) as newest from {{ this }}) as horizon
    where
        loaded.row_count is null
        or loaded.row_count <> staged.row_count
        or {{ days_between("staged." ~ day, "horizon.newest") }} < {{ var("lookback_days") }}
{% endmacro %}

{#-
    The days with a loaded row whose procedure has other keys now: it was told late, or a version of its robot or
    facility was.
-#}
{% macro days_of_rekeyed_procedures(day) %}
    select loaded.{{ day }} as {{ day }}
    from {{ this }} as loaded
    left join {{ ref("fact_procedures") }} as procedures on loaded.procedure_id = procedures.procedure_id
    where
        loaded.robot_key <> coalesce(procedures.robot_key, {{ unknown_key() }})
        or loaded.facility_key <> coalesce(procedures.facility_key, {{ unknown_key() }})
{% endmacro %}
