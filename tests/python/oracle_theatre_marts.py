"""The marts of surgical robotics worked out in plain Python."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction

from oracle_clinical import seed
from oracle_records import Row, Rows
from oracle_small import (
    DAY,
    Dimensions,
    Observed,
    date_key,
    double,
    grouped,
    mean,
    percentile,
    ratio,
    seconds,
    share,
    verdict,
)

SESSION_MINUTES = 480
HALF, NINE_TENTHS = Fraction(1, 2), Fraction(9, 10)


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month + 31 * DAY).replace(day=1)


def by_month(rows: Rows, whose: str, day: str) -> dict[tuple[str, date], Rows]:
    """Rows by whose they are and the month of their day."""
    return grouped((row | {"month": month_of(row[day])} for row in rows), whose, "month")


def count(rows: Iterable[Row], name: str) -> int:
    """Rows of which something is true."""
    return sum(row[name] is True for row in rows)


def performed(cases: Rows) -> Rows:
    return [case for case in cases if case["is_performed"]]


def minutes(cases: Rows) -> int:
    return sum(case["duration_minutes"] for case in performed(cases))


def quantile(values: Iterable[Fraction | int | float | None], of: Fraction) -> float | None:
    return double(percentile([Fraction(value) for value in values if value is not None], of))


def told(rows: Rows, name: str) -> list[Fraction]:
    return [Fraction(row[name]) for row in rows if row[name] is not None]


def share_of_known(rows: Rows, name: str) -> float | None:
    """How often something is true where it is known."""
    return double(mean([int(value) for value in told(rows, name)]))


def expected_minutes(cases: Rows) -> int:
    return sum(case["expected_duration_minutes"] or 0 for case in performed(cases))


def against_expected(cases: Rows) -> float | None:
    return double(ratio(minutes(cases), expected_minutes(cases)))


def fate(cases: Rows) -> Row:
    """How performed cases turned out: those of which it is known, and how often something happened among them."""
    return {
        "discharged_cases": len(told(cases, "has_complication")),
        "complications": count(cases, "has_complication"),
        "complication_rate": share_of_known(cases, "has_complication"),
        "followed_cases": len(told(cases, "is_readmitted_30d")),
        "readmissions": count(cases, "is_readmitted_30d"),
        "readmission_rate": share_of_known(cases, "is_readmitted_30d"),
    }


def gravest(cases: Rows) -> Row:
    """Major complications and conversions of performed cases."""
    return {
        "major_complications": count(cases, "is_major_complication"),
        "major_complication_rate": share_of_known(cases, "is_major_complication"),
        "conversions": count(cases, "is_converted"),
        "conversion_rate": double(share(cases, lambda case: case["is_converted"])),
    }


@dataclass(frozen=True)
class Calendar:
    """The days that theatres have told of, which hospitals theatres are in, and which days are working days."""

    days: list[date]
    facilities: list[str]
    working: frozenset[date]

    @property
    def months(self) -> list[date]:
        return sorted(set(map(month_of, self.days)))

    def days_of(self, month: date) -> list[date]:
        return [day for day in self.days if month_of(day) == month]

    def is_whole(self, month: date) -> bool:
        return len(self.days_of(month)) == (next_month(month) - month).days


def theatre_calendar(cases: Rows, robots: Rows, observed: Observed, working: Iterable[date]) -> Calendar:
    """From the first to the last day that every hospital has reached; a procedure is told of whenever it is."""
    places = {row["facility_id"] for row in (*cases, *robots)} - {"unknown"}
    told_on = [case["procedure_date"] for case in cases]
    told_on += (
        [max(first for first, _ in observed.values()), min(last for _, last in observed.values())] if observed else []
    )
    if not places or not told_on:
        return Calendar([], [], frozenset())
    first, last = min(told_on), max(told_on)
    days = [first + n * DAY for n in range((last - first).days + 1)]
    return Calendar(days, sorted(places), frozenset(working))


def in_service(versions: Rows, day: date) -> bool:
    """Whether a robot was in service on a part of a day."""
    begins = datetime.combine(day, time.min)
    return any(
        row["status"] != "retired" and row["effective_date"] < begins + DAY and row["expiration_date"] > begins
        for row in versions
    )


def robot_utilization(cases: Rows, visits: Rows, robots: Rows, calendar: Calendar) -> Rows:
    histories = grouped((row for row in robots if row["robot_id"] != "unknown"), "robot_id")
    of_cases = by_month(cases, "robot_id", "procedure_date")
    of_visits = by_month(visits, "robot_id", "maintenance_date")
    service = {
        (robot, month): [day for day in calendar.days_of(month) if in_service(history, day)]
        for robot, history in histories.items()
        for month in calendar.months
    }
    rows = []
    for robot, month in sorted({key for key, days in service.items() if days} | of_cases.keys() | of_visits.keys()):
        planned, seen = of_cases.get((robot, month), []), of_visits.get((robot, month), [])
        days = service.get((robot, month), [])
        business = sum(day in calendar.working for day in days)
        operated, sessions = minutes(planned), len({case["procedure_date"] for case in performed(planned)})
        down = sum((Fraction(visit["downtime_hours"]) for visit in seen), Fraction(0))
        up = 1 - down / (24 * len(days)) if days else None
        over = datetime.combine(next_month(month), time.min)
        latest: Row = max(
            (row for row in histories.get(robot, []) if row["effective_date"] < over),
            key=lambda row: row["effective_date"], default={},
        )  # fmt: skip
        rows.append({
            "robot_id": robot, "month_start_date": month, "model": latest.get("model"),
            "facility_id": latest.get("facility_id"), "cases": len(planned),
            "completed_cases": count(planned, "is_completed"), "converted_cases": count(planned, "is_converted"),
            "cancelled_cases": count(planned, "is_cancelled"), "operating_minutes": operated,
            "session_days": sessions, "service_days": len(days), "business_days": business,
            "available_minutes": business * SESSION_MINUTES, "visits": len(seen),
            "emergency_visits": count(seen, "is_emergency"), "downtime_hours": float(down),
            "utilisation_ratio": double(ratio(operated, business * SESSION_MINUTES)),
            "in_session_utilisation_ratio": double(ratio(operated, sessions * SESSION_MINUTES)),
            "uptime_ratio": None if up is None else float(max(up, Fraction(0))),
            "p50_turnover_minutes": quantile((case["turnover_minutes"] for case in planned), HALF),
            "p90_duration_minutes": quantile((case["duration_minutes"] for case in performed(planned)), NINE_TENTHS),
        })  # fmt: skip
    return rows


def surgeon_performance(cases: Rows, surgeons: Rows) -> Rows:
    latest = {row["surgeon_id"]: row for row in sorted(surgeons, key=lambda row: row["effective_date"])}
    rows: Rows = []
    by_year = grouped((case | {"year": case["procedure_date"].year} for case in cases), "surgeon_id", "year")
    for (surgeon, year), planned in by_year.items():
        done, who = performed(planned), latest.get(surgeon, {})
        firsts = [case for case in done if case["surgeon_case_number"] <= 25]
        later = [case for case in done if case["surgeon_case_number"] > 25]
        rows.append({
            "surgeon_id": surgeon, "year_number": year,
            **{name: who.get(name) for name in ("surgeon_name", "specialisation", "grade", "facility_id")},
            "cases": len(planned), "performed_cases": len(done), "cancelled_cases": len(planned) - len(done),
            "operating_minutes": minutes(done),
            "p50_duration_minutes": quantile((case["duration_minutes"] for case in done), HALF),
            "p90_duration_minutes": quantile((case["duration_minutes"] for case in done), NINE_TENTHS),
            "expected_minutes": expected_minutes(done),
            "duration_ratio": against_expected(done), "first_25_cases": len(firsts),
            "first_25_duration_ratio": against_expected(firsts), "later_duration_ratio": against_expected(later),
            **fate(done), **gravest(done),
            "answers": len(told(done, "patient_satisfaction")),
            "mean_satisfaction": double(mean(told(done, "patient_satisfaction"))),
        })  # fmt: skip
    for together in grouped(rows, "specialisation", "year_number").values():
        ratios = [row["duration_ratio"] for row in together if row["duration_ratio"] is not None]
        for row in together:
            own = row["duration_ratio"]
            row["speciality_rank"] = None if own is None else 1 + sum(other < own for other in ratios)
            row["speciality_surgeons"] = None if own is None else len(ratios)
    return rows


def facility_performance(cases: Rows, calendar: Calendar) -> Rows:
    of_month = by_month(cases, "facility_id", "procedure_date")
    rows = []
    for facility in calendar.facilities:
        for month in calendar.months:
            planned = of_month.get((facility, month), [])
            done, firsts = performed(planned), [case for case in planned if case["is_first_case"]]
            year_before = month.replace(year=month.year - 1)
            whole = calendar.is_whole(month) and calendar.is_whole(year_before)
            before = len(performed(of_month.get((facility, year_before), []))) if whole else None
            rows.append({
                "facility_id": facility, "month_start_date": month, "is_whole_month": calendar.is_whole(month),
                "cases": len(planned), "performed_cases": len(done), "cancelled_cases": len(planned) - len(done),
                "performed_cases_a_year_before": before,
                "growth_ratio": double(ratio(len(done) - before, before)) if before else None,
                "operating_minutes": minutes(done),
                "cancellation_rate": double(share(planned, lambda case: case["is_cancelled"])),
                **fate(done),
            "first_cases": len(firsts), "first_cases_on_time": sum(map(is_on_time, firsts)),
            "first_case_on_time_share": double(share(firsts, is_on_time)),
                "robots_used": len({case["robot_id"] for case in done}),
                "surgeons_used": len({case["surgeon_id"] for case in done}),
            })  # fmt: skip
    return rows


def is_on_time(case: Row) -> bool:
    """Whether a case began by nine; theatres tell times to the minute."""
    return bool(case["start_time_key"] <= 9 * 60)


def procedure_outcomes(cases: Rows) -> Rows:
    published = seed("procedure_types", "procedure_type")
    by_year = grouped(
        (case | {"year": case["procedure_date"].year} for case in performed(cases)), "procedure_type", "year"
    )
    rows = []
    for (kind, year), done in by_year.items():
        ended, grades = (Counter(case[name] for case in done) for name in ("success_status", "clavien_dindo_grade"))
        rates = {
            f"published_{rate}": float(published[kind][rate]) if kind in published else None
            for rate in ("conversion_rate", "complication_rate", "readmission_rate")
        }
        rows.append({
            "procedure_type": kind, "year_number": year,
            "procedure_category": max(case["procedure_category"] for case in done), "performed_cases": len(done),
            "successes": ended["success"], "partial_successes": ended["partial_success"], "failures": ended["failure"],
            **fate(done), **gravest(done),
            **{f"grade_{grade.lower()}": grades[grade] for grade in ("I", "II", "IIIa", "IIIb", "IVa", "IVb", "V")},
            **rates,
            **{
                f"p{name}_{what}": quantile((case[what] for case in done), of)
                for name, of in ((50, HALF), (90, NINE_TENTHS)) for what in ("blood_loss_ml", "stay_days")
            },
        })  # fmt: skip
    return rows


def daily_procedure_volume(cases: Rows, calendar: Calendar) -> Rows:
    by_day = grouped(cases, "facility_id", "procedure_date")
    rows = []
    for facility in calendar.facilities:
        volumes: list[int] = []
        for day in calendar.days:
            planned = by_day.get((facility, day), [])
            done = performed(planned)
            volumes.append(len(done))
            rows.append({
                "facility_id": facility, "procedure_date": day, "procedure_date_key": date_key(day),
                "is_working_day": day in calendar.working, "scheduled_cases": len(planned),
                "performed_cases": len(done), "cancelled_cases": len(planned) - len(done),
                "operating_minutes": minutes(done), "robots_in_use": len({case["robot_id"] for case in done}),
                "mean_performed_cases_7_days": double(mean(volumes[-7:])),
            })  # fmt: skip
    return rows


# --- telemetry -------------------------------------------------------------------------------------------------------

CHANNELS = {
    "temperature": "motor_temperature_celsius", "current": "motor_current_amperes", "latency": "network_latency_ms",
    "fps": "video_fps",
}  # fmt: skip


def is_beyond(sample: Row, limits: dict[str, str], limit: str) -> bool:
    value = sample[limits["channel"]]
    return bool(value < float(limits[limit]) if limits["is_low_worse"] == "true" else value > float(limits[limit]))


def telemetry_system_health(samples: Rows, visits: Rows) -> Rows:
    limits = seed("telemetry_limits", "channel")
    emergencies = grouped((visit for visit in visits if visit["is_emergency"]), "robot_id")
    rows = []
    for (robot, day), of_day in grouped(samples, "robot_id", "sample_date").items():
        beyond = {
            (name, level): sum(is_beyond(sample, limits[channel], f"{level}_limit") for sample in of_day)
            for name, channel in CHANNELS.items() for level in ("warn", "alarm")
        }  # fmt: skip

        def is_often(
            level: str, limit: str, beyond: dict[tuple[str, str], int] = beyond, of: int = len(of_day)
        ) -> bool:
            shares = {name: Fraction(limits[channel][limit]) for name, channel in CHANNELS.items()}
            return any(Fraction(beyond[name, level], of) >= least for name, least in shares.items())

        status = (
            "alarm" if is_often("alarm", "alarm_share") else "watch" if is_often("warn", "watch_share") else "healthy"
        )
        nexts = [visit["maintenance_date"] for visit in emergencies.get(robot, []) if visit["maintenance_date"] >= day]
        emergency = min(nexts, default=None)
        temperatures, currents, delays, frames = ([row[name] for row in of_day] for name in CHANNELS.values())
        rows.append({
            "robot_id": robot, "sample_date": day, "sample_date_key": date_key(day),
            "procedures": len({sample["procedure_id"] for sample in of_day}), "samples": len(of_day),
            "highest_temperature_celsius": max(temperatures),
            "p95_temperature_celsius": quantile(temperatures, Fraction(95, 100)),
            "highest_current_amperes": max(currents), "p95_current_amperes": quantile(currents, Fraction(95, 100)),
            "p95_latency_ms": quantile(delays, Fraction(95, 100)), "p05_video_fps": quantile(frames, Fraction(5, 100)),
            **{f"{name}_{level}_samples": number for (name, level), number in beyond.items()},
            "health_status": status, "next_emergency_date": emergency,
            "days_to_emergency": emergency and (emergency - day).days,
        })  # fmt: skip
    return rows


# --- beside operations -----------------------------------------------------------------------------------------------

THEATRE_BEDS = ("GSUR", "ORTH", "UROL", "GYNA")


def theatre_flow(
    cases: Rows, visits: Rows, admissions: Rows, utilisation: Rows, calendar: Calendar, dimensions: Dimensions
) -> Rows:
    """`admissions` are those of observed days; a ward that has closed was one while it was open."""
    of_cases = by_month(cases, "facility_id", "procedure_date")
    of_visits = by_month(visits, "facility_id", "maintenance_date")
    known = dimensions.departments.items()
    wards = {one for one, rows in known if any(row["department_code"] in THEATRE_BEDS for row in rows)}
    elective = [row for row in admissions if not row["is_emergency"] and row["department_id"] in wards]
    beds = [row for row in utilisation if row["department_id"] in wards]
    of_admissions = grouped(
        (row | {"month": month_of(row["admission_date"])} for row in elective), "facility_id", "month"
    )
    of_beds = grouped((row | {"month": month_of(row["snapshot_date"])} for row in beds), "facility_id", "month")
    rows = []
    for facility in calendar.facilities:
        for month in calendar.months:
            planned, seen, came, counted = (
                of.get((facility, month), []) for of in (of_cases, of_visits, of_admissions, of_beds)
            )
            waits = [Fraction(seconds(row["requested_at"], row["admitted_at"]), 60) for row in came]
            taken, capacity = (
                sum(row[f"sod_{name}_beds"] or 0 for row in counted) for name in ("occupied", "capacity")
            )
            rows.append({
                "facility_id": facility, "month_start_date": month, "cases": len(planned),
                "cancelled_cases": count(planned, "is_cancelled"), "visits": len(seen),
                "downtime_hours": float(sum(Fraction(visit["downtime_hours"]) for visit in seen)),
                "elective_admissions": len(came),
                "p50_wait_minutes": quantile(waits, HALF), "p90_wait_minutes": quantile(waits, NINE_TENTHS),
                "mean_occupancy_rate": double(ratio(taken, capacity)),
            })  # fmt: skip
    return rows


# --- beside what is published ----------------------------------------------------------------------------------------


def robotics_validation(cases: Rows, samples: Rows, utilization: Rows, calendar: Calendar) -> Rows:
    counted, days = figures(cases, samples, utilization), len(calendar.days)
    return [
        {
            "metric_order": int(row["metric_order"]), "metric": row["metric"], "description": row["description"],
            "unit": row["unit"], "row_count": number, "simulated_value": double(value),
            "published_lowest": float(row["lowest"]), "published_highest": float(row["highest"]),
            "verdict": "too little data" if number < int(row["minimum_rows"]) else verdict(value, row, days),
            "source": row["source"],
        }
        for row in seed("published_robotics_figures", "metric").values()
        for value, number in [counted[row["metric"]]]
    ]  # fmt: skip


def figures(cases: Rows, samples: Rows, utilization: Rows) -> dict[str, tuple[Fraction | None, int]]:
    """What the warehouse says of each metric, and of how many cases, days or samples."""

    def of(rows: Rows, condition: Callable[[Row], bool]) -> tuple[Fraction | None, int]:
        return share(rows, condition), len(rows)

    def grade(*grades: str) -> Callable[[Row], bool]:
        return lambda case: case["clavien_dindo_grade"] in grades

    done = performed(cases)
    discharged = [case for case in done if case["has_complication"] is not None]
    complicated = [case for case in discharged if case["has_complication"]]
    followed = [case for case in done if case["is_readmitted_30d"] is not None]
    firsts = [case for case in done if case["is_first_case"]]
    turnovers = told(done, "turnover_minutes")
    sessions, service = (sum(row[name] for row in utilization) for name in ("session_days", "service_days"))
    down = sum((Fraction(row["downtime_hours"]) for row in utilization), Fraction(0))
    limits = seed("telemetry_limits", "channel").values()
    with_telemetry = grouped(samples, "procedure_id").values()
    faulty = [
        any(is_beyond(row, of_channel, "alarm_limit") for row in rows for of_channel in limits)
        for rows in with_telemetry
    ]
    lasted = minutes(done)
    return {
        "cancelled_on_the_day_share": of(cases, lambda case: case["is_cancelled"]),
        "conversion_share": of(done, lambda case: case["is_converted"]),
        "complication_share": of(discharged, lambda case: case["has_complication"]),
        "major_complication_share": of(discharged, lambda case: case["is_major_complication"]),
        "minor_grades_share": of(complicated, grade("I", "II")),
        "grade_3_share": of(complicated, grade("IIIa", "IIIb")),
        "grade_4_share": of(complicated, grade("IVa", "IVb")),
        "grade_5_share": of(complicated, grade("V")),
        "operative_mortality": of(discharged, grade("V")),
        "readmission_share": of(followed, lambda case: case["is_readmitted_30d"]),
        "duration_to_expected_ratio":
            (ratio(lasted, sum(case["expected_duration_minutes"] or 0 for case in done)), len(done)),
        "complexity_duration_correlation":
            (correlation(places(told(done, "complexity")), places(told(done, "duration_minutes"))), len(done)),
        "median_turnover_minutes": (percentile(turnovers, HALF), len(turnovers)),
        "first_case_by_09_share": of(firsts, is_on_time),
        "in_session_utilisation": (ratio(lasted, sessions * SESSION_MINUTES), sessions),
        "uptime_share": (1 - down / (24 * service) if service else None, service),
        "cases_per_robot_year": (ratio(len(done) * Fraction("365.25"), service), service),
        "fault_case_share": (mean([int(one) for one in faulty]), len(faulty)),
        "force_current_correlation":
            (correlation(told(samples, "force_n"), told(samples, "motor_current_amperes")), len(samples)),
    }  # fmt: skip


def places(values: list[Fraction]) -> list[Fraction]:
    """Each value's place in order; equal ones share the mean of theirs."""
    first, times = {}, Counter(values)
    place = 1
    for value in sorted(times):
        first[value] = place + Fraction(times[value] - 1, 2)
        place += times[value]
    return [first[value] for value in values]


def correlation(ones: list[Fraction], others: list[Fraction]) -> Fraction | None:
    """Pearson's."""
    mean_one, mean_other = mean(ones), mean(others)
    if mean_one is None or mean_other is None:
        return None
    away = [(one - mean_one, other - mean_other) for one, other in zip(ones, others, strict=True)]
    together = sum(one * other for one, other in away)
    spread = sum(one * one for one, _ in away) * sum(other * other for _, other in away)
    return Fraction(float(together) / math.sqrt(spread)) if spread else None
