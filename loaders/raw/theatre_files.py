"""Surgical robotics as raw objects: CSV files of tables, telemetry by day, and the truth ledger."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from loaders.lake import Lake
from loaders.raw.ledger import Ledger
from loaders.raw.lines import DayLines
from loaders.raw.objects import Object, whole_object
from loaders.raw.tables import csv_header, csv_lines
from loaders.raw.telemetry import Measures, lines, measures, write_parquet
from loaders.raw.theatre_dirt import TELEMETRY, spoiled
from loaders.raw.theatre_tables import Table
from loaders.world.calendar import DAY_SECONDS, day_of
from loaders.world.config import World
from loaders.world.network import facilities
from loaders.world.robotics.cases import COMPLETED, Cases
from loaders.world.robotics.telemetry import Telemetry, in_chunks

SAMPLES_AT_A_TIME = 1 << 17


@dataclass(frozen=True)
class Written:
    """What was written: days, good rows by entity, faulty rows, and raw objects created."""

    days: int
    rows: Counter[str]
    faults: int
    objects: int

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.days + other.days,
            self.rows + other.rows,
            self.faults + other.faults,
            self.objects + other.objects,
        )


@dataclass(frozen=True)
class Days:
    """What happened from one day to another (exclusive)."""

    first_day: int
    last_day: int
    cases: Cases
    tables: list[Table]


@dataclass(frozen=True)
class _Counted:
    """What is counted as objects are given out: rows and faults by entity, and each facility's ledger."""

    rows: Counter[str]
    faults: Counter[str]
    ledgers: list[Ledger]

    def add_table(self, table: Table) -> None:
        """Count the rows of a table and what the ledger sums of them."""
        self.rows[table.entity] += len(table.rows)
        for index, ledger in enumerate(self.ledgers):
            here = table.facility == index
            sums = {name: numbers[here] for name, numbers in table.measures.items()}
            ledger.add_all(table.days[here], table.entity, table.days[here], **sums)

    def add_measures(self, found: Measures) -> None:
        """Count samples of telemetry."""
        self.rows[TELEMETRY] += int(found.rows.sum())
        for index, day, rows, force in zip(
            found.facility.tolist(),
            found.day.tolist(),
            found.rows.tolist(),
            found.force_hundredths.tolist(),
            strict=True,
        ):
            self.ledgers[index].add(day, TELEMETRY, day, "rows", rows)
            self.ledgers[index].add(day, TELEMETRY, day, "force_hundredths", force)

    def add_twins(self, entity: str, day: int, twins: list[tuple[int, str]]) -> None:
        """Count faulty twins: whose facility each is, by its index, and which rule it breaks."""
        self.faults[entity] += len(twins)
        for facility, rule in twins:
            self.ledgers[facility].add_fault(day, entity, day, rule)


def write_days(lake: Lake, world: World, days: Days, as_csv: bool) -> Written:
    """Land some days: telemetry, the ledger and, `as_csv`, the operational tables."""
    counted = _Counted(Counter(), Counter(), [Ledger(facility.facility_id) for facility in facilities(world)])
    objects = lake.create_all(_objects(world, days, as_csv, counted))
    return Written(days.last_day - days.first_day, counted.rows, counted.faults.total(), objects)


def _objects(world: World, days: Days, as_csv: bool, counted: _Counted) -> Iterator[Object]:
    for table in days.tables:
        counted.add_table(table)
        if as_csv:
            yield from _csv(world, table, counted)
    yield from _telemetry(world, days.cases.only(days.cases.status == COMPLETED), counted)
    for ledger in counted.ledgers:
        for day, data in ledger.files():
            folder = f"truth/robotics/ledger_date={day_of(day)}"
            yield whole_object(world, f"{folder}/ledger_{ledger.facility_id}.ndjson", data)


def _csv(world: World, table: Table, counted: _Counted) -> Iterator[Object]:
    header, text = csv_header(table.rows), DayLines(csv_lines(table.rows), table.days)
    for day, part in text.by_day():
        data: bytes | memoryview = text.data(part)
        if world.dirty_share:
            data, twins = spoiled(world, table.entity, day, text.texts(part))
            where = table.facility[part]
            counted.add_twins(table.entity, day, [(int(where[position]), rule) for position, rule in twins])
        folder = f"raw/robotics/{table.entity}/updated_date={day_of(day)}"
        yield whole_object(world, f"{folder}/{table.entity}.csv", header + data)


def _telemetry(world: World, cases: Cases, counted: _Counted) -> Iterator[Object]:
    """A file of samples for each day that has some; days with few are made together."""
    make = _telemetry_parquet if world.telemetry_format == "parquet" else _telemetry_lines
    for some in _together(world, cases):
        yield from make(world, some, counted)


def _telemetry_lines(world: World, cases: Cases, counted: _Counted) -> Iterator[Object]:
    parts: dict[int, list[memoryview]] = {}
    for found in in_chunks(world, cases, SAMPLES_AT_A_TIME):
        counted.add_measures(measures(cases, found))
        text = lines(cases, found)
        for day, part in text.by_day():
            parts.setdefault(day, []).append(text.data(part))
    for day, texts in parts.items():
        data = b"".join(texts)
        if world.dirty_share:
            good = data.splitlines(keepends=True)
            data, twins = spoiled(world, TELEMETRY, day, good)
            counted.add_twins(TELEMETRY, day, [(_facility_of(good[position]), rule) for position, rule in twins])
        yield whole_object(world, f"{_telemetry_folder(day)}/{TELEMETRY}.ndjson", data)


def _facility_of(line: bytes) -> int:
    """The facility whose procedure a line of telemetry is of."""
    return int(json.loads(line)["procedure_id"][1:3]) - 1


def _telemetry_parquet(world: World, cases: Cases, counted: _Counted) -> Iterator[Object]:
    days = cases.start // DAY_SECONDS
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{TELEMETRY}.parquet"
        for day in np.unique(days).tolist():
            of_day = cases.only(days == day)
            write_parquet(path, of_day, _measured(world, of_day, counted))
            yield f"{_telemetry_folder(day)}/{TELEMETRY}.parquet", path.read_bytes()


def _measured(world: World, cases: Cases, counted: _Counted) -> Iterator[Telemetry]:
    for found in in_chunks(world, cases, SAMPLES_AT_A_TIME):
        counted.add_measures(measures(cases, found))
        yield found


def _together(world: World, cases: Cases) -> Iterator[Cases]:
    """Cases of whole days, in order, SAMPLES_AT_A_TIME at most or those of one day."""
    if not len(cases) or not world.telemetry_samples:
        return
    _, starts = np.unique(cases.start // DAY_SECONDS, return_index=True)
    most = max(1, SAMPLES_AT_A_TIME // world.telemetry_samples)
    cuts = [0]
    for start, stop in pairwise([*starts.tolist(), len(cases)]):
        if stop - cuts[-1] > most and start > cuts[-1]:
            cuts.append(start)
    for start, stop in pairwise([*cuts, len(cases)]):
        yield cases.only(np.arange(start, stop))


def _telemetry_folder(day: int) -> str:
    return f"raw/robotics/{TELEMETRY}/sample_date={day_of(day)}"
