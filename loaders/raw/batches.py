"""The clinical daily batch as text: the lines of each file, a column at a time, all of a facility's days at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.raw.events import METHODS, encounter_ids
from loaders.raw.lines import DayLines
from loaders.raw.text import dates, joined, patient_ids, picked, timestamps, whole
from loaders.world.calendar import DAY_SECONDS
from loaders.world.clinical.chart import Chart
from loaders.world.clinical.diagnoses import DIAGNOSES
from loaders.world.clinical.lab_tests import TESTS, LabTest
from loaders.world.clinical.labs import DECIMALS
from loaders.world.clinical.notes import AUTHOR_ROLES, NOTE_TYPES
from loaders.world.clinical.scenarios import SCENARIOS
from loaders.world.clinical.vitals import CONSCIOUSNESS
from loaders.world.network import Facility
from loaders.world.operations import DESTINATIONS
from loaders.world.patients import Registry

Ints = NDArray[np.int64]

HEADERS = {
    "patients.csv": "patient_id,facility_id,nhs_number,given_name,family_name,sex,date_of_birth,blood_group\n",
    "encounters.csv": (
        "encounter_id,patient_id,facility_id,department_id,admit_time,discharge_time,admission_method,scenario,acuity,"
        "spo2_scale,primary_diagnosis,discharge_destination\n"
    ),
    "vitals.csv": (
        "observation_id,encounter_id,patient_id,event_time,heart_rate,resp_rate,spo2,on_oxygen,temperature_celsius,"
        "systolic_bp,diastolic_bp,consciousness\n"
    ),
    "labs.csv": (
        "result_id,encounter_id,patient_id,event_time,result_time,test_code,loinc_code,value,unit,reference_low,"
        "reference_high\n"
    ),
    "notes.jsonl": "",
}
ENTITY_OF_FILE = {
    "patients.csv": "clinical_patients",
    "encounters.csv": "encounters",
    "vitals.csv": "vitals",
    "labs.csv": "labs",
    "notes.jsonl": "notes",
}


@dataclass(frozen=True)
class Rows(DayLines):
    """Lines of one file by the day of their batch."""

    file: str


def batch_rows(chart: Chart, who: Registry) -> list[Rows]:
    """All files of a chart whose stays are in order of their days of discharge, and whose patients are `who`."""
    stays, facility = chart.stays, chart.facility
    days = stays.discharged // DAY_SECONDS
    encounters = encounter_ids(facility, stays)
    patients = patient_ids(facility, stays.patient)
    both = joined(encounters, ",", patients)
    return [
        Rows(joined(patients, ",", registry_columns(facility, who), "\n"), days, "patients.csv"),
        Rows(_encounters(chart, both), days, "encounters.csv"),
        Rows(_vitals(chart, encounters, both), days[chart.vitals.stay], "vitals.csv"),
        Rows(_labs(chart, who.is_woman, encounters, both), days[chart.labs.stay], "labs.csv"),
        Rows(_notes(chart, encounters, patients), days[chart.notes.stay], "notes.jsonl"),
    ]


def registry_columns(facility: Facility, who: Registry) -> pa.Array:
    """What never changes about patients, as the columns of patients.csv from `facility_id` on."""
    return joined(
        f"{facility.facility_id},", whole(who.nhs_number),
        ",", pa.array(who.given_name.tolist(), pa.large_string()),
        ",", pa.array(who.family_name.tolist(), pa.large_string()),
        ",", picked(["male", "female"], who.is_woman.astype(np.int64)),
        ",", dates(who.date_of_birth.astype("datetime64[D]").astype(np.int64)),
        ",", pa.array(who.blood_group.tolist(), pa.large_string()),
    )  # fmt: skip


def _encounters(chart: Chart, both: pa.Array) -> pa.Array:
    stays, facility = chart.stays, chart.facility
    where = [f",{facility.facility_id},{ward.department_id}," for ward in facility.wards]
    return joined(
        both, picked(where, stays.ward), timestamps(stays.admitted), ",", timestamps(stays.discharged),
        ",", picked(METHODS, stays.is_elective.astype(np.int64)),
        ",", picked([scenario.code for scenario in SCENARIOS], chart.scenario),
        ",", whole(chart.acuity), ",", whole(chart.spo2_scale),
        ",", picked([diagnosis.code for diagnosis in DIAGNOSES], chart.diagnosis),
        ",", picked(list(DESTINATIONS), stays.destination), "\n",
    )  # fmt: skip


def _vitals(chart: Chart, encounters: pa.Array, both: pa.Array) -> pa.Array:
    rows = chart.vitals
    stay = pa.array(rows.stay)
    return joined(
        encounters.take(stay), picked(_numbers("-V"), rows.number), both.take(stay), ",", timestamps(rows.second),
        picked(_counts(), rows.heart_rate), picked(_counts(), rows.resp_rate), picked(_counts(), rows.spo2),
        picked([",false,", ",true,"], rows.on_oxygen.astype(np.int64)), picked(_tenths(), rows.temperature_tenths),
        picked(_counts(), rows.systolic_bp), picked(_counts(), rows.diastolic_bp),
        picked([f",{letter}\n" for letter in CONSCIOUSNESS], rows.consciousness),
    )  # fmt: skip


def _labs(chart: Chart, is_woman: NDArray[np.bool_], encounters: pa.Array, both: pa.Array) -> pa.Array:
    rows = chart.labs
    stay = pa.array(rows.stay)
    tests = picked([f",{test.code},{test.loinc}," for test in TESTS], rows.test)
    ranges = [_unit_and_range(test, woman) for woman in (False, True) for test in TESTS]
    return joined(
        encounters.take(stay), picked(_numbers("-L"), rows.number), both.take(stay), ",", timestamps(rows.sampled),
        ",", timestamps(rows.resulted), tests, _scaled(rows.scaled, DECIMALS[rows.test]),
        picked(ranges, rows.test + len(TESTS) * is_woman[rows.stay]),
    )  # fmt: skip


def _unit_and_range(test: LabTest, is_woman: bool) -> str:
    low, high = test.women if is_woman else test.men
    return f",{test.unit},{low:.{test.decimals}f},{high:.{test.decimals}f}\n"


def _notes(chart: Chart, encounters: pa.Array, patients: pa.Array) -> pa.Array:
    rows = chart.notes
    stay = pa.array(rows.stay)
    return joined(
        '{"note_id":"', encounters.take(stay), picked(_numbers("-N", '","encounter_id":"'), rows.number),
        encounters.take(stay), '","patient_id":"', patients.take(stay), '","note_time":"', timestamps(rows.second),
        picked([f'","note_type":"{kind}","author_role":"' for kind in NOTE_TYPES], rows.note_type),
        picked([f'{role}","note_text":"' for role in AUTHOR_ROLES], rows.author_role), rows.text, '"}\n',
    )  # fmt: skip


@lru_cache
def _numbers(mark: str, after: str = ",") -> pa.Array:
    return joined(mark, pc.utf8_lpad(whole(np.arange(100_000)), 4, "0"), after)


@lru_cache
def _counts() -> pa.Array:
    return joined(",", whole(np.arange(1000)))


@lru_cache
def _tenths() -> pa.Array:
    return joined(whole(np.arange(1000) // 10), ".", whole(np.arange(1000) % 10))


def _scaled(numbers: Ints, decimals: Ints) -> pa.Array:
    """Whole numbers of tenths, hundredths and so on, not negative, as numbers with that many decimals."""
    units = 10**decimals
    fractions = pc.utf8_lpad(whole(numbers % units), 3, "0")
    parts = pa.array([""], pa.large_string()).take(pa.array(np.zeros(len(numbers), np.int64)))
    for places in np.unique(decimals[decimals > 0]).tolist():
        parts = pc.if_else(
            pa.array(decimals == places), joined(".", pc.utf8_slice_codeunits(fractions, 3 - places)), parts
        )
    return joined(whole(numbers // units), parts)
