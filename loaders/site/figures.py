"""What pages are made of: tiles, figures with a table, and the page that holds them. They compute nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from altair.vegalite.v6.api import TopLevelMixin

Kind = Literal["text", "integer", "decimal", "share", "minutes", "hours", "days", "gbp", "date", "month", "yes"]
"""How a value is written: 0.123 as share is 12.3 %, 0.0012 is 0.12 %; minutes, hours and days have one decimal and
their unit."""


@dataclass(frozen=True)
class Column:
    """A column of a table: of the dataset, its heading, and how its values are written.

    Where values of one column differ in unit, `kind_from` is the column that names each row's kind; `kind` is for rows
    where it names none.
    """

    name: str
    title: str
    kind: Kind = "text"
    kind_from: str = ""


@dataclass(frozen=True)
class Tile:
    """A figure in large type: a column of a dataset that has one row for each choice of facility and period.

    `name` is the tile's own within its page; `note` says what is counted.
    """

    name: str
    title: str
    dataset: str
    column: str
    kind: Kind
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart over `charts.ROWS`, which are rows of `dataset`, and a table under it.

    `reading` says how to read the chart, in a sentence, and is part of its alternative text. The table shows the same
    rows, or those of `table` where the chart's are too many to be read. `needs` says what there is to be done where
    the dataset has no rows.
    """

    name: str
    title: str
    reading: str
    chart: TopLevelMixin
    dataset: str
    columns: tuple[Column, ...]
    table: str = ""
    is_wide: bool = True
    needs: str = ""


@dataclass(frozen=True)
class Page:
    """A dashboard; its name is its file's and its exposure's, `dashboard_<name>`."""

    name: str
    title: str
    intro: str
    figures: tuple[Figure, ...]
    tiles: tuple[Tile, ...] = ()
    has_filters: bool = True

    def datasets(self) -> Iterator[str]:
        """The analyses that it shows, each once."""
        found = [tile.dataset for tile in self.tiles]
        for figure in self.figures:
            found += [figure.dataset, *([figure.table] if figure.table else [])]
        yield from dict.fromkeys(found)
