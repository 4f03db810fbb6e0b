"""The warehouse worked out a second time, in plain Python, from the raw objects of a folder lake.

It follows the descriptions of the models, not their SQL: whole numbers and fractions all the way, floats at the end. It
may be slow and reads everything into memory; it is there to be right.
"""

import csv
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

from oracle_batches import batches
from oracle_clinical import (
    clinical_validation,
    deterioration,
    fact_encounters,
    fact_labs,
    fact_notes,
    fact_vitals,
    lab_turnaround,
    length_of_stay,
    readmissions,
)
from oracle_records import FIELDS, Row, Rows, records
from oracle_robotics import (
    REGISTRY,
    ROBOT,
    SURGEON,
    THEATRES,
    Theatres,
    dim_facility,
    dim_robot,
    dim_surgeon,
    fact_procedure_telemetry,
    fact_procedures,
    fact_robot_maintenance,
    through_time,
    unknown,
    versions,
)
from oracle_small import (
    DAY,
    SEEDS,
    UNKNOWN,
    Dimensions,
    Observed,
    as_of,
    date_key,
    double,
    grouped,
    key_of,
    mean,
    nights,
    percentile,
    ratio,
    seconds,
    share,
    time_key,
    verdict,
)
from oracle_theatre_marts import (
    daily_procedure_volume,
    facility_performance,
    procedure_outcomes,
    robot_utilization,
    robotics_validation,
    surgeon_performance,
    telemetry_system_health,
    theatre_calendar,
    theatre_flow,
)
from oracle_theatres import theatre_records

FACILITY, WARD = "facility_id", "department_id"

# --- dimensions ------------------------------------------------------------------------------------------------------


def dim_date() -> Rows:
    first, last = date(2010, 1, 1), date(2036, 12, 31)
    holidays = {day: name for year in range(first.year, last.year + 1) for day, name in bank_holidays(year).items()}
    return [date_row(first + n * DAY, holidays) for n in range((last - first).days + 1)]


def working_days() -> list[date]:
    return [row["date_day"] for row in dim_date() if row["is_working_day"]]


def date_row(day: date, holidays: dict[date, str]) -> Row:
    iso = day.isocalendar()
    fiscal_start = day.year - (day < date(day.year, 4, 1))
    fiscal_month = (day.month - 4) % 12 + 1
    return {
        "date_key": date_key(day), "date_day": day, "year_number": day.year, "quarter_number": (day.month + 2) // 3,
        "month_number": day.month, "day_of_month": day.day, "month_start_date": day.replace(day=1),
        "iso_year": iso.year, "iso_week": iso.week, "iso_weekday": iso.weekday,
        "week_start_date": date.fromisocalendar(iso.year, iso.week, 1), "weekday_name": day.strftime("%A"),
        "is_weekend": iso.weekday > 5, "is_bank_holiday": day in holidays, "bank_holiday_name": holidays.get(day),
        "is_working_day": iso.weekday < 6 and day not in holidays,
        "fiscal_year": f"{fiscal_start}/{(fiscal_start + 1) % 100:02d}",
        "fiscal_quarter": (fiscal_month + 2) // 3, "fiscal_month": fiscal_month,
    }  # fmt: skip


def bank_holidays(year: int) -> dict[date, str]:
    """England and Wales: by statute, by the tables of Easter, and as proclaimed."""

    def monday(month: int, week: int) -> date:
        days = [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]
        return [day for day in days if day.weekday() == 0][week]

    new_year = date(year, 1, 1)
    new_year += {5: 2, 6: 1}.get(new_year.weekday(), 0) * DAY
    christmas, boxing = date(year, 12, 25), date(year, 12, 26)
    days = {
        "New Year's Day": new_year,
        "Good Friday": easter(year) - 2 * DAY,
        "Easter Monday": easter(year) + DAY,
        "Early May bank holiday": {2020: date(2020, 5, 8)}.get(year, monday(5, 0)),
        "Spring bank holiday": {2012: date(2012, 6, 4), 2022: date(2022, 6, 2)}.get(year, monday(5, -1)),
        "Summer bank holiday": monday(8, -1),
        "Christmas Day": christmas + 2 * DAY
        if christmas.weekday() == 5
        else christmas + (2 * DAY if christmas.weekday() == 6 else 0 * DAY),
        "Boxing Day": boxing + (2 * DAY if boxing.weekday() >= 5 else 0 * DAY),
    }
    proclaimed = {
        date(2011, 4, 29): "Royal wedding", date(2012, 6, 5): "Diamond Jubilee", date(2022, 6, 3): "Platinum Jubilee",
        date(2022, 9, 19): "State Funeral", date(2023, 5, 8): "Coronation",
    }  # fmt: skip
    return {day: name for name, day in days.items()} | {d: n for d, n in proclaimed.items() if d.year == year}


def easter(year: int) -> date:
    """The Sunday after the first full moon from 21 March; for 1900 to 2199, by the Prayer Book's golden numbers."""
    moon = (24 + 19 * (year % 19)) % 30
    moon -= moon == 29 or (moon == 28 and year % 19 > 10)
    full = date(year, 3, 21) + moon * DAY
    return full + (7 - full.isoweekday() % 7) * DAY


def dim_time() -> Rows:
    parts = ("night", "morning", "afternoon", "evening")
    return [
        {
            "time_key": 60 * hour + minute, "time_of_day": f"{hour:02d}:{minute:02d}", "hour_of_day": hour,
            "minute_of_hour": minute, "day_part": parts[hour // 6], "is_business_hours": 9 <= hour <= 16,
        }
        for hour in range(24) for minute in range(60)
    ]  # fmt: skip


def first_told(extracts: Rows, entity: str) -> Rows:
    """Each version once, as the earliest extract told it, in order of when it became true."""
    told = sorted(extracts, key=lambda row: (row["updated_at"], row["extract_date"]), reverse=True)
    return list({(row[entity], row["updated_at"]): row for row in told}.values())[::-1]


def dim_patient(extracts: Rows, treated: Rows) -> Rows:
    """All whom a source knows, as the registry told last; as the newest batch says where the registry knows nobody."""
    names = ("patient_id", "facility_id", "sex", "blood_group", "postcode_district", "date_of_birth", "is_deleted",
             "updated_at")  # fmt: skip
    registered = {row["patient_id"]: row for row in first_told(extracts, "patient_id")}
    in_batches = {row["patient_id"]: row for row in sorted(treated, key=lambda row: row["batch_date"])}
    rows = [
        {"patient_key": key_of(one)}
        | {name: (registered.get(one) or in_batches[one] | {"is_deleted": False}).get(name) for name in names}
        | {"is_in_operations": one in registered, "is_in_clinical": one in in_batches}
        for one in registered.keys() | in_batches.keys()
    ]
    nobody = {"is_deleted": False, "is_in_operations": False, "is_in_clinical": False}
    return [*rows, dict.fromkeys(names) | {"patient_key": UNKNOWN, "patient_id": "unknown"} | nobody]


DEPARTMENT = ("facility_id", "department_code", "department_name", "specialty_code", "is_general_acute", "funded_beds",
              "escalation_beds")  # fmt: skip


def dim_department(told: Rows) -> Rows:
    return [*through_time(told, WARD, DEPARTMENT), unknown(WARD, DEPARTMENT)]


# --- facts -----------------------------------------------------------------------------------------------------------


def fact_admissions(admissions: Rows, dimensions: Dimensions) -> Rows:
    rows = []
    for event in admissions:
        asked, admitted = event["request_time"], event["event_time"]
        wait = seconds(asked, admitted)
        rows.append({
            "admission_event_id": event["event_id"], "encounter_id": event["encounter_id"],
            "admission_date_key": date_key(admitted), "admission_time_key": time_key(admitted),
            **dimensions.keys(event, admitted), "admission_method": event["admission_method"],
            "wait_minutes": float(Fraction(wait, 60)), "is_emergency": event["admission_method"] == "emergency",
            "is_wait_over_4_hours": wait > 14_400, "is_wait_over_12_hours": wait > 43_200,
            "requested_at": asked, "admitted_at": admitted, "admission_date": admitted.date(),
        })  # fmt: skip
    return rows


def fact_discharges(discharges: Rows, admissions: Rows, dimensions: Dimensions) -> Rows:
    came = {event["encounter_id"]: event["event_time"] for event in admissions}
    rows = []
    for event in discharges:
        admitted, fit, left = came.get(event["encounter_id"]), event["medically_fit_time"], event["event_time"]
        stay = nights(admitted, left) if admitted else None
        delay = nights(fit, left) if fit else None
        rows.append({
            "discharge_event_id": event["event_id"], "encounter_id": event["encounter_id"],
            "discharge_date_key": date_key(left), "discharge_time_key": time_key(left),
            **dimensions.keys(event, left), "discharge_destination": event["discharge_destination"],
            "stay_hours": float(Fraction(seconds(admitted, left), 3600)) if admitted else None, "stay_nights": stay,
            "delay_hours": float(Fraction(seconds(fit, left), 3600)) if fit else None, "delay_days": delay,
            "is_delayed": delay is not None and delay >= 1, "is_delayed_5_days": delay is not None and delay >= 5,
            "is_long_stay": None if stay is None else stay >= 21,
            "is_death": event["discharge_destination"] == "died",
            "admitted_at": admitted, "medically_fit_at": fit, "discharged_at": left, "discharge_date": left.date(),
        })  # fmt: skip
    return rows


def fact_waiting_list(snapshots: Rows, dimensions: Dimensions) -> Rows:
    return [
        {
            "wait_snapshot_event_id": event["event_id"], "snapshot_date_key": date_key(event["event_time"]),
            "request_date_key": date_key(event["request_date"]), "patient_id": event["patient_id"],
            **dimensions.keys(event, event["event_time"]), "wait_duration_hours": event["wait_duration_hours"],
            "requested_at": event["request_time"], "snapshot_at": event["event_time"],
            "snapshot_date": event["event_time"].date(),
        }
        for event in snapshots
    ]  # fmt: skip


def fact_department_occupancy(snapshots: Rows, dimensions: Dimensions) -> Rows:
    return [
        {
            "dep_snapshot_event_id": event["event_id"], "snapshot_date_key": date_key(event["event_time"]),
            **dimensions.keys(event, event["event_time"]), "snapshot_point": event["snapshot_point"],
            "staffed_beds": event["beds"], "capacity_beds": event["capacity"],
            "occupied_beds": event["occupied_beds"], "free_beds": event["capacity"] - event["occupied_beds"],
            "escalation_beds_open": event["capacity"] - event["beds"],
            "waiting_patients": event["waiting_list_size"], "snapshot_at": event["event_time"],
            "snapshot_date": event["event_time"].date(),
        }
        for event in snapshots
    ]  # fmt: skip


# --- marts -----------------------------------------------------------------------------------------------------------


def observed_days(occupancy: Rows) -> Observed:
    """The first and the last day on which each facility's beds were counted."""
    days = {one: {row["snapshot_date"] for row in rows} for one, rows in grouped(occupancy, "facility_id").items()}
    return {facility: (min(counted), max(counted)) for facility, counted in days.items()}


def most_days(occupancy: Rows) -> int:
    """Days on which the beds of the hospital observed longest were counted."""
    by_facility = grouped(occupancy, "facility_id").values()
    return max((len({row["snapshot_date"] for row in rows}) for rows in by_facility), default=0)


def within(rows: Rows, day: str, observed: Observed) -> Iterator[Row]:
    """Rows whose day is within the observed days of their facility."""
    for row in rows:
        first, last = observed.get(row["facility_id"], (date.max, date.min))
        if first <= row[day] <= last:
            yield row


def wait_of(admission: Row) -> int:
    return seconds(admission["requested_at"], admission["admitted_at"])


def waiting_time_percentiles(admissions: Rows, observed: Observed, dimensions: Dimensions) -> Rows:
    months: dict[tuple[str, str, date], Rows] = defaultdict(list)
    for row in within(admissions, "admission_date", observed):
        months[row["facility_id"], row["department_id"], row["admission_date"].replace(day=1)].append(row)
    rows = []
    for (facility, department, month), admitted in months.items():
        waits = [Fraction(wait_of(row), 60) for row in admitted]
        rows.append({
            "facility_id": facility, "department_id": department, **dimensions.named_now(department),
            "month_start_date": month, "admissions": len(admitted),
            "emergency_admissions": sum(row["is_emergency"] for row in admitted),
            "waits_over_4_hours": sum(wait > 240 for wait in waits),
            "waits_over_12_hours": sum(wait > 720 for wait in waits),
            **{f"p{p}_wait_minutes": double(percentile(waits, Fraction(p, 100))) for p in (50, 90, 95)},
            "longest_wait_minutes": float(max(waits)),
        })  # fmt: skip
    return rows


def bed_utilisation(occupancy: Rows, dimensions: Dimensions) -> Rows:
    rows: Rows = []
    for (facility, department), counted in grouped(occupancy, "facility_id", "department_id").items():
        rates: list[Fraction | None] = []
        for day, points in sorted(grouped(counted, "snapshot_date").items()):
            at: dict[str, Row] = {row["snapshot_point"]: row for row in points}
            sod, eod = at.get("sod", {}), at.get("eod", {})
            then = as_of(dimensions.departments.get(department, []), (sod or eod)["snapshot_at"])
            sod_rate, eod_rate = (ratio(p.get("occupied_beds", 0), p.get("capacity_beds", 0)) for p in (sod, eod))
            rates.append(sod_rate)
            rows.append({
                "facility_id": facility, "department_id": department,
                **{name: then.get(name) for name in ("department_code", "department_name", "is_general_acute")},
                "snapshot_date": day, "funded_beds": then.get("funded_beds"), "staffed_beds": sod.get("staffed_beds"),
                "escalation_beds_open": sod.get("escalation_beds_open"),
                "sod_capacity_beds": sod.get("capacity_beds"), "eod_capacity_beds": eod.get("capacity_beds"),
                "sod_occupied_beds": sod.get("occupied_beds"), "eod_occupied_beds": eod.get("occupied_beds"),
                "sod_occupancy_rate": double(sod_rate), "eod_occupancy_rate": double(eod_rate),
                "mean_occupancy_rate_7_days": double(mean([rate for rate in rates[-7:] if rate is not None])),
                "is_above_safe_occupancy": sod_rate is not None and sod_rate > Fraction(85, 100),
                "is_above_occupancy_ceiling": sod_rate is not None and sod_rate > Fraction(92, 100),
            })  # fmt: skip
    return rows


def queue_growth(occupancy: Rows, admissions: Rows, discharges: Rows, dimensions: Dimensions) -> Rows:
    came = Counter((row["department_id"], row["admission_date"]) for row in admissions)
    went = Counter((row["department_id"], row["discharge_date"]) for row in discharges)
    evenings = [row for row in occupancy if row["snapshot_point"] == "eod"]
    rows: Rows = []
    for (facility, department), counted in grouped(evenings, "facility_id", "department_id").items():
        queues = {row["snapshot_date"]: row["waiting_patients"] for row in counted}
        days = sorted(queues)
        for n, day in enumerate(days):
            yesterday = queues.get(day - DAY)
            growth = None if yesterday is None else queues[day] - yesterday
            admitted, left = came[department, day], went[department, day]
            rows.append({
                "facility_id": facility, "department_id": department, **dimensions.named_now(department),
                "snapshot_date": day, "admissions": admitted, "discharges": left, "net_admissions": admitted - left,
                "waiting_patients": queues[day], "waiting_patients_yesterday": yesterday, "queue_growth": growth,
                "requests": None if growth is None else admitted + growth,
                "mean_waiting_patients_7_days": double(mean([queues[d] for d in days[max(0, n - 6) : n + 1]])),
            })  # fmt: skip
    return rows


def pressure_validation(
    admissions: Rows, discharges: Rows, occupancy: Rows, utilisation: Rows, dimensions: Dimensions
) -> Rows:
    observed = observed_days(occupancy)
    days = most_days(occupancy)
    figures = (
        occupancy_figures(utilisation)
        | discharge_figures(list(within(discharges, "discharge_date", observed)), observed)
        | long_stay_figures(admissions, discharges, observed, dimensions)
        | wait_figures(list(within(admissions, "admission_date", observed)))
    )
    with (SEEDS / "published_figures.csv").open(newline="", encoding="utf-8") as file:
        published = list(csv.DictReader(file))
    return [
        {
            "metric_order": int(row["metric_order"]), "metric": row["metric"], "description": row["description"],
            "unit": row["unit"], "simulated_value": double(figures[row["metric"]]),
            "published_lowest": float(row["lowest"]), "published_highest": float(row["highest"]),
            "verdict": verdict(figures[row["metric"]], row, days), "source": row["source"],
        }
        for row in published
    ]  # fmt: skip


def occupancy_figures(utilisation: Rows) -> dict[str, Fraction | None]:
    """Occupied over open beds at the start of days, of the whole network, over all days and by whole month."""

    def occupied(rows: Rows) -> Fraction | None:
        return ratio(*(sum(row[f"sod_{beds}_beds"] or 0 for row in rows) for beds in ("occupied", "capacity")))

    acute = [row for row in utilisation if row["is_general_acute"]]
    counted = {row["snapshot_date"] for row in utilisation}
    in_month = Counter((day.year, day.month) for day in counted)
    whole = {month for month, days in in_month.items() if days == monthrange(*month)[1]}
    by_month = grouped((r | {"month": (r["snapshot_date"].year, r["snapshot_date"].month)} for r in acute), "month")
    months = [rate for m, rows in by_month.items() if m in whole and (rate := occupied(rows)) is not None]
    return {
        "general_acute_occupancy": occupied(acute),
        "adult_critical_care_occupancy": occupied([row for row in utilisation if row["department_code"] == "ICU"]),
        "lowest_month_occupancy": min(months, default=None),
        "highest_month_occupancy": max(months, default=None),
        "month_occupancy_spread": max(months) - min(months) if months else None,
    }


def discharge_figures(discharges: Rows, observed: Observed) -> dict[str, Fraction | None]:
    stays = [
        Fraction(seconds(row["admitted_at"], row["discharged_at"]), 86_400) for row in discharges if row["admitted_at"]
    ]
    figures = {
        "median_stay_days": percentile(stays, Fraction(1, 2)),
        "mean_stay_days": mean(stays),
        "delayed_discharge_share": share(discharges, lambda row: row["is_delayed"]),
        "delayed_5_days_share": share(discharges, lambda row: row["is_delayed_5_days"]),
        "mean_delay_days": mean([row["delay_days"] for row in discharges if row["is_delayed"]]),
        "discharged_before_noon_share": share(discharges, lambda row: row["discharged_at"].hour < 12),
        "discharged_before_17_share": share(discharges, lambda row: row["discharged_at"].hour < 17),
        "discharged_at_night_share": share(discharges, lambda row: row["discharged_at"].hour in (23, 0, 1, 2, 3, 4, 5)),
    }
    first, last = min(f for f, _ in observed.values()), max(until for _, until in observed.values())
    days = Counter((first + n * DAY).strftime("%A").lower() for n in range((last - first).days + 1))
    left = Counter(row["discharged_at"].strftime("%A").lower() for row in discharges)
    a_day = {weekday: Fraction(left[weekday], count) for weekday, count in days.items()}
    mean_day = mean(list(a_day.values())) or 0
    for weekday in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"):
        figures[f"discharge_{weekday}_index"] = ratio(a_day[weekday], mean_day) if weekday in a_day else None
    return figures


def long_stay_figures(
    admissions: Rows, discharges: Rows, observed: Observed, dimensions: Dimensions
) -> dict[str, Fraction | None]:
    """Each night in a general and acute bed by how many nights of the stay came before it."""
    left = {row["encounter_id"]: row["discharge_date"] for row in discharges}
    spent: Counter[int] = Counter()
    for row in admissions:
        if row["facility_id"] in observed and dimensions.now(row["department_id"]).get("is_general_acute"):
            first, last = observed[row["facility_id"]]
            until = min(left.get(row["encounter_id"], last), last)
            night = max(row["admission_date"], first)
            while night < until:
                spent[(night - row["admission_date"]).days] += 1
                night += DAY
    return {
        f"beds_{days}_days_share": ratio(sum(n for before, n in spent.items() if before >= days), spent.total())
        for days in (7, 14, 21)
    }


def wait_figures(admissions: Rows) -> dict[str, Fraction | None]:
    emergencies = [row for row in admissions if row["is_emergency"]]
    hours = [Fraction(wait_of(row), 3600) for row in emergencies]
    return {
        "emergency_wait_median_hours": percentile(hours, Fraction(1, 2)),
        "emergency_wait_p95_hours": percentile(hours, Fraction(95, 100)),
        "emergency_wait_over_4_hours_share": mean([int(wait > 4) for wait in hours]),
        "emergency_wait_over_12_hours_share": mean([int(wait > 12) for wait in hours]),
        "emergency_share": share(admissions, lambda row: row["is_emergency"]),
    }


# --- all of it -------------------------------------------------------------------------------------------------------

KEYS = {
    "core.dim_facility": ("facility_key",),
    "core.dim_department": ("department_key",),
    "core.dim_patient": ("patient_key",),
    "core.dim_date": ("date_key",),
    "core.dim_time": ("time_key",),
    "core.fact_admissions": ("admission_event_id",),
    "core.fact_discharges": ("discharge_event_id",),
    "core.fact_waiting_list": ("wait_snapshot_event_id",),
    "core.fact_department_occupancy": ("dep_snapshot_event_id",),
    "core.fact_encounters": ("encounter_id",),
    "core.fact_vitals": ("observation_id",),
    "core.fact_labs": ("result_id",),
    "core.fact_notes": ("note_id",),
    "operations.waiting_time_percentiles": ("department_id", "month_start_date"),
    "operations.bed_utilisation": ("department_id", "snapshot_date"),
    "operations.queue_growth": ("department_id", "snapshot_date"),
    "operations.pressure_validation": ("metric",),
    "clinical.deterioration": ("encounter_id",),
    "clinical.lab_turnaround": ("facility_id", "month_start_date", "test_code"),
    "clinical.length_of_stay": ("department_code", "scenario", "age_band"),
    "clinical.readmissions": ("department_id", "month_start_date"),
    "clinical.clinical_validation": ("metric",),
    "core.dim_robot": ("robot_key",),
    "core.dim_surgeon": ("surgeon_key",),
    "core.fact_procedures": ("procedure_id",),
    "core.fact_procedure_telemetry": ("procedure_id", "sample_number"),
    "core.fact_robot_maintenance": ("maintenance_id",),
    "robotics.robot_utilization": ("robot_id", "month_start_date"),
    "robotics.surgeon_performance": ("surgeon_id", "year_number"),
    "robotics.facility_performance": ("facility_id", "month_start_date"),
    "robotics.procedure_outcomes": ("procedure_type", "year_number"),
    "robotics.daily_procedure_volume": ("facility_id", "procedure_date"),
    "robotics.telemetry_system_health": ("robot_id", "sample_date"),
    "robotics.theatre_flow": ("facility_id", "month_start_date"),
    "robotics.robotics_validation": ("metric",),
    "snapshots.facility_versions": ("facility_version_key",),
    "snapshots.department_versions": ("department_version_key",),
    "snapshots.surgical_facility_versions": ("surgical_facility_version_key",),
    "snapshots.robot_versions": ("robot_version_key",),
    "snapshots.surgeon_versions": ("surgeon_version_key",),
}


def warehouse(lake_root: Path) -> dict[str, Rows]:
    """What the warehouse over a folder lake must hold: rows by relation, in no order, as columns and Python values."""
    raw = {entity: records(lake_root, entity) for entity in FIELDS}
    batch, theatre = batches(lake_root), theatre_records(lake_root)
    registry, wards = (first_told(raw[name], one) for name, one in (("facilities", FACILITY), ("departments", WARD)))
    patients = dim_patient(raw["patients"], batch["patients.csv"])
    facilities = dim_facility(registry, theatre["surgical_facilities"])
    departments = dim_department(wards)
    dimensions = Dimensions(patients, facilities, departments)
    admissions = fact_admissions(raw["admission"], dimensions)
    discharges = fact_discharges(raw["discharge"], raw["admission"], dimensions)
    occupancy = fact_department_occupancy(raw["dep_snapshot"], dimensions)
    utilisation = bed_utilisation(occupancy, dimensions)
    encounters = fact_encounters(batch["encounters.csv"], batch["patients.csv"], dimensions)
    stays = {row["encounter_id"]: row for row in encounters}
    vitals = fact_vitals(batch["vitals.csv"], stays, dimensions)
    labs = fact_labs(batch["labs.csv"], stays, dimensions)
    observed = observed_days(occupancy)
    returns = readmissions(batch["encounters.csv"], raw["admission"], observed, dimensions)
    robots, surgeons = dim_robot(theatre["surgical_robots"]), dim_surgeon(theatre["surgeons"])
    met = Theatres(patients, facilities, robots, surgeons)
    cases = fact_procedures(theatre["surgical_procedures"], theatre["procedure_outcomes"], met)
    samples = fact_procedure_telemetry(theatre["procedure_telemetry"], cases)
    visits = fact_robot_maintenance(theatre["robot_maintenance_logs"], met)
    calendar = theatre_calendar(cases, robots, observed, working_days())
    use = robot_utilization(cases, visits, robots, calendar)
    rows = (
        facilities, departments, patients, dim_date(), dim_time(), admissions, discharges,
        fact_waiting_list(raw["wait_snapshot"], dimensions), occupancy,
        encounters, vitals, labs, fact_notes(batch["notes.jsonl"], stays, dimensions),
        waiting_time_percentiles(admissions, observed, dimensions), utilisation,
        queue_growth(occupancy, admissions, discharges, dimensions),
        pressure_validation(admissions, discharges, occupancy, utilisation, dimensions),
        deterioration(encounters, vitals, dimensions), lab_turnaround(labs), length_of_stay(encounters, dimensions),
        returns, clinical_validation(encounters, vitals, labs, returns, most_days(occupancy)),
        robots, surgeons, cases, samples, visits,
        use, surgeon_performance(cases, surgeons), facility_performance(cases, calendar), procedure_outcomes(cases),
        daily_procedure_volume(cases, calendar), telemetry_system_health(samples, visits),
        theatre_flow(
            cases, visits, list(within(admissions, "admission_date", observed)), utilisation, calendar, dimensions
        ),
        robotics_validation(cases, samples, use, calendar),
        versions(registry, "facility", REGISTRY), versions(wards, "department", DEPARTMENT),
        versions(theatre["surgical_facilities"], "surgical_facility", THEATRES),
        versions(theatre["surgical_robots"], "robot", ROBOT), versions(theatre["surgeons"], "surgeon", SURGEON),
    )  # fmt: skip
    return dict(zip(KEYS, rows, strict=True))
