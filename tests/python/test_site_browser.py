"""The site in a real browser, from disk: it asks nobody else, says what the warehouse says, and is for everyone."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import axe_core_python
import duckdb
import pytest
from conftest import Ran
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from loaders.lake import Lake
from loaders.site.build import build_site, dashboards
from loaders.site.datasets import analyses
from loaders.site.figures import Column, Figure, Kind, Page
from loaders.site.render import PAGES
from loaders.targets import duckdb_warehouse
from loaders.warehouse import Dbt, published

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
NASTY = '<img src=x onerror=alert(1)> "St O\'Hara" & Söhne 🏥 </script>'


@dataclass
class Site:
    """A site made from a warehouse, and that warehouse."""

    folder: Path
    warehouse: Path
    compiled: dict[str, str]

    def address(self, file: str, chosen: str = "") -> str:
        return f"{(self.folder / file).as_uri()}{'#' + chosen if chosen else ''}"


def made(lake: Lake, warehouse: Path, target: Path, missing: str = "") -> Site:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DBT_TARGET_PATH", str(target))
        return Site(build_site(Dbt(str(lake), duckdb_warehouse(warehouse)), lake, missing).folder, warehouse, {})


@pytest.fixture(scope="module")
def site(ran: Ran) -> Site:
    """The site of a whole run."""
    nodes = json.loads((ran.made / "manifest.json").read_text())["nodes"].values()
    compiled = {node["name"]: node["compiled_code"] for node in nodes if node["name"] in analyses()}
    return Site(ran.made / "site", published(ran.lake), compiled)


@pytest.fixture(scope="module")
def odd_site(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of a warehouse with names that are code, and without robotic marts."""
    folder = tmp_path_factory.mktemp("odd")
    warehouse = shutil.copyfile(published(ran.lake), folder / "wardhouse.duckdb")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update core.dim_facility set facility_name = ? where facility_id = 'F01'", [NASTY])
        for schema, name, column in (
            ("operations", "bed_utilisation", "department_name"),
            ("core", "dim_department", "department_name"),
        ):
            connection.execute(
                f"update {schema}.{name} set {column} = ? where department_code = 'GMED' or false", [NASTY]
            )
        for (view,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'robotics'"
        ).fetchall():
            connection.execute(f"drop table robotics.{view}")
    return made(ran.lake, warehouse, folder / "target")


@pytest.fixture
def show(browser: Chrome) -> Iterator[Callable[[str], Chrome]]:
    """Opens an address and waits until its charts are drawn."""

    def opened(address: str) -> Chrome:
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get("about:blank")
        browser.get(address)
        if browser.find_elements(By.ID, "site-data"):
            drawn(browser, 1)
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def drawn(browser: Chrome, times: int) -> None:
    WebDriverWait(browser, 20).until(
        lambda page: int(page.execute_script("return document.body.dataset.drawn || 0")) >= times
    )


def times_drawn(browser: Chrome) -> int:
    return int(browser.execute_script("return document.body.dataset.drawn || 0"))


def requests(browser: Chrome) -> set[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


def test_every_page_opens_without_a_word_in_the_console_or_a_request_elsewhere(site, show):
    files = {path.name for path in site.folder.glob("*.html")}
    assert {file for file, _ in PAGES} <= files
    for file in sorted(files):
        page = show(site.address(file))
        assert page.get_log("browser") == [], file
        inside = site.folder.as_uri()
        outside = {url for url in requests(page) if not url.startswith((inside, "data:", "blob:", "about:", "chrome:"))}
        assert outside == set(), file
        assert page.title, file
        links = page.execute_script(
            "const all = [...document.querySelectorAll('a[href]')].map(a => new URL(a.getAttribute('href'), location));"
            "return [...new Set(all.map(address => address.href.split(/[#?]/)[0]))]"
        )
        for link in links:
            assert link.startswith(inside), (file, link)
            assert (site.folder / link.removeprefix(inside).strip("/")).is_file(), (file, link)


# --- figures ---------------------------------------------------------------------------------------------------------


def written(value: float | None, kind: str) -> str:
    """A value as a page must write it: halves, by its shortest decimals, are rounded up."""
    if value is None:
        return "–"
    exact = float(f"{float(value):.7g}")
    fine = 2 if 0 < abs(exact) < 0.01 else 1
    exact = 100 * exact if kind == "share" else exact
    small = 0 if abs(exact) >= 100 else 1 if abs(exact) >= 10 else 2
    digits = {"integer": 0, "gbp": 0, "decimal": small, "share": fine}.get(kind, 1)
    number = f"{Decimal(str(exact)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,}"
    unit = {"share": " %", "minutes": " min", "hours": " h", "days": " d"}.get(kind, "")
    return f"{'£' if kind == 'gbp' else ''}{number}{unit}"


BY_HAND = {
    "operations": {
        "occupancy": (
            "share",
            "select sum(sod_occupied_beds) / sum(sod_capacity_beds) from operations.bed_utilisation "
            "where is_general_acute and {where}",
            "snapshot_date",
        ),
        "admissions": (
            "integer",
            "select count(*) from core.fact_admissions where admission_date >= date '2024-02-10' and {where}",
            "admission_date",
        ),
        "p90_wait": (
            "hours",
            "select quantile_cont(wait_minutes, 0.9) / 60 from core.fact_admissions "
            "where admission_date >= date '2024-02-10' and {where}",
            "admission_date",
        ),
        "delayed": (
            "share",
            "select avg(is_delayed::int) from core.fact_discharges "
            "where discharge_date >= date '2024-02-10' and {where}",
            "discharge_date",
        ),
    },
    "clinical": {
        "encounters": (
            "integer",
            "select count(*) from core.fact_encounters where discharge_date >= date '2024-02-10' and {where}",
            "discharge_date",
        ),
        "high_share": (
            "share",
            "select avg((news2_score >= 7)::int) from core.fact_vitals "
            "where observed_at >= date '2024-02-10' and {where}",
            "observed_at",
        ),
        "deteriorated": (
            "share",
            "select avg((coalesce(highest, 0) >= 7)::int) from core.fact_encounters left join "
            "(select encounter_id, max(news2_score) as highest from core.fact_vitals group by all) "
            "using (encounter_id) where is_adult and discharge_date >= date '2024-02-10' and {where}",
            "discharge_date",
        ),
        "stay": (
            "days",
            "select median(stay_hours) / 24 from core.fact_encounters "
            "where discharge_date >= date '2024-02-10' and {where}",
            "discharge_date",
        ),
        "readmitted": (
            "share",
            "select sum(emergency_readmissions) / sum(index_discharges) from clinical.readmissions where {where}",
            "month_start_date",
        ),
        "died": (
            "share",
            "select avg(is_death::int) from core.fact_encounters where discharge_date >= date '2024-02-10' and {where}",
            "discharge_date",
        ),
    },
}
"""Figures of pages, asked again in other words: kind, query, and the day that a period is of."""


@pytest.mark.parametrize("facility", ["all", "F01"])
@pytest.mark.parametrize("period", ["all", "2024-03"])
@pytest.mark.parametrize("dashboard", BY_HAND)
def test_figures_equal_a_query_of_the_warehouse(site, show, dashboard, facility, period):
    page = show(site.address(f"{dashboard}.html", f"facility={facility}&period={period}"))
    with duckdb.connect(str(site.warehouse), read_only=True) as connection:
        for name, (kind, query, day) in BY_HAND[dashboard].items():
            where = "true" if facility == "all" else f"facility_id = '{facility}'"
            where += "" if period == "all" else f" and strftime({day}, '%Y-%m') = '{period}'"
            (value,) = connection.execute(query.format(where=where)).fetchone()
            found = page.find_element(By.CSS_SELECTOR, f'[data-figure="{name}"]').text
            assert found == written(value, kind), name


def test_simulated_figures_stand_where_their_bands_say(site):
    placed = 0
    with duckdb.connect(str(site.warehouse), read_only=True) as connection:
        for domain in ("operations", "clinical", "robotics"):
            for row in picked(connection, site.compiled[f"site_realism_{domain}"], "all", "all"):
                value, lowest, highest = (row[f] for f in ("simulated_value", "published_lowest", "published_highest"))
                if value is None:
                    assert (row["position"], row["said_at"]) == (None, 0.5), row
                    continue
                place = (value - lowest) / (highest - lowest)
                assert row["position"] == row["said_at"] == pytest.approx(min(max(place, -1), 2)), row
                assert row["is_off_axis"] == ("no" if -1 <= place <= 2 else "yes"), row
                side = "below" if place < 0 else "above" if place > 1 else "agrees"
                assert row["verdict"] in (side, "too little data"), row
                placed += 1
    assert placed > 30


def picked(connection: duckdb.DuckDBPyConnection, query: str, facility: str, period: str) -> list[dict[str, Any]]:
    """The rows of an analysis that a choice shows."""
    found = connection.execute(query)
    columns = [name for name, *_ in found.description]
    rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    day = next((name for name in ("date_day", "month_start_date") if name in columns), None)
    return [
        row
        for row in rows
        if ("facility_id" not in row or row["facility_id"] == facility)
        and ("period" not in row or row["period"] == period)
        and (day is None or period == "all" or str(row[day]).startswith(period))
    ]


@pytest.mark.parametrize("page", dashboards(), ids=lambda page: page.name)
def test_every_table_has_the_rows_of_its_query_and_every_chart_is_drawn(site, show, page: Page):
    choices = [("all", "all"), ("F02", "2024-02")] if page.has_filters else [("all", "all")]
    with duckdb.connect(str(site.warehouse), read_only=True) as connection:
        for facility, period in choices:
            shown = show(site.address(f"{page.name}.html", f"facility={facility}&period={period}"))
            for figure in page.figures:
                query = site.compiled[figure.table or figure.dataset]
                rows = picked(connection, query, facility, period)
                where = (page.name, figure.name, facility, period)
                assert table_of(shown, figure) == [
                    [cell(row[column.name], kind_of(column, row)) for column in figure.columns] for row in rows
                ], where
                marks = shown.execute_script(
                    "return document.getElementById(arguments[0]).querySelectorAll('svg path, canvas').length",
                    figure.name,
                )
                assert bool(marks) == bool(rows), where


def table_of(page: Chrome, figure: Figure) -> list[list[str]]:
    return page.execute_script(
        """
        const card = document.getElementById(arguments[0]);
        const more = card.querySelector(".more");
        if (!more.hidden) more.click();
        return [...card.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
        """,
        figure.name,
    )


def kind_of(column: Column, row: dict[str, Any]) -> str:
    named = row.get(column.kind_from)
    return named if named in get_args(Kind) else column.kind


def cell(value: Any, kind: str) -> str:
    if value is None:
        return "–"
    if kind == "text":
        return str(value)
    if kind == "yes":
        return "yes" if value else "no"
    if kind == "date":
        return f"{value.day} {value:%b %Y}".replace("Sep ", "Sept ")
    if kind == "month":
        return f"{value:%b %Y}".replace("Sep ", "Sept ")
    return written(float(value), kind)


# --- choosing --------------------------------------------------------------------------------------------------------


def figures_shown(page: Chrome) -> dict[str, str]:
    return page.execute_script(
        "const all = [...document.querySelectorAll('[data-figure]')];"
        "return Object.fromEntries(all.map(f => [f.dataset.figure, f.textContent]))"
    )


def charts_shown(page: Chrome) -> list[str]:
    return page.execute_script(
        "const all = [...document.querySelectorAll('.chart')];"
        "return all.map(chart => chart.querySelector('canvas')?.toDataURL() || chart.innerHTML)"
    )


@pytest.mark.parametrize("page", [page for page in dashboards() if page.has_filters], ids=lambda page: page.name)
def test_choosing_a_facility_and_a_period_changes_figures_charts_and_address(site, show, page: Page):
    shown = show(site.address(f"{page.name}.html"))
    seen = [(figures_shown(shown), charts_shown(shown))]
    for name, value in (("facility", "F02"), ("period", "2024-03")):
        times = times_drawn(shown)
        Select(shown.find_element(By.NAME, name)).select_by_value(value)
        drawn(shown, times + 1)
        seen.append((figures_shown(shown), charts_shown(shown)))
    for before, after in pairwise(seen):
        assert before[0] != after[0]
        assert before[1] != after[1]
    assert shown.current_url.endswith("#facility=F02&period=2024-03")
    assert "March 2024" in shown.find_element(By.CSS_SELECTOR, "[role=status]").text
    again = show(site.address(f"{page.name}.html", "facility=F02&period=2024-03"))
    assert figures_shown(again) == seen[-1][0]
    odd = show(site.address(f"{page.name}.html", "facility=<script>&period=1999-13"))
    assert figures_shown(odd) == seen[0][0]


def test_a_keyboard_is_enough(site, show):
    page = show(site.address("operations.html"))
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the page"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    for _ in range(3):
        page.switch_to.active_element.send_keys(Keys.TAB)
        if page.switch_to.active_element.tag_name == "select":
            break
    times, before = times_drawn(page), figures_shown(page)
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    drawn(page, times + 1)
    assert figures_shown(page) != before
    first = page.find_element(By.CSS_SELECTOR, "#waits th button")
    first.send_keys(Keys.ENTER)
    heading = page.find_element(By.CSS_SELECTOR, "#waits th")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert page.switch_to.active_element.text == "Department"
    names = [row[0] for row in table_of(page, next(f for f in dashboards()[0].figures if f.name == "waits"))]
    assert names == sorted(names)


# --- everyone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "width"), [pytest.param("light", 1300, marks=pytest.mark.long), ("dark", 1300), ("light", 375)]
)
def test_no_page_keeps_anyone_out(site, show, scheme, width):
    """axe-core finds nothing: contrast, names, roles, order of headings, and more of WCAG 2.2 AA."""
    for file, _ in PAGES:
        browser = show("about:blank")
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        page = show(site.address(file))
        wide = page.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{file} is wider than the screen by {wide} pixels"
        page.execute_script(AXE.read_text())
        found = page.execute_async_script(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(arguments[0])"
        )
        broken = [
            (rule["id"], node["target"], node["failureSummary"][:200])
            for rule in found["violations"]
            for node in rule["nodes"][:3]
        ]
        assert broken == [], file
        assert found["passes"]


def test_a_page_prints_light_and_whole(site, show):
    page = show(site.address("operations.html"))
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    times = times_drawn(page)
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    drawn(page, times + 1)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    ground, text = page.execute_script(
        "const style = getComputedStyle(document.querySelector('.card'));return [style.backgroundColor, style.color]"
    )
    assert (ground, text) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    labels = page.execute_script("return document.querySelector('#waits svg text').getAttribute('fill')")
    assert labels == "#4d5b69"
    assert not page.find_element(By.CSS_SELECTOR, ".top nav").is_displayed()


# --- what is odd, missing or empty -----------------------------------------------------------------------------------


def test_names_are_text_whatever_they_hold(odd_site, show):
    page = show(odd_site.address("operations.html", "facility=F01"))
    assert Select(page.find_element(By.NAME, "facility")).first_selected_option.text == f"{NASTY} (F01)"
    assert NASTY in [row[0] for row in table_of(page, dashboards()[0].figures[0])]
    assert page.execute_script("return document.images.length") == 0
    labels = page.execute_script("return [...document.querySelectorAll('#waits svg text')].map(t => t.textContent)")
    assert any(NASTY.startswith(label.removesuffix("…")) for label in labels if label.startswith("<img"))
    assert page.get_log("browser") == []


def test_a_half_built_warehouse_says_what_it_lacks(odd_site, show):
    page = show(odd_site.address("theatres.html"))
    said = [each.text for each in page.find_elements(By.CSS_SELECTOR, ".missing") if each.is_displayed()]
    assert said
    assert all(text.startswith(("Not shown: ", "Nothing to show yet.")) for text in said)
    assert any("does not exist" in text for text in said)
    assert page.get_log("browser") == []
    whole = show(odd_site.address("operations.html"))
    assert not [each for each in whole.find_elements(By.CSS_SELECTOR, ".missing") if each.is_displayed()]


@pytest.mark.parametrize("is_built", [False, pytest.param(True, marks=pytest.mark.long)])
def test_with_nothing_simulated_every_page_says_how_to_begin(tmp_path, wardhouse, show, is_built):
    lake, warehouse = Lake.at(tmp_path / "lake"), tmp_path / "wardhouse.duckdb"
    if is_built:
        empty = made(lake, warehouse, tmp_path / "target")
    else:
        done = wardhouse("docs", "--lake", str(lake))
        assert done.returncode == 0, done.stderr
        assert "there is no warehouse in" in done.stdout
        assert done.stdout.endswith("site/index.html\n")
        empty = Site(tmp_path / "target" / "site", warehouse, {})
    for file, _ in PAGES:
        page = show(empty.address(file))
        assert page.get_log("browser") == [], file
        assert page.execute_script("return document.body.innerText").count("undefined") == 0
    for dashboard in dashboards():
        page = show(empty.address(f"{dashboard.name}.html"))
        said = [each.text for each in page.find_elements(By.CSS_SELECTOR, ".card .missing")]
        assert all(text.startswith("Not shown: ") for text in said)
        assert set(figures_shown(page).values()) <= {"–"}
