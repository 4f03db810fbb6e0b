"""What the oracle's relations share: keys, times, shares and percentiles, and dimensions to be met by facts.

Whole numbers and fractions all the way, floats at the end.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from hashlib import md5
from pathlib import Path
from typing import Any

from oracle_records import Row, Rows

SEEDS = Path(__file__).parents[2] / "seeds"
DAY = timedelta(days=1)
Observed = dict[str, tuple[date, date]]


def key_of(*parts: str | datetime) -> str:
    """A surrogate key: md5 over the parts, each with its length before it."""
    texts = [part if isinstance(part, str) else part.strftime("%Y-%m-%d %H:%M:%S.%f") for part in parts]
    return md5("|".join(f"{len(text)}:{text}" for text in texts).encode()).hexdigest()


UNKNOWN = key_of("unknown")


def date_key(day: date) -> int:
    return int(day.strftime("%Y%m%d"))


def time_key(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute


def seconds(earlier: datetime, later: datetime) -> int:
    return (later - earlier) // timedelta(seconds=1)


def nights(earlier: datetime, later: datetime) -> int:
    return (later.date() - earlier.date()).days


def ratio(part: int | Fraction, whole: int | Fraction) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if whole else None


def mean(values: Sequence[int | Fraction]) -> Fraction | None:
    return ratio(sum(map(Fraction, values), Fraction(0)), len(values))


def share(rows: Iterable[Row], condition: Callable[[Row], bool]) -> Fraction | None:
    return mean([int(condition(row)) for row in rows])


def percentile(values: Iterable[Fraction], of: Fraction) -> Fraction | None:
    """Interpolated between the two nearest in rank (R-7, as PERCENTILE_CONT), exactly."""
    ordered = sorted(values)
    if not ordered:
        return None
    rank = (len(ordered) - 1) * of
    low = math.floor(rank)
    return ordered[low] + (rank - low) * (ordered[math.ceil(rank)] - ordered[low])


def double(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def verdict(value: Fraction | None, band: dict[str, str], days: int) -> str:
    if days < int(band["minimum_days"]):
        return "too little data"
    if value is None:
        return "no data"
    if value < Fraction(band["lowest"]):
        return "below"
    return "above" if value > Fraction(band["highest"]) else "agrees"


def grouped(rows: Iterable[Row], *names: str) -> dict[Any, Rows]:
    """Rows by one column's value, or by several."""
    groups: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        groups[row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)].append(row)
    return dict(groups)


class Dimensions:
    """Patients, facilities and departments, to be met by facts as they were at a time."""

    def __init__(self, patients: Rows, facilities: Rows, departments: Rows) -> None:
        self.patients = {row["patient_id"]: row["patient_key"] for row in patients}
        self.facilities = grouped(facilities, "facility_id")
        self.departments = grouped(departments, "department_id")

    def keys(self, record: Row, moment: datetime) -> Row:
        """The keys that a record refers to as of a moment, the unknown member's where nothing is known."""
        facility = as_of(self.facilities.get(record["facility_id"], []), moment)
        department = as_of(self.departments.get(record["department_id"], []), moment)
        keys = {
            "facility_key": facility.get("facility_key", UNKNOWN),
            "department_key": department.get("department_key", UNKNOWN),
        }
        patient = {"patient_key": self.patients.get(record["patient_id"], UNKNOWN)} if "patient_id" in record else {}
        return patient | keys | {name: record[name] for name in ("facility_id", "department_id")}

    def now(self, department_id: str) -> Row:
        """The department's current version, empty where there is none."""
        return next((row for row in self.departments.get(department_id, []) if row["is_current"]), {})

    def named_now(self, department_id: str) -> Row:
        """What the department is called now."""
        return {name: self.now(department_id).get(name) for name in ("department_code", "department_name")}


def as_of(versions: Rows, moment: datetime) -> Row:
    return next((row for row in versions if row["effective_date"] <= moment < row["expiration_date"]), {})
