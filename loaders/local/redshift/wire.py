"""The frontend/backend protocol, version 3, as far as the gateway must read and write it."""

import struct
from asyncio import StreamReader

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL = 196608

_HEADER = struct.Struct("!cI")
_LENGTH = struct.Struct("!I")
LONGEST_STARTUP = 65_536


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of a kind, which is one byte."""
    return _HEADER.pack(kind, len(body) + 4) + body


def startup(code: int, body: bytes) -> bytes:
    """A message that has no kind: what a connection begins with."""
    return _LENGTH.pack(len(body) + 8) + _LENGTH.pack(code) + body


async def read_message(reader: StreamReader) -> tuple[bytes, bytes]:
    """The next message: its kind and body. Raises IncompleteReadError at the end of the connection."""
    kind, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    return kind, await reader.readexactly(length - 4)


async def read_startup(reader: StreamReader) -> tuple[int, bytes]:
    """The next message that has no kind: its code and body. Raises ValueError for what is not of this protocol."""
    length, code = struct.unpack("!II", await reader.readexactly(8))
    if not 8 <= length <= LONGEST_STARTUP:
        raise ValueError("not the PostgreSQL protocol")
    return code, await reader.readexactly(length - 8)


def whole_messages(data: bytes) -> list[tuple[int, int]]:
    """Kind and end of each whole message in some bytes."""
    found = []
    at, size = 0, len(data)
    while at + 5 <= size:
        end = at + 1 + _LENGTH.unpack_from(data, at + 1)[0]
        if end > size:
            break
        found.append((data[at], end))
        at = end
    return found


def parameters(body: bytes) -> dict[str, str]:
    """The names and values of a startup message."""
    parts = body.split(b"\0")
    texts = [part.decode("utf-8", "replace") for part in parts]
    return {name: value for name, value in zip(texts[::2], texts[1::2], strict=False) if name}


def parameters_body(values: dict[str, str]) -> bytes:
    """The body of a startup message."""
    return b"".join(f"{name}\0{value}\0".encode() for name, value in values.items()) + b"\0"


def error(code: str, text: str, severity: str = "ERROR") -> bytes:
    """An error with its SQLSTATE."""
    fields = {"S": severity, "V": severity, "C": code, "M": text}
    return message(b"E", b"".join(f"{key}{value}".encode() + b"\0" for key, value in fields.items()) + b"\0")


def without_place(whole: bytes) -> bytes:
    """An error message without where in the stand-in's own functions it was raised."""
    if b"\0W" not in whole or b"rs_" not in whole:
        return whole
    kept = [field for field in whole[5:].split(b"\0") if field and field[:1] not in (b"W", b"F", b"L", b"R")]
    return message(b"E", b"\0".join(kept) + b"\0\0")


def setting_of_redshift(whole: bytes) -> bytes:
    """A message about a setting, as Redshift has it: it is an 8.0.2, which does not say how texts are escaped."""
    name = whole[5:].split(b"\0", 1)[0]
    if name == b"server_version":
        return message(b"S", b"server_version\x008.0.2\0")
    return b"" if name == b"standard_conforming_strings" else whole


def cut(body: bytes) -> tuple[str, bytes]:
    """The text that a body begins with, and what follows it."""
    text, rest = body.split(b"\0", 1)
    return text.decode("utf-8", "surrogateescape"), rest


def text(value: str) -> bytes:
    """A text in a body."""
    return value.encode("utf-8", "surrogateescape") + b"\0"


def row(body: bytes) -> list[str | None]:
    """The values of a row that came as text."""
    values: list[str | None] = []
    (count,) = struct.unpack_from("!H", body)
    at = 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return values
