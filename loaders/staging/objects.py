"""Raw objects of an entity that is in no day batch, as rows: how its name ends says what an object holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.lake import Lake, explained
from loaders.staging.columnar import Misfit, read_parquet
from loaders.staging.delimited import Rows, parse_rows, read_rows
from loaders.staging.files import Objects
from loaders.staging.parse import Fault, parse
from loaders.staging.records import (
    CSV,
    NDJSON,
    PARQUET,
    Records,
    Reject,
    Unreadable,
    json_lines,
    line_count,
    plain,
    read_records,
)

PIECE_BYTES = 8 << 20
PACKED_RATIO = 10
LARGEST_KEPT = 64 << 20


class Found(Protocol):
    """Records of raw objects end to end."""

    @property
    def keys(self) -> list[str]:
        """The raw key of each object."""

    @property
    def folders(self) -> list[str]:
        """The folder of each object."""

    @property
    def counts(self) -> list[int]:
        """How many records of each object there are."""

    @property
    def rejects(self) -> list[tuple[str, Reject]]:
        """Objects that hold no record, with their folders."""

    def key_of(self, records: NDArray[np.int64], /) -> NDArray[np.int64]:
        """Which object each record, by its index, is in."""

    def lines_of(self, records: NDArray[np.int64], /) -> NDArray[np.int64]:
        """The line number of each record, by its index."""

    def where(self, line: int, /) -> tuple[str, int]:
        """Raw key and line number of a record."""

    def rejected(self, faults: dict[int, Fault], /) -> list[tuple[str, Reject]]:
        """Records with the rule they break and why, as folders and rejects."""


Read = tuple[Found, pa.Table, NDArray[np.int64], dict[int, Fault]]
"""Records, rows made of them, the index of the record of each row, and why other records are no rows."""


@dataclass
class CsvFiles:
    """The records of CSV files end to end."""

    files: list[Rows] = field(default_factory=list)
    rejects: list[tuple[str, Reject]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        """One more file."""
        self.files.append(rows)
        self.keys.append(rows.key)
        self.folders.append(rows.folder)
        self.counts.append(len(rows))

    def key_of(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of `files` each record, by its index, is in."""
        return np.searchsorted(np.cumsum(self.counts), lines, side="right")

    def lines_of(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """The line numbers, from 1 for the header, of the first lines of records by their index."""
        if not self.files:
            return np.zeros(0, "i8")
        found: NDArray[np.int64] = np.concatenate([rows.lines for rows in self.files])[lines]
        return found

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


def read_objects(
    lake: Lake, contract: Contract, objects: Objects, unreadable: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Read]:
    """What some raw objects hold, some records at a time; `unreadable` are keys known to be so, and why.

    Raises Unreadable for one that turns out to be damaged when some of its records have been told already.
    """
    small: dict[str, list[str]] = {}
    delimited: dict[str, list[str]] = {}
    large: list[tuple[str, str]] = []
    for folder, found in sorted(objects.items()):
        for name, size in sorted(found):
            if name.endswith(PARQUET) or (name.endswith(NDJSON) and content_size(name, size) >= PIECE_BYTES):
                large.append((folder, name))
            else:
                (delimited if name.endswith(CSV) else small).setdefault(folder, []).append(name)
    if small:
        records = read_records(lake, contract.raw, small)
        yield records, *parse(contract, records.data)
    if delimited:
        yield _read_csv(lake, contract, delimited)
    for folder, name in large:
        key = f"{contract.raw}/{folder}/{name}"
        if key in unreadable:
            yield _refused(lake, contract, folder, Reject(key, 0, "unreadable_file", unreadable[key], b""))
            continue
        with lake.scratch() as scratch:
            path = lake.local(key, scratch)
            try:
                yield from (_read_pieces if name.endswith(NDJSON) else read_parquet)(contract, folder, key, path)
            except Misfit as error:
                yield _refused(lake, contract, folder, Reject(key, 0, *error.fault, b""))


def content_size(name: str, size: int) -> int:
    """About how many bytes an object holds, once it is unpacked."""
    return size * PACKED_RATIO if name.endswith((".zst", *PARQUET)) else size


def _refused(lake: Lake, contract: Contract, folder: str, why: Reject) -> Read:
    """An object that is one refused record, kept whole where it is not too large."""
    content = lake.read(why.raw_key)
    kept = content if len(content) <= LARGEST_KEPT else b""
    reason = why.reason if kept or not content else f"{why.reason}; it is too large to be kept here, and stays in raw"
    records = Records(rejects=[(folder, replace(why, reason=reason, record=kept))])
    return records, *parse(contract, b"")


def _read_pieces(contract: Contract, folder: str, key: str, path: Path) -> Iterator[Read]:
    """The lines of a large JSON object, PIECE_BYTES at a time. Raises Unreadable where it is not whole."""
    before = 0
    for lines in _pieces(key, path):
        records = Records(lines, [key], [folder], [line_count(lines)], before=before)
        yield records, *parse(contract, lines)
        before += records.counts[0]


def _pieces(key: str, path: Path) -> Iterator[bytes]:
    """Whole lines, each with its line end."""
    with explained(f"cannot read {path}"):
        stream = pa.OSFile(str(path))
    with stream:
        if key.endswith(".zst"):
            stream = pa.CompressedInputStream(stream, "zstd")
        rest = b""
        while True:
            try:
                block = stream.read(PIECE_BYTES)
            except OSError as error:
                raise Unreadable(key, f"not a whole zstd file: {error}") from None
            end = block.rfind(b"\n") + 1
            whole, rest = (rest + block[:end], block[end:]) if end else (b"", rest + block)
            if whole:
                yield json_lines(whole)
            if not block:
                break
        if rest:
            yield json_lines(rest)


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
