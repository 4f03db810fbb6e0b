-- every row and every sum that the simulator says it wrote, by entity and batch; nothing to compare without a ledger
{{ differences_from_truth("stg_clinical__truth_ledger", {
    ("stg_clinical__patients", "clinical_patients", "batch_date"): {"rows": "1"},
    ("fact_encounters", "encounters", "batch_date"): {
        "rows": "1",
        "stay_seconds": "cast(round(stay_hours * 3600) as bigint)",
        "deaths": "case when is_death then 1 else 0 end",
    },
    ("fact_vitals", "vitals", "batch_date"): {
        "rows": "1",
        "heart_rate": "heart_rate",
        "temperature_tenths": "cast(round(temperature_celsius * 10) as bigint)",
    },
    ("fact_labs", "labs", "batch_date"): {"rows": "1", "abnormal": "case when is_abnormal then 1 else 0 end"},
    ("fact_notes", "notes", "batch_date"): {"rows": "1", "characters": "character_count"},
}) }}
