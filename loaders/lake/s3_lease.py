"""Who may write to a lake in a bucket: an object that its holder renews, and that others may take when he does not.

Every change of it is a put on condition that it is as it was last seen, so of two who want it one gets it. Ages are
told by the clock of S3 alone. A holder who could not renew it in time stops writing well before others may take it.
"""

import json
import os
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from mmap import mmap
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from loaders.errors import LakeError
from loaders.lake.base import Held, Lake
from loaders.lake.processes import here, is_gone

if TYPE_CHECKING:
    from loaders.lake.s3 import Found, S3Lake

KEY = "state/lock"
RENEW_SECONDS = 15.0
LEASE_SECONDS = 60.0
"""After so long without renewal, the holder is taken for dead. He himself stops writing after half of it."""

_TAKES = 5

_until: dict[str, mmap] = {}
"""By lake, the time of `_now` until which it is held: in memory that forked workers share."""

_renewing = Lock()
os.register_at_fork(before=_renewing.acquire, after_in_parent=_renewing.release, after_in_child=_renewing.release)


@contextmanager
def lease(lake: "S3Lake", who: Mapping[str, Any]) -> Iterator[None]:
    """Hold the lake, renewing from a thread, until the block ends. Raises Held with who holds it."""
    mine = {**who, "machine": here(), "run": uuid4().hex, "lease_seconds": LEASE_SECONDS}
    until = _until.setdefault(str(lake), mmap(-1, 8))
    begun = _now()
    etag = _taken(lake, mine)
    _set(until, begun + mine["lease_seconds"] / 2)
    done = Event()
    renewed = [etag]
    thread = Thread(target=_renew, args=(lake, mine, until, done, renewed), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _until.pop(str(lake))
        with suppress(LakeError):
            lake.put_if(KEY, b"", renewed[0])


def check_held(lake: Lake) -> None:
    """Raises LakeError where this run held the lake and could not renew that, so that another may have taken it."""
    until = _until.get(str(lake))
    if until is not None and _now() > struct.unpack("d", until[:8])[0]:
        raise LakeError(
            f"{lake} could not be held: {KEY} was not renewed in time, or another run took it; run again, what is done "
            "is kept"
        )


def _taken(lake: "S3Lake", mine: Mapping[str, Any]) -> str:
    """Take the lock that is free or abandoned; its ETag."""
    for _ in range(_TAKES):
        found = lake.look(KEY)
        if found and not _is_free(found):
            raise Held(found.data.decode(errors="replace"))
        etag = lake.put_if(KEY, _content(mine, 0), found.etag if found else None)
        if etag:
            return etag
    raise Held


def _is_free(found: "Found") -> bool:
    """Whether nobody holds it, or one who is over: known to be on this machine, or silent for too long."""
    if not found.data:
        return True
    try:
        who = json.loads(found.data)
        return is_gone(who["machine"], who["pid"]) or found.age_seconds > who["lease_seconds"]
    except (ValueError, KeyError, TypeError):
        return found.age_seconds > LEASE_SECONDS


def _renew(lake: "S3Lake", mine: Mapping[str, Any], until: mmap, done: Event, renewed: list[str]) -> None:
    beat = 0
    while not done.wait(RENEW_SECONDS):
        beat += 1
        with _renewing:
            begun = _now()
            try:
                etag = lake.put_if(KEY, _content(mine, beat), renewed[0])
            except LakeError:
                continue
        if etag is None:
            _set(until, 0)
            return
        renewed[0] = etag
        _set(until, begun + mine["lease_seconds"] / 2)


def _content(mine: Mapping[str, Any], beat: int) -> bytes:
    return json.dumps({**mine, "renewed": beat}).encode()


def _now() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _set(until: mmap, moment: float) -> None:
    until[:8] = struct.pack("d", moment)
