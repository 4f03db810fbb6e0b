"""The clinical relations worked out in plain Python: facts with NEWS2, and the clinical marts."""

import csv
import re
from bisect import bisect
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache

from oracle_records import Row, Rows
from oracle_small import (
    SEEDS,
    Dimensions,
    Observed,
    date_key,
    double,
    grouped,
    mean,
    nights,
    percentile,
    ratio,
    seconds,
    share,
    time_key,
    verdict,
)

# --- NEWS2 -----------------------------------------------------------------------------------------------------------

# The chart of the Royal College of Physicians as it is printed: what scores 3, 2, 1, 0, 1, 2 and 3.
CHART = """\
resp_rate,<=8,,9-11,12-20,,21-24,>=25
spo2_scale1,<=91,92-93,94-95,>=96,,,
spo2_scale2,<=83,84-85,86-87,88-92 or >=93 on air,93-94 on O2,95-96 on O2,>=97 on O2
oxygen,,,,air,,O2,
systolic_bp,<=90,91-100,101-110,111-219,,,>=220
heart_rate,<=40,,41-50,51-90,91-110,111-130,>=131
consciousness,,,,A,,,C or V or P or U
temperature,<=35.0,,35.1-36.0,36.1-38.0,38.1-39.0,>=39.1,
"""
BOXES = {sign: boxes for sign, *boxes in csv.reader(CHART.splitlines())}


@cache
def score(sign: str, value: Decimal | int | str, gas: str = "air") -> int:
    """What a sign scores by the chart: the number over the one box that it is in."""
    in_box = [any(fits(words, value, gas) for words in box.split(" or ") if words) for box in BOXES[sign]]
    (place,) = (place for place, is_in in enumerate(in_box) if is_in)
    return abs(3 - place)


def fits(words: str, value: Decimal | int | str, gas: str) -> bool:
    bound, _, on = words.partition(" on ")
    if on and on != gas:
        return False
    if isinstance(value, str):
        return bound == value
    least, _, most = bound.partition("-")
    if least.startswith("<="):
        return value <= Decimal(least[2:])
    if least.startswith(">="):
        return value >= Decimal(least[2:])
    return Decimal(least) <= value <= Decimal(most)


def to_tenth(degrees: float) -> Decimal:
    return Decimal(repr(degrees)).quantize(Decimal("0.1"), ROUND_HALF_UP)


def scores(signs: Row, spo2_scale: int) -> dict[str, int]:
    """What each of the seven signs of a set adds to NEWS2."""
    gas = "O2" if signs["on_oxygen"] else "air"
    return {
        "resp_rate": score("resp_rate", signs["resp_rate"]),
        "spo2": score(f"spo2_scale{spo2_scale}", signs["spo2"], gas),
        "oxygen": score("oxygen", gas),
        "systolic_bp": score("systolic_bp", signs["systolic_bp"]),
        "heart_rate": score("heart_rate", signs["heart_rate"]),
        "consciousness": score("consciousness", signs["consciousness"]),
        "temperature": score("temperature", to_tenth(signs["temperature_celsius"])),
    }


def band(total: int, is_red: bool) -> str:
    if total >= 7:
        return "high"
    if total >= 5:
        return "medium"
    return "low_medium" if is_red else "low"


def news2(signs: Row, stay: Row) -> Row:
    """The columns of NEWS2; all missing for patients under 16, for whom it is not made."""
    found = scores(signs, stay["spo2_scale"])
    total, is_red = sum(found.values()), 3 in found.values()
    columns = {f"{sign}_score": one for sign, one in found.items()}
    columns |= {"news2_score": total, "has_red_score": is_red, "news2_band": band(total, is_red)}
    return columns if stay["is_adult"] else dict.fromkeys(columns)


# --- facts -----------------------------------------------------------------------------------------------------------


def seed(name: str, key: str) -> dict[str, dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return {row[key]: row for row in csv.DictReader(file)}


def age(born: date, day: date) -> int:
    """Birthdays that have come; that of 29 February comes on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def age_band(years: int) -> str:
    firsts = (0, 5, 18, 30, 45, 55, 65, 75, 85)
    at = max(bisect(firsts, years) - 1, 0)
    return f"{firsts[at]}-{firsts[at + 1] - 1}" if at < 8 else "85+"


def hours(earlier: datetime, later: datetime) -> float:
    return seconds(earlier, later) / 3600


def fact_encounters(encounters: Rows, patients: Rows, dimensions: Dimensions) -> Rows:
    scenarios, diagnoses = seed("scenarios", "scenario"), seed("diagnoses", "icd10_code")
    born = {(row["batch_date"], row["patient_id"]): row["date_of_birth"] for row in patients}
    rows = []
    for stay in encounters:
        came, left = stay["admit_time"], stay["discharge_time"]
        years = age(born[stay["batch_date"], stay["patient_id"]], came.date())
        spent = nights(came, left)
        rows.append({
            "encounter_id": stay["encounter_id"],
            "admission_date_key": date_key(came), "admission_time_key": time_key(came),
            "discharge_date_key": date_key(left), "discharge_time_key": time_key(left),
            **dimensions.keys(stay, left), "admission_method": stay["admission_method"], "scenario": stay["scenario"],
            "scenario_name": scenarios.get(stay["scenario"], {}).get("scenario_name"),
            "diagnosis_code": stay["primary_diagnosis"],
            "diagnosis_name": diagnoses.get(stay["primary_diagnosis"], {}).get("diagnosis_name"),
            "discharge_destination": stay["discharge_destination"], "acuity": stay["acuity"],
            "spo2_scale": stay["spo2_scale"], "age_years": years, "age_band": age_band(years),
            "stay_hours": hours(came, left), "stay_nights": spent,
            "is_emergency": stay["admission_method"] == "emergency", "is_adult": years >= 16,
            "is_long_stay": spent >= 21, "is_death": stay["discharge_destination"] == "died",
            "admitted_at": came, "admission_date": came.date(), "discharged_at": left, "discharge_date": left.date(),
            "batch_date": stay["batch_date"],
        })  # fmt: skip
    return rows


def charted(row: Row, stay: Row, moment: datetime, dimensions: Dimensions) -> Row:
    """What is said of everything written down during a stay: the dimensions as they were then, and how far in."""
    place = {name: stay[name] for name in ("facility_id", "department_id")}
    return {
        "encounter_id": row["encounter_id"],
        **dimensions.keys(place | {"patient_id": row["patient_id"]}, moment),
        "hours_since_admission": hours(stay["admitted_at"], moment), "batch_date": row["batch_date"],
    }  # fmt: skip


def fact_vitals(vitals: Rows, stays: dict[str, Row], dimensions: Dimensions) -> Rows:
    started: set[str] = set()
    rows = []
    for signs in sorted(vitals, key=lambda row: (row["event_time"], row["observation_id"])):
        stay, then = stays[signs["encounter_id"]], signs["event_time"]
        told = ("heart_rate", "resp_rate", "spo2", "on_oxygen", "temperature_celsius", "systolic_bp", "diastolic_bp",
                "consciousness")  # fmt: skip
        rows.append({
            "observation_id": signs["observation_id"],
            "observed_date_key": date_key(then), "observed_time_key": time_key(then),
            **charted(signs, stay, then, dimensions), **{name: signs[name] for name in told},
            "spo2_scale": stay["spo2_scale"], **news2(signs, stay),
            "is_first_set": signs["encounter_id"] not in started, "observed_at": then,
        })  # fmt: skip
        started.add(signs["encounter_id"])
    return rows


def fact_labs(labs: Rows, stays: dict[str, Row], dimensions: Dimensions) -> Rows:
    tests = seed("lab_tests", "test_code")
    rows = []
    for result in labs:
        stay, taken, known = stays[result["encounter_id"]], result["event_time"], result["result_time"]
        value, low, high = (result[name] for name in ("value", "reference_low", "reference_high"))
        flag = "low" if value < low else "high" if value > high else "normal"
        test = tests.get(result["test_code"], {})
        rows.append({
            "result_id": result["result_id"],
            "sampled_date_key": date_key(taken), "sampled_time_key": time_key(taken),
            **charted(result, stay, taken, dimensions), "test_code": result["test_code"],
            "test_name": test.get("test_name"), "panel": test.get("panel"), "loinc_code": result["loinc_code"],
            "unit": result["unit"], "result_value": value, "reference_low": low, "reference_high": high,
            "abnormal_flag": flag, "is_abnormal": flag != "normal", "turnaround_minutes": seconds(taken, known) / 60,
            "sampled_at": taken, "resulted_at": known,
        })  # fmt: skip
    return rows


def fact_notes(notes: Rows, stays: dict[str, Row], dimensions: Dimensions) -> Rows:
    rows = []
    for note in notes:
        then, text = note["note_time"], note["note_text"]
        rows.append({
            "note_id": note["note_id"], "note_date_key": date_key(then), "note_time_key": time_key(then),
            **charted(note, stays[note["encounter_id"]], then, dimensions), "note_type": note["note_type"],
            "author_role": note["author_role"], "note_text": text, "character_count": len(text),
            "word_count": len(re.findall("[^ \t\r\n]+", text)), "noted_at": then,
        })  # fmt: skip
    return rows


# --- marts -----------------------------------------------------------------------------------------------------------

MONTH_OF_FOLLOW_UP = timedelta(days=30)


def deterioration(stays: Rows, vitals: Rows, dimensions: Dimensions) -> Rows:
    """Stays of adults with a score of 5 or more; a score holds until the next set, the last until the discharge."""
    sets = grouped((row for row in vitals if row["news2_score"] is not None), "encounter_id")
    rows = []
    for stay in stays:
        scored = sorted((row["observed_at"], row["news2_score"]) for row in sets.get(stay["encounter_id"], []))
        first = {limit: next((at for at, score in scored if score >= limit), None) for limit in (5, 7)}
        if first[5] is None:
            continue
        ends = [*(at for at, _ in scored[1:]), stay["discharged_at"]]
        at_5 = sum(seconds(at, end) for (at, score), end in zip(scored, ends, strict=True) if score >= 5)
        told = ("encounter_id", "patient_key", "facility_id", "department_id", "scenario", "age_band", "is_emergency",
                "discharge_date", "discharge_destination", "is_death")  # fmt: skip
        rows.append({name: stay[name] for name in told} | {
            "department_code": dimensions.now(stay["department_id"]).get("department_code"),
            "scored_sets": len(scored), "highest_news2_score": max(score for _, score in scored),
            "first_5_at": first[5], "hours_to_first_5": hours(stay["admitted_at"], first[5]),
            "first_7_at": first[7], "hours_to_first_7": first[7] and hours(stay["admitted_at"], first[7]),
            "hours_at_5": at_5 / 3600,
            "hours_from_first_7_to_death":
                hours(first[7], stay["discharged_at"]) if first[7] and stay["is_death"] else None,
        })  # fmt: skip
    return rows


def percentiles(name: str, values: list[Fraction]) -> dict[str, float | None]:
    return {f"p{p}_{name}": double(percentile(values, Fraction(p, 100))) for p in (50, 90, 95)}


def lab_turnaround(labs: Rows) -> Rows:
    by_month = grouped(
        (row | {"month": row["sampled_at"].date().replace(day=1)} for row in labs), "facility_id", "month", "test_code"
    )
    rows = []
    for (facility, month, test), results in by_month.items():
        minutes = [Fraction(seconds(row["sampled_at"], row["resulted_at"]), 60) for row in results]
        rows.append({
            "facility_id": facility, "month_start_date": month, "test_code": test,
            "test_name": results[0]["test_name"], "panel": results[0]["panel"], "results": len(results),
            **percentiles("turnaround_minutes", minutes), "longest_turnaround_minutes": float(max(minutes)),
            "abnormal_results": sum(row["is_abnormal"] for row in results),
            "abnormal_share": double(share(results, lambda row: row["is_abnormal"])),
        })  # fmt: skip
    return rows


def length_of_stay(stays: Rows, dimensions: Dimensions) -> Rows:
    alike: dict[tuple[str, str, str], Rows] = defaultdict(list)
    for stay in stays:
        code = dimensions.now(stay["department_id"]).get("department_code", "unknown")
        alike[code, stay["scenario"], stay["age_band"]].append(stay)
    rows = []
    for (code, scenario, ages), together in alike.items():
        days = [Fraction(seconds(stay["admitted_at"], stay["discharged_at"]), 86_400) for stay in together]
        rows.append({
            "department_code": code, "scenario": scenario, "age_band": ages, "encounters": len(together),
            "mean_stay_days": double(mean(days)), **percentiles("stay_days", days),
            "long_stays": sum(stay["is_long_stay"] for stay in together),
            "long_stay_share": double(share(together, lambda stay: stay["is_long_stay"])),
        })  # fmt: skip
    return rows


def readmissions(stays: Rows, admissions: Rows, observed: Observed, dimensions: Dimensions) -> Rows:
    """Of those who left alive 30 days or more before the last observed day, how many came back as emergencies.

    Stays and admissions are records as told: both know the patient's id, whoever is registered.
    """
    emergencies = [row for row in admissions if row["admission_method"] == "emergency"]
    returns = {one: [row["event_time"] for row in rows] for one, rows in grouped(emergencies, "patient_id").items()}
    by_month: dict[tuple[str, str, date], list[bool]] = defaultdict(list)
    for stay in stays:
        left = stay["discharge_time"]
        _, last = observed.get(stay["facility_id"], (None, date.min))
        if stay["discharge_destination"] != "died" and left.date() + MONTH_OF_FOLLOW_UP <= last:
            came_back = any(left < at <= left + MONTH_OF_FOLLOW_UP for at in returns.get(stay["patient_id"], []))
            by_month[stay["facility_id"], stay["department_id"], left.date().replace(day=1)].append(came_back)
    return [
        {
            "facility_id": facility, "department_id": department, **dimensions.named_now(department),
            "month_start_date": month, "index_discharges": len(came_back), "emergency_readmissions": sum(came_back),
            "readmission_rate": double(ratio(sum(came_back), len(came_back))),
        }
        for (facility, department, month), came_back in by_month.items()
    ]  # fmt: skip


def clinical_validation(stays: Rows, vitals: Rows, labs: Rows, returns: Rows, days: int) -> Rows:
    """Each published figure beside that of the warehouse, after them the mortality of each scenario that has a band."""
    counted = figures(stays, vitals, labs, returns)
    published: Rows = list(seed("published_clinical_figures", "metric").values())
    with_band = [row for _, row in sorted(seed("scenarios", "scenario").items()) if row["published_mortality_low"]]
    published += [
        {
            "metric": f"mortality_{row['scenario']}", "metric_order": 101 + n, "unit": "share",
            "description": f"Deaths in hospital among encounters for: {row['scenario_name']}",
            "lowest": row["published_mortality_low"], "highest": row["published_mortality_high"], "minimum_days": 28,
            "minimum_rows": round(100 / Fraction(row["published_mortality_low"])),
            "source": "Mortality by scenario, within 30 % or the band that is reported",
        }
        for n, row in enumerate(with_band)
    ]  # fmt: skip
    return [
        {
            "metric_order": int(row["metric_order"]), "metric": row["metric"], "description": row["description"],
            "unit": row["unit"], "row_count": count, "simulated_value": double(value),
            "published_lowest": float(row["lowest"]), "published_highest": float(row["highest"]),
            "verdict": "too little data" if count < int(row["minimum_rows"]) else verdict(value, row, days),
            "source": row["source"],
        }
        for row in published
        for value, count in [counted.get(row["metric"], (None, 0))]
    ]  # fmt: skip


def figures(stays: Rows, vitals: Rows, labs: Rows, returns: Rows) -> dict[str, tuple[Fraction | None, int]]:
    """What the warehouse says of each metric, and of how many rows."""
    by_id = {stay["encounter_id"]: stay for stay in stays}
    firsts = [row for row in vitals if row["is_first_set"] and by_id[row["encounter_id"]]["is_adult"]]
    found: dict[str, list[bool]] = {
        "first_news2_below_3_share": [row["news2_score"] < 3 for row in firsts],
        "first_news2_3_to_5_share": [3 <= row["news2_score"] <= 5 for row in firsts],
        "first_news2_above_5_share": [row["news2_score"] > 5 for row in firsts],
        "news2_7_or_more_share": [row["news2_score"] >= 7 for row in vitals if row["news2_score"] is not None],
        "emergency_on_oxygen_share":
            [row["on_oxygen"] for row in firsts if by_id[row["encounter_id"]]["is_emergency"]],
        "abnormal_result_share": [row["is_abnormal"] for row in labs],
        "hospital_mortality": [stay["is_death"] for stay in stays],
    } | {
        f"mortality_{scenario}": [stay["is_death"] for stay in rows]
        for scenario, rows in grouped(stays, "scenario").items()
    }  # fmt: skip
    left, back = (sum(row[name] for row in returns) for name in ("index_discharges", "emergency_readmissions"))
    shares = {metric: (ratio(sum(those), len(those)), len(those)) for metric, those in found.items()}
    return shares | {"emergency_readmission_share": (ratio(back, left), left)}
