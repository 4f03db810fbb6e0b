"""The unit of a column: its contract's, or the one that its name ends with."""

import re
from collections.abc import Mapping

SUFFIXES = {
    "ms": "ms",
    "seconds": "seconds",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "nights": "nights",
    "years": "years",
    "mm": "mm",
    "ml": "ml",
    "n": "N",
    "degrees": "degrees",
    "celsius": "degrees Celsius",
    "amperes": "amperes",
    "fps": "frames per second",
    "gbp": "GBP",
    "gbp_k": "thousand GBP",
    "beds": "beds",
    "patients": "patients",
    "cases": "cases",
    "samples": "samples",
    "score": "points",
    "satisfaction": "points",
    "rate": "share of 1",
    "share": "share of 1",
    "ratio": "ratio",
}
_NUMBERS = (
    "int",
    "bigint",
    "smallint",
    "hugeint",
    "tinyint",
    "double",
    "float",
    "real",
    "num",
    "dec",
    "uint",
    "nullable",
)
_WINDOW = re.compile(r"_(\d+_(days|hours)|yesterday)$")


def unit(name: str, type_: str, known: Mapping[str, str]) -> str:
    """The unit of a number, or nothing. `known` are units by column name.

    What a name says after a number is a window or a threshold, as in `waits_over_4_hours`, and no unit.
    """
    if not type_.startswith(_NUMBERS) or name.startswith("is_"):
        return ""
    if name in known:
        return known[name]
    of = _WINDOW.sub("", name)
    if of.endswith("_over"):
        return ""
    for ending in sorted(SUFFIXES, key=len, reverse=True):
        if of == ending or of.endswith(f"_{ending}"):
            return SUFFIXES[ending]
    first = of.split("_")[0]
    return first if first in ("hours", "days", "minutes", "years") else ""
