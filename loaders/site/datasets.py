"""Rows for the site: the analyses in `analyses/site`, asked of a warehouse, and packed for a page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from loaders.ask import run_compiled
from loaders.project import PROJECT
from loaders.targets import Warehouse

FOLDER = PROJECT / "analyses" / "site"

CHOICES = ("site_facilities", "site_periods")
"""What a reader can choose between, on every page with filters."""


@dataclass(frozen=True)
class Dataset:
    """An analysis's answer: values by column, or `missing`, the reason why there is none."""

    columns: Mapping[str, list[Any]]
    missing: str = ""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return max((len(values) for values in self.columns.values()), default=0)


def analyses() -> list[str]:
    """The names of the site's analyses."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))


def ask_all(warehouse: Warehouse, compiled: Mapping[str, str]) -> dict[str, Dataset]:
    """The answers to compiled analyses by name. What a warehouse cannot answer is missing, with its first words."""
    found = {}
    with warehouse.connection() as connection:
        for name, query in compiled.items():
            try:
                columns, rows = run_compiled(connection, warehouse.target, query)
            except Exception as error:  # a relation or column that is not there, in the words of any of three engines
                found[name] = Dataset({}, _reason(error))
                _roll_back(connection)
                continue
            values = list(zip(*rows, strict=True)) or [()] * len(columns)
            found[name] = Dataset({column: list(these) for column, these in zip(columns, values, strict=True)})
    return found


def none_of(names: Iterable[str], reason: str) -> dict[str, Dataset]:
    """No dataset, for one reason."""
    return {name: Dataset({}, reason) for name in names}


def packed(dataset: Dataset) -> dict[str, Any]:
    """A dataset for a page: by column either values, or words once and which of them each row has.

    Numbers keep seven significant digits, days are text as 2024-01-31.
    """
    return {name: _packed(values) for name, values in dataset.columns.items()}


def _packed(values: list[Any]) -> dict[str, Any]:
    plain = [_plain(value) for value in values]
    if any(isinstance(value, str) for value in plain):
        words = {word: at for at, word in enumerate(dict.fromkeys(plain))}
        return {"words": list(words), "rows": [words[value] for value in plain]}
    return {"values": plain}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        number = float(f"{value:.7g}")
        return None if not isfinite(number) else int(number) if number.is_integer() else number
    return value


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0][:300]


def _roll_back(connection: Any) -> None:
    try:
        connection.rollback()
    except Exception:
        return
