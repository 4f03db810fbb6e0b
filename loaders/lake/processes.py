"""Whether a process that left something behind is still there."""

import os
from pathlib import Path


def here() -> str:
    """This boot of this machine and its view of processes, or nothing where that cannot be told.

    Where it is the same, process numbers mean the same processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def is_gone(machine: str, process: int) -> bool:
    """Whether a process is known to be over."""
    if not machine or machine != here():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
