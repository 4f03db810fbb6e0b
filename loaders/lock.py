"""One writer at a time: a lock that says who holds it, and that no crash can leave behind."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from loaders.errors import AlreadyRunning
from loaders.lake import Lake
from loaders.lake.base import Held
from loaders.source.address import without_secrets


@contextmanager
def writing(lake: Lake) -> Iterator[None]:
    """Hold the lake for writing. Raises AlreadyRunning with the holder's command, host and process."""
    lake.check_writable()
    command = without_secrets(" ".join(["wardhouse", *sys.argv[1:]]))
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    who = {"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": now}
    try:
        with lake.held(who):
            yield
    except Held as held:
        raise AlreadyRunning(f"{_holder(str(held))}; wait for it, or choose another --lake") from None


def _holder(text: str) -> str:
    try:
        who = json.loads(text)
        return (
            f"`{who['command']}` (process {who['pid']} on {who['host']}, since {who['since']}) is writing to this lake"
        )
    except (ValueError, KeyError):
        return "another run is writing to this lake"
