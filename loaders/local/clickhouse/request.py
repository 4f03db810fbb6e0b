"""What an HTTP request asks of the engine: the text, and the settings, parameters and tables that go with it."""

import base64
import binascii
import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

from loaders.local.clickhouse.blocks import unpack
from loaders.local.clickhouse.errors import Refused

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
NATIVE_PROTOCOL = 54405  # what clickhouse-connect asks for; it goes on without when it does not get it

_OF_HTTP = {
    # read by the server, not by the engine
    *("add_http_cors_header", "buffer_size", "cancel_http_readonly_queries_on_client_close", "client_protocol_version"),
    *(
        "close_session",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "quota_key",
        "role",
        "stacktrace",
    ),
    *("http_write_exception_in_output_format", "http_zlib_compression_level", "send_progress_in_http_headers"),
    *("wait_end_of_query", "http_wait_end_of_query", "http_response_buffer_size", "session_timeout", "session_check"),
    *("user", "password", "query", "query_id", "database", "default_format", "session_id", "compress", "decompress"),
}


@dataclass(frozen=True)
class Table:
    """External data: rows that come with a query, for it to read as a table."""

    name: str
    structure: str
    format: str
    data: bytes


@dataclass(frozen=True)
class Request:
    """One query, whatever part of the HTTP request it came in."""

    text: bytes
    arguments: Mapping[str, str]
    tables: tuple[Table, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """The format for results of statements that name none. Raises Refused for what is no name."""
        name = self.arguments.get("default_format") or "TabSeparated"
        if not NAME.fullmatch(name):
            raise Refused(73, "UNKNOWN_FORMAT", f"Unknown format {name[:80]}")
        return name

    def check_protocol(self) -> None:
        """Raises Refused for a client that wants Native as only the native protocol has it."""
        text = self.arguments.get("client_protocol_version") or "0"
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Refused(36, "BAD_ARGUMENTS", "client_protocol_version is not a number")
        if int(text) > NATIVE_PROTOCOL:
            raise Refused(
                48, "NOT_IMPLEMENTED", f"The stand-in has Native only up to protocol version {NATIVE_PROTOCOL}"
            )

    @property
    def seconds(self) -> int:
        """How long its session outlives it. Raises Refused for what is no such time."""
        text = self.arguments.get("session_timeout") or "60"
        if not text.isascii() or not text.isdigit() or len(text) > 4 or int(text) > 3600:
            raise Refused(374, "INVALID_SESSION_TIMEOUT", f"Invalid session timeout: '{text[:80]}', of at most 3600 s")
        return int(text)


def credentials(headers: Message, arguments: Mapping[str, str]) -> tuple[str, str]:
    """User and password, from ClickHouse's headers, basic authorization or the URL."""
    if headers["X-ClickHouse-User"] is not None or headers["X-ClickHouse-Key"] is not None:
        return _utf8(headers["X-ClickHouse-User"] or "default"), _utf8(headers["X-ClickHouse-Key"] or "")
    kind, _, value = (headers["Authorization"] or "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return user, password
    if kind:
        return "", ""
    return arguments.get("user") or "default", arguments.get("password", "")


def _utf8(header: str) -> str:
    """What a client meant by a header, which HTTP libraries read as Latin-1."""
    return header.encode("latin-1", "replace").decode(errors="replace")


def parse(query_string: str, headers: Message, body: bytes, decode: Callable[[bytes, str], bytes]) -> Request:
    """The request in a URL's query string and a body; `decode` undoes encodings that Python has no library for.

    Raises Refused for a body that is not what its headers say.
    """
    arguments = arguments_of(query_string)
    for name, header in (("database", "X-ClickHouse-Database"), ("default_format", "X-ClickHouse-Format")):
        if name not in arguments and headers[header]:
            arguments[name] = headers[header]
    body = _decoded(body, (headers["Content-Encoding"] or "").strip().lower(), decode)
    if is_on(arguments, "decompress"):
        body = unpack(body)
    tables: tuple[Table, ...] = ()
    kind = headers["Content-Type"] or ""
    if kind.lower().startswith("multipart/form-data"):
        fields, files = _parts(kind, body)
        arguments = {**arguments, **fields}
        tables = tuple(_table(name, data, arguments) for name, data in files.items())
        body = b""
    text = arguments.get("query", "").encode(errors="surrogateescape")
    describing = tuple(f"{table.name}_{what}" for table in tables for what in ("structure", "types", "format"))
    others = {name: value for name, value in arguments.items() if name not in _OF_HTTP and name not in describing}
    for name in others:
        if not NAME.fullmatch(name):
            raise Refused(115, "UNKNOWN_SETTING", f"Unknown setting '{name[:80]}'")
    return Request(
        text=text + b"\n" + body if text and body else text or body,
        arguments=arguments,
        tables=tables,
        settings={name: value for name, value in others.items() if not name.startswith("param_")},
        parameters={name: value for name, value in others.items() if name.startswith("param_")},
    )


def is_on(arguments: Mapping[str, str], name: str) -> bool:
    """Whether an argument of yes or no is given as yes."""
    return arguments.get(name, "0") in ("1", "true")


def arguments_of(query_string: str) -> dict[str, str]:
    """What stands in a URL after the question mark; of a name given twice, the last."""
    try:
        return dict(parse_qsl(query_string, keep_blank_values=True, errors="surrogateescape", max_num_fields=10_000))
    except ValueError:
        raise Refused(36, "BAD_ARGUMENTS", "Too many parameters in the URL") from None


def _decoded(body: bytes, encoding: str, decode: Callable[[bytes, str], bytes]) -> bytes:
    try:
        match encoding:
            case "" | "identity":
                return body
            case "gzip" | "x-gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
            case "bz2":
                return bz2.decompress(body)
            case "xz":
                return lzma.decompress(body)
            case "lz4":
                import lz4.frame

                return lz4.frame.decompress(body)
            case "zstd":
                return b"".join(_zstd_frames(body))
            case "br" | "snappy":
                return decode(body, encoding)
    except Refused:
        raise
    except Exception as error:
        raise Refused(
            117, "INCORRECT_DATA", f"The body is not {encoding}, as its Content-Encoding says: {error}"
        ) from None
    raise Refused(48, "NOT_IMPLEMENTED", f"Unknown compression method: {encoding[:80]}")


def _zstd_frames(body: bytes) -> Iterator[bytes]:
    import zstandard

    while body:
        frame = zstandard.ZstdDecompressor().decompressobj()
        yield frame.decompress(body)
        if not frame.eof:
            raise ValueError("it ends too early")
        body = frame.unused_data


def _parts(kind: str, body: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """The fields and the files of a form."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise Refused(36, "BAD_ARGUMENTS", "The body is not a form, as its Content-Type says")
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise Refused(36, "BAD_ARGUMENTS", "A part of the form has no name")
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            raise Refused(36, "BAD_ARGUMENTS", f"The form's part {name[:80]} is itself a form")
        if part.get_filename() is None:
            fields[name] = data.decode(errors="surrogateescape")
        else:
            files[name] = data
    return fields, files


def _table(name: str, data: bytes, arguments: Mapping[str, str]) -> Table:
    if not NAME.fullmatch(name):
        raise Refused(36, "BAD_ARGUMENTS", f"'{name[:80]}' is no name for external data")
    structure = arguments.get(f"{name}_structure")
    if structure is None and (types := arguments.get(f"{name}_types")):
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(types.split(","), 1))
    if not structure:
        raise Refused(36, "BAD_ARGUMENTS", f"External data need {name}_structure or {name}_types in the URL")
    return Table(name, structure, arguments.get(f"{name}_format", "TabSeparated"), data)
