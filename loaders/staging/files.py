"""The files of a partition: rows read back by day, and Parquet written so that the same rows are the same bytes."""

from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from loaders.contracts import Column, Contract
from loaders.lake import Lake, explained
from loaders.staging.manifest import Partition, StagedFile
from loaders.staging.records import Reject

ROW_GROUP_ROWS = 122_880
BATCH_ROWS = 65_536

Objects = dict[str, list[tuple[str, int]]]
"""Raw objects by folder, as (name, size in bytes)."""

QUARANTINE_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("folder_day", pa.string()),
        ("raw_key", pa.string()),
        ("line", pa.int64()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
        ("header", pa.binary()),
    ]
)
"""Refused records; `header` is the header line of a CSV record's file."""
SEEN_SCHEMA = pa.schema([("folder", pa.string()), ("name", pa.string()), ("size", pa.int64())])


class OldRows:
    """The rows of a staged file by raw folder, to be taken in order: the file is read once, as it is asked."""

    def __init__(self, lake: Lake, contract: Contract, old: Partition | None, scratch: Path) -> None:
        days = sorted(day for day, counts in old.days.items() if counts.staged) if old else []
        self.folders = [f"{contract.folder_name}={day}" for day in days]
        self._schema = contract.arrow_schema
        self._left = {f"{contract.folder_name}={day}": old.days[day].staged for day in days} if old else {}
        self._rest = self._schema.empty_table()
        self._batches: Iterator[pa.RecordBatch] = iter(())
        if old and old.data:
            file = pq.ParquetFile(lake.local(old.data.key, scratch))
            self._batches = file.iter_batches(BATCH_ROWS, use_threads=False)

    def take(self, folder: str) -> pa.Table:
        """The rows of a folder; each folder once, in order."""
        rows = self._left.pop(folder, 0)
        while self._rest.num_rows < rows:
            batch = pa.Table.from_batches([next(self._batches)]).cast(self._schema)
            self._rest = pa.concat_tables([self._rest, batch])
        taken, self._rest = self._rest.slice(0, rows), self._rest.slice(rows)
        return taken

    def batches(self, folder: str) -> Iterator[pa.Table]:
        """The rows of a folder, in place of `take`, some at a time."""
        left = self._left.pop(folder, 0)
        while left:
            if not self._rest.num_rows:
                self._rest = pa.Table.from_batches([next(self._batches)]).cast(self._schema)
            taken, self._rest = self._rest.slice(0, left), self._rest.slice(left)
            left -= taken.num_rows
            yield taken

    def skip(self, folder: str) -> None:
        """Pass over the rows of a folder."""
        for _ in self.batches(folder):
            pass


class DataWriter:
    """Writes rows, given in order, as row groups of ROW_GROUP_ROWS, however many come at a time."""

    def __init__(self, lake: Lake, contract: Contract, partition: str, scratch: Path) -> None:
        self._lake, self._contract = lake, contract
        self._folder = f"staging/{contract.entity}/{contract.folder_name}={partition}"
        self._path = scratch / "data.parquet"
        self._waiting = contract.arrow_schema.empty_table()
        self._rows = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table) -> None:
        """The next rows."""
        self._waiting = pa.concat_tables([self._waiting, rows])
        while self._waiting.num_rows >= ROW_GROUP_ROWS:
            self._write(self._waiting.slice(0, ROW_GROUP_ROWS))
            self._waiting = self._waiting.slice(ROW_GROUP_ROWS)

    def close(self) -> StagedFile | None:
        """Put the file where it belongs; None where there were no rows."""
        if self._waiting.num_rows:
            self._write(self._waiting)
        if self._writer is None:
            return None
        self._writer.close()
        return _kept(self._lake, self._path, f"{self._folder}/{self._contract.entity}", self._rows)

    def _write(self, rows: pa.Table) -> None:
        if self._writer is None:
            repeating = [c.name for c in self._contract.columns if _repeats(c)]
            self._writer = pq.ParquetWriter(
                self._path, self._contract.arrow_schema, compression="zstd", compression_level=1,
                use_dictionary=repeating,
            )  # fmt: skip
        with explained(f"cannot write {self._path}"):
            self._writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP_ROWS)
        self._rows += rows.num_rows


def _repeats(column: Column) -> bool:
    """Whether a column is written as a dictionary: texts that are no ids, and measurements, which are rounded."""
    return not column.unique and (column.length is not None or column.data_type == "double")


def write_seen(lake: Lake, contract: Contract, partition: str, old: Partition | None, new: Objects) -> StagedFile:
    """Which raw objects are in the partition now."""
    tables = [seen_before(lake, old)]
    for folder, objects in new.items():
        names, sizes = zip(*objects, strict=True)
        tables.append(pa.table([pa.repeat(folder, len(names)), names, sizes], schema=SEEN_SCHEMA))
    seen = pa.concat_tables(tables)
    seen = seen.sort_by([("folder", "ascending"), ("name", "ascending")])
    return _write(lake, f"state/staged/{contract.entity}/{partition}", seen)


def seen_before(lake: Lake, old: Partition | None) -> pa.Table:
    """Which raw objects were in the partition."""
    return pq.read_table(pa.BufferReader(lake.read(old.seen.key))) if old else SEEN_SCHEMA.empty_table()


def seen_in(lake: Lake, old: Partition | None, folder: str) -> list[tuple[str, int]]:
    """Which raw objects of a folder were in the partition."""
    seen = seen_before(lake, old)
    rows = seen.filter(pc.equal(seen.column("folder"), folder))
    return list(zip(rows.column("name").to_pylist(), rows.column("size").to_pylist(), strict=True))


def quarantine_table(contract: Contract, rejects: list[tuple[str, Reject]]) -> pa.Table:
    """Refused records, given with the day of their folder."""
    schema = QUARANTINE_SCHEMA
    rows = [
        (contract.entity, day, reject.raw_key, reject.line, reject.rule, reject.reason, reject.record, reject.header)
        for day, reject in rejects
    ]
    columns = zip(*rows, strict=True) if rows else [[] for _ in schema]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def quarantined_before(lake: Lake, old: Partition | None) -> pa.Table:
    """Records of the partition refused earlier."""
    if not (old and old.quarantine):
        return QUARANTINE_SCHEMA.empty_table()
    return pq.read_table(pa.BufferReader(lake.read(old.quarantine.key)))


def write_quarantine(lake: Lake, contract: Contract, partition: str, refused: pa.Table) -> StagedFile | None:
    """Keep refused records whole; None where there are none."""
    if not refused.num_rows:
        return None
    folder = f"quarantine/{contract.entity}/{contract.folder_name}={partition}"
    rows = refused.sort_by([("raw_key", "ascending"), ("line", "ascending")])
    return _write(lake, f"{folder}/{contract.entity}", rows)


def _write(lake: Lake, name: str, table: pa.Table) -> StagedFile:
    with lake.scratch() as scratch:
        path = scratch / "table.parquet"
        with explained(f"cannot write {path}"):
            pq.write_table(table.combine_chunks(), path, compression="zstd", compression_level=1)
        return _kept(lake, path, name, table.num_rows)


def _kept(lake: Lake, path: Path, name: str, rows: int) -> StagedFile:
    """Take a finished file in as `<name>-<start of its sha256>.parquet`."""
    with explained(f"cannot read {path}"), open(path, "rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    key = f"{name}-{digest[:12]}.parquet"
    size = path.stat().st_size
    lake.adopt(path, key)
    return StagedFile(key, rows, size, digest)
