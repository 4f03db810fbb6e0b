"""What a person sees while a step runs: a bar on a terminal, and one line when it is done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int, int], None]


@contextmanager
def bar(step: str, unit: str) -> Iterator[Advance]:
    """A bar on the error stream while a step runs, where that is a terminal; hears of how much is done of how much."""
    console = Console(stderr=True)
    columns = (TextColumn(f"{step:<9}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(step, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance


class Clock:
    """How long a step has taken."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made."""
        return time.perf_counter() - self._start

    def line(self, step: str, said: str, count: int = 0, unit: str = "") -> str:
        """The closing line of a step: what it did, how long it took and, where something was counted, how fast."""
        seconds = self.seconds
        rate = f" ({count / seconds:,.0f} {unit}/s)" if count else ""
        return f"{step:<9} {said}  {seconds:.1f} s{rate}"
