"""Parquet objects as rows. A file must have the contract's columns, of types that lose nothing when they are cast;
then its rows are judged one by one, as those of other files.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loaders.contracts import Column, Contract
from loaders.lake import explained
from loaders.staging.parse import Fault
from loaders.staging.records import Reject, Unreadable

ROWS_AT_A_TIME = 1 << 16
_DAYS = (date.min.toordinal() - date(1970, 1, 1).toordinal(), date.max.toordinal() - date(1970, 1, 1).toordinal() + 1)
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000}


class Misfit(Exception):
    """A Parquet object whose columns are not the contract's: the rule it breaks, and why."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(rule, why)
        self.fault: Fault = rule, why


@dataclass
class ParquetRows:
    """Some rows of a Parquet object, `before` of which come before them."""

    folder: str
    key: str
    before: int
    table: pa.Table
    rejects: list[tuple[str, Reject]] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """The object's raw key."""
        return [self.key]

    @property
    def folders(self) -> list[str]:
        """The object's folder."""
        return [self.folder]

    @property
    def counts(self) -> list[int]:
        """How many rows there are."""
        return [self.table.num_rows]

    def key_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of `keys` each row is in."""
        return np.zeros(len(rows), "i8")

    def lines_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of rows in the object, from 1."""
        return rows + self.before + 1

    def where(self, row: int) -> tuple[str, int]:
        """Raw key and number, from 1, of a row."""
        return self.key, row + self.before + 1

    def rejected(self, faults: dict[int, Fault]) -> list[tuple[str, Reject]]:
        """Rows by index with the rule they break and why, as folders and rejects; a row is kept as JSON."""
        rows = sorted(faults)
        texts = [] if not rows else [_line(row) for row in _rows(self.table.take(pa.array(rows)))]
        return [
            (self.folder, Reject(*self.where(row), *faults[row], text)) for row, text in zip(rows, texts, strict=True)
        ]


def read_parquet(
    contract: Contract, folder: str, key: str, path: Path
) -> Iterator[tuple[ParquetRows, pa.Table, NDArray[np.int64], dict[int, Fault]]]:
    """The rows of a Parquet object, ROWS_AT_A_TIME: as they are, typed, which of them those are, and faults of others.

    Raises Misfit where its columns are not the contract's, and Unreadable where it is damaged, maybe after some rows.
    """
    with explained(f"cannot read {path}"):
        source = pa.OSFile(str(path))
    with source:
        try:
            file = pq.ParquetFile(source)
            columns = _columns(contract, file.schema_arrow)
            before = 0
            for batch in file.iter_batches(ROWS_AT_A_TIME, use_threads=False):
                rows = ParquetRows(folder, key, before, pa.Table.from_batches([batch]))
                yield rows, *_typed(columns, rows.table)
                before += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise Unreadable(key, f"not a whole Parquet file: {' '.join(str(error).split())[:200]}") from None


def _columns(contract: Contract, schema: pa.Schema) -> dict[str, pa.DataType]:
    """The contract's columns with the types that a file's columns are cast to. Raises Misfit."""
    names = schema.names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise Misfit("duplicate_key", f"the file has {', '.join(repeated)[:80]} more than once")
    known = {column.name: column for column in contract.file_columns}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Misfit(
            "unknown_field", f"the file has {', '.join(map(repr, unknown))[:80]}, which is not in the contract"
        )
    missing = [name for name, column in known.items() if column.required and name not in names]
    if missing:
        raise Misfit("missing_required", f"the file lacks {', '.join(missing)}")
    for name in names:
        if not _loses_nothing(known[name], schema.field(name).type):
            raise Misfit("wrong_type", f"{name} is {schema.field(name).type} in the file, not {known[name].data_type}")
    return {name: pa.int64() if column.data_type == "integer" else column.arrow_type for name, column in known.items()}


def _loses_nothing(column: Column, found: pa.DataType) -> bool:
    """Whether all values of a file's type are values of the column's type, or too large for it and no others."""
    wanted = column.arrow_type
    if pa.types.is_null(found):
        return True
    if pa.types.is_string(wanted):
        plain = found.value_type if pa.types.is_dictionary(found) else found
        return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or plain == pa.string_view())
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(found)) and found != pa.uint64()
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(found)) or (pa.types.is_integer(found) and found.bit_width <= 32)
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(found)) and found.unit != "ns"
    if column.digits and pa.types.is_decimal(found):
        digits, decimals = column.digits
        return bool(0 <= found.scale <= decimals and found.precision - found.scale <= digits - decimals)
    return bool(found == wanted)


def _typed(columns: dict[str, pa.DataType], table: pa.Table) -> tuple[pa.Table, NDArray[np.int64], dict[int, Fault]]:
    """Rows in the contract's order of columns, without those that have texts which are not UTF-8."""
    faults: dict[int, Fault] = {}
    typed = {}
    for name, wanted in columns.items():
        if name not in table.column_names:
            typed[name] = pa.nulls(table.num_rows, wanted)
            continue
        values = table.column(name).combine_chunks()
        if pa.types.is_temporal(values.type):
            beyond = _beyond_years(values)
            for row in np.flatnonzero(beyond.to_numpy(zero_copy_only=False)).tolist():
                faults.setdefault(row, ("out_of_range", f"{name} is in no year from 1 to 9999"))
            values = pc.if_else(beyond, None, values)
        typed[name] = values if values.type == wanted else values.cast(wanted)
        if pa.types.is_string(wanted):
            for row, why in _not_utf8(typed[name]):
                faults.setdefault(row, ("invalid_utf8", f"{name}: {why}"))
    rows = pa.table(typed)
    kept = np.delete(np.arange(table.num_rows), list(faults))
    return rows.take(pa.array(kept)) if faults else rows, kept, faults


def _beyond_years(moments: pa.Array) -> pa.BooleanArray:
    """Which dates or times Python has none of."""
    if pa.types.is_date(moments.type):
        per_day, numbers = 1, moments.cast(pa.int32())
    else:
        per_day, numbers = _PER_DAY[moments.type.unit], moments.cast(pa.int64())
    low, high = (day * per_day for day in _DAYS)
    return pc.fill_null(pc.or_(pc.less(numbers, low), pc.greater_equal(numbers, high)), fill_value=False)


def _not_utf8(texts: pa.Array) -> list[tuple[int, str]]:
    try:
        texts.validate(full=True)
        return []
    except pa.ArrowInvalid:
        found = []
        for row, content in enumerate(_bytes(texts)):
            try:
                content.decode()
            except UnicodeDecodeError as error:
                found.append((row, f"byte {error.start + 1} is not UTF-8"))
        return found


def _bytes(texts: pa.Array) -> list[bytes]:
    return [content or b"" for content in texts.view(pa.binary()).to_pylist()]


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as Python has them: what is not UTF-8 in texts is U+FFFD, and a time of no year is a number."""
    columns = {}
    for name, values in zip(table.column_names, table.columns, strict=True):
        plain = values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
        if pa.types.is_temporal(plain.type):
            beyond = _beyond_years(plain.combine_chunks())
            if beyond.true_count:
                plain = plain.cast(pa.int32() if pa.types.is_date(plain.type) else pa.int64())
            elif pa.types.is_timestamp(plain.type):
                plain = plain.cast(pa.timestamp(plain.type.unit))
        if pa.types.is_string(plain.type):
            binary = plain.combine_chunks().view(pa.binary()).to_pylist()
            columns[name] = [content if content is None else content.decode(errors="replace") for content in binary]
        else:
            columns[name] = plain.to_pylist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _line(row: dict[str, Any]) -> bytes:
    """A row as the line of JSON that it would be in another file."""
    return json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return str(value) if isinstance(value, date | Decimal) else value
