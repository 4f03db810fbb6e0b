"""COPY from S3: the statement, the objects it names, and their rows as CSV for PostgreSQL.

The rows go into the client's own session, so a load is part of the client's transaction. Objects are read as this
process may read them (AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and so on); the role in the statement must be there, as on
Redshift, but is not assumed.
"""

import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from loaders.local.redshift.expressions import Refused, query
from loaders.local.redshift.tokens import (
    TEXT,
    Tokens,
    arguments,
    closing,
    code,
    name_of,
    quoted,
    statements,
    text_of,
    tokens,
    value_of,
)

BATCH_ROWS = 65_536
ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/\S+")


@dataclass(frozen=True)
class Column:
    """A column of the table that is loaded: its type as PostgreSQL writes it, and its size in bytes, -1 without one."""

    name: str
    type: str
    size: int


@dataclass(frozen=True)
class Copy:
    """A COPY statement: the table as written, the columns it names, where the objects are, and how they are read."""

    table: str
    columns: tuple[str, ...]
    bucket: str
    key: str
    format: str = "text"
    options: dict[str, str] = field(default_factory=dict)


class LoadFailed(Exception):
    """A load that cannot be done: SQLSTATE and message."""

    def __init__(self, message: str, code: str = "XX000") -> None:
        super().__init__(message)
        self.code = code


# --- the statement ----------------------------------------------------------------------------------------------------

_FLAGS = {"manifest", "gzip", "emptyasnull", "blanksasnull", "escape", "acceptanydate", "explicit_ids", "fillrecord"}
_SWITCHES = {"compupdate": ("on", "off", "preset", "true", "false"), "statupdate": ("on", "off", "true", "false")}
_VALUES = {"delimiter", "null", "ignoreheader", "quote", "region", "dateformat", "timeformat", "encoding"}
_OF_PARQUET = {"manifest", "statupdate", "compupdate", "explicit_ids", "fillrecord"}
_UNKNOWN_HERE = {"blanksasnull", "fillrecord", "explicit_ids", "acceptanydate"}


def copy_statement(sql: str) -> Copy | None:
    """The COPY that some SQL is, None if it is something else. Raises Refused for one that cannot be taken."""
    if "copy" not in sql[:4_096].lower():
        return None
    found = statements(tokens(sql))
    if len(found) != 1:
        return None
    said = code(found[0])
    if said[0].word != "copy":
        return None
    try:
        return _parsed(said)
    except IndexError:
        raise Refused("COPY is cut short") from None


def _parsed(said: Tokens) -> Copy:
    at = 2
    while said[at].text == ".":
        at += 2
    table = text_of(query(said[1:at]))
    columns: tuple[str, ...] = ()
    if said[at].text == "(":
        columns = tuple(name_of(code(argument)[0]) for argument in arguments(said, at))
        at = closing(said, at) + 1
    if said[at].word != "from" or said[at + 1].kind != TEXT or not value_of(said[at + 1]).startswith("s3://"):
        raise Refused("COPY loads from 's3://…'; other sources are not in this stand-in")
    bucket, _, key = value_of(said[at + 1])[5:].partition("/")
    kind, options = _options(said[at + 2 :])
    if kind == "parquet":
        wrong = sorted(set(options) - _OF_PARQUET)
        if wrong:
            raise Refused(f"{wrong[0].upper()} is not an option of COPY … FORMAT AS PARQUET")
    for name in sorted(_UNKNOWN_HERE & set(options)):
        raise Refused(f"{name.upper()} is not in this stand-in")
    return Copy(table, columns, bucket, key, kind, options)


def _options(said: Tokens) -> tuple[str, dict[str, str]]:
    kind, options, authorized, at = "text", {}, False, 0
    while at < len(said):
        word = said[at].word
        at += 1
        if word == "as":
            continue
        if word == "format":
            continue
        if word in ("parquet", "csv"):
            kind = word
        elif word == "json":
            at += said[at].word == "as"
            kind, at = "json", at + 1
            if value_of(said[at - 1]) not in ("auto", "auto ignorecase"):
                raise Refused("COPY … JSON takes 'auto' in this stand-in")
        elif word == "iam_role":
            role = said[at]
            if role.word != "default" and not (role.kind == TEXT and ROLE.fullmatch(value_of(role))):
                raise Refused("IAM_ROLE is default or 'arn:aws:iam::<account>:role/<name>'")
            authorized, at = True, at + 1
        elif word in ("credentials", "access_key_id", "secret_access_key", "session_token", "with"):
            if word != "with":
                at += said[at].word == "as"
                authorized, at = True, at + 1
        elif word in _FLAGS:
            options[word] = ""
        elif word in _SWITCHES:
            if at < len(said) and said[at].word in _SWITCHES[word]:
                at += 1
            options[word] = ""
        elif word in _VALUES:
            at += said[at].word == "as"
            options[word] = value_of(said[at]) if said[at].kind == TEXT else said[at].text
            at += 1
        else:
            raise Refused(f"{said[at - 1].text.upper()} is not an option of COPY in this stand-in")
    if not authorized:
        raise Refused("COPY needs IAM_ROLE or other credentials")
    return kind, options


def columns_question(copy: Copy) -> str:
    """What to ask PostgreSQL about the table: name, type and modifier of each column, in order."""
    return (
        "select a.attname, t.typname, a.atttypmod "
        "from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid "
        f"where a.attrelid = pg_catalog.to_regclass({quoted(copy.table)}) and a.attnum > 0 and not a.attisdropped "
        "order by a.attnum"
    )


def columns_of(copy: Copy, rows: list[list[str | None]]) -> list[Column]:
    """The columns to load, in the order in which the objects have them."""
    known = {}
    for name, kind, modifier in rows:
        size = int(modifier or -1)
        is_text = kind in ("varchar", "bpchar")
        spelled = str(kind)
        if kind == "numeric" and size > 0:
            spelled = f"numeric({(size - 4) >> 16},{(size - 4) & 0x7FF})"
        known[str(name)] = Column(str(name), spelled, size - 4 if is_text and size > 0 else -1)
    return [known[name] for name in copy.columns if name in known] if copy.columns else list(known.values())


def into_postgres(copy: Copy, columns: list[Column]) -> str:
    """The statement that takes the rows in PostgreSQL. Sizes are held against bytes."""
    named = ", ".join(_name(name) for name in copy.columns)
    checks = [
        f"coalesce(octet_length({_name(column.name)}), 0) <= {column.size} "
        f"or pg_catalog.rs_fits({_name(column.name)}, {column.size}, {quoted(column.name)})"
        for column in columns
        if column.size >= 0
    ]
    where = f" where ({') and ('.join(checks)})" if checks else ""
    return f"copy {copy.table} {f'({named}) ' if named else ''}from stdin (format csv, null ''){where}"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# --- the objects ------------------------------------------------------------------------------------------------------


def rows(copy: Copy, columns: list[Column]) -> Iterator[bytes]:
    """The rows of all objects as CSV, where nothing is NULL and "" is a text. Raises LoadFailed."""
    storage = _storage()
    for bucket, key in _objects(storage, copy):
        data = _read(storage, bucket, key)
        try:
            yield from _READERS[copy.format](data, copy, columns, f"s3://{bucket}/{key}")
        except LoadFailed:
            raise
        except (OSError, ValueError, EOFError) as error:
            said = str(error).splitlines()[0]
            raise LoadFailed(f"Load into table {copy.table} failed: s3://{bucket}/{key}: {said}") from None


def _storage() -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise LoadFailed("COPY in the stand-in needs boto3: `make local` installs it") from None

    settings = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, connect_timeout=5)
    return boto3.session.Session().client("s3", config=settings, region_name=None)


def _objects(storage: Any, copy: Copy) -> list[tuple[str, str]]:
    """The objects to load: those that a manifest names, or all of a prefix, in order of keys."""
    if "manifest" in copy.options:
        return _named_by_manifest(storage, copy)
    found = _answer(copy.bucket, lambda: _listed(storage, copy.bucket, copy.key))
    if not found:
        raise LoadFailed(f"The specified S3 prefix '{copy.key}' does not exist")
    return [(copy.bucket, key) for key in found]


def _listed(storage: Any, bucket: str, prefix: str) -> list[str]:
    pages = storage.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ()) if not item["Key"].endswith("/")]


def _named_by_manifest(storage: Any, copy: Copy) -> list[tuple[str, str]]:
    place = f"s3://{copy.bucket}/{copy.key}"
    found = []
    try:
        for entry in json.loads(_read(storage, copy.bucket, copy.key))["entries"]:
            bucket, _, key = entry["url"].removeprefix("s3://").partition("/")
            size = entry.get("meta", {}).get("content_length")
            if copy.format == "parquet" and size is None:
                raise LoadFailed(f"{place}: {entry['url']} has no meta.content_length, which Parquet needs")
            listed = _answer(bucket, lambda bucket=bucket, key=key: _listed(storage, bucket, key))  # type: ignore[misc]
            if key in listed:
                found.append((bucket, key))
            elif entry.get("mandatory", False):
                raise LoadFailed(f"The specified S3 object {entry['url']} of the manifest does not exist")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LoadFailed(f"{place} is no manifest: it must be JSON with entries, each with a url") from None
    return found


def _read(storage: Any, bucket: str, key: str) -> bytes:
    return _answer(bucket, lambda: storage.get_object(Bucket=bucket, Key=key)["Body"].read())


def _answer(bucket: str, ask: Callable[[], Any]) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except ClientError as error:
        said = error.response.get("Error", {})
        code = said.get("Code", "unknown")
        raise LoadFailed(f"S3ServiceException: {said.get('Message', code)}, bucket {bucket}, error {code}") from None
    except BotoCoreError as error:
        raise LoadFailed(f"S3 cannot be reached for bucket {bucket}: {error}") from None


# --- their rows -------------------------------------------------------------------------------------------------------


def _parquet(data: bytes, copy: Copy, columns: list[Column], place: str) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        if len(schema) != len(columns):
            raise LoadFailed(f"{place} has {len(schema)} columns and table {copy.table} takes {len(columns)}")
        for at, column in enumerate(columns):
            if column.type not in _columns_for(schema.field(at).type):
                raise LoadFailed(
                    f"{place} has an incompatible Parquet schema for column {column.name}: "
                    f"column type {column.type}, Parquet type {schema.field(at).type}"
                )
        for batch in file.iter_batches(BATCH_ROWS):
            yield _csv(pa.Table.from_batches([batch]))
    except pa.ArrowException as error:
        raise LoadFailed(f"{place} is no Parquet file that can be read: {str(error).splitlines()[0]}") from None


def _columns_for(kind: Any) -> tuple[str, ...]:
    """The types of columns that take an Arrow type."""
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return tuple(f"numeric({precision},{kind.scale})" for precision in range(kind.precision, 39))
    if pa.types.is_timestamp(kind):
        return ("timestamp",) if kind.tz is None else ("timestamp", "timestamptz")
    if pa.types.is_dictionary(kind):
        return _columns_for(kind.value_type)
    return {
        "int8": ("int2", "int4"),
        "int16": ("int2", "int4"),
        "int32": ("int2", "int4"),
        "int64": ("int8",),
        "float": ("float4",),
        "double": ("float8",),
        "bool": ("bool",),
        "date32[day]": ("date",),
        "string": ("varchar", "bpchar", "text"),
        "large_string": ("varchar", "bpchar", "text"),
    }.get(str(kind), ())


def _delimited(data: bytes, copy: Copy, columns: list[Column], place: str) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.csv as pc

    options = copy.options
    is_csv = copy.format == "csv"
    if "gzip" in options:
        data = gzip.decompress(data)
    skipped = int(options.get("ignoreheader", "0"))
    reading = pc.ReadOptions(column_names=[column.name for column in columns], skip_rows=skipped, block_size=1 << 22)
    parsing = pc.ParseOptions(
        delimiter=_delimiter(options.get("delimiter", "," if is_csv else "|")),
        quote_char=options.get("quote", '"') if is_csv else False,
        escape_char="\\" if "escape" in options else False,
        newlines_in_values=is_csv or "escape" in options,
    )
    converting = pc.ConvertOptions(
        column_types={column.name: pa.string() for column in columns},
        null_values=[options.get("null", "\\N"), *([""] if "emptyasnull" in options else [])],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    try:
        if not data.split(b"\n", skipped + 1)[-1 if skipped else 0].strip() and data.count(b"\n") <= skipped:
            return
        for batch in pc.open_csv(pa.BufferReader(data), reading, parsing, converting):
            yield _csv(_without_empty_numbers(pa.Table.from_batches([batch]), columns))
    except pa.ArrowException as error:
        raise LoadFailed(f"Load into table {copy.table} failed: {place}: {str(error).splitlines()[0]}") from None


def _delimiter(value: str) -> str:
    delimiter = "\t" if value == "\\t" else value
    if len(delimiter) != 1:
        raise LoadFailed(f"DELIMITER is one character, not {value!r}")
    return delimiter


def _without_empty_numbers(table: Any, columns: list[Column]) -> Any:
    """An empty field is nothing for every type but text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for at, column in enumerate(columns):
        if column.type not in ("varchar", "bpchar", "text"):
            values = table.column(at)
            empty = pc.equal(pc.utf8_trim_whitespace(values), "")
            table = table.set_column(at, column.name, pc.if_else(empty, pa.scalar(None, pa.string()), values))
    return table


def _json(data: bytes, copy: Copy, columns: list[Column], place: str) -> Iterator[bytes]:
    import pyarrow as pa

    if "gzip" in copy.options:
        data = gzip.decompress(data)
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    text, at, kept = data.decode(), 0, []
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        record, at = decoder.raw_decode(text, at)
        if not isinstance(record, dict):
            raise LoadFailed(f"{place}: each value must be an object")
        kept.append([_json_value(record.get(column.name), place) for column in columns])
    if kept:
        arrays = [pa.array(values, pa.string()) for values in zip(*kept, strict=True)]
        yield _csv(pa.Table.from_arrays(arrays, names=[column.name for column in columns]))


def _json_value(value: object, place: str) -> str | None:
    if isinstance(value, dict | list):
        raise LoadFailed(f"{place}: objects in objects and arrays load into SUPER, which is not in this stand-in")
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def _csv(table: Any) -> bytes:
    import pyarrow.csv as pc

    out = io.BytesIO()
    pc.write_csv(table, out, pc.WriteOptions(include_header=False, quoting_style="needed", batch_size=BATCH_ROWS))
    return out.getvalue()


Reader = Callable[[bytes, Copy, list[Column], str], Iterator[bytes]]
_READERS: dict[str, Reader] = {"parquet": _parquet, "csv": _delimited, "text": _delimited, "json": _json}
