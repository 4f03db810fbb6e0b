"""A stand-in for Amazon Redshift on this machine: PostgreSQL behind Redshift's wire protocol.

It is for building and testing the project without an AWS account: dbt-redshift, redshift_connector, SQLAlchemy and
Great Expectations take it for Redshift as they are. It is not Redshift, and what passes here has not run there.
docs/redshift.md says what only a real one can show.

What it does, a module each:

    gateway      speaks the protocol, checks the password, feeds COPY; wire and certificate are its tools
    translate    one statement for Redshift as one for PostgreSQL: expressions, definitions, drivers, on tokens
    refuse       what Redshift would refuse fails here too, with SQLSTATE 0A000 and "Amazon Redshift: …"
    loading      COPY from S3
    postgres     one cluster in a folder; sql/ has what Redshift has and PostgreSQL has not

Where both take a statement and give other answers, PostgreSQL was changed to give Redshift's: AVG of whole numbers is
a whole number and AVG of decimals keeps their scale, varchar(n) and char(n) count bytes, names are in lower case even
in quotes, a backslash in a text escapes, CONCAT with a NULL is NULL, REGEXP_REPLACE replaces all, EXTRACT is a whole
number, booleans have no cast to text, a decimal of no stated size is numeric(18,0), keys are not enforced. Decimal by
decimal is refused, for its scale there cannot be known here.

What differs still, and silently: PERCENTILE_CONT and MEDIAN of whole numbers and decimals are doubles here and
decimals there; a product or sum of decimals of more than 38 digits is no error; doubles cast to text have other
digits; TRUNCATE can be rolled back; MERGE does not complain of what Redshift calls too many matches in another way;
CREATE TABLE AS gives text where there is no length, not varchar(n); dates and numbers in texts are read as PostgreSQL
reads them; time zones of TIMESTAMPTZ; regular expressions are PostgreSQL's; correlated subqueries that Redshift
refuses are not refused; isolation is READ COMMITTED.
"""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from loaders.errors import ServiceError
from loaders.local.postgres import Server
from loaders.local.redshift.certificate import certificate
from loaders.local.redshift.postgres import running

HOST = "127.0.0.1"
LOOK_SECONDS = 0.5


def serve(folder: Path, port: int, ready: Callable[[int], None], password: str = "") -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; port 0 is any free one, and `ready` is told which.

    User and database are `wardhouse`; without a password any is taken. The folder keeps everything between starts. Runs
    in the main thread of a process of its own. Raises ServiceError when the port or the folder is in use, or something
    that it needs is not there.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        with _listening(port) as listener, running(folder) as server:
            asyncio.run(_serve(listener, server, ready, password))
    except _Stopped:
        pass


class _Stopped(BaseException):
    """The process was told to stop."""


def _stop(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    raise _Stopped


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
    from loaders.local.redshift.gateway import CHUNK, Gateway

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    gateway = Gateway(server.socket, password, certificate(server.folder))
    async with await asyncio.start_server(gateway.answer, sock=listener, limit=CHUNK):
        ready(listener.getsockname()[1])
        while not stopped.is_set():
            if server.has_ended():
                raise ServiceError(
                    f"the PostgreSQL of the Redshift stand-in has ended: {server.folder / 'log'} says why"
                )
            try:
                await asyncio.wait_for(stopped.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue
        gateway.end()
