"""A stand-in for S3: moto's server on this machine only.

It keeps everything in memory, so what was put is gone when it stops. Any key and secret will do. Conditional writes
hold as on S3: of two puts at the same time of which each may only create, one does.
"""

import io
import socket
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from threading import Lock, Thread
from typing import Any

from loaders.errors import ServiceError
from loaders.local.stopping import stop_signal, wait_for

BACKLOG = 128


def serve(port: int, ready: Callable[[int], None], buckets: Sequence[str] = ("wardhouse",)) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; port 0 is any free one.

    To be called in the main thread of a process of its own. Calls `ready` with the port once it answers and the buckets
    are there. Raises ServiceError when moto is not installed or the port is taken.
    """
    try:
        from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server
        from werkzeug.test import run_wsgi_app
    except ImportError:
        raise ServiceError("the S3 stand-in needs moto: `make local` installs it") from None

    app = create_backend_app("s3")
    app.debug = False
    turn = Lock()

    class Handler(MotoRequestHandler):  # type: ignore[misc]
        """Werkzeug's, but connections are kept open, and requests are answered one at a time.

        moto looks whether an object is there and then puts it: between the two, nobody else may.
        """

        wbufsize = -1
        disable_nagle_algorithm = True

        def run_wsgi(self) -> None:
            """Read one request and answer it whole."""
            self.wfile.flush()  # of `100 Continue`
            environ = self.make_environ()
            if not environ.get("wsgi.input_terminated"):
                size = int(self.headers.get("Content-Length", 0))
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(size))
            with turn:
                body, status, headers = run_wsgi_app(app, environ, buffered=True)
            content = b"".join(body)
            code, _, words = status.partition(" ")
            self.send_response(int(code), words)
            for name, value in headers:
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
            """Say nothing of requests."""

    stop = stop_signal()
    with _listening(port) as listener:
        address, port = listener.getsockname()
        server = make_server(address, port, app, threaded=True, request_handler=Handler, fd=listener.fileno())
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            for bucket in buckets:
                _make_bucket(port, bucket)
            ready(port)
            wait_for(stop)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ServiceError(f"port {port} cannot be used: {error.strerror}; choose another, or 0 for any") from None
    return listener


def _make_bucket(port: int, bucket: str) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("PUT", f"/{bucket}")
    connection.getresponse().read()
    connection.close()
