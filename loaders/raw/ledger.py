"""The truth ledger: what the simulator emitted, in rows and sums by entity and day, injected faults included."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.raw.dirt import DUPLICATE
from loaders.raw.events import wait_hundredths
from loaders.world.calendar import DAY_SECONDS, day_of
from loaders.world.clinical.chart import Chart
from loaders.world.clinical.labs import is_abnormal
from loaders.world.operations import DIED, Told

Ints = NDArray[np.int64]

SNAPSHOT_MEASURES = ("beds", "capacity", "occupied_beds", "waiting_list_size")


class Ledger:
    """Counts of (day of writing, entity, day of event, measure) for one facility."""

    def __init__(self, facility_id: str) -> None:
        self.facility_id = facility_id
        self.values: Counter[tuple[int, str, int, str]] = Counter()

    def add(self, written_day: int, entity: str, event_day: int, measure: str, value: int = 1) -> None:
        """Add to one measure."""
        self.values[written_day, entity, event_day, measure] += value

    def add_fault(self, written_day: int, entity: str, event_day: int, fault: str) -> None:
        """Count a fault that was injected."""
        self.add(written_day, entity, event_day, "duplicates" if fault == DUPLICATE else f"fault.{fault}")

    def add_all(self, written_days: Ints, entity: str, event_days: Ints, **measures: Ints) -> None:
        """Add rows and measures of many events at once; all arrays have one element an event."""
        measures = {"rows": np.ones(len(event_days), np.int64), **measures}
        pairs, which = np.unique(written_days << 32 | event_days, return_inverse=True)
        for measure, numbers in measures.items():
            sums = np.zeros(len(pairs), np.int64)
            np.add.at(sums, which, numbers)
            for pair, value in zip(pairs.tolist(), sums.tolist(), strict=True):
                self.add(pair >> 32, entity, pair & 0xFFFFFFFF, measure, value)

    def add_told(self, told: Told) -> None:
        """Add everything that was told of the facility."""
        for who, is_opening in ((told.opening, True), (told.admissions, False)):
            days = who.admitted // DAY_SECONDS
            written = np.full(len(who), told.first_day) if is_opening else days
            self.add_all(
                written, "admissions", days, wait_seconds=who.admitted - who.asked, electives=_ones(who.is_elective)
            )
        gone = told.discharges
        days = gone.discharged // DAY_SECONDS
        stay = gone.discharged - gone.admitted
        delay_days = np.where(gone.destination == DIED, 0, days - gone.medically_fit // DAY_SECONDS)
        self.add_all(
            days, "discharges", days,
            stay_seconds=stay, delay_days=delay_days, deaths=_ones(gone.destination == DIED),
        )  # fmt: skip
        self.add_all(told.waiting_day, "wait_snapshots", told.waiting_day, wait_hundredths=wait_hundredths(told))
        counts = told.snapshots.sum(axis=1)
        wards = len(told.facility.wards)
        for day in range(told.first_day, told.last_day):
            sums = counts[day - told.first_day] + counts[day - told.first_day + 1]
            for measure, value in zip(SNAPSHOT_MEASURES, sums.tolist(), strict=True):
                self.add(day, "dep_snapshots", day, measure, value)
            self.add(day, "dep_snapshots", day, "rows", 2 * wards)

    def add_chart(self, chart: Chart, is_woman: NDArray[np.bool_]) -> None:
        """Add the batches that a chart's stays make, each on the day that it ended; `is_woman` is of each stay."""
        stays = chart.stays
        days = stays.discharged // DAY_SECONDS
        self.add_all(days, "clinical_patients", days)
        self.add_all(
            days, "encounters", days,
            stay_seconds=stays.discharged - stays.admitted, deaths=_ones(stays.destination == DIED),
        )  # fmt: skip
        vitals, labs, notes = (days[rows.stay] for rows in (chart.vitals, chart.labs, chart.notes))
        self.add_all(
            vitals, "vitals", vitals,
            heart_rate=chart.vitals.heart_rate, temperature_tenths=chart.vitals.temperature_tenths,
        )  # fmt: skip
        self.add_all(
            labs,
            "labs",
            labs,
            abnormal=_ones(is_abnormal(chart.labs.test, chart.labs.scaled, is_woman[chart.labs.stay])),
        )
        self.add_all(notes, "notes", notes, characters=pc.utf8_length(chart.notes.text).to_numpy())

    def files(self) -> Iterator[tuple[int, bytes]]:
        """For each day of writing, in order, its part of the ledger as JSON lines."""
        lines: dict[int, list[str]] = {}
        for (written_day, entity, event_day, measure), value in sorted(self.values.items()):
            lines.setdefault(written_day, []).append(
                f'{{"ledger_date":"{day_of(written_day)}","facility_id":"{self.facility_id}","entity":"{entity}",'
                f'"event_date":"{day_of(event_day)}","measure":"{measure}","total":{value}}}\n'
            )
        for written_day, rows in lines.items():
            yield written_day, "".join(rows).encode()


def _ones(which: NDArray[np.bool_]) -> Ints:
    return which.astype(np.int64)
