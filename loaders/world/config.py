"""The numbers of the world: departments, profiles of month, week and hour, and the presets.

Figures marked D are computed from NHS England situation reports (April 2022 to August 2025), S is a published study
or table, F is fitted to those, K is expert knowledge of about ±15 %.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, Literal, TypeVar, get_type_hints

from loaders.errors import BadSetting

Season = Literal["emergency", "respiratory", "paediatric", "critical_care"]
Catchment = Literal["adult", "elder", "woman", "child"]
TelemetryFormat = Literal["ndjson", "parquet"]


@dataclass(frozen=True)
class Department:
    """A department as the network plans it (K and F, hospital totals tuned to D).

    `beds` is its share of a hospital of 600 beds; stays are ward stays in days, delay to discharge included, and
    truncated lognormal; `occupancy` is the planned share of open beds in use.
    """

    code: str
    name: str
    specialty_code: str
    beds: int
    occupancy: float
    stay_mean_days: float
    stay_median_days: float
    stay_max_days: float
    emergency_share: float
    mortality: float
    season: Season = "emergency"
    catchment: Catchment = "adult"
    is_general_acute: bool = True


DEPARTMENTS = (
    Department("AMU", "Acute Medicine Unit", "326", 60, 0.950, 2.1, 1.3, 30, 0.99, 0.025),
    Department("GMED", "General Medicine", "300", 110, 0.955, 10.0, 5.5, 120, 0.97, 0.065),
    Department("GERI", "Care of the Elderly", "430", 100, 0.965, 18.5, 11.0, 180, 0.97, 0.110, catchment="elder"),
    Department("RESP", "Respiratory", "340", 50, 0.950, 9.2, 5.5, 120, 0.96, 0.075, season="respiratory"),
    Department("CARD", "Cardiology", "320", 44, 0.930, 6.4, 3.4, 90, 0.80, 0.040),
    Department("STRK", "Stroke", "328", 30, 0.950, 17.0, 9.0, 180, 0.97, 0.120),
    Department("GSUR", "General Surgery and GI", "100", 60, 0.910, 5.8, 2.8, 120, 0.68, 0.020),
    Department("ORTH", "Trauma and Orthopaedics", "110", 60, 0.920, 10.5, 5.0, 150, 0.62, 0.025),
    Department("UROL", "Urology", "101", 22, 0.860, 2.9, 1.5, 60, 0.45, 0.008),
    Department("GYNA", "Gynaecology", "502", 14, 0.780, 1.9, 1.1, 30, 0.50, 0.002, catchment="woman"),
    Department(
        "ICU", "Adult Critical Care", "192", 18, 0.780, 5.0, 2.6, 90, 0.80, 0.090,
        season="critical_care", is_general_acute=False,
    ),
    Department(
        "PAED", "Paediatrics", "420", 32, 0.710, 1.8, 1.0, 60, 0.88, 0.001,
        season="paediatric", catchment="child",
    ),
)  # fmt: skip

# Requests by month, January first, relative to the year's mean (D; respiratory K).
MONTH_REQUESTS: dict[Season, tuple[float, ...]] = {
    "emergency": (0.992, 1.024, 1.019, 0.989, 1.002, 1.004, 0.989, 0.956, 0.990, 1.006, 1.032, 0.997),
    "respiratory": (1.28, 1.12, 1.05, 1.00, 0.95, 0.88, 0.79, 0.79, 0.88, 1.00, 1.06, 1.20),
    "paediatric": (0.996, 1.030, 1.037, 0.977, 0.994, 0.981, 0.959, 0.893, 0.964, 1.025, 1.102, 1.043),
    "critical_care": (1.048, 1.022, 1.013, 0.986, 0.984, 0.981, 0.972, 0.962, 0.976, 1.007, 1.019, 1.029),
}
# Occupancy of general and acute beds by month, relative to the year's mean (D).
MONTH_OCCUPANCY = (1.009, 1.009, 1.005, 0.995, 0.996, 0.996, 0.990, 0.986, 0.998, 1.008, 1.011, 0.999)

# By weekday, Monday first, relative to the week's mean (emergency and elective S, discharges D).
WEEKDAY_EMERGENCY = (1.10, 1.07, 1.06, 1.06, 1.05, 0.84, 0.82)
WEEKDAY_ELECTIVE = (1.22, 1.33, 1.33, 1.30, 1.23, 0.17, 0.42)
# The chance that a stay which could end on this weekday does; the rest try the next day (F, so that discharges fall
# over the week as published: .899 1.095 1.154 1.165 1.238 .848 .601).
WEEKDAY_DISCHARGE_CHANCE = (0.62, 0.70, 0.76, 0.83, 1.00, 0.78, 0.50)

# Per cent of a day by hour, from midnight (arrivals K, discharges F to S and D). A bed is asked for `ed_hours` after
# arrival at the emergency department; elective patients come at 7 to 9 (75 %) and 11 to 13.
HOUR_ARRIVAL = (
    2.6, 2.1, 1.8, 1.6, 1.5, 1.5, 1.9, 3.0, 4.7, 6.0, 6.6, 6.5,
    6.1, 5.9, 5.7, 5.6, 5.6, 5.6, 5.4, 5.1, 4.7, 4.1, 3.5, 2.9,
)  # fmt: skip
HOUR_ELECTIVE = (0, 0, 0, 0, 0, 0, 0, 37.5, 37.5, 0, 0, 12.5, 12.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
HOUR_DISCHARGE = (
    0.5, 0.4, 0.3, 0.3, 0.3, 0.4, 0.4, 0.8, 1.6, 3.0, 4.6, 5.4,
    7.0, 8.0, 9.0, 9.0, 9.0, 9.0, 8.5, 7.5, 6.0, 4.5, 2.9, 1.6,
)  # fmt: skip

# Winter plan: beds added from November to March, as a share of a department's beds (K).
WINTER_BEDS = {"RESP": 0.16, "GMED": 0.03, "GERI": 0.03, "PAED": 0.05}
WINTER_MONTHS = (11, 12, 1, 2, 3)

FACILITY_LIMIT = 99
PATIENT_LIMIT = 900_000


@dataclass(frozen=True)
class World:
    """Everything that decides what is simulated. Two equal worlds are the same bytes."""

    preset: str
    start: date
    days: int
    facilities: int
    beds: int
    packed: bool
    initial_patients: int
    new_patients_per_day: int
    max_patients: int
    seed: int = 42
    departments: tuple[Department, ...] = DEPARTMENTS
    smallest_department_beds: int = 6
    lead_in_days: int = 28

    demand: float = 1.0
    ed_hours: int = 4
    bank_holiday_emergency: float = 0.97
    bank_holiday_elective: float = 0.10
    bank_holiday_discharge: float = 0.65

    extreme_stay_share: float = 0.01
    delayed_share: float = 0.13
    long_delayed_share: float = 0.05

    review_hour: int = 18
    review_occupancy: float = 1.042
    closed_bed_share: float = 0.32
    escalation_factor: float = 2.5
    escalation_wait_hours: float = 6.5
    escalation_wait_sigma: float = 1.0
    transfer_hours: float = 0.9
    transfer_sigma: float = 0.6
    bed_change_chance: float = 0.12

    patient_moves_per_day: float = 0.0002
    returning_share: float = 0.025
    rating_change_chance: float = 0.08

    robots: int = 8
    surgeons: int = 24
    robotic_share: float = 0.4
    theatre_cancellation_share: float = 0.03
    maintenance_interval_factor: float = 1.0
    telemetry_samples: int = 100
    telemetry_format: TelemetryFormat = "ndjson"

    dirty_share: float = 0.0

    def __hash__(self) -> int:
        return hash((self.preset, self.seed, self.start, self.days, self.facilities, self.beds))

    @property
    def end(self) -> date:
        """The first day after the world's last."""
        return self.start + timedelta(days=self.days)


PRESETS = {
    "demo": World(
        preset="demo", start=date(2024, 1, 1), days=90, facilities=2, beds=600, packed=False,
        initial_patients=18_000, new_patients_per_day=30, max_patients=24_000,
    ),
    "portfolio": World(
        preset="portfolio", start=date(2023, 1, 1), days=731, facilities=10, beds=600, packed=True,
        initial_patients=18_000, new_patients_per_day=20, max_patients=30_000,
        robots=50, surgeons=120, robotic_share=1.0, theatre_cancellation_share=0.08, maintenance_interval_factor=44.0,
    ),
    "large": World(
        preset="large", start=date(2023, 1, 1), days=731, facilities=10, beds=6_000, packed=True,
        initial_patients=180_000, new_patients_per_day=200, max_patients=300_000,
        robots=100, surgeons=240, robotic_share=0.5,
    ),
}  # fmt: skip

# What a world may change and still be the same world, continued.
CONTINUABLE = ("days", "packed")


Thing = TypeVar("Thing", World, Department)


def world_from(preset: str, settings: Mapping[str, str | int | float | date | bool | None]) -> World:
    """A preset with some of its numbers changed.

    A setting is a field of `World`, or `<department code>.<field>` for one department's; None leaves it as it is.
    Raises BadSetting for an unknown preset or setting, and for a value that makes no sense.
    """
    if preset not in PRESETS:
        raise BadSetting(f"there is no preset '{preset}': choose one of {', '.join(PRESETS)}")
    world = PRESETS[preset]
    for name, value in settings.items():
        if value is None:
            continue
        code, _, field = name.rpartition(".")
        if code:
            codes = [department.code for department in world.departments]
            if code not in codes:
                raise BadSetting(f"there is no department '{code}': choose one of {', '.join(codes)}")
            changed = tuple(
                _changed(department, field, value) if department.code == code else department
                for department in world.departments
            )
            world = replace(world, departments=changed)
        else:
            world = _changed(world, name, value)
    return checked(world)


def settings_of(world: World) -> dict[str, str]:
    """A world as texts by name, `<department code>.<field>` for departments; `world_from` reads them back."""
    texts = {
        field.name: _text(field, getattr(world, field.name))
        for field in fields(World)
        if field.name not in ("preset", "departments")
    }
    for department in world.departments:
        for field in fields(Department):
            if field.name != "code":
                texts[f"{department.code}.{field.name}"] = _text(field, getattr(department, field.name))
    return texts


def _text(field: Field[Any], value: Any) -> str:
    return str(float(value)) if field.type is float else str(value)


def checked(world: World) -> World:
    """The world itself; raises BadSetting where its numbers contradict each other or good sense."""
    rules = {
        "days must be from 1 to 3,660": 1 <= world.days <= 3_660,
        "start must be from 2012-01-01 to 2034-12-31": date(2012, 1, 1) <= world.start <= date(2034, 12, 31),
        "the last day must not be after 2035-12-31": world.end <= date(2036, 1, 1),
        "seed must be from 0 to 9,223,372,036,854,775,807": 0 <= world.seed < 2**63,
        f"facilities must be from 1 to {FACILITY_LIMIT}": 1 <= world.facilities <= FACILITY_LIMIT,
        "beds must be from 20 to 2,000 a facility": 20 * world.facilities <= world.beds <= 2_000 * world.facilities,
        "initial_patients must be at least 10 a bed": world.initial_patients >= 10 * world.beds,
        f"max_patients must be from initial_patients to {PATIENT_LIMIT:,}": (
            world.initial_patients <= world.max_patients <= PATIENT_LIMIT
        ),
        "new_patients_per_day must not be negative": world.new_patients_per_day >= 0,
        "demand must be from 0.1 to 1.15": 0.1 <= world.demand <= 1.15,
        "long_delayed_share must be from 0 to delayed_share, and that at most 0.3": (
            0 <= world.long_delayed_share <= world.delayed_share <= 0.3
        ),
        "extreme_stay_share must be from 0 to 0.1": 0 <= world.extreme_stay_share <= 0.1,
        "review_hour must be from 0 to 23": 0 <= world.review_hour <= 23,
        "ed_hours must be from 0 to 23": 0 <= world.ed_hours <= 23,
        "closed_bed_share must be from 0 to 0.5": 0 <= world.closed_bed_share <= 0.5,
        "escalation_factor must be from 0 to 5": 0 <= world.escalation_factor <= 5,
        "smallest_department_beds must be from 1 to 20": 1 <= world.smallest_department_beds <= 20,
        "lead_in_days must be from 1 to 365": 1 <= world.lead_in_days <= 365,
        "robots must be from 0 to 9,999": 0 <= world.robots <= 9_999,
        "surgeons must be from 0 to 9,999": 0 <= world.surgeons <= 9_999,
        "maintenance_interval_factor must be from 0.2 to 1,000": 0.2 <= world.maintenance_interval_factor <= 1_000,
        "telemetry_samples must be from 0 to 1,000,000": 0 <= world.telemetry_samples <= 1_000_000,
    }
    positive = (
        "review_occupancy", "escalation_wait_hours", "escalation_wait_sigma", "transfer_hours", "transfer_sigma",
    )  # fmt: skip
    rules |= {f"{name} must be more than 0": getattr(world, name) > 0 for name in positive}
    shares = (
        "bank_holiday_emergency", "bank_holiday_elective", "bank_holiday_discharge", "bed_change_chance",
        "patient_moves_per_day", "returning_share", "rating_change_chance", "dirty_share",
        "robotic_share", "theatre_cancellation_share",
    )  # fmt: skip
    rules |= {f"{name} must be from 0 to 1": 0 <= getattr(world, name) <= 1 for name in shares}
    for department in world.departments:
        code = department.code
        rules |= {
            f"{code}.beds must be at least 1": department.beds >= 1,
            f"{code}.occupancy must be from 0.1 to 0.99": 0.1 <= department.occupancy <= 0.99,
            f"{code}.stay_median_days must be from 0.1 to stay_mean_days": (
                0.1 <= department.stay_median_days < department.stay_mean_days
            ),
            f"{code}.stay_max_days must be from stay_mean_days × 2 to 365": (
                2 * department.stay_mean_days <= department.stay_max_days <= 365
            ),
            f"{code}.emergency_share must be from 0 to 1": 0 <= department.emergency_share <= 1,
            f"{code}.mortality must be from 0 to 0.5": 0 <= department.mortality <= 0.5,
        }
    for rule, holds in rules.items():
        if not holds:
            raise BadSetting(rule)
    return world


def _changed(thing: Thing, name: str, value: Any) -> Thing:
    known = [field.name for field in fields(thing) if field.name not in ("preset", "departments", "code")]
    if name not in known:
        raise BadSetting(f"there is no setting '{name}': choose one of {', '.join(known)}")
    kind = get_type_hints(type(thing))[name]
    try:
        return replace(thing, **{name: _parsed(value, kind)})
    except ValueError:
        wanted = _KINDS.get(kind) or f"one of its values: {', '.join(kind.__args__)}"
        raise BadSetting(f"{name} = '{value}' is not {wanted}") from None


_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", date: "a date (YYYY-MM-DD)", bool: "true or false"}
_BOOLS = {"true": True, "false": False}


def _parsed(value: Any, kind: Any) -> Any:
    text = str(value)
    if kind is date:
        return date.fromisoformat(text)
    if kind is bool:
        if text.lower() not in _BOOLS:
            raise ValueError(text)
        return _BOOLS[text.lower()]
    if kind is float:
        number = float(text)
        if number != number or abs(number) == float("inf"):
            raise ValueError(text)
        return number
    if kind in (int, str):
        return kind(text)
    if text not in kind.__args__:
        raise ValueError(text)
    return text
