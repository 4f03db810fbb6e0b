"""A stand-in for Amazon Redshift on this machine: PostgreSQL behind Redshift's wire protocol.

It is for building and testing the project without an AWS account: dbt-redshift, redshift_connector, SQLAlchemy and Great
Expectations take it for Redshift. It is not Redshift.
"""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from loaders.errors import ServiceError
from loaders.local.redshift.gateway import CHUNK, Gateway
from loaders.local.redshift.postgres import Server, postgres

HOST = "127.0.0.1"


def serve(folder: Path, port: int, ready: Callable[[int], None], password: str = "") -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; port 0 is any free one. `ready` is told the port once clients may come.

    User and database are `wardhouse`. The folder keeps everything between starts. Runs in the main thread of a process of
    its own. Raises ServiceError when the port or the folder is in use, or something that it needs is not there.
    """
    with _listening(port) as listener, postgres(folder) as server:
        asyncio.run(_serve(listener, server, ready, password))


def _listening(port: int) -> socket.socket:
    try:
        listener = socket.create_server((HOST, port), backlog=128)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is taken" if taken else f"cannot be used ({error})"
        raise ServiceError(f"port {port} {why}: choose another for the Redshift stand-in") from None
    # connections inherit it; without it each answer in two parts takes 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def _serve(listener: socket.socket, server: Server, ready: Callable[[int], None], password: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    gateway = Gateway(server.socket, password, None)
    async with await asyncio.start_server(gateway.answer, sock=listener, limit=CHUNK):
        ready(listener.getsockname()[1])
        while not stopped.is_set():
            if server.has_ended():
                raise ServiceError(f"the PostgreSQL of the Redshift stand-in has ended: {server.log} says why")
            try:
                await asyncio.wait_for(stopped.wait(), 0.5)
            except TimeoutError:
                continue
