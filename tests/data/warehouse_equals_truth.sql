-- every row and every sum that the simulator says it emitted, by entity and day; nothing to compare without a ledger
{{ differences_from_truth("stg_operations__truth_ledger", {
    ("fact_admissions", "admissions", "admission_date"): {
        "rows": "1",
        "wait_seconds": "cast(round(wait_minutes * 60) as bigint)",
        "electives": "case when is_emergency then 0 else 1 end",
    },
    ("fact_discharges", "discharges", "discharge_date"): {
        "rows": "1",
        "stay_seconds": "cast(round(stay_hours * 3600) as bigint)",
        "delay_days": "coalesce(delay_days, 0)",
        "deaths": "case when is_death then 1 else 0 end",
    },
    ("fact_waiting_list", "wait_snapshots", "snapshot_date"): {
        "rows": "1",
        "wait_hundredths": "cast(round(wait_duration_hours * 100) as bigint)",
    },
    ("fact_department_occupancy", "dep_snapshots", "snapshot_date"): {
        "rows": "1",
        "beds": "staffed_beds",
        "capacity": "capacity_beds",
        "occupied_beds": "occupied_beds",
        "waiting_list_size": "waiting_patients",
    },
    ("stg_operations__facilities", "facilities", "extract_date"): {"rows": "1"},
    ("stg_operations__departments", "departments", "extract_date"): {"rows": "1"},
    ("stg_operations__patients", "patients", "extract_date"): {"rows": "1"},
}) }}
