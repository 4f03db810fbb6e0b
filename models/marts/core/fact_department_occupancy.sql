{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="snapshot_date",
        on_schema_change="fail",
    )
}}

with snapshots as (

    select * from {{ ref("stg_operations__dep_snapshots") }}

),

departments as (

    select * from {{ ref("dim_department") }}

),

facilities as (

    select * from {{ ref("dim_facility") }}

),

{% if is_incremental() %}
days_to_load as (

    {{ days_to_load("snapshots", "snapshot_date", "snapshot_at") }}

),

{% endif -%}
beds as (

    select * from snapshots
    {% if is_incremental() %}
    where snapshot_date in (select snapshot_date from days_to_load)
    {% endif %}

),

final as (

    select
        beds.event_id as dep_snapshot_event_id,
        {{ date_key("beds.snapshot_date") }} as snapshot_date_key,
        coalesce(facilities.facility_key, {{ unknown_key() }}) as facility_key,
        coalesce(departments.department_key, {{ unknown_key() }}) as department_key,
        beds.facility_id as facility_id,
        beds.department_id as department_id,
        beds.snapshot_point as snapshot_point,
        beds.staffed_beds as staffed_beds,
        beds.capacity_beds as capacity_beds,
        beds.occupied_beds as occupied_beds,
        cast(beds.capacity_beds - beds.occupied_beds as integer) as free_beds,
        cast(beds.capacity_beds - beds.staffed_beds as integer) as escalation_beds_open,
        beds.waiting_patients as waiting_patients,
        beds.snapshot_at as snapshot_at,
        beds.snapshot_date as snapshot_date
    from beds
    left join facilities
        on
            beds.facility_id = facilities.facility_id
            and beds.snapshot_at >= facilities.effective_date
            and beds.snapshot_at < facilities.expiration_date
    left join departments
        on
            beds.department_id = departments.department_id
            and beds.snapshot_at >= departments.effective_date
            and beds.snapshot_at < departments.expiration_date

)

select * from final
