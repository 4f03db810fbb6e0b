"""One writer at a time: a lock that says who holds it, and that no crash can leave behind."""

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from loaders.errors import AlreadyRunning
from loaders.lake import Lake


@contextmanager
def writing(lake: Lake) -> Iterator[None]:
    """Hold the lake for writing. Raises AlreadyRunning with the holder's command, host and process."""
    lake.check_writable()
    with open(lake.path("state/lock"), "a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise AlreadyRunning(f"{_holder(handle.read())}; wait for it, or choose another --lake") from None
        handle.truncate(0)
        command = " ".join(["wardhouse", *sys.argv[1:]])
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": now}, handle)
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)


def _holder(text: str) -> str:
    try:
        who = json.loads(text)
        return (
            f"`{who['command']}` (process {who['pid']} on {who['host']}, since {who['since']}) is writing to this lake"
        )
    except (ValueError, KeyError):
        return "another run is writing to this lake"
