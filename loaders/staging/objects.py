"""Raw objects of an entity that is in no day batch, as rows: how its name ends says what an object holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.lake import Lake
from loaders.staging.delimited import Rows, parse_rows, read_rows
from loaders.staging.parse import Fault, parse
from loaders.staging.records import CSV, Reject, Unreadable, plain, read_records


class Objects(Protocol):
    """Records of several raw objects end to end: of each object its folder and how many records it has.

    `rejects` are objects that hold no record, with their folders.
    """

    folders: list[str]
    counts: list[int]
    rejects: list[tuple[str, Reject]]

    def key_of(self, lines: NDArray[np.int64], /) -> NDArray[np.int64]:
        """Which object each record, by its index, is in."""

    def where(self, line: int, /) -> tuple[str, int]:
        """Raw key and line number of a record."""

    def rejected(self, faults: dict[int, Fault], /) -> list[tuple[str, Reject]]:
        """Records with the rule they break and why, as folders and rejects."""


Read = tuple[Objects, pa.Table, NDArray[np.int64], dict[int, Fault]]
"""Objects, their rows in `raw_schema`, the index of the record of each row, and why other records are no rows."""


@dataclass
class CsvFiles:
    """The records of CSV files end to end."""

    files: list[Rows] = field(default_factory=list)
    rejects: list[tuple[str, Reject]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        """One more file."""
        self.files.append(rows)
        self.folders.append(rows.folder)
        self.counts.append(len(rows))

    def key_of(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of `files` each record, by its index, is in."""
        return np.searchsorted(np.cumsum(self.counts), lines, side="right")

    def where(self, line: int) -> tuple[str, int]:
        """Raw key and line number, from 1 for the header, of a record's first line."""
        at = int(self.key_of(np.array([line]))[0])
        return self.files[at].where(line - sum(self.counts[:at]))

    def rejected(self, faults: dict[int, Fault]) -> list[tuple[str, Reject]]:
        """Records by index with the rule they break and why, as folders and rejects."""
        of_file: dict[int, dict[int, Fault]] = {}
        first = np.cumsum([0, *self.counts])
        for line, at in zip(faults, self.key_of(np.array([*faults])).tolist(), strict=True):
            of_file.setdefault(at, {})[line - int(first[at])] = faults[line]
        return [reject for at in sorted(of_file) for reject in self.files[at].rejected(of_file[at])]


def read_objects(lake: Lake, contract: Contract, objects: dict[str, list[str]]) -> Iterator[Read]:
    """Some objects, by folder below the contract's raw folder: those that hold JSON, and those that hold CSV."""
    delimited = {folder: sorted(name for name in names if name.endswith(CSV)) for folder, names in objects.items()}
    others = {folder: [name for name in names if not name.endswith(CSV)] for folder, names in objects.items()}
    if any(others.values()):
        records = read_records(lake, contract.raw, {folder: names for folder, names in others.items() if names})
        yield records, *parse(contract, records.data)
    if any(delimited.values()):
        yield _read_csv(lake, contract, {folder: names for folder, names in delimited.items() if names})


def _read_csv(lake: Lake, contract: Contract, objects: dict[str, list[str]]) -> Read:
    records = CsvFiles()
    tables = []
    kept = []
    faults: dict[int, Fault] = {}
    first = 0
    for folder, names in sorted(objects.items()):
        path = f"{contract.raw}/{folder}"
        for name, content in zip(names, lake.read_all(path, names), strict=True):
            key = f"{path}/{name}"
            try:
                rows = read_rows(folder, key, plain(key, content))
            except Unreadable as error:
                records.rejects.append((folder, Reject(key, 0, "unreadable_file", error.why, content)))
                continue
            table, at, wrong = parse_rows(contract, rows)
            records.add(rows)
            tables.append(table)
            kept.append(at + first)
            faults |= {row + first: fault for row, fault in wrong.items()}
            first += len(rows)
    if not tables:
        return records, *parse(contract, b"")
    return records, pa.concat_tables(tables), np.concatenate(kept), faults
