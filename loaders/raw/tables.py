"""Operational tables as CSV text: a header, then a line a row, quoted only where a value needs it."""

import pyarrow as pa
import pyarrow.compute as pc

from loaders.raw.lines import text_buffer
from loaders.raw.text import joined

NEEDS_QUOTES = '[",\r\n]'


def csv_bytes(table: pa.Table) -> bytes:
    """A table as a CSV file: times such as 2024-02-29T07:05:00Z, booleans true and false, nothing where it is null."""
    return csv_header(table) + bytes(text_buffer(csv_lines(table)))


def csv_header(table: pa.Table) -> bytes:
    """The first line of a table's CSV file."""
    return ",".join(table.column_names).encode() + b"\n"


def csv_lines(table: pa.Table) -> pa.Array:
    """The lines of a table's rows, each with its line end."""
    if not len(table):
        return pa.array([], pa.large_string())
    pieces: list[pa.Array | str] = []
    for column in table.columns:
        pieces += [texts(column.combine_chunks()), ","]
    return joined(*pieces[:-1], "\n")


def texts(column: pa.Array) -> pa.Array:
    """A column's values as they stand in CSV files."""
    if pa.types.is_timestamp(column.type):
        column = pc.strftime(column.cast(pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%SZ")
    elif pa.types.is_date(column.type):
        column = pc.strftime(column, format="%Y-%m-%d")
    column = column.cast(pa.large_string()).fill_null("")
    special = pc.match_substring_regex(column, NEEDS_QUOTES)
    if pc.any(special).as_py():
        quoted = joined('"', pc.replace_substring(column, '"', '""'), '"')
        column = pc.if_else(special, quoted, column)
    return column
