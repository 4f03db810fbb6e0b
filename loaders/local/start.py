"""Stand-ins as child processes: started when something needs one, stopped with whoever needed it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO

from loaders.errors import ServiceError

START_SECONDS = 60


@contextmanager
def running(service: str, folder: Path | None = None, settings: Mapping[str, str] | None = None) -> Iterator[int]:
    """A stand-in on a free port of this machine, which is yielded; it ends when the block does, or this process.

    `settings` are added to its environment.

    Raises ServiceError with what the stand-in said when it does not start.
    """
    command = [sys.executable, "-c", "from loaders.cli import main; main()", "serve", service, "--port", "0"]
    if folder:
        command += ["--folder", str(folder)]
    child = subprocess.Popen(
        [*command, "--until-closed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(settings or {})},
        start_new_session=True,
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    readers: list[Thread] = []
    try:
        port = None
        for line in child.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
                break
        if port is None:
            said = child.stderr.read().strip().removeprefix("error: ")
            raise ServiceError(said.splitlines()[-1] if said else f"the {service} stand-in did not start")
        readers = [Thread(target=_drain, args=(stream,), daemon=True) for stream in (child.stdout, child.stderr)]
        for reader in readers:
            reader.start()
        yield port
    finally:
        child.stdin.close()
        try:
            child.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for reader in readers:
            reader.join()
        child.stdout.close()
        child.stderr.close()


def _drain(stream: IO[str]) -> None:
    for _ in stream:
        pass
