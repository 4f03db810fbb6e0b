-- every row and every sum that the simulator says it wrote, by entity and day; nothing to compare without a ledger
{% set told = "cast(updated_at as " ~ type_date() ~ ")" %}
{# written when it was over, or called off before it began #}
{% set written = "cast(coalesce(ended_at, started_at) as " ~ type_date() ~ ")" %}
{{ differences_from_truth("stg_robotics__truth_ledger", {
    ("stg_robotics__facilities", "surgical_facilities", told): {"rows": "1"},
    ("stg_robotics__surgeons", "surgeons", told): {"rows": "1"},
    ("stg_robotics__robots", "surgical_robots", told): {"rows": "1"},
    ("fact_procedures", "surgical_procedures", written): {
        "rows": "1",
        "minutes": "coalesce(duration_minutes, 0)",
        "cancelled": "case when is_cancelled then 1 else 0 end",
    },
    ("stg_robotics__procedure_outcomes", "procedure_outcomes", told): {
        "rows": "1",
        "blood_loss_ml": "coalesce(blood_loss_ml, 0)",
    },
    ("fact_robot_maintenance", "robot_maintenance_logs", written): {
        "rows": "1",
        "cost_pence": "cast(cost_gbp * 100 as bigint)",
    },
    ("fact_procedure_telemetry", "procedure_telemetry", "sample_date"): {
        "rows": "1",
        "force_hundredths": "cast(round(force_n * 100) as bigint)",
    },
}) }}
