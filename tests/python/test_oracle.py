"""What DuckDB builds is what plain Python works out from the raw objects, row by row and column by column."""

import csv
import json
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import oracle
import oracle_batches
import oracle_clinical
import oracle_small
import pytest
from comparison import differences, named
from odd_theatres import LATE, REGISTERED, tell_odd_theatres
from oracle import KEYS, warehouse
from oracle_records import Row, Rows
from oracle_small import grouped

from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.generate import generate
from loaders.staging.stage import stage
from loaders.targets import duckdb_warehouse
from loaders.warehouse import Dbt, prepare_building, publish
from loaders.world.config import PRESETS, World

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SMALL = replace(
    PRESETS["demo"], beds=80, initial_patients=2_400, max_patients=4_000, rating_change_chance=0.3, robots=5,
    surgeons=9, robotic_share=1.0, telemetry_samples=5, maintenance_interval_factor=4.0,
)  # fmt: skip
WORLDS = {
    # late, lost, faulty and retold: over the end of a leap February, long enough for some to come back
    "spoiled": replace(SMALL, start=date(2024, 2, 17), days=40, smallest_department_beds=3, dirty_share=0.01),
    # four whole months, packed: over the year's end, to summer time and the next fiscal year
    "winter": replace(
        SMALL,
        start=date(2023, 11, 28),
        days=128,
        beds=130,
        smallest_department_beds=2,
        packed=True,
        seed=7,
        telemetry_format="parquet",
    ),
    # few beds, most of a month, a version that begins at noon, a last day whose beds nobody counted, a late registry
    "edges": replace(SMALL, start=date(2023, 12, 3), days=30, facilities=1, beds=12, seed=1),
}


# Nobody is followed for thirty days there.
EMPTY = {("edges", "clinical.readmissions")}

CASES = [
    pytest.param(name, relation, id=f"{name}-{relation}", marks=[] if name == "spoiled" else [pytest.mark.long])
    for name in WORLDS
    for relation in KEYS
]


def build(dbt: Dbt, lake: Lake) -> Path:
    """The published warehouse of a lake; dbt reads the project once for all of them."""
    stage(lake, contracts())
    dbt.lake, dbt.warehouse = str(lake), duckdb_warehouse(prepare_building(lake))
    dbt._run("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    return publish(lake)


def spoil(lake: Lake) -> None:
    """Events that never come, a day on which nobody counted beds, and reference data that changes its mind; of the
    clinical batches files that never come, and one in two parts.
    """
    raw = lake.root / "raw/operations"
    for entity, every in (("admission", 9), ("discharge", 17), ("wait_snapshot", 13), ("dep_snapshot", 41)):
        for path in sorted((raw / entity).glob("*/*.json"))[::every]:
            for twin in path.parent.glob(f"{path.stem[: len(entity) + 37]}*"):
                twin.unlink(missing_ok=True)
    for path in (raw / "dep_snapshot/event_date=2024-02-25").glob("*.json"):
        path.unlink()
    for path in (raw / "patients/extract_date=2024-02-17").glob("*.ndjson"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[::3]))
    batches = lake.root / "raw/clinical"
    (batches / "2024-02-20/labs.csv").unlink()
    (batches / "2024-02-22/patients.csv").unlink()
    in_two(batches / "2024-02-26/vitals.csv")
    retell(raw, "departments", "F01-AMU", is_deleted=True, updated_at="2024-03-02T00:00:00Z")
    retell(raw, "departments", "F02-GMED", funded_beds=1)
    retell(raw, "departments", "F02-AMU", department_name="Acute Medicine", updated_at="2024-02-27T00:00:00Z")
    retell(raw, "departments", "F02-GSUR", is_deleted=True, updated_at="2024-03-03T00:00:00Z")
    retell(raw, "facilities", "F01", rating="Outstanding", updated_at="2024-03-01T12:34:56Z")
    retell(raw, "patients", "P010000000", is_deleted=True, updated_at="2024-03-02T08:00:00Z")


def in_two(path: Path) -> None:
    """Move every other line of a CSV file to a second one."""
    header, *lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + b"".join(lines[::2]))
    path.with_stem(f"{path.stem}_2").write_bytes(header + b"".join(lines[1::2]))


def in_another_dialect(path: Path) -> None:
    """Write a CSV file as spreadsheets do: columns in another order, all quoted, a byte order mark, CRLF."""
    with path.open(newline="") as file:
        rows = [row[::-1] for row in csv.reader(file)]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


def retell(raw: Path, entity: str, one: str, day: str = "2024-03-03", name: str = "", **changes: Any) -> None:
    """Say the newest version of a row again, as part of a later extract, with some of it changed."""
    key = {"departments": "department_id", "facilities": "facility_id", "patients": "patient_id"}[entity]
    told = [json.loads(line) for path in sorted((raw / entity).glob("*/*")) for line in path.open()]
    newest = max((row for row in told if row[key] == one), key=lambda row: row["updated_at"])
    path = raw / entity / f"extract_date={day}" / f"{entity}_again_{name or one}.ndjson"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(newest | {"extract_date": day} | changes) + "\n")


def go_to_the_edges(lake: Lake) -> None:
    raw = lake.root / "raw/operations"
    retell(raw, "departments", "F01-GMED", "2023-12-20", funded_beds=7, updated_at="2023-12-20T12:00:00Z")
    for path in (raw / "dep_snapshot/event_date=2024-01-01").glob("*"):
        path.unlink()
    for path in (lake.root / "raw/clinical").glob("*/*.csv"):
        in_another_dialect(path)
    tell_odd_batch(lake)
    for number, (one, moment, changes) in enumerate(REGISTERED):
        retell(raw, "facilities", "F01", moment[:10], f"{one}_{number}", facility_id=one, updated_at=moment, **changes)
    tell_odd_theatres(lake)
    for path in (lake.root / "raw/robotics").glob("*/*/*.csv"):
        in_another_dialect(path)


def tell_odd_batch(lake: Lake) -> None:
    """Stays of which operations knows nothing: birthdays in bed, edges of NEWS2, and what no seed and no registry has.

    They are more files of the day, and stand before the others of their kind.
    """
    day, stay = "2023-12-21", "F09-20231220-00{:02d}".format
    ages = ["2007-12-21", "2007-12-20", "2004-02-29", "2023-12-20", "1938-12-20"]
    patients = [f"P98000000{n},F09,999000000{n},A,B,male,{born},O+" for n, born in enumerate(ages)]
    where = "F09-ODD,2023-12-20T23:59:59Z,2023-12-21T23:59:59Z"
    stays = [
        f"{stay(n)},P98000000{n},F09,{where},emergency,sepsis,1,{1 + n % 2},{'Z99.X' if n else 'A41.9'},died"
        for n in range(len(ages))
    ]
    signs = ["38.05,91,50,A", "39.0,88,40,A", "36.04,101,51,C", "35.0,219,131,U", "39.05,220,90,A", "38.04,90,41,A"]
    vitals = [
        f"{stay(n)}-V{k:04d},{stay(n)},P98000000{n},2023-12-21T0{k // 2}:00:00Z,{'true' if k % 3 else 'false'},"
        f"{spo2},{rate},{sign.replace(',', ',20,', 1)}"
        for n in range(len(ages))
        for k, (sign, spo2, rate) in enumerate(
            zip(signs, (83, 88, 93, 95, 97, 100), (8, 9, 12, 21, 24, 25), strict=True)
        )
    ]
    labs = [
        f"{stay(n)}-L{k:04d},{stay(n)},P98000000{n},2023-12-21T10:00:00Z,2023-12-21T10:00:{k:02d}Z,{test},123-4,{value},x,"
        "0.1,0.3"
        for n in range(len(ages))
        for k, (test, value) in enumerate((("sodium", "0.1"), ("unheard_of", "0.3"), ("crp", "0.30000000000000004")), 1)
    ]
    texts = ["SpO₂  91 %, 38.05 °C ", "", "日本 🏥", "10\u00a0000 ml", "\u2009a\u3000b"]
    notes = [
        {"note_id": f"{stay(n)}-N0001", "encounter_id": stay(n), "patient_id": f"P98000000{n}",
         "note_time": "2023-12-20T23:59:59Z", "note_type": "nursing", "author_role": "nurse", "note_text": text}
        for n, text in enumerate(texts)
    ]  # fmt: skip
    headers = {
        "patients": "patient_id,facility_id,nhs_number,given_name,family_name,sex,date_of_birth,blood_group",
        "encounters": "encounter_id,patient_id,facility_id,department_id,admit_time,discharge_time,admission_method,"
        "scenario,acuity,spo2_scale,primary_diagnosis,discharge_destination",
        "vitals": "observation_id,encounter_id,patient_id,event_time,on_oxygen,spo2,resp_rate,temperature_celsius,"
        "diastolic_bp,systolic_bp,heart_rate,consciousness",
        "labs": "result_id,encounter_id,patient_id,event_time,result_time,test_code,loinc_code,value,unit,"
        "reference_low,reference_high",
    }
    rows = {"patients": patients, "encounters": stays, "vitals": vitals, "labs": labs}
    for name, header in headers.items():
        assert lake.create(f"raw/clinical/{day}/{name}.0.csv", "\n".join([header, *rows[name], ""]).encode())
    lines = "".join(json.dumps(note, ensure_ascii=False) + "\n" for note in notes)
    assert lake.create(f"raw/clinical/{day}/notes.0.jsonl", lines.encode())


def some_of_all(lake: Lake) -> list[Path]:
    """Every fifth raw object, the extracts of March, and every seventh file of the clinical batches."""
    raw, batches = lake.root / "raw/operations", lake.root / "raw/clinical"
    late = [*sorted(raw.glob("*/event_date=*/*"))[::5], *raw.glob("*/extract_date=2024-03-*/*")]
    return late + list(dict.fromkeys([*sorted(batches.glob("*/*"))[::7], batches / "2024-02-26/vitals_2.csv"]))


def patients_and_odd_theatres(lake: Lake) -> list[Path]:
    raw = lake.root / "raw"
    patients = (raw / "operations/patients").glob("extract_date=2023-12-03/*")
    return [*patients, *(raw / "robotics").glob(f"*/*/{LATE}.*")]


def put(paths: list[Path], here: Path, there: Path) -> None:
    for path in paths:
        place = there / path.relative_to(here)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)


# What is done to the raw objects of a world, and which of them come only when the rest is built.
EDITS = {"spoiled": (spoil, some_of_all), "edges": (go_to_the_edges, patients_and_odd_theatres)}


@dataclass(frozen=True)
class Twice:
    """A world's relations as worked out and as built."""

    expected: dict[str, Rows]
    actual: dict[str, Rows]


@pytest.fixture(scope="module")
def worked_out(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Twice]:
    """Each world, simulated, worked out and built when it is first asked for."""
    folder = tmp_path_factory.mktemp("oracle")
    done: dict[str, Twice] = {}

    def both(name: str) -> Twice:
        if name not in done:
            lake, aside = Lake.at(folder / name), folder / "aside" / name
            generate(lake, WORLDS[name])
            edit, late = EDITS.get(name, (None, None))
            if edit and late:
                edit(lake)
                put(late(lake), lake.root, aside)
                build(dbt, lake)
                put([path for path in aside.rglob("*") if path.is_file()], aside, lake.root)
            done[name] = Twice(warehouse(lake.root), relations(build(dbt, lake)))
        return done[name]

    dbt = Dbt(str(folder), duckdb_warehouse(folder / "none"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        yield both


def relations(path: Path) -> dict[str, Rows]:
    with duckdb.connect(str(path), read_only=True) as connection:

        def rows(relation: str) -> Rows:
            result = connection.execute(f"select columns(name -> name <> 'dbt_scd_id') from {relation}")
            return named([column[0] for column in result.description], result.fetchall())

        return {relation: rows(relation) for relation in KEYS}


@pytest.mark.parametrize(("name", "relation"), CASES)
def test_a_relation_is_what_the_raw_objects_say(worked_out, name, relation):
    world = worked_out(name)
    assert bool(world.expected[relation]) is ((name, relation) not in EMPTY)
    assert differences(world.expected[relation], world.actual[relation], KEYS[relation]) == []


@pytest.mark.long
def test_the_worlds_hold_what_is_easily_got_wrong(worked_out):
    edges, spoiled, winter = (worked_out(name).actual for name in ("edges", "spoiled", "winter"))
    assert not all(row["is_in_operations"] for row in edges["core.dim_patient"])
    odd = [row for row in edges["core.fact_encounters"] if row["department_key"] == oracle_small.UNKNOWN]
    assert sorted(row["age_years"] for row in odd) == [0, 15, 16, 19, 85]
    assert {row["diagnosis_name"] is None for row in odd} == {False, True}
    signs = [row for row in edges["core.fact_vitals"] if row["department_key"] == oracle_small.UNKNOWN]
    assert {row["news2_score"] is None for row in signs} == {False, True}
    assert {row["temperature_score"] for row in signs} == {None, 0, 1, 2, 3}
    assert len([row for row in edges["core.fact_notes"] if row["note_text"] == ""]) == 1
    assert {None} < {row["test_name"] for row in edges["core.fact_labs"]}
    assert "unknown" in {row["department_code"] for row in edges["clinical.length_of_stay"]}
    days = {name: {row["batch_date"] for row in spoiled[f"core.fact_{name}"]} for name in ("vitals", "labs")}
    assert date(2024, 2, 20) in days["vitals"] - days["labs"]
    assert date(2024, 2, 22) not in days["vitals"]
    returns = [sum(row["emergency_readmissions"] for row in one["clinical.readmissions"]) for one in (spoiled, winter)]
    assert min(returns) > 3
    assert {row["verdict"] for row in winter["clinical.clinical_validation"]} >= {"agrees", "too little data"}


def test_the_worlds_hold_what_is_easily_got_wrong_of_theatres(worked_out):
    edges, winter = (worked_out(name).actual for name in ("edges", "winter"))
    cases = {row["procedure_id"][-7:-3]: row for row in edges["core.fact_procedures"]}
    versions = {row["robot_key"]: row for row in edges["core.dim_robot"]}
    known = {one: versions[row["robot_key"]]["software_version"] for one, row in cases.items() if one < "0009"}
    assert known == {
        "0001": None, "0002": "1.0.0", "0003": None, "0004": "2.0.0", "0005": "0.9.0", "0006": "1.0.0", "0007": None,
        "0008": "3.0.0",
    }  # fmt: skip
    assert cases["0010"]["success_status"] is None
    assert (cases["0010"]["surgeon_case_number"], cases["0011"]["surgeon_case_number"]) == (3, 4)
    assert cases["0012"]["turnover_minutes"] == -5
    places = grouped(edges["core.dim_facility"], "facility_id")
    assert {row["city"] for row in places["F95"]} == {row["trust_name"] for row in places["F90"]} == {None}
    assert any(row["city"] is None for row in places["F01"])
    assert all(row["facility_name"] != "Theatres of F01" for row in places["F01"])
    unmet = [row for row in edges["core.fact_procedure_telemetry"] if row["robot_key"] == oracle_small.UNKNOWN]
    assert {row["procedure_id"][-7:-3] for row in unmet} >= {"0001", "0099"}
    health = {row["sample_date"].day: row["health_status"] for row in edges["robotics.telemetry_system_health"]}
    assert [health[day] for day in range(25, 30)] == ["alarm", "alarm", "watch", "healthy", "watch"]
    later = [row["later_duration_ratio"] for row in edges["robotics.surgeon_performance"]]
    assert any(later)
    growth = [row["growth_ratio"] for row in edges["robotics.facility_performance"]]
    assert any(growth)
    assert {row["uptime_ratio"] for row in edges["robotics.robot_utilization"]} > {None, 0.0, 1.0}
    for relation in ("core.fact_procedures", "core.fact_procedure_telemetry", "robotics.telemetry_system_health"):
        assert len(winter[relation]) > 100


@pytest.mark.long
def test_theatres_tell_of_stays_what_others_say(worked_out):
    """Stays, deaths and readmissions of the outcomes, as the admissions and the clinical batches have them."""
    winter = worked_out("winter").expected
    stays = {row["encounter_id"]: row for row in winter["core.fact_encounters"]}
    emergencies = grouped((row for row in winter["core.fact_admissions"] if row["is_emergency"]), "patient_key")
    told: Counter[bool | None] = Counter()
    for case in winter["core.fact_procedures"]:
        stay = stays.get(case["encounter_id"])
        if stay is None or case["is_cancelled"]:
            continue
        left = stay["discharged_at"]
        returns = [row["admitted_at"] for row in emergencies.get(stay["patient_key"], [])]
        came_back = any(left < at <= left + timedelta(days=30) for at in returns)
        assert (case["patient_key"], case["facility_id"]) == (stay["patient_key"], stay["facility_id"])
        assert not stay["is_emergency"]
        assert stay["admitted_at"] <= case["started_at"] <= case["ended_at"] <= left
        assert case["stay_days"] == (stay["discharge_date"] - case["procedure_date"]).days
        assert (case["clavien_dindo_grade"] == "V") == stay["is_death"]
        if left.date() + timedelta(days=31) <= date(2024, 4, 3) and not stay["is_death"]:
            assert case["is_readmitted_30d"] is came_back
        else:
            assert case["is_readmitted_30d"] is None
        told[case["is_readmitted_30d"]] += 1
    assert min(told[True], told[False], told[None]) > 0


def changed(value: Any) -> Any:
    """Another value of the same type, for doubles and times only just another."""
    match value:
        case bool():
            return not value
        case datetime():
            return value - timedelta(microseconds=1)
        case date():
            return value - timedelta(days=1)
        case float():
            return value * (1 + 1e-8) + 1e-11
        case int() | Decimal():
            return value + 1
        case None:
            return 0
        case _:
            return value + " "


def some(world: Twice, relation: str) -> tuple[Rows, Rows]:
    """Up to 200 rows of a relation as worked out and as built, the same ones."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in KEYS[relation])

    actual = world.actual[relation]
    actual = actual[max(len(actual) // 2 - 100, 0) :][:200]
    keys = set(map(key, actual))
    return [row for row in world.expected[relation] if key(row) in keys], actual


@pytest.mark.parametrize("relation", KEYS)
def test_a_change_to_any_column_of_a_built_row_is_seen(worked_out, relation):
    expected, actual = some(worked_out("spoiled"), relation)
    place = len(actual) // 2
    for column in actual[0]:
        row = actual[place] | {column: changed(actual[place][column])}
        found = differences(expected, [*actual[:place], row, *actual[place + 1 :]], KEYS[relation])
        if column in KEYS[relation]:
            assert len(found) >= 2
        else:
            assert [line.endswith(f"is {row[column]!r}") and f" {column}: " in line for line in found] == [True]


def test_rows_and_columns_too_many_or_too_few_are_seen(worked_out):
    for relation, key in KEYS.items():
        _, rows = some(worked_out("spoiled"), relation)
        assert differences(rows, rows[::-1], key) == []
        assert [line[:8] for line in differences(rows, rows[1:], key)] == ["missing:"]
        assert [line[:13] for line in differences(rows[1:], rows, key)] == ["not expected:"]
        assert [line[:15] for line in differences(rows, [*rows, rows[0]], key)] == ["actual 2 times:"]
        assert len(differences(rows, [{"more": 1} | row for row in rows], key)) == len(rows)
        other = next(name for name in rows[0] if name not in key)
        lacking = [{name: row[name] for name in row if name != other} for row in rows]
        assert all(line.endswith(f"has no column {other}") for line in differences(rows, lacking, key))
        assert len(differences(rows, lacking, key)) == len(rows)


def test_what_engines_write_differently_is_the_same_and_what_they_mean_differently_is_not():
    key = ["a"]
    row = {"a": 1, "b": 0.1, "c": 3, "d": True, "e": None, "f": date(2024, 2, 29)}
    assert (
        differences([row], named(list(row), [(1, 0.1 + 1e-12, Decimal(3), True, None, date(2024, 2, 29))]), key) == []
    )
    for other in ({"b": None}, {"b": 0.1 + 1e-9}, {"b": float("nan")}, {"c": "3"}, {"d": 1}, {"e": 0}, {"e": ""}):
        assert len(differences([row], [row | other], key)) == 1
    assert len(differences([row], [row | {"f": datetime(2024, 2, 29)}], key)) == 1


def test_faulty_twins_and_packing_make_no_difference(tmp_path):
    told = []
    for name, settings in (("clean", {}), ("dirty", {"dirty_share": 0.05}), ("packed", {"packed": True})):
        world: World = replace(SMALL, start=date(2024, 2, 26), days=5, beds=60, **settings)
        lake = Lake.at(tmp_path / name)
        generate(lake, world)
        told.append(warehouse(lake.root))
    assert len(told[0]["core.fact_admissions"]) > 50
    assert told[0].keys() == KEYS.keys()
    for relation, key in KEYS.items():
        assert differences(told[0][relation], told[1][relation], key) == []
        assert differences(told[0][relation], told[2][relation], key) == []


@pytest.mark.parametrize("count", [2, 3, 10, 11, 100])
def test_percentiles_are_those_of_the_standard_library(count):
    values = [Fraction(n * n * 7919 % 1009, 60) for n in range(1, count + 1)]
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    for n in (10, 18, 19):
        assert oracle_small.percentile(values, Fraction(n, 20)) == cuts[n - 1]


def test_every_sign_is_in_one_box_of_the_chart_of_news2():
    ranges = {
        "resp_rate": range(4, 61), "spo2_scale1": range(50, 101), "systolic_bp": range(50, 261),
        "heart_rate": range(20, 221), "temperature": [Decimal(n) / 10 for n in range(300, 426)],
        "consciousness": "ACVPU", "oxygen": ["air", "O2"], "spo2_scale2": range(50, 101),
    }  # fmt: skip
    for sign, values in ranges.items():
        for gas in ("air", "O2"):
            scored = [oracle_clinical.score(sign, value, gas) for value in values]
            assert set(scored) <= {0, 1, 2, 3}
            assert 0 in scored
    assert [oracle_clinical.score("spo2_scale2", spo2, "O2") for spo2 in (83, 85, 87, 92, 94, 96, 97)] == [
        3,
        2,
        1,
        0,
        1,
        2,
        3,
    ]
    with pytest.raises(ValueError, match="not enough values"):
        oracle_clinical.score("consciousness", "X")


def test_a_quote_that_never_closes_costs_its_own_row_only():
    rows = b'a,b\r\n"1","2, ""3"""\n"4,5\n6,7\n"8\n",9\n10,"11"\n12,13'
    assert oracle_batches.listed(rows) == [{"a": "1", "b": '2, "3"'}, {"a": "6", "b": "7"}, {"a": "10", "b": "11"}]


def test_holidays_and_weeks_are_those_of_the_seed():
    with (oracle_small.SEEDS / "calendar.csv").open(newline="") as file:
        seed = [tuple(row.values()) for row in csv.DictReader(file)]
    names = ("date_day", "iso_year", "iso_week", "iso_weekday", "bank_holiday_name")
    assert seed == [tuple(str(row[name] or "") for name in names) for row in oracle.dim_date()]


def test_keys_are_those_the_unit_tests_of_the_models_know():
    assert oracle_small.UNKNOWN == "4639fb6ee26c8e55045f458c696cb0f5"
