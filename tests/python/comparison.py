"""Rows of one relation from two places, held against each other."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Rows = list[Row]


def named(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Rows:
    """Rows as an engine's driver gives them, as columns and values."""
    return [dict(zip(columns, row, strict=True)) for row in rows]


def differences(expected_rows: Rows, actual_rows: Rows, key: Sequence[str]) -> list[str]:
    """What differs between two relations, a line each; nothing where they are the same rows in whatever order.

    Doubles may differ by 1e-9 of themselves; everything else is exact, types too, but a Decimal counts as its number.
    """
    found = []
    sides: list[dict[tuple[Any, ...], Row]] = []
    for side, rows in (("expected", expected_rows), ("actual", actual_rows)):
        keys = Counter(tuple(row.get(name) for name in key) for row in rows)
        found += [f"{side} {times} times: {one}" for one, times in keys.items() if times > 1]
        sides.append({tuple(row.get(name) for name in key): row for row in rows})
    expected, actual = sides
    found += [f"missing: {one}" for one in expected if one not in actual]
    found += [f"not expected: {one}" for one in actual if one not in expected]
    for one, row in expected.items():
        twin = actual.get(one, row)
        found += [f"{one} has {'no ' * (name in row)}column {name}" for name in sorted(row.keys() ^ twin.keys())]
        found += [
            f"{one} {name}: expected {row[name]!r}, is {twin[name]!r}"
            for name in row
            if name in twin and not same(row[name], twin[name])
        ]
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, doubles to nine digits."""
    numbers = (int, float, Decimal)
    if (
        isinstance(one, bool)
        or isinstance(other, bool)
        or not (isinstance(one, numbers) and isinstance(other, numbers))
    ):
        return type(one) is type(other) and bool(one == other)
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)
