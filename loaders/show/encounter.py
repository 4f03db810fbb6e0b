"""One patient's stay as a timeline to read: admission, vital signs with NEWS2, labs out of range, notes, discharge."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from loaders.errors import BadSetting
from loaders.show.timeline import Moment, rows, timeline
from loaders.targets import Warehouse

ENCOUNTER_ID = re.compile(r"F[0-9]{2}-[0-9]{8}-[0-9]{4}")


def encounter_lines(warehouse: Warehouse, encounter_id: str | None, everything: bool = False) -> list[str]:
    """A stay as lines of text; the most eventful short one where no id is given.

    Runs of sets of vital signs that tell the same are told as one, unless `everything` is asked for.
    Raises BadSetting for an id that is none, or is not in the warehouse.
    """
    if encounter_id is None:
        encounter_id = _eventful(warehouse)
    if not ENCOUNTER_ID.fullmatch(encounter_id):
        raise BadSetting(f"'{encounter_id}' is no encounter id: they look like F01-20240229-0017")
    stay = _stay(warehouse, encounter_id)
    events = [
        Moment(stay["admitted_at"], "admitted", _admission(stay)),
        *_vitals(warehouse, encounter_id, everything),
        *_labs(warehouse, encounter_id),
        *_notes(warehouse, encounter_id),
    ]
    order = {"admitted": 0, "vitals": 1, "labs": 2, "note": 3}
    events.sort(key=lambda event: (event.at, order[event.kind]))
    events.append(Moment(stay["discharged_at"], "discharged", _discharge(stay)))
    return [*_heading(stay), *timeline(events)]


def _eventful(warehouse: Warehouse) -> str:
    found = warehouse.rows("""
        select encounters.encounter_id, max(vitals.news2_score) as highest
        from core.fact_encounters as encounters
        inner join core.fact_vitals as vitals on encounters.encounter_id = vitals.encounter_id
        where encounters.stay_hours between 30 and 96
        group by encounters.encounter_id
        order by highest desc, encounters.encounter_id
        limit 1
    """)
    if not found:
        raise BadSetting("there is no encounter of one to four days to show: give an encounter's id")
    return str(found[0][0])


def _stay(warehouse: Warehouse, encounter_id: str) -> dict[str, Any]:
    found = rows(warehouse, f"""
        select
            encounters.encounter_id,
            patients.patient_id,
            patients.sex,
            encounters.age_years,
            encounters.scenario_name,
            encounters.diagnosis_code,
            encounters.diagnosis_name,
            encounters.acuity,
            encounters.spo2_scale,
            encounters.is_emergency,
            departments.department_name,
            facilities.facility_name,
            encounters.discharge_destination,
            encounters.stay_hours,
            encounters.admitted_at,
            encounters.discharged_at
        from core.fact_encounters as encounters
        inner join core.dim_patient as patients on encounters.patient_key = patients.patient_key
        inner join core.dim_department as departments on encounters.department_key = departments.department_key
        inner join core.dim_facility as facilities on encounters.facility_key = facilities.facility_key
        where encounters.encounter_id = '{encounter_id}'
    """)  # fmt: skip
    if found:
        return found[0]
    in_bed = warehouse.rows(f"select 1 from core.fact_admissions where encounter_id = '{encounter_id}'")
    if in_bed:
        raise BadSetting(f"{encounter_id} is not over: what happens in a stay is told on the day of its discharge")
    raise BadSetting(
        f"there is no encounter {encounter_id} in {warehouse.label}: `wardhouse show encounter` shows one that there is"
    )


def _heading(stay: dict[str, Any]) -> list[str]:
    who = {"female": ("woman", "girl"), "male": ("man", "boy")}[stay["sex"]][stay["age_years"] < 16]
    scale = ", oxygen saturation on scale 2 (target 88-92 %)" if stay["spo2_scale"] == 2 else ""
    return [
        f"encounter   {stay['encounter_id']}: {stay['scenario_name']}, acuity {stay['acuity']} of 5{scale}",
        f"patient     {stay['patient_id']}, {who} of {stay['age_years']}",
        f"diagnosis   {stay['diagnosis_code']} {stay['diagnosis_name']}",
        f"stay        {_length(stay['stay_hours'])} in {stay['department_name']}, {stay['facility_name']}",
    ]


def _length(hours: float) -> str:
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"


def _admission(stay: dict[str, Any]) -> str:
    return f"{'as an emergency' if stay['is_emergency'] else 'as planned'} to {stay['department_name']}"


def _discharge(stay: dict[str, Any]) -> str:
    places = {
        "usual_residence": "to the usual residence",
        "care_home": "to a care home",
        "other_hospital": "to another hospital",
        "died": "died",
    }
    return places[stay["discharge_destination"]]


def _vitals(warehouse: Warehouse, encounter_id: str, everything: bool) -> Iterator[Moment]:
    sets = rows(warehouse, f"""
        select
            heart_rate,
            resp_rate,
            spo2,
            on_oxygen,
            temperature_celsius,
            systolic_bp,
            diastolic_bp,
            consciousness,
            news2_score,
            news2_band,
            observed_at
        from core.fact_vitals
        where encounter_id = '{encounter_id}'
        order by observed_at
    """)  # fmt: skip
    quiet: list[dict[str, Any]] = []
    told = None
    for taken in sets:
        if everything or taken is sets[-1] or told is None or _is_news(told, taken):
            yield from _together(quiet)
            quiet, told = [], taken
            yield Moment(taken["observed_at"], "vitals", _signs(taken))
        else:
            quiet.append(taken)


def _is_news(told: dict[str, Any], taken: dict[str, Any]) -> bool:
    """Whether a set differs from the one told last in band, oxygen or consciousness, or by two points."""
    if any(told[name] != taken[name] for name in ("news2_band", "on_oxygen", "consciousness")):
        return True
    return taken["news2_score"] is not None and abs(taken["news2_score"] - told["news2_score"]) >= 2


def _together(quiet: list[dict[str, Any]]) -> Iterator[Moment]:
    """Sets that tell nothing new, as one line."""
    if not quiet:
        return
    scores = sorted({taken["news2_score"] for taken in quiet if taken["news2_score"] is not None})
    score = f", NEWS2 {' to '.join(str(end) for end in sorted({scores[0], scores[-1]}))}" if scores else ""
    sets = "1 more set" if len(quiet) == 1 else f"{len(quiet)} more sets until {quiet[-1]['observed_at']:%d %b %H:%M}"
    yield Moment(quiet[0]["observed_at"], "vitals", f"{sets}, much the same{score}")


def _signs(taken: dict[str, Any]) -> str:
    score = (
        ""
        if taken["news2_score"] is None
        else f"NEWS2 {taken['news2_score']:>2} {taken['news2_band'].replace('_', '-')}"
    )
    return (
        f"HR {taken['heart_rate']:>3}  RR {taken['resp_rate']:>2}  SpO2 {taken['spo2']:>3} %"
        f"{' on O2 ' if taken['on_oxygen'] else ' on air'}  {taken['temperature_celsius']:.1f} °C  "
        f"BP {taken['systolic_bp']:>3}/{taken['diastolic_bp']:<3}  {taken['consciousness']}  {score}"
    ).rstrip()


def _labs(warehouse: Warehouse, encounter_id: str) -> Iterator[Moment]:
    results = rows(warehouse, f"""
        select
            test_name,
            result_value,
            unit,
            reference_low,
            reference_high,
            abnormal_flag,
            is_abnormal,
            resulted_at
        from core.fact_labs
        where encounter_id = '{encounter_id}'
        order by resulted_at, result_id
    """)  # fmt: skip
    for at, together in groupby(results, key=lambda result: result["resulted_at"]):
        all_of_it = list(together)
        outside = [
            f"{r['test_name']} {r['result_value']:g} {r['unit']} {r['abnormal_flag']} "
            f"({r['reference_low']:g} to {r['reference_high']:g})"
            for r in all_of_it
            if r["is_abnormal"]
        ]
        if outside:
            within = len(all_of_it) - len(outside)
            yield Moment(at, "labs", "; ".join(outside) + (f"; {within} within range" if within else ""))


def _notes(warehouse: Warehouse, encounter_id: str) -> Iterator[Moment]:
    notes = rows(warehouse, f"""
        select
            note_type,
            author_role,
            note_text,
            noted_at
        from core.fact_notes
        where encounter_id = '{encounter_id}'
        order by noted_at, note_id
    """)  # fmt: skip
    for note in notes:
        kind, author = note["note_type"].replace("_", " "), note["author_role"].replace("_", " ")
        yield Moment(note["noted_at"], "note", f"{kind} by {author}: {note['note_text']}")
