"""The business questions in `analyses/`: which there are, and what a warehouse answers."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml

from loaders.errors import BadSetting
from loaders.progress import Clock
from loaders.project import PROJECT
from loaders.targets import Target, Warehouse

ANALYSES = PROJECT / "analyses"


@dataclass(frozen=True)
class Question:
    """A file in `analyses/`, such as q07_time_of_day, and the question that its first lines ask."""

    number: int
    name: str
    asked: str


@dataclass(frozen=True)
class Answer:
    """Rows under the names of their columns, and the seconds that the warehouse took."""

    question: Question
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    seconds: float


def questions() -> list[Question]:
    """All questions in order of their numbers, without asking dbt."""
    return [_question(path.stem, path.read_text()) for path in sorted(ANALYSES.glob("q[0-9][0-9]_*.sql"))]


def _question(name: str, text: str) -> Question:
    heading = re.match(r"(?:-- .*\n)+", text)
    asked = " ".join(line.removeprefix("-- ") for line in heading[0].splitlines()) if heading else ""
    return Question(int(name[1:3]), name, asked)


def find(named: str) -> Question:
    """The question of a number, a name, or the start of one with or without its number. Raises BadSetting."""
    known = questions()
    wanted = named.strip().lower().removesuffix(".sql")
    if wanted.lstrip("q").isdigit():
        found = [question for question in known if question.number == int(wanted.lstrip("q"))]
    else:
        found = [question for question in known if wanted in (question.name, question.name[4:])] or [
            question for question in known if wanted and question.name[4:].startswith(wanted)
        ]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadSetting(f"'{named}' may be {' or '.join(question.name for question in found)}: give more of the name")
    raise BadSetting(f"there is no question '{named}': `wardhouse ask` lists the {len(known)} that there are")


def answer(warehouse: Warehouse, question: Question, compiled: str) -> Answer:
    """What a warehouse answers to a question's compiled SQL."""
    with warehouse.connection() as connection:
        clock = Clock()
        columns, rows = run_compiled(connection, warehouse.target, compiled)
        return Answer(question, columns, rows, clock.seconds)


def run_compiled(connection: Any, target: Target, compiled: str) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """Columns and rows of an analysis's compiled SQL, over a warehouse's SQLAlchemy connection."""
    import sqlalchemy

    query = re.sub(r"^--.*\n", "", compiled, flags=re.MULTILINE).rstrip()
    if target is Target.clickhouse:
        query += "\nsettings " + ", ".join(f"{name} = {_setting(value)}" for name, value in _standard_sql().items())
    result = connection.execute(sqlalchemy.text(query))
    return tuple(result.keys()), tuple(tuple(row) for row in result)


def _standard_sql() -> Mapping[str, Any]:
    """The settings with which dbt asks ClickHouse: without them joins and sums give 0 where others give null."""
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text())
    settings: Mapping[str, Any] = profile["wardhouse"]["outputs"]["clickhouse"]["custom_settings"]
    return settings


def _setting(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"


def listing(known: Sequence[Question]) -> list[str]:
    """All questions as lines for a terminal."""
    return [f"{question.number:>2}  {question.name[4:]:<44}  {question.asked}" for question in known]


def lines(told: Answer) -> list[str]:
    """An answer as lines for a terminal: the question, a table, and how long it took."""
    cells = [[_cell(name, value) for name, value in zip(told.columns, row, strict=True)] for row in told.rows]
    texts = [all(isinstance(row[at], str | None) for row in told.rows) for at in range(len(told.columns))]
    heads = [_head(name, max([len(row[at]) for row in cells], default=0)) for at, name in enumerate(told.columns)]
    height = max(map(len, heads))
    heads = [[""] * (height - len(head)) + head for head in heads]
    widths = [max(len(text) for text in [*head, *(row[at] for row in cells)]) for at, head in enumerate(heads)]

    def line(texts_of_row: Sequence[str]) -> str:
        return "  ".join(
            text.ljust(width) if is_text else text.rjust(width)
            for text, width, is_text in zip(texts_of_row, widths, texts, strict=True)
        ).rstrip()

    count = "1 row" if len(cells) == 1 else f"{len(cells):,} rows"
    return [
        f"{told.question.number}. {told.question.asked}",
        "",
        *(line([head[at] for head in heads]) for at in range(height)),
        "  ".join("-" * width for width in widths),
        *map(line, cells),
        "",
        f"{told.question.name}  {count}  {told.seconds:.2f} s",
    ]


def _head(name: str, width: int) -> list[str]:
    """A column's name in as many lines as it needs to be no wider than what stands below it, if its words are not."""
    found = [""]
    for word in name.split("_"):
        together = f"{found[-1]} {word}".strip()
        if len(together) <= max(width, 10):
            found[-1] = together
        else:
            found.append(word)
    return found


def _cell(column: str, value: Any) -> str:
    """A value as people read it: shares in per cent, months by name, numbers with as many digits as say something."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime | date):
        return f"{value:%b %Y}" if column == "month_start_date" else str(value)
    if isinstance(value, str):
        return value
    if column in ("year_number", "quarter_number", "hour_of_day", "iso_weekday"):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if column.endswith(("_rate", "_share")) or column.startswith("rate_"):
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"


def as_csv(told: Answer) -> Iterator[str]:
    """An answer as lines of CSV, values whole."""
    for row in (told.columns, *told.rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        yield line.getvalue()
