"""Makes the site of a lake and its warehouse: asks once, writes all pages beside the old ones, then changes places."""

import re
import shutil
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import vl_convert

from loaders.contracts import contracts
from loaders.errors import LakeError
from loaders.lake import Lake
from loaders.quality.results import findings
from loaders.raw.state import world_of
from loaders.site.datasets import Dataset, analyses, ask_all, none_of
from loaders.site.figures import Page
from loaders.site.model.pages import write_model_pages
from loaders.site.pages import overview, quality
from loaders.site.render import dashboard
from loaders.status import standing
from loaders.targets import NAMES, Target
from loaders.warehouse import Dbt, target_path

DASHBOARDS = ("operations", "theatres", "clinical", "realism")
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Site:
    """Where a site is, and how large each page is in bytes, assets included, by file."""

    folder: Path
    sizes: dict[str, int]


def site_path() -> Path:
    """The folder of the site."""
    return target_path() / "site"


def build_site(dbt: Dbt, lake: Lake, missing: str = "") -> Site:
    """Write all pages; `missing` is the reason why there is no warehouse to ask, if there is none."""
    pages = dashboards()
    colophon = _colophon(lake, dbt.warehouse.target)
    artifacts = dbt.artifacts(analyses())
    found = none_of(analyses(), missing) if missing else ask_all(dbt.warehouse, artifacts.compiled)
    choices = {"facility": _facilities(found["site_facilities"]), "period": _periods(found["site_periods"])}
    folder = site_path()
    part = folder.with_name("site.part")
    shutil.rmtree(part, ignore_errors=True)
    write_assets(part)
    for page in pages:
        _write(part / f"{page.name}.html", dashboard(page, found, choices, colophon))
    results, stands = findings(lake, dbt.warehouse.target), standing(lake, contracts())
    _write(part / quality.FILE, quality.quality_html(results, stands, colophon))
    _write(part / overview.FILE, overview.overview_html(results, stands, found, colophon))
    warehouse = None if missing else dbt.warehouse
    write_model_pages(part, artifacts.manifest, artifacts.catalog, colophon, warehouse, missing)
    _change_places(part, folder)
    return Site(folder, {path.name: _size(path) for path in sorted(folder.glob("*.html"))})


def dashboards() -> list[Page]:
    """All pages that show the warehouse's rows."""
    return [import_module(f"loaders.site.pages.{name}").PAGE for name in DASHBOARDS]


def write_assets(folder: Path) -> None:
    """What pages share: the style, their script, and Vega, which comes with its package."""
    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for asset in ASSETS.iterdir():
        shutil.copyfile(asset, assets / asset.name)
    shutil.copyfile(_vega(), assets / "vega.js")


def _vega() -> Path:
    """Vega as a script of its own, kept beside the site: bundling it takes a second."""
    kept = target_path() / f"vega-{version('vl-convert-python')}.js"
    if not kept.exists():
        part = kept.with_suffix(".part")
        _write(part, vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
        part.replace(kept)
    return kept


def _colophon(lake: Lake, target: Target) -> str:
    try:
        world = world_of(lake)
    except LakeError:
        world = None
    return f"The {world.preset} world, seed {world.seed}, in {NAMES[target]}." if world else ""


def _facilities(known: Dataset) -> list[tuple[str, str]]:
    if known.missing:
        return []
    return [
        (facility_id, f"{facility_name} ({facility_id})")
        for facility_id, facility_name in zip(known.columns["facility_id"], known.columns["facility_name"], strict=True)
    ]


def _periods(known: Dataset) -> list[tuple[str, str]]:
    """Years, where there are several, and months."""
    if known.missing:
        return []
    periods = [period for period in known.columns["period"] if period != "all"]
    years = [period for period in periods if len(period) == 4]
    months = [period for period in periods if len(period) == 7]
    shown = [(year, year) for year in years] if len(years) > 1 else []
    return shown + [(month, f"{date.fromisoformat(f'{month}-01'):%B %Y}") for month in months]


def _size(page: Path) -> int:
    """Bytes of a page and of the assets that it loads."""
    assets = set(re.findall(r'"(assets/[\w.]+)"', page.read_text(encoding="utf-8")))
    return sum(path.stat().st_size for path in (page, *(page.parent / asset for asset in assets)))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _change_places(part: Path, folder: Path) -> None:
    old = folder.with_name("site.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
