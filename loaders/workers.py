"""Processes to share work among, which end when the one that started them does, even if it was killed."""

import multiprocessing as mp
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from threading import Thread
from typing import Any


def context() -> BaseContext:
    """How processes are started: forked where that can be, since then they import nothing anew."""
    return mp.get_context("fork" if "fork" in mp.get_all_start_methods() else "spawn")


def pool(workers: int, start: Callable[..., Any] | None = None, *arguments: Any) -> ProcessPoolExecutor:
    """A pool of processes that each call `start`, if there is one, with the arguments first."""
    return ProcessPoolExecutor(workers, context(), initializer=_start, initargs=(start, arguments))


def default_workers() -> int:
    """As many processes as there are processors for us."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(start: Callable[..., Any] | None, arguments: tuple[Any, ...]) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    if start:
        start(*arguments)


def _end_with_parent() -> None:
    parent = mp.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)
