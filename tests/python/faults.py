"""A proxy in front of the S3 stand-in that fails on demand, as networks and S3 do."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

ERRORS = {
    "500": (500, "InternalError"),
    "502": (502, "BadGateway"),
    "503": (503, "ServiceUnavailable"),
    "slow": (503, "SlowDown"),
    "conflict": (409, "ConditionalRequestConflict"),
    "idle": (400, "RequestTimeout"),
    "denied": (403, "AccessDenied"),
    "no key": (403, "InvalidAccessKeyId"),
    "no fit": (403, "SignatureDoesNotMatch"),
    "expired": (400, "ExpiredToken"),
    "not implemented": (501, "NotImplemented"),
    "odd": (400, "SomethingElse"),
}
"""Answers instead of what was asked for. After `done `, it is done all the same."""

PASSING = ["500", "502", "503", "slow", "idle", "reset", "cut", "silent"]
"""What may happen to any request, and be over a moment later."""

CREATING = [*PASSING, "conflict", "done 500", "done 503", "done reset", "done silent"]
"""What may happen to a put as well."""


@dataclass
class Proxy:
    """`fault` is asked about each request, as (method, path, how many such there were before), and names a fault."""

    upstream: int
    fault: Callable[[str, str, int], str | None] = lambda *_: None
    port: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    late: list[Callable[[], None]] = field(default_factory=list)
    drop_headers: tuple[str, ...] = ()
    over: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def count(self, method: str) -> int:
        return sum(seen == method for seen, _ in self.seen)

    def decide(self, method: str, path: str) -> str | None:
        with self._lock:
            before = self.count(method)
            self.seen.append((method, path))
            return self.fault(method, path, before)


@contextmanager
def proxy(upstream: int) -> Iterator[Proxy]:
    state = Proxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_expect_100(self) -> bool:
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
            return True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = state.decide(self.command, self.path)
            how = (fault or "").removeprefix("done ")
            if fault == "late":
                state.late.append(lambda: self.forward(body))
                how = "reset"
            if fault in (None, "cut") or fault.startswith("done "):
                status, reason, headers, content = self.forward(body)
            if fault is None:
                self.answer(status, reason, headers, content)
            elif how in ERRORS:
                status, code = ERRORS[how]
                content = f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()
                self.answer(status, code, [("Content-Type", "application/xml")], content)
            elif how == "cut":
                self.answer(status, reason, headers, content, kept=len(content) // 2)
                self.drop()
            elif how == "silent":
                state.over.wait(5)
                self.drop()
            else:
                self.drop()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

        def forward(self, body: bytes) -> tuple[int, str, list[tuple[str, str]], bytes]:
            connection = HTTPConnection("127.0.0.1", state.upstream)
            headers = {name: value for name, value in self.headers.items() if name not in state.drop_headers}
            headers.pop("Expect", None)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, answer.reason, answer.getheaders(), content

        def answer(self, status, reason, headers, content, kept=None) -> None:
            size = len(content)
            self.send_response_only(status, reason)
            for name, value in headers:
                if name.lower() == "content-length":
                    size = int(value)
                else:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(content if kept is None else content[:kept])
            self.wfile.flush()

        def drop(self) -> None:
            """Close with a reset."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def log_message(self, *_) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_) -> None:
            pass

        def shutdown_request(self, request) -> None:
            request.close()

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_port
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield state
        finally:
            state.over.set()
            server.shutdown()
            thread.join()
