"""Events to read, one after the other."""

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from loaders.targets import Warehouse


@dataclass(frozen=True)
class Moment:
    """Something that happened: when, what kind of thing, and what in words."""

    at: datetime
    kind: str
    said: str


def rows(warehouse: Warehouse, query: str) -> list[dict[str, Any]]:
    """Rows by the names of their columns, which stand one a line after `select`."""
    columns = query.partition("select\n")[2].partition("\n        from ")[0]
    names = [line.strip().rstrip(",").rpartition(".")[2] for line in columns.splitlines()]
    return [dict(zip(names, row, strict=True)) for row in warehouse.rows(query)]


def timeline(events: list[Moment]) -> Iterator[str]:
    """Events in order as lines of text, a heading a day; sets of vital signs stay on one line."""
    width = max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
    for day, of_day in groupby(events, key=lambda event: event.at.date()):
        yield ""
        yield f"{day:%A %d %B %Y}"
        for event in of_day:
            start = f"  {event.at:%H:%M}  {event.kind:<11}"
            if event.kind == "vitals":
                yield start + event.said
                continue
            yield from textwrap.wrap(
                event.said, width, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False
            )
