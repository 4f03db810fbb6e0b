"""The first page: what was simulated, what became of it, whether it can be trusted, and where to read on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import altair as alt

from loaders.quality.results import Findings
from loaders.site.charts import chart, tips
from loaders.site.datasets import Dataset
from loaders.site.figures import Column, Figure, Page, Tile
from loaders.site.render import PAGES, dashboard
from loaders.site.states import states, time
from loaders.status import Standing
from loaders.targets import NAMES

FILE = "index.html"
OPERATIONS, HEADLINE = "site_operations_headline", "site_overview_headline"
ROWS, FRESHNESS = "site_overview_rows", "site_overview_freshness"
ANALYSES = (OPERATIONS, HEADLINE, ROWS, FRESHNESS)
"""What the page asks the warehouse."""

LINKS = {
    "operations.html": "Beds under pressure: how full, who waits and for how long, who stays on.",
    "theatres.html": "Robots and theatres: utilisation, durations, downtime, and what telemetry shows before a fault.",
    "clinical.html": "Patients: NEWS2, deterioration, length of stay, readmissions.",
    "realism.html": "Each simulated figure beside the published one, with its verdict and source.",
    "quality.html": "Gates, dbt tests, quarantine and parity: what was checked, and what was found.",
    "model.html": "Relations and columns, their lineage, units and grain.",
}
"""What each page is for, by file."""

TILE_LINKS = {
    "occupancy": "operations.html",
    "p90_wait": "operations.html",
    "admissions": "operations.html",
    "cases": "theatres.html",
    "readmissions": "clinical.html",
    "agreeing": "realism.html",
}
TILES = (
    Tile("occupancy", "Occupancy", OPERATIONS, "occupancy_rate", "share", "of open general and acute beds"),
    Tile("p90_wait", "P90 wait for a bed", OPERATIONS, "p90_wait_hours", "hours", "nine in ten wait less"),
    Tile("admissions", "Admissions", OPERATIONS, "admissions", "integer", "on the days simulated"),
    Tile("cases", "Robotic cases", HEADLINE, "performed_cases", "integer", "performed"),
    Tile("readmissions", "Readmissions", HEADLINE, "readmission_rate", "share", "as emergencies within 30 days"),
    Tile("agreeing", "Realism", HEADLINE, "agreeing_share", "share", "of figures judged agree with published ones"),
)


@dataclass(frozen=True)
class Source:
    """How far a source has come: the last day simulated, staged and in the warehouse, each in words."""

    name: str
    simulated: str
    staged: str
    warehouse: str


def overview_html(
    found: Findings,
    stands: Standing,
    answers: Mapping[str, Dataset],
    colophon: str,
    files: Collection[str] | None = None,
) -> str:
    """The page, from results, a look at the lake, and what the warehouse answered; links lead to `files`, or to all."""
    known = {name: answers.get(name, Dataset({}, "the warehouse was not asked")) for name in PAGE.datasets()}
    known |= _layers(stands, answers.get(ROWS, Dataset({})))
    return dashboard(
        PAGE,
        known,
        {},
        colophon,
        "overview.html",
        files=files,
        states=states(found, stands),
        world=_world(stands),
        standing=stands,
        missing=_missing(stands, answers.get(ROWS, Dataset({}))),
        sources=_sources(stands, answers.get(FRESHNESS, Dataset({}))),
        built=_built(found),
        tile_links=_there(TILE_LINKS, files),
        links=[(f, title, LINKS[f]) for f, title in PAGES if f in LINKS and (files is None or f in files)],
    )


def _there(links: Mapping[str, str], files: Collection[str] | None) -> dict[str, str]:
    return {name: file for name, file in links.items() if files is None or file in files}


def _layers_figure() -> Figure:
    bars = chart(alt.Step(34)).encode(
        alt.Y("label:N", title=None, sort=None),
        alt.X("rows:Q", title=None, axis=None, scale=alt.Scale(nice=False)),
        tooltip=tips(("layer:N", "Layer", ""), ("rows:Q", "Rows", ",")),
    )
    return Figure(
        "layers",
        "Rows in each layer",
        "From raw records over what is staged to dimensions, facts and marts. The table has every relation.",
        bars.mark_bar(),
        "layers",
        (Column("layer", "Layer"), Column("relation", "Relation"), Column("rows", "Rows", "integer")),
        table="relations",
        is_wide=False,
        needs="`wardhouse run` makes them.",
    )


PAGE = Page(
    "index",
    "Overview",
    "A hospital network that was simulated, and its warehouse: what there is, what it says, and whether to trust it.",
    (_layers_figure(),),
    TILES,
    has_filters=False,
)


def _layers(stands: Standing, counted: Dataset) -> dict[str, Dataset]:
    """Rows by layer and by relation: raw and staged as the lake's manifest says, the others as the warehouse says."""
    layers: dict[str, int] = {}
    relations: list[tuple[str, str, int]] = []
    if stands.status.counts:
        layers = {"raw": stands.status.total.raw, "staged": stands.status.total.staged}
        entities = sorted(stands.status.counts.items())
        relations += [("raw", entity, counts.raw) for entity, counts in entities]
        relations += [("staged", entity, counts.staged) for entity, counts in entities]
    for row in _rows(counted):
        layers[row["layer_name"]] = row["layer_rows"]
        relations.append((row["layer_name"], row["relation_name"], row["relation_rows"]))
    names, relation_names, rows = list(zip(*relations, strict=True)) or ((), (), ())
    return {
        "layers": Dataset(
            {
                "layer": list(layers),
                "rows": list(layers.values()),
                "label": [f"{layer}  {count:,}" for layer, count in layers.items()],
            }
        ),
        "relations": Dataset({"layer": list(names), "relation": list(relation_names), "rows": list(rows)}),
    }


def _rows(dataset: Dataset) -> list[dict[str, Any]]:
    return [dict(zip(dataset.columns, row, strict=True)) for row in zip(*dataset.columns.values(), strict=True)]


def _world(stands: Standing) -> dict[str, str] | None:
    """What was simulated, as names and words."""
    world = stands.status.world
    if world is None:
        return None
    reached = world["simulated_to"]
    to = " and ".join(
        _day(day) if len(reached) == 1 else f"{_day(day)} ({count} of {world['facilities']} facilities)"
        for day, count in reached.items()
    )
    return {
        "World": f"{world['preset']}, seed {world['seed']}",
        "Network": f"{world['facilities']:,} facilities, {world['beds']:,} beds",
        "Period": f"{world['days']:,} days from {_day(world['start'])}",
        "Simulated to": to,
    }


def _missing(stands: Standing, counted: Dataset) -> list[str]:
    """What there is not, and the command that makes it."""
    found = [f"Part of the lake cannot be read: {sentence}" for sentence in stands.missing]
    if stands.status.world is None:
        found.append("No world has been simulated: `wardhouse run` does everything, from simulation to this site.")
    elif not stands.status.counts:
        found.append(
            "Nothing is staged: `wardhouse stage` stages what is raw, and `wardhouse build` goes on from there."
        )
    elif not counted.rows:
        reason = f" ({counted.missing})" if counted.missing else ""
        found.append(f"The warehouse is not built, or only in part{reason}: `wardhouse build` builds it.")
    for folder, objects in stands.status.unclaimed.items():
        found.append(f"{objects:,} objects in {folder} belong to no contract and are not staged.")
    return found


def _sources(stands: Standing, fresh: Dataset) -> list[Source]:
    world = stands.status.world
    simulated = max(world["simulated_to"], default="") if world else ""
    held = {row["source_name"]: row["last_day"] for row in _rows(fresh)}
    names = dict.fromkeys([*stands.staged_to, *sorted(held)])
    return [Source(name, _day(simulated), _day(stands.staged_to.get(name)), _day(held.get(name))) for name in names]


def _day(day: Any) -> str:
    """A day as people read it; what is no day is given back, and nothing is a dash."""
    if not day:
        return "–"
    try:
        read = date.fromisoformat(str(day)[:10])
    except ValueError:
        return str(day)
    return f"{read.day} {read:%b %Y}"


def _built(found: Findings) -> str:
    """When the warehouse was built, and whether readers have it."""
    place = NAMES[found.target]
    if not found.build:
        return f"When the warehouse in {place} was built is not known."
    at = time(found.build.made_at)
    if found.build.error:
        return f"The last build, in {place} on {at}, failed."
    return f"Built in {place} on {at}{'' if found.build.is_published else ', and not published'}."
