"""ClickHouse's HTTP interface."""

import contextlib
import errno
import hmac
import json
import re
import secrets
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from loaders.errors import ServiceError
from loaders.local.clickhouse import blocks, statement
from loaders.local.clickhouse.engine import Answer, Engine, answer
from loaders.local.clickhouse.errors import Refused
from loaders.local.clickhouse.request import arguments_of, credentials, is_on, parse
from loaders.local.stopping import stop_signal, wait_for

GRACE_SECONDS = 5.0
IDLE_SECONDS = 300
HOSTS = ("localhost", "127.0.0.1", "::1")

_TYPES = (
    (r"JSON\w*EachRow\w*|JSONLines|NDJSON", "application/x-ndjson; charset=UTF-8"),
    (r"JSON\w*", "application/json; charset=UTF-8"),
    (r"CSV\w*", "text/csv; charset=UTF-8"),
    (r"(?:TSV|TabSeparated)\w*", "text/tab-separated-values; charset=UTF-8"),
    (r"XML", "application/xml; charset=UTF-8"),
    (r"Native|RowBinary\w*|Arrow\w*|Parquet|ORC|Avro|Npy|BSONEachRow|MsgPack|RawBLOB", "application/octet-stream"),
    (r".*", "text/plain; charset=UTF-8"),
)


def serve(folder: Path, port: int, ready: Callable[[int], None], password: str = "") -> None:
    """Serve the databases in a folder on 127.0.0.1 until SIGTERM or SIGINT; a port of 0 is any free one.

    `ready` is called with the port as soon as clients may connect. Must run in the main thread of a process of its own.
    With no password, any is accepted, as for a ClickHouse user that has none. Raises ServiceError when it cannot start.
    """
    stop = stop_signal()
    try:
        server = _Server(("127.0.0.1", port), _Handler, bind_and_activate=False)
        with contextlib.closing(server.socket):
            server.server_bind()
            server.engine = Engine(folder.expanduser().resolve())
            server.password = password
            server.server_activate()
            thread = threading.Thread(target=partial(server.serve_forever, 0.1), name="accept", daemon=True)
            thread.start()
            try:
                ready(server.server_address[1])
                wait_for(stop)
            finally:
                server.shutdown()
                server.finish()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        raise ServiceError(f"port {port} cannot be used: {error.strerror}; choose another, or 0 for any") from None
    except OverflowError:
        raise ServiceError(f"port {port} cannot be used: ports are 0 to 65535") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True
    engine: Engine
    password: str

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._running = 0
        self._idle = threading.Condition()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def finish(self) -> None:
        """Let what runs end, for a while; then interrupt it, and close the engine."""
        if not self._wait(GRACE_SECONDS):
            self.engine.interrupt()
        if self._wait(GRACE_SECONDS):
            self.engine.close()

    def _wait(self, seconds: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        self._handle(read_only=True)

    def do_HEAD(self) -> None:
        self._handle(read_only=True)

    def do_POST(self) -> None:
        self._handle(read_only=False)

    do_PUT = do_POST  # noqa: N815

    def version_string(self) -> str:
        """What the Server header says."""
        return "ClickHouse stand-in"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Nothing is logged: statements may hold what nobody else should read."""

    def _handle(self, read_only: bool) -> None:
        query_id = ""
        self._sent = False
        try:
            path, _, query_string = self.path.partition("?")
            path = urlsplit(path).path or "/"
            body = self._body()
            if path in ("/ping", "/replicas_status"):
                return self._send(200, {"Content-Type": "text/html; charset=UTF-8"}, b"Ok.\n")
            if path != "/":
                hint = b"There is no handle " + path.encode(errors="replace") + b"\n\nUse / or /ping\n"
                return self._send(404, {"Content-Type": "text/plain; charset=UTF-8"}, hint)
            self._check_origin()
            arguments = arguments_of(query_string)
            query_id = self._query_id(arguments)
            self._authenticate(arguments)
            if not body and "query" not in arguments and read_only:
                return self._send(200, {"Content-Type": "text/html; charset=UTF-8"}, b"Ok.\n")
            with self.server.busy():
                self._query(query_string, body, query_id, read_only)
        except Refused as error:
            self._refuse(error, query_id)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            self._refuse(
                Refused(1001, "STD_EXCEPTION", f"The stand-in failed: {type(error).__name__}: {error}"), query_id
            )
        return None

    def _query(self, query_string: str, body: bytes, query_id: str, read_only: bool) -> None:
        engine = self.server.engine
        request = parse(query_string, self.headers, body, engine.decode)
        read = statement.read(request.text)
        encoding, pack = _packing(self.headers["Accept-Encoding"] or "", request.arguments)
        with engine.connection(request, read, read_only) as connection:
            result = answer(connection, request, read)
            if result.rest:
                with contextlib.closing(result.rest):
                    return self._answer(result, query_id, encoding, pack)
        return self._answer(result, query_id, encoding, pack)

    def _answer(self, result: Answer, query_id: str, encoding: str, pack: Callable[[bytes | None], bytes]) -> None:
        summary = {name: str(value) for name, value in result.summary.items()}
        headers = {
            "Content-Type": _content_type(result.format),
            "X-ClickHouse-Format": result.format,
            "X-ClickHouse-Summary": json.dumps(summary, separators=(",", ":")),
            **self._common(query_id),
        }
        if encoding and result.first:
            headers["Content-Encoding"] = encoding
        if result.rest is None:
            return self._send(200, headers, pack(result.first) + pack(None) if result.first else b"")
        tag = secrets.token_hex(8)
        headers["X-ClickHouse-Exception-Tag"] = tag
        pieces = self._chunks(200, headers)
        pieces(pack(result.first))
        try:
            for piece in result.rest:
                pieces(pack(piece))
        except Refused as error:
            text = error.text(self.server.engine.version).encode()
            ending = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
                *(tag.encode(), text, len(text), tag.encode()),
            )
            pieces(pack(ending) + pack(None))
            self.close_connection = True
            return None
        pieces(pack(None))
        pieces(b"", last=True)
        return None

    def _refuse(self, error: Refused, query_id: str) -> None:
        if self._sent:
            self.close_connection = True
            return
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Exception-Code": str(error.code),
            **self._common(query_id),
        }
        if error.name == "HTTP_LENGTH_REQUIRED":
            self.close_connection = True
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._send(error.status, headers, error.text(self.server.engine.version).encode(errors="replace"))

    def _common(self, query_id: str) -> dict[str, str]:
        return {
            "X-ClickHouse-Server-Display-Name": "wardhouse",
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
        }

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._head(status, {**headers, "Content-Length": str(len(body))}, body)

    def _chunks(self, status: int, headers: dict[str, str]) -> Callable[..., None]:
        """Send the head of an answer of unknown length; what sends its pieces is returned."""
        if self.request_version == "HTTP/1.0":
            self.close_connection = True
            self._head(status, {**headers, "Connection": "close"}, b"")
            return lambda piece, last=False: self._write(piece)
        self._head(status, {**headers, "Transfer-Encoding": "chunked"}, b"")

        def send(piece: bytes, last: bool = False) -> None:
            if piece:
                self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if last:
                self._write(b"0\r\n\r\n")

        return send

    def _head(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection and "Connection" not in headers:
            self.send_header("Connection", "close")
        self._sent = True
        lines = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer: list[bytes] = []
        self._write(lines + body if self.command != "HEAD" else lines)

    def _write(self, data: bytes) -> None:
        if self.command != "HEAD" or data.startswith(b"HTTP/"):
            self.wfile.write(data)

    def _query_id(self, arguments: dict[str, str]) -> str:
        return re.sub(r"[^\x20-\x7e]", "?", arguments.get("query_id", "")) or str(uuid4())

    def _authenticate(self, arguments: dict[str, str]) -> None:
        user, password = credentials(self.headers, arguments)
        right = not self.server.password or hmac.compare_digest(
            password.encode(errors="replace"), self.server.password.encode()
        )
        if user != "default" or not right:
            text = "Authentication failed: password is incorrect, or there is no user with such name."
            raise Refused(516, "AUTHENTICATION_FAILED", f"{user[:80]}: {text}")

    def _check_origin(self) -> None:
        """No web page may reach the databases through the browser of who runs this."""
        host = (self.headers["Host"] or "localhost").strip()
        name = urlsplit(f"//{host}").hostname if re.fullmatch(r"[\w.\-:\[\]]+", host) else None
        if name not in HOSTS or self.headers["Sec-Fetch-Site"] == "cross-site":
            raise Refused(
                497, "ACCESS_DENIED", "The stand-in answers only requests to localhost, and none of other sites' pages"
            )

    def _body(self) -> bytes:
        if "chunked" in (self.headers["Transfer-Encoding"] or "").lower():
            return b"".join(self._body_chunks())
        length = self.headers["Content-Length"]
        if length is None:
            if self.command in ("POST", "PUT"):
                self.close_connection = True
                text = "The Transfer-Encoding is not chunked and there is no Content-Length header for POST request"
                raise Refused(381, "HTTP_LENGTH_REQUIRED", text)
            return b""
        if not length.isascii() or not length.isdigit() or len(length) > 15:
            self.close_connection = True
            raise Refused(36, "BAD_ARGUMENTS", "Content-Length is not a number")
        return self._exactly(int(length))

    def _body_chunks(self) -> Iterator[bytes]:
        while True:
            line = self.rfile.readline(1024).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", line):
                self.close_connection = True
                raise Refused(36, "BAD_ARGUMENTS", "The body is not in chunks, as its Transfer-Encoding says")
            size = int(line, 16)
            if size == 0:
                while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
                    pass
                return
            yield self._exactly(size)
            self.rfile.readline(16)

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self.rfile.read(min(size, 1 << 20))
            if not part:
                self.close_connection = True
                raise Refused(3, "UNEXPECTED_END_OF_FILE", "The body ends before its length")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _content_type(form: str) -> str:
    return next(kind for pattern, kind in _TYPES if re.fullmatch(pattern, form, re.IGNORECASE))


def _packing(accepted: str, arguments: Mapping[str, str]) -> tuple[str, Callable[[bytes | None], bytes]]:
    """The compression that the client takes, and what packs a piece, or, given None, ends."""
    plain = ("", lambda piece: piece or b"")
    if is_on(arguments, "compress"):
        return "", lambda piece: blocks.pack(piece or b"")
    if not is_on(arguments, "enable_http_compression"):
        return plain
    names = {
        part.split(";")[0].strip().lower() for part in accepted.split(",") if not re.search(r";\s*q=0(\.0*)?\s*$", part)
    }
    if "lz4" in names:
        import lz4.frame

        frame = lz4.frame.LZ4FrameCompressor()
        started = False

        def pack(piece: bytes | None) -> bytes:
            nonlocal started
            head = b"" if started else frame.begin()
            started = True
            return head + (frame.flush() if piece is None else frame.compress(piece))

        return "lz4", pack
    if "zstd" in names:
        import zstandard

        packer = zstandard.ZstdCompressor(level=3).compressobj()
        return "zstd", lambda piece: packer.flush() if piece is None else packer.compress(piece)
    for name, bits in (("gzip", 31), ("x-gzip", 31), ("deflate", 15)):
        if name in names:
            return name, _zlib(bits)
    return plain


def _zlib(bits: int) -> Callable[[bytes | None], bytes]:
    flow = zlib.compressobj(level=3, wbits=bits)
    return lambda piece: flow.flush() if piece is None else flow.compress(piece)
