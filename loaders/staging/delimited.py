"""CSV to columns. What a row must be is said once, by `_fields` and `_TYPED`; plain rows go through Arrow's parser.

Arrow's parser alone is no judge: it trims numbers, takes 0x10 and NaN, and ends a line at a carriage return. It only
splits rows that have quotes only where they belong, no stray carriage return and as many fields as the header, and all
fields come out as texts, which are then judged by value. So a row fares the same whoever its neighbours are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from loaders.contracts import Contract
from loaders.staging.parse import raw_schema
from loaders.staging.records import LONGEST_RECORD, Reject, Unreadable

BLOCK_BYTES = 1 << 20
LONGEST_QUOTED = 1 << 16
_BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f]")
_FIELD = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|((?:[^",\r\n]|\r(?!\n))*))(,|\r?\n)')
_WHOLE = r"-?(0|[1-9][0-9]*)"
_NUMBER = rf"{_WHOLE}(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_OF_DICTIONARY = pa.dictionary(pa.int32(), pa.string())

Fault = tuple[str, str]


@dataclass(frozen=True)
class Rows:
    """The records of a CSV file: where each starts and ends in `data`, without line end, and its line in the file.

    `quoted` are records with quotes that Arrow reads; `fields` are those of other records with quotes, by index, or why
    they are no rows; `cut` says that the last record has no line end.
    """

    folder: str
    key: str
    header: bytes
    names: list[str]
    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    quoted: NDArray[np.bool_]
    fields: dict[int, list[str] | Fault]
    cut: bool

    def __len__(self) -> int:
        return len(self.starts)

    def record(self, row: int) -> bytes:
        """The bytes of a record, as they are in the file."""
        return self.data[self.starts[row] : self.ends[row]]

    def where(self, row: int) -> tuple[str, int]:
        """Raw key and line number, from 1 for the header, of a record's first line."""
        return self.key, int(self.lines[row])

    def rejected(self, faults: dict[int, Fault]) -> list[tuple[str, Reject]]:
        """Records by index with the rule they break and why, as folders and rejects."""
        return [
            (self.folder, Reject(*self.where(row), *faults[row], self.record(row), self.header))
            for row in sorted(faults)
        ]


def read_rows(folder: str, key: str, content: bytes) -> Rows:
    """The records of a CSV file. Raises Unreadable where it has no header that could be one."""
    start = len(_BOM) if content.startswith(_BOM) else 0
    end = content.find(b"\n", start)
    if not content[start : start + 4096].strip() and not content[start:].strip():
        raise Unreadable(key, "it is empty, without even a header")
    if content[start : start + 2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(key, "it is UTF-16, not UTF-8")
    header = content[start : end if end >= 0 else len(content)].removesuffix(b"\r")
    if _CONTROL.search(header):
        raise Unreadable(key, "its header holds control characters: it is not a CSV file in UTF-8")
    if end < 0:
        raise Unreadable(key, "it is cut off within its header")
    if not header.strip():
        raise Unreadable(key, "its first line is empty, where the header belongs")
    names = _names(header)
    text = np.frombuffer(content, "u1")
    ends = end + np.flatnonzero(text[end:] == ord("\n"))
    cut = not content.endswith(b"\n")
    starts = (ends + 1)[: len(ends) - 1 + cut]
    ends = np.append(ends[1:], len(content)) if cut else ends[1:]
    lines = np.arange(2, len(starts) + 2)
    quoted = np.zeros(len(starts), bool)
    fields: dict[int, list[str] | Fault] = {}
    if content.find(b'"', end) >= 0:
        starts, ends, lines, quoted, fields = _with_quotes(content, starts, ends, lines, len(names))
    if content.find(b"\r", end) >= 0:
        ends = ends - ((text[ends - 1] == ord("\r")) & (ends > starts) & (ends < len(content)))
    return Rows(folder, key, header, names, content, starts, ends, lines, quoted, fields, cut)


def _names(header: bytes) -> list[str]:
    """The names in a header; one that is no CSV line is split at its commas, and its names will be unknown."""
    fields = _fields(header + b"\n", 0, len(header) + 1)
    if isinstance(fields, str):
        return header.decode(errors="replace").split(",")
    return [name.decode(errors="replace") for name in fields[0]]


def _with_quotes(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], lines: NDArray[np.int64], columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], dict[int, list[str] | Fault]]:
    """Lines as records where some hold quotes: a quoted line break ends no record.

    Lines are one record only if that gives as many fields as the header has: else the quote was never closed, and only
    the line that opens it is no record.
    """
    text = np.frombuffer(data, "u1")
    quotes = int(starts[0]) + np.flatnonzero(text[starts[0] :] == ord('"'))
    quoted = _well_quoted(text, quotes, starts, ends, columns)
    some = np.unique(np.searchsorted(starts, quotes, side="right") - 1)
    found: dict[int, list[str] | Fault] = {}
    within = np.zeros(len(starts), bool)
    ends = ends.copy()
    open_until = -1
    for line in some[~quoted[some]].tolist():
        start, end = int(starts[line]), int(ends[line])
        if start < open_until:
            continue
        if end - start > LONGEST_RECORD or end == len(data):
            continue
        fields = _fields(data, start, max(end + 1, min(len(data), start + LONGEST_QUOTED)))
        if isinstance(fields, str):
            found[line] = ("malformed_csv", fields)
            continue
        values, stop = fields
        if stop > end + 1:
            if len(values) != columns:
                found[line] = ("malformed_csv", "a quote is not closed")
                continue
            last = int(np.searchsorted(starts, stop - 1, side="right")) - 1
            within[line + 1 : last + 1] = True
            ends[line] = open_until = stop - 1
        found[line] = _decoded(values, data[start : stop - 1], columns)
    keep = ~within
    at = np.cumsum(keep) - 1
    judged = {int(at[line]): fields for line, fields in found.items()}
    return starts[keep], ends[keep], lines[keep], quoted[keep], judged


def _well_quoted(
    text: NDArray[np.uint8],
    quotes: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: int,
) -> NDArray[np.bool_]:
    """Which lines have quotes, only where they belong, and as many fields as there are columns.

    In a line, quotes open and close in turn. One opens at the start of a field, or after one that closed and so is
    doubled; one closes at the end of a field, or before one that opens.
    """
    counts = np.searchsorted(quotes, ends) - np.searchsorted(quotes, starts)
    line = np.repeat(np.arange(len(starts)), counts)
    opens = (np.arange(len(quotes)) - np.searchsorted(quotes, starts)[line]) % 2 == 0
    before = text[quotes - 1]
    after = text[np.minimum(quotes + 1, len(text) - 1)]
    is_end = (quotes + 1 == ends[line]) | ((after == ord("\r")) & (quotes + 2 == ends[line]))
    fine = np.where(
        opens,
        (quotes == starts[line]) | (before == ord(",")) | (before == ord('"')),
        is_end | (after == ord(",")) | (after == ord('"')),
    )
    good = (counts > 0) & (counts % 2 == 0) & (ends < len(text))
    good[line[~fine]] = False
    commas = int(starts[0]) + np.flatnonzero(text[starts[0] :] == ord(","))
    line = np.searchsorted(starts, commas, side="right") - 1
    outside = (np.searchsorted(quotes, commas) - np.searchsorted(quotes, starts)[line]) % 2 == 0
    found: NDArray[np.bool_] = good & (np.bincount(line[outside], minlength=len(starts)) == columns - 1)
    return found


def _fields(data: bytes, start: int, limit: int) -> tuple[list[bytes], int] | str:
    """The fields of the record that starts at a place, and where the next one starts; why it is none."""
    fields = []
    at = start
    while True:
        match = _FIELD.match(data, at, limit)
        if match is None:
            is_open = data[at : at + 1] == b'"' and not re.match(rb'"[^"]*(?:""[^"]*)*"(?!")', data[at:limit])
            return "a quote is not closed" if is_open else "a quote is out of place"
        quoted = match[1]
        fields.append(match[2] if quoted is None else quoted.replace(b'""', b'"'))
        at = match.end()
        if match[3] != b",":
            return fields, at


def _decoded(fields: list[bytes], record: bytes, columns: int) -> list[str] | Fault:
    try:
        record.decode()
    except UnicodeDecodeError as error:
        return "invalid_utf8", f"byte {error.start + 1} is not UTF-8"
    if len(fields) != columns:
        return "malformed_csv", f"{len(fields)} fields, and the header has {columns}"
    return [field.decode() for field in fields]


def parse_rows(contract: Contract, rows: Rows) -> tuple[pa.Table, NDArray[np.int64], dict[int, Fault]]:
    """Records as a table of `raw_schema`, the index of the record of each row, and why other records are no rows."""
    schema = raw_schema(contract)
    fault = _header_fault(contract, rows.names)
    if fault:
        return schema.empty_table(), np.zeros(0, "i8"), dict.fromkeys(range(len(rows)), fault)
    judged = dict(rows.fields)
    if rows.cut:
        judged[len(rows) - 1] = ("truncated", "the file ends within this line: it has no line end")
    open_to = np.ones(len(rows), bool)
    open_to[list(judged)] = False
    tables = []
    kept = []
    for first, last in _blocks(rows):
        plain, others = _plain(rows, first, last, open_to[first:last])
        judged.update({row: _judged(rows, row) for row in others.tolist()})
        table = _by_arrow(contract, rows, plain)
        if table is None:
            judged.update({row: _judged(rows, row) for row in plain.tolist()})
        elif len(plain):
            tables.append(table)
            kept.append(plain)
    faults = {row: found for row, found in judged.items() if isinstance(found, tuple)}
    doubtful = {row: found for row, found in sorted(judged.items()) if not isinstance(found, tuple)}
    if doubtful:
        columns: list[tuple[str, ...]] = list(zip(*doubtful.values(), strict=True))
        texts = [pa.array([value or None for value in values], pa.string()) for values in columns]
        tables.append(pa.table(texts, rows.names))
        kept.append(np.array(list(doubtful)))
    typed = [schema.empty_table()]
    index = [np.zeros(0, "i8")]
    for table, at in zip(tables, kept, strict=True):
        values, wrong = _typed(schema, table)
        faults.update({int(at[row]): why for row, why in wrong.items()})
        typed.append(values)
        index.append(np.delete(at, list(wrong)) if wrong else at)
    return pa.concat_tables(typed), np.concatenate(index), faults


def _header_fault(contract: Contract, names: list[str]) -> Fault | None:
    """Why no record under this header can be one."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        return "duplicate_key", f"the header has {', '.join(repeated)[:80]} more than once"
    known = {column.name for column in contract.file_columns}
    unknown = [name for name in names if name not in known]
    if unknown:
        return "unknown_field", f"the header has {', '.join(map(repr, unknown))[:80]}, which is not in the contract"
    missing = [column.name for column in contract.file_columns if column.required and column.name not in names]
    return ("missing_required", f"the header lacks {', '.join(missing)}") if missing else None


def _blocks(rows: Rows) -> list[tuple[int, int]]:
    """First and last (exclusive) records of about BLOCK_BYTES at a time."""
    found = []
    first = 0
    while first < len(rows):
        last = int(np.searchsorted(rows.starts, rows.starts[first] + BLOCK_BYTES))
        found.append((first, max(last, first + 1)))
        first = found[-1][1]
    return found


def _plain(
    rows: Rows, first: int, last: int, open_to: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The records of a block that Arrow may split, and others, of those that are still open to judgement."""
    base = int(rows.starts[first])
    starts, ends = rows.starts[first:last] - base, rows.ends[first:last] - base
    block = rows.data[base : base + int(ends[-1])]
    text = np.frombuffer(block, "u1")
    separators = _counts(text == ord(","))
    good = rows.quoted[first:last] | (separators[ends] - separators[starts] == len(rows.names) - 1)
    good &= (ends > starts) & (ends - starts <= LONGEST_RECORD)
    if b"\r" in block:
        stray = _counts(text == ord("\r"))
        good &= stray[ends] == stray[starts]
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            beyond = _counts(text > 127)
            good &= beyond[ends] == beyond[starts]
    return np.flatnonzero(good & open_to) + first, np.flatnonzero(~good & open_to) + first


def _counts(marks: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many marks there are before each place, and in all."""
    counts = np.zeros(len(marks) + 1, np.int32)
    np.cumsum(marks, out=counts[1:])
    return counts


def _judged(rows: Rows, row: int) -> list[str] | Fault:
    """The fields of one record on one line, or why it is none."""
    record = rows.record(row)
    if len(record) > LONGEST_RECORD:
        return "malformed_csv", f"longer than {LONGEST_RECORD:,} bytes"
    if not record:
        return "malformed_csv", "the line is empty"
    if b'"' not in record:
        return _decoded(record.split(b","), record, len(rows.names))
    fields = _fields(record + b"\n", 0, len(record) + 1)
    return ("malformed_csv", fields) if isinstance(fields, str) else _decoded(fields[0], record, len(rows.names))


def _by_arrow(contract: Contract, rows: Rows, plain: NDArray[np.int64]) -> pa.Table | None:
    """Plain records split into texts, nulls where they are empty; None where Arrow sees something else in them."""
    if not len(plain):
        return pa.table([pa.array([], pa.string()) for _ in rows.names], rows.names)
    breaks = np.flatnonzero(np.diff(plain) != 1) + 1
    runs = [(int(run[0]), int(run[-1])) for run in np.split(plain, breaks)]
    parts = [rows.data[rows.starts[first] : rows.ends[last]] for first, last in runs]
    block = (parts[0] if len(parts) == 1 else b"\n".join(parts)) + b"\n"
    types = {name: _OF_DICTIONARY if _repeats(contract, name) else pa.string() for name in rows.names}
    quote = '"' if rows.quoted[plain].any() else False
    try:
        table = pcsv.read_csv(
            pa.BufferReader(block),
            read_options=pcsv.ReadOptions(column_names=rows.names, block_size=len(block) + 1, use_threads=False),
            parse_options=pcsv.ParseOptions(quote_char=quote, ignore_empty_lines=False),
            convert_options=pcsv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == len(plain) else None


def _repeats(contract: Contract, name: str) -> bool:
    """Whether a column's texts are numbers or truths, which are few that repeat."""
    return not pa.types.is_string(raw_schema(contract).field(name).type)


def _typed(schema: pa.Schema, texts: pa.Table) -> tuple[pa.Table, dict[int, Fault]]:
    """Texts as the schema's types, without the rows that have some other text, and why those have none."""
    faults: dict[int, Fault] = {}
    columns = []
    for field in schema:
        if field.name not in texts.column_names:
            columns.append(pa.nulls(texts.num_rows, field.type))
            continue
        values = texts.column(field.name).combine_chunks()
        if field.type in _TYPED:
            encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
            typed, wrong = _TYPED[field.type](encoded.dictionary)
            if wrong:
                named = {i: (rule, f"{field.name} {why}") for i, (rule, why) in wrong.items()}
                at = np.flatnonzero(np.isin(encoded.indices.fill_null(-1).to_numpy(), list(named)))
                for row in at.tolist():
                    faults.setdefault(row, named[encoded.indices[row].as_py()])
            values = typed.take(encoded.indices)
        columns.append(values.cast(field.type))
    table = pa.table(columns, schema=schema)
    if faults:
        keep = np.ones(texts.num_rows, bool)
        keep[list(faults)] = False
        table = table.filter(pa.array(keep))
    return table, faults


def _numbers(
    pattern: str, arrow_type: pa.DataType, one: Callable[[str], Any | Fault]
) -> Callable[[pa.Array], tuple[pa.Array, dict[int, Fault]]]:
    """Distinct texts as numbers: all at once where all are plain, else one by one."""

    def typed(texts: pa.Array) -> tuple[pa.Array, dict[int, Fault]]:
        if pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$"), min_count=0).as_py():
            try:
                values = texts.cast(arrow_type)
                if arrow_type == pa.int64() or pc.all(pc.is_finite(values), min_count=0).as_py():
                    return values, {}
            except pa.ArrowInvalid:
                pass
        judged = [one(text) for text in texts.to_pylist()]
        faults = {i: value for i, value in enumerate(judged) if isinstance(value, tuple)}
        return pa.array([None if i in faults else value for i, value in enumerate(judged)], arrow_type), faults

    return typed


def _whole(text: str) -> int | Fault:
    if not re.fullmatch(_WHOLE, text):
        return _no_number(text, "a whole number")
    inside = len(text) < 20 and -(2**63) <= int(text) < 2**63
    return int(text) if inside else ("out_of_range", f"is {_shown(text)}, too large for 64 bits")


def _number(text: str) -> float | Fault:
    if not re.fullmatch(_NUMBER, text):
        return _no_number(text, "a number")
    value = float(text)
    return ("non_finite", f"is {_shown(text)}, too large for a number") if abs(value) == float("inf") else value


def _no_number(text: str, kind: str) -> Fault:
    if _NOT_FINITE.fullmatch(text):
        return "non_finite", f"is {_shown(text)}"
    return "wrong_type", f"is {_shown(text)}, not {kind}"


def _truths(texts: pa.Array) -> tuple[pa.Array, dict[int, Fault]]:
    """`true` and `false`, and nothing else."""
    known = {"true": True, "false": False}
    said = texts.to_pylist()
    others = {i: text for i, text in enumerate(said) if text not in known}
    faults = {i: ("wrong_type", f"is {_shown(text)}, neither true nor false") for i, text in others.items()}
    return pa.array([known.get(text) for text in said], pa.bool_()), faults


_TYPED: dict[pa.DataType, Callable[[pa.Array], tuple[pa.Array, dict[int, Fault]]]] = {
    pa.int64(): _numbers(_WHOLE, pa.int64(), _whole),
    pa.float64(): _numbers(_NUMBER, pa.float64(), _number),
    pa.bool_(): _truths,
}


def _shown(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
