"""Clinical batches: charts beside numpy's ceiling, text beside Arrow's own CSV writer, the whole beside clinosim."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.json as pj

from benchmarks.measure import Row, fresh, in_own_process, timed
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.batches import batch_rows
from loaders.raw.clinical import write_batches
from loaders.raw.generate import operate_all
from loaders.staging.stage import stage
from loaders.world.calendar import DAY_SECONDS, day_number
from loaders.world.clinical.chart import Chart, chart
from loaders.world.config import PRESETS
from loaders.world.network import facilities
from loaders.world.operations import day_one, months, operate
from loaders.world.patients import registry

HOSPITAL = replace(PRESETS["large"], days=91)
DEMO = replace(PRESETS["demo"], packed=True)
SHORT_DAYS, LONG_DAYS = 60, 600
PEER_POPULATION = 400


def rows() -> Iterator[Row]:
    """Lines of the table."""
    encounters, sets, labs, notes = _sizes()
    made = in_own_process("clinical:charts")
    ceiling = in_own_process("clinical:ceiling", sets)
    yield Row(
        f"charts of {encounters:,} encounters, one process: {sets / encounters:.0f} sets of vitals, "
        f"{labs / encounters:.0f} lab results, {notes / encounters:.1f} notes each",
        f"{encounters / made.seconds:,.0f} encounters/s",
        f"{(sets + labs + notes) / made.seconds:,.0f} rows/s; numpy drawing six correlated vitals alone "
        f"{sets / ceiling.seconds:,.0f} sets/s; {made.megabytes:,.0f} MB",
        "≥ 50,000 encounters/s",
    )
    text = in_own_process("clinical:texts")
    arrow = in_own_process("clinical:arrows_vitals")
    total = 2 * encounters + sets + labs + notes
    yield Row(
        "their text, all five files, one process",
        f"{total / text.seconds:,.0f} rows/s",
        f"{sets / total:.0%} of them vitals; Arrow's CSV writer, vitals alone: {sets / arrow.seconds:,.0f} rows/s",
        "≥ 500,000 rows/s",
    )
    one, two = (in_own_process("clinical:batches", DEMO.days, workers) for workers in (1, 2))
    finished = _finished(DEMO.days)
    peer = in_own_process("clinical:clinosims", times=1)
    theirs = _clinosims_encounters()
    yield Row(
        f"batches of the demo, {finished:,} encounters, simulated and written, one process",
        f"{finished / one.seconds:,.0f} encounters/s",
        f"two processes {finished / two.seconds:,.0f}; clinosim, a deeper physiology, CSV: "
        f"{theirs / peer.seconds:,.0f} encounters/s",
    )
    staged, read = in_own_process("clinical:staging"), in_own_process("clinical:reading")
    total = _rows_in_batches()
    yield Row(
        f"staging {total:,} rows of those batches, one process",
        f"{total / staged.seconds:,.0f} rows/s",
        f"Arrow reading the same CSV and JSON alone: {total / read.seconds:,.0f} rows/s; {staged.megabytes:,.0f} MB",
    )
    short, long = (in_own_process("clinical:batches", days, 1, times=1) for days in (SHORT_DAYS, LONG_DAYS))
    yield Row(
        f"memory of batches, {LONG_DAYS} days against {SHORT_DAYS}, one process",
        f"{long.megabytes:,.0f} MB against {short.megabytes:,.0f} MB",
        f"{long.seconds / short.seconds:.1f}× the time",
        "≤ 500 MB, flat",
    )


@lru_cache
def _told() -> tuple:
    """A quarter's discharges of one hospital of 600 beds, and what they need."""
    facility = facilities(HOSPITAL)[0]
    yesterday = day_one(HOSPITAL, facility)
    parts = []
    for _, last in months(yesterday.next_day, day_number(HOSPITAL.end)):
        told, yesterday = operate(HOSPITAL, facility, yesterday, last)
        parts.append(told.discharges)
    return facility, parts


def _charts() -> list[Chart]:
    facility, parts = _told()
    return [chart(HOSPITAL, facility, part) for part in parts]


def _sizes() -> tuple[int, int, int, int]:
    made = _charts()
    return tuple(  # type: ignore[return-value]
        sum(len(thing) for thing in things)
        for things in (
            [c.stays for c in made],
            [c.vitals.second for c in made],
            [c.labs.sampled for c in made],
            [c.notes.second for c in made],
        )
    )


def charts() -> float:
    """Seconds for the charts of a quarter; what is drawn once for a world has been."""
    facility, parts = _told()
    first = parts[0]
    chart(HOSPITAL, facility, first.only(first.discharged // DAY_SECONDS == day_number(HOSPITAL.start)))
    return timed(_charts)


def ceiling(sets: int) -> float:
    """Seconds for as many correlated normal draws as there are sets of vitals."""
    stream, mix = np.random.Generator(np.random.Philox(1)), np.eye(6, dtype="f4") * 0.9 + 0.1
    return timed(lambda: stream.standard_normal((sets, 6), dtype="f4") @ mix)


def texts() -> float:
    """Seconds for the text of those charts."""
    made = _charts()
    people = [registry(HOSPITAL, each.facility, each.stays.patient) for each in made]
    batch_rows(made[0], people[0])
    return timed(lambda: [batch_rows(each, who) for each, who in zip(made, people, strict=True)])


def arrows_vitals() -> float:
    """Seconds that Arrow's CSV writer takes for the same vitals as a table."""
    facility, _ = _told()
    tables = []
    for each in _charts():
        v = each.vitals
        ids = pa.array([f"{facility.facility_id}-{i}" for i in range(len(each.stays))]).take(pa.array(v.stay))
        columns = {
            "observation_id": ids, "encounter_id": ids, "patient_id": ids, "event_time": v.second.astype("M8[s]"),
            "heart_rate": v.heart_rate, "resp_rate": v.resp_rate, "spo2": v.spo2, "on_oxygen": v.on_oxygen,
            "temperature_celsius": v.temperature_tenths / 10, "systolic_bp": v.systolic_bp,
            "diastolic_bp": v.diastolic_bp, "consciousness": v.consciousness,
        }  # fmt: skip
        tables.append(pa.table(columns))
    options = pc.WriteOptions(quoting_style="none")
    return timed(lambda: [pc.write_csv(table, BytesIO(), options) for table in tables])


def batches(days: int, workers: int) -> float:
    """Seconds for the batches of the demo, operations being there."""
    lake, world = Lake.at(fresh("batches")), replace(DEMO, days=days)
    operate_all(lake, world)
    return timed(lambda: write_batches(lake, world, workers))


def _finished(days: int) -> int:
    lake, world = Lake.at(fresh("finished")), replace(DEMO, days=days)
    operate_all(lake, world)
    return write_batches(lake, world).rows["encounters.csv"]


@lru_cache
def _plain() -> tuple[Lake, int]:
    """The batches of the demo, not packed, and how many rows they hold."""
    lake, world = Lake.at(fresh("plain")), replace(DEMO, packed=False)
    operate_all(lake, replace(world, packed=True))
    return lake, sum(write_batches(lake, world).rows.values())


def _rows_in_batches() -> int:
    return _plain()[1]


def staging() -> float:
    """Seconds for staging the batches of the demo."""
    lake, _ = _plain()
    batch = {entity: contract for entity, contract in contracts().items() if contract.file}
    return timed(lambda: stage(lake, batch))


def reading() -> float:
    """Seconds that Arrow's readers take for the same files, one at a time, without a look at what they say."""
    lake, _ = _plain()
    files = sorted((lake.root / "raw/clinical").glob("*/*"))
    return timed(lambda: [_read(path) for path in files])


def _read(path: Path) -> pa.Table:
    if path.suffix == ".jsonl":
        return pj.read_json(path, read_options=pj.ReadOptions(use_threads=False))
    return pc.read_csv(path, read_options=pc.ReadOptions(use_threads=False))


def clinosims() -> float:
    """Seconds that clinosim takes for a year of a small town, as CSV."""
    folder = fresh("clinosim")
    (folder.parent / "clinosim.txt").write_text(str(folder))
    call = [str(Path(sys.executable).with_name("clinosim")), "simulate", "-o", str(folder), "-p", str(PEER_POPULATION)]
    options = ["-s", "1", "--start", "2024-01-01", "--end", "2024-12-31", "--country", "US", "--format", "csv"]
    return timed(lambda: subprocess.run([*call, *options], check=True, capture_output=True))


def _clinosims_encounters() -> int:
    folder = Path((fresh("count").parent / "clinosim.txt").read_text())
    (path,) = folder.glob("**/encounters.csv")
    with open(path, newline="") as file:
        return sum(1 for _ in csv.DictReader(file))
