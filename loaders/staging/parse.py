"""JSON lines to columns. What a line must be is said once, by `fault_of`; whole blocks go through Arrow's parser.

Arrow's parser alone is no judge: it takes invalid UTF-8, two objects on a line and NaN, and a line that is `null` ends
the process. It only sees blocks in which every line is one flat object in UTF-8, and what it takes of those
`fault_of` takes too, but for what `check` looks at. So a record fares the same whoever its neighbours are.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.staging.records import LONGEST_RECORD, line_count

BLOCK_BYTES = 1 << 20
FEW_LINES = 16

Fault = tuple[str, str]


@lru_cache
def raw_schema(contract: Contract) -> pa.Schema:
    """The types that JSON can hold: times, dates and decimals are still texts, whole numbers 64 bits wide."""
    types = {pa.int32(): pa.int64(), pa.int64(): pa.int64(), pa.float64(): pa.float64(), pa.bool_(): pa.bool_()}
    return pa.schema([(c.name, types.get(c.arrow_type, pa.string())) for c in contract.file_columns])


@lru_cache
def _type_faults(contract: Contract) -> dict[str, Callable[[Any], Fault | None]]:
    """By column, why a value is not of its type."""
    decimals = _decimals(contract)
    return {f.name: _decimal_fault if f.name in decimals else _TYPE_FAULTS[f.type] for f in raw_schema(contract)}


@lru_cache
def _decimals(contract: Contract) -> tuple[str, ...]:
    return tuple(column.name for column in contract.file_columns if column.digits)


@lru_cache
def _plain_decimal(contract: Contract) -> re.Pattern[bytes]:
    """A decimal column's name with a number of few digits that is no text yet."""
    names = "|".join(map(re.escape, _decimals(contract)))
    return re.compile(rf'("(?:{names})"\s*:\s*)(-?(?:0|[1-9][0-9]{{0,37}})(?:\.[0-9]{{1,38}})?)(?=\s*[,}}])'.encode())


def parse(contract: Contract, data: bytes) -> tuple[pa.Table, NDArray[np.int64], dict[int, Fault]]:
    """Lines as a table of `raw_schema`, the index of the line of each row, and why other lines are no records."""
    schema = raw_schema(contract)
    tables: list[pa.Table] = [schema.empty_table()]
    faults: dict[int, Fault] = {}
    first = 0
    for block in blocks(data, BLOCK_BYTES):
        table = _parse_block(contract, block)
        if table is not None:
            tables.append(table)
        else:
            lines = list(enumerate(block[:-1].split(b"\n"), first))
            cut = {i: fault_of(contract, line) for i, line in lines if line[:1] != b"{" or line[-1:] != b"}"}
            faults.update({i: fault for i, fault in cut.items() if fault})
            _parse_doubtful(contract, [(i, line) for i, line in lines if not cut.get(i)], tables, faults)
        first += line_count(block)
    return pa.concat_tables(tables), np.delete(np.arange(first), list(faults)), faults


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    """Whole lines, about `size` bytes at a time."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", min(start + size, len(data)) - 1) + 1 or len(data)
        yield data[start:end] if start or end < len(data) else data
        start = end


def _parse_block(contract: Contract, block: bytes) -> pa.Table | None:
    """A block in which every line is one flat object of the schema; None for any other."""
    text = np.frombuffer(block, "u1")
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.append(0, ends[:-1] + 1)
    if (ends - starts > LONGEST_RECORD).any() or (text[starts] != ord("{")).any() or (text[ends - 1] != ord("}")).any():
        return None
    if any(
        np.count_nonzero(text == ord(mark)) != count for mark, count in (("{", ends.size), ("}", ends.size), ("[", 0))
    ):
        return None
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            return None
    try:
        return _by_arrow(contract, _with_texts(contract, block))
    except pa.ArrowInvalid:
        return None


def _with_texts(contract: Contract, block: bytes) -> bytes:
    """Lines whose decimals are texts, digit by digit what the numbers were; some numbers are left as they are."""
    return _plain_decimal(contract).sub(rb'\1"\2"', block) if _decimals(contract) else block


def _line_with_texts(contract: Contract, line: bytes) -> bytes:
    """A good line whose decimals are all texts."""
    if not _decimals(contract):
        return line
    record = json.loads(line)
    written = json.loads(line, parse_float=str, parse_int=str)
    return json.dumps(record | {name: written[name] for name in _decimals(contract) if name in record}).encode()


def _by_arrow(contract: Contract, block: bytes) -> pa.Table:
    schema = raw_schema(contract)
    table = pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(block_size=len(block) + 1, use_threads=False),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )
    if table.num_rows != line_count(block):
        raise pa.ArrowInvalid("a line holds more or less than one object")
    return table.select(schema.names)


def _parse_doubtful(
    contract: Contract, lines: list[tuple[int, bytes]], tables: list[pa.Table], faults: dict[int, Fault]
) -> None:
    """Lines, by index, with something among them that is no record: halve them until few are left to judge."""
    if not lines:
        return
    table = _parse_block(contract, b"".join([line + b"\n" for _, line in lines]))
    if table is not None:
        tables.append(table)
        return
    if len(lines) > FEW_LINES:
        half = len(lines) // 2
        _parse_doubtful(contract, lines[:half], tables, faults)
        _parse_doubtful(contract, lines[half:], tables, faults)
        return
    judged = {i: fault_of(contract, line) for i, line in lines}
    faults.update({i: fault for i, fault in judged.items() if fault})
    good = [(i, _line_with_texts(contract, line)) for i, line in lines if not judged[i]]
    try:
        tables.append(_by_arrow(contract, b"".join([line + b"\n" for _, line in good])))
    except pa.ArrowInvalid:
        for i, line in good:
            try:
                tables.append(_by_arrow(contract, line + b"\n"))
            except pa.ArrowInvalid as error:
                faults[i] = ("malformed_json", str(error))


def fault_of(contract: Contract, line: bytes) -> Fault | None:
    """Why a line is no record of the contract: the rule it breaks and how. None for a record.

    Values are only judged by their type here; `check` looks at what they say.
    """
    if len(line) > LONGEST_RECORD:
        return "malformed_json", f"longer than {LONGEST_RECORD:,} bytes"
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return "invalid_utf8", f"byte {error.start + 1} is not UTF-8"
    if not text.strip():
        return "malformed_json", "the line is empty"
    repeated: list[str] = []
    overflows: list[str] = []

    def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return record

    def finite(digits: str) -> float:
        number = float(digits)
        if abs(number) == float("inf"):
            overflows.append(digits)
        return number

    try:
        record = json.loads(text, object_pairs_hook=unique_names, parse_float=finite)
    except RecursionError:
        return "malformed_json", "nested too deeply"
    except json.JSONDecodeError as error:
        return "malformed_json", f"{error.msg} at character {error.pos + 1}"
    except ValueError:
        return "out_of_range", "a number has too many digits"
    if not isinstance(record, dict):
        return "malformed_json", "not an object"
    if repeated:
        return "duplicate_key", f"{', '.join(repeated)} is there more than once"
    if overflows:
        return "non_finite", f"{overflows[0][:60]} is too large for a number"
    type_faults = _type_faults(contract)
    unknown = [name for name in record if name not in type_faults]
    if unknown:
        return "unknown_field", f"{', '.join(map(_shown, unknown))} is not in the contract"
    for name, value in record.items():
        if value is not None:
            fault = type_faults[name](value)
            if fault:
                return fault[0], f"{name} {fault[1]}"
    return None


def _text_fault(value: Any) -> Fault | None:
    if not isinstance(value, str):
        return "wrong_type", f"is {_shown(value)}, not a text"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "malformed_json", "holds half a surrogate pair"
    return None


def _whole_fault(value: Any) -> Fault | None:
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return "non_finite", f"is {_shown(value)}"
    if type(value) is not int:
        return "wrong_type", f"is {_shown(value)}, not a whole number"
    return None if -(2**63) <= value < 2**63 else ("out_of_range", f"is {_shown(value)}, too large for 64 bits")


def _number_fault(value: Any) -> Fault | None:
    if type(value) not in (int, float):
        return "wrong_type", f"is {_shown(value)}, not a number"
    return None


def _decimal_fault(value: Any) -> Fault | None:
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return "non_finite", f"is {_shown(value)}"
    return _number_fault(value)


def _truth_fault(value: Any) -> Fault | None:
    return None if isinstance(value, bool) else ("wrong_type", f"is {_shown(value)}, neither true nor false")


_TYPE_FAULTS: dict[pa.DataType, Callable[[Any], Fault | None]] = {
    pa.string(): _text_fault,
    pa.int64(): _whole_fault,
    pa.float64(): _number_fault,
    pa.bool_(): _truth_fault,
}


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
