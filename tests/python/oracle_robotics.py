"""Surgical robotics worked out in plain Python: versions through time, and facts."""

from datetime import datetime

from oracle_clinical import seed
from oracle_records import Row, Rows
from oracle_small import UNKNOWN, as_of, date_key, grouped, key_of, seconds, time_key

ENDLESS, BEGINNING = datetime(9999, 12, 31), datetime(1900, 1, 1)
Versions = dict[str, Rows]

# --- dimensions ------------------------------------------------------------------------------------------------------


def versions(told: Rows, kind: str, attributes: tuple[str, ...]) -> Rows:
    """What a snapshot keeps: every version as it was told, for good."""
    entity = f"{kind.removeprefix('surgical_')}_id"
    return [
        {f"{kind}_version_key": key_of(row[entity], row["updated_at"]), entity: row[entity]}
        | {name: row[name] for name in (*attributes, "is_deleted", "updated_at")}
        | {"dbt_updated_at": row["updated_at"], "dbt_valid_from": row["updated_at"], "dbt_valid_to": None}
        for row in told
    ]


def through_time(told: Rows, entity: str, attributes: tuple[str, ...]) -> Rows:
    """Versions with the time that each holds: until the next; one that says deleted only ends the one before."""
    kind = entity.removesuffix("_id")
    rows: Rows = []
    for one, of_one in grouped(sorted(told, key=lambda row: row["updated_at"]), entity).items():
        ends = [*(later["updated_at"] for later in of_one[1:]), ENDLESS]
        rows += [
            {f"{kind}_key": key_of(one, row["updated_at"]), entity: one}
            | {name: row[name] for name in attributes}
            | {"effective_date": row["updated_at"], "expiration_date": end, "is_current": end == ENDLESS}
            for row, end in zip(of_one, ends, strict=True)
            if not row["is_deleted"]
        ]
    return rows


def unknown(entity: str, attributes: tuple[str, ...]) -> Row:
    """The member that stands for whoever is not known."""
    place = {"facility_id": "unknown"} if "facility_id" in attributes else {}
    return (
        {f"{entity.removesuffix('_id')}_key": UNKNOWN, **dict.fromkeys(attributes), **place, entity: "unknown"}
        | {"effective_date": BEGINNING, "expiration_date": ENDLESS, "is_current": True}
    )  # fmt: skip


ROBOT = ("model", "manufacturer", "serial_number", "facility_id", "installed_date", "software_version", "status")
OF_MODEL = ("arms", "domain", "release_year", "list_price_gbp_k")
SURGEON = ("surgeon_name", "specialisation", "grade", "years_of_experience", "facility_id")
REGISTRY = ("facility_name", "trust_name", "region", "rating")
THEATRES = ("facility_name", "city", "facility_type", "facility_beds")


def dim_robot(told: Rows) -> Rows:
    models = seed("robot_models", "model")
    rows = [*through_time(told, "robot_id", ROBOT), unknown("robot_id", ROBOT)]
    for row in rows:
        model = models.get(row["model"], dict.fromkeys(OF_MODEL))
        row |= {name: model[name] if name == "domain" else model[name] and int(model[name]) for name in OF_MODEL}
    return rows


def dim_surgeon(told: Rows) -> Rows:
    return [*through_time(told, "surgeon_id", SURGEON), unknown("surgeon_id", SURGEON)]


def dim_facility(by_registry: Rows, by_theatres: Rows) -> Rows:
    """One history of two: at every moment at which either says something, what each of them says then."""
    attributes = tuple(dict.fromkeys(REGISTRY + THEATRES))
    sources = [
        grouped(through_time(told, "facility_id", said), "facility_id")
        for told, said in ((by_registry, REGISTRY), (by_theatres, THEATRES))
    ]
    rows = []
    for one, told in grouped(by_registry + by_theatres, "facility_id").items():
        moments = sorted({row["updated_at"] for row in told})
        for moment, end in zip(moments, [*moments[1:], ENDLESS], strict=True):
            registry, theatres = (as_of(source.get(one, []), moment) for source in sources)
            if registry or theatres:
                both = {name: theatres.get(name) for name in THEATRES} | {name: registry.get(name) for name in REGISTRY}
                name = (registry or theatres)["facility_name"]
                rows.append(
                    {"facility_key": key_of(one, moment), "facility_id": one} | both | {"facility_name": name}
                    | {"effective_date": moment, "expiration_date": end, "is_current": end == ENDLESS}
                )  # fmt: skip
    return [*rows, unknown("facility_id", attributes)]


class Theatres:
    """Patients, facilities, robots and surgeons, to be met by what happens in theatres."""

    def __init__(self, patients: Rows, facilities: Rows, robots: Rows, surgeons: Rows) -> None:
        self.patients = {row["patient_id"]: row["patient_key"] for row in patients}
        self.versions = {
            kind: grouped(rows, f"{kind}_id")
            for kind, rows in (("facility", facilities), ("robot", robots), ("surgeon", surgeons))
        }

    def keys(self, record: Row, moment: datetime, *kinds: str) -> Row:
        """Keys of the versions that held at a moment, the unknown member's where none did."""
        return {
            f"{kind}_key": as_of(self.versions[kind].get(record[f"{kind}_id"], []), moment).get(f"{kind}_key", UNKNOWN)
            for kind in kinds
        }


# --- facts -----------------------------------------------------------------------------------------------------------

MAJOR = ("IIIa", "IIIb", "IVa", "IVb", "V")


def fact_procedures(procedures: Rows, outcomes: Rows, dimensions: Theatres) -> Rows:
    latest = {row["procedure_id"]: row for row in sorted(outcomes, key=lambda row: row["updated_at"])}
    expected = {
        name: int(row["expected_duration_minutes"]) for name, row in seed("procedure_types", "procedure_type").items()
    }
    lists = by_list(procedures)
    rows = []
    for case in procedures:
        case_id, began, status = case["procedure_id"], case["start_time"], case["status"]
        told = latest.get(case_id, {})
        ended = told if status != "cancelled" else {}
        had = ended.get("has_complication")
        own, before = lists["surgeon_id"].get(case_id), lists["robot_id"].get(case_id)
        rows.append({
            "procedure_id": case_id, "encounter_id": case["encounter_id"],
            "procedure_date_key": date_key(began), "start_time_key": time_key(began),
            "patient_key": dimensions.patients.get(case["patient_id"], UNKNOWN),
            **dimensions.keys(case, began, "facility", "robot", "surgeon"),
            **{name: case[name] for name in ("facility_id", "robot_id", "surgeon_id", "procedure_type",
                "procedure_category", "status", "cancellation_reason", "complexity", "duration_minutes")},
            "is_completed": status == "completed", "is_converted": status == "converted",
            "is_cancelled": status == "cancelled", "is_performed": status != "cancelled",
            "expected_duration_minutes": expected.get(case["procedure_type"]),
            "success_status": told.get("success_status"),
            **{name: ended.get(name) for name in ("has_complication", "clavien_dindo_grade", "blood_loss_ml",
                 "stay_days", "is_readmitted_30d", "patient_satisfaction")},
            "is_major_complication": None if had is None else had and ended["clavien_dindo_grade"] in MAJOR,
            "surgeon_case_number": own and own[0],
            "turnover_minutes": seconds(before[1]["end_time"], began) / 60 if before and before[1] else None,
            "is_first_case": bool(before and before[0] == 1),
            "started_at": began, "ended_at": case["end_time"], "procedure_date": began.date(),
        })  # fmt: skip
    return rows


def by_list(procedures: Rows) -> dict[str, dict[str, tuple[int, Row | None]]]:
    """Of each performed case its place among those of its surgeon, and among those of its robot and day, and the case
    before it.
    """
    performed = sorted(
        (row | {"day": row["start_time"].date()} for row in procedures if row["status"] != "cancelled"),
        key=lambda row: (row["start_time"], row["procedure_id"]),
    )
    return {
        whose: {
            row["procedure_id"]: (place, before)
            for cases in grouped(performed, *of).values()
            for place, (row, before) in enumerate(zip(cases, [None, *cases[:-1]], strict=True), 1)
        }
        for whose, of in (("surgeon_id", ("surgeon_id",)), ("robot_id", ("robot_id", "day")))
    }


def fact_procedure_telemetry(samples: Rows, procedures: Rows) -> Rows:
    """Samples with the versions that their procedure has."""
    of = {row["procedure_id"]: {name: row[name] for name in ("robot_key", "facility_key")} for row in procedures}
    nobody = {"robot_key": UNKNOWN, "facility_key": UNKNOWN}
    return [
        {name: value for name, value in sample.items() if name != "sample_time"}
        | of.get(sample["procedure_id"], nobody)
        | {"sample_date_key": date_key(sample["sample_time"]), "sampled_at": sample["sample_time"],
           "sample_date": sample["sample_time"].date()}
        for sample in samples
    ]  # fmt: skip


def fact_robot_maintenance(visits: Rows, dimensions: Theatres) -> Rows:
    told = ("maintenance_id", "robot_id", "facility_id", "maintenance_type", "is_emergency", "technician",
            "downtime_hours", "cost_gbp", "parts_replaced")  # fmt: skip
    return [
        {name: visit[name] for name in told}
        | {"start_date_key": date_key(visit["start_time"]), "maintenance_date": visit["start_time"].date()}
        | {"started_at": visit["start_time"], "ended_at": visit["end_time"]}
        | dimensions.keys(visit, visit["start_time"], "robot", "facility")
        | {"part_count": len(visit["parts_replaced"].split(";")) if visit["parts_replaced"] else 0}
        for visit in visits
    ]
