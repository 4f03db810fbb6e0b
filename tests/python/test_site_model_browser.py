"""The data model's pages in a real browser, from disk: lineage, the dictionary, the diagrams and dbt's docs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_core_python
import duckdb
import pytest
from conftest import Ran
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from loaders.warehouse import published

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
WAIT = "waiting_time_percentiles.p90_wait_minutes"
Show = Callable[[str], Chrome]


@pytest.fixture(scope="module")
def folder(ran: Ran) -> Path:
    return ran.made / "site"


@pytest.fixture
def show(browser: Chrome, folder: Path) -> Iterator[Show]:
    """Opens a page anew, and then holds it to say nothing in the console and to ask for nothing elsewhere."""

    def opened(address: str) -> Chrome:
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get("about:blank")
        browser.get(f"{folder.as_uri()}/{address}")
        return browser

    yield opened
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    assert {
        url for url in asked if not url.startswith((folder.as_uri(), "data:", "blob:", "about:", "chrome:"))
    } == set()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def until(page: Chrome, holds: Callable[[Chrome], Any]) -> Any:
    return WebDriverWait(page, 20).until(holds)


def until_drawn(page: Chrome, column: str) -> None:
    until(page, lambda p: p.execute_script("return document.body.dataset.drawn") == column)


def shown(page: Chrome) -> dict[str, list[str]]:
    """The columns drawn, by relation."""
    return page.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('.flow .step')].map(step => ["
        "step.querySelector('.relation-name').textContent,"
        "[...step.querySelectorAll('.column-name')].map(a => a.textContent)]))"
    )


def texts(page: Chrome, selector: str) -> list[str]:
    return [each.text for each in page.find_elements(By.CSS_SELECTOR, selector)]


# --- column lineage ---------------------------------------------------------------------------------------------------


def test_a_wait_is_shown_back_to_the_times_in_the_source(show):
    page = show("columns.html")
    until_drawn(page, WAIT)
    assert {name: sorted(columns) for name, columns in shown(page).items() if columns} == {
        "operations.admissions": ["event_time", "request_time"],
        "stg_operations__admissions": ["admitted_at", "requested_at"],
        "int_stays": ["wait_seconds"],
        "fact_admissions": ["wait_minutes"],
        "waiting_time_percentiles": ["p90_wait_minutes"],
    }
    assert texts(page, ".step [aria-current]") == ["p90_wait_minutes"]
    told = texts(page, ".lineage tbody tr td:nth-child(2)")
    assert told[0].startswith("operations.admissions.")
    assert told[-1] == WAIT
    assert "Made of 6 columns, 2 of them of sources" in page.find_element(By.CSS_SELECTOR, "[role=status]").text
    assert page.find_elements(By.CSS_SELECTOR, ".unread") == []


def test_lineage_reaches_the_dashboards(show, site_artifacts):
    manifest = json.loads(site_artifacts[0].read_text())
    exposure = manifest["exposures"]["exposure.wardhouse.dashboard_operations"]
    read = manifest["nodes"][sorted(exposure["depends_on"]["nodes"])[0]]
    chosen = f"{read['name']}.{list(read['columns'])[-1]}"
    page = show(f"columns.html#{chosen}")
    until_drawn(page, chosen)
    assert page.find_element(By.LINK_TEXT, exposure["label"]).is_displayed()
    link = page.find_element(By.XPATH, f"//a[@class='relation-name'][text()='{exposure['label']}']")
    assert link.get_attribute("href").endswith("/operations.html")


def test_lines_end_at_the_boxes_and_no_box_lies_on_another(show):
    page = show("columns.html#operations.admissions.event_time")
    until_drawn(page, "operations.admissions.event_time")
    boxes = page.execute_script(
        "return [...document.querySelectorAll('.flow .step')].map(s => "
        "[s.offsetLeft, s.offsetTop, s.offsetLeft + s.offsetWidth, s.offsetTop + s.offsetHeight])"
    )
    assert len(boxes) > 10
    for at, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    cut = page.execute_script(
        "return [...document.querySelectorAll('.step a')].filter(a => a.scrollWidth > a.clientWidth + 1)"
        ".map(a => a.textContent)"
    )
    assert cut == []


def test_columns_are_chosen_by_link_by_lists_and_by_search_with_the_keyboard(show):
    page = show(f"columns.html#{WAIT}")
    until_drawn(page, WAIT)
    page.find_element(By.XPATH, "//a[@class='column-name'][text()='wait_seconds']").send_keys(Keys.ENTER)
    until_drawn(page, "int_stays.wait_seconds")
    assert "waits_over_4_hours" not in shown(page)["waiting_time_percentiles"]
    assert Select(page.find_element(By.NAME, "relation")).first_selected_option.text == "int_stays"
    Select(page.find_element(By.NAME, "relation")).select_by_visible_text("dim_date")
    until_drawn(page, "dim_date.date_key")
    Select(page.find_element(By.NAME, "column")).select_by_visible_text("is_working_day")
    until_drawn(page, "dim_date.is_working_day")
    assert "bank_holiday_name" in shown(page)["calendar"]
    find = page.find_element(By.NAME, "find")
    assert page.execute_script("return arguments[0].list.options.length", find) > 1000
    find.send_keys("robot_utilization.utilisation_ratio")
    until_drawn(page, "robot_utilization.utilisation_ratio")
    find.send_keys("fact_notes word", Keys.ENTER)
    until_drawn(page, "fact_notes.word_count")
    find.send_keys("no such column", Keys.ENTER)
    assert page.find_element(By.ID, "shown").text == "fact_notes.word_count"
    page.back()
    until_drawn(page, "robot_utilization.utilisation_ratio")


def test_steps_are_few_where_columns_are_many_and_the_page_says_so(show):
    page = show("columns.html#operations.admissions.facility_id")
    until_drawn(page, "operations.admissions.facility_id")
    Select(page.find_element(By.NAME, "steps")).select_by_value("1")
    until(page, lambda p: "Shown: 1 step each way" in p.find_element(By.CSS_SELECTOR, ".lineage [role=status]").text)
    assert set(shown(page)) <= {"operations.admissions", "stg_operations__admissions"}


def test_a_count_of_rows_and_an_address_of_nothing_are_said(show):
    page = show("columns.html#waiting_time_percentiles.admissions")
    until_drawn(page, "waiting_time_percentiles.admissions")
    said = page.find_element(By.ID, "ends").text
    assert "counts rows" in said
    assert "fact_admissions" in said
    page = show("columns.html#%3Cscript%3E%.no")
    until_drawn(page, WAIT)


# --- dictionary -------------------------------------------------------------------------------------------------------


def test_search_filters_the_dictionary_as_one_types(show):
    page = show("dictionary.html")
    rows = "return [...document.querySelectorAll('.relation tbody tr')].filter(r => r.checkVisibility()).length"
    everything = page.execute_script(rows)
    assert everything > 900
    field = page.find_element(By.NAME, "q")
    field.send_keys("news2 score")
    until(page, lambda p: 0 < p.execute_script(rows) < 60)
    names = page.execute_script(
        "return [...document.querySelectorAll('.relation')].filter(r => r.checkVisibility()).map(r => r.dataset.name)"
    )
    assert "fact_vitals" in names
    assert "dim_date" not in names
    found = page.execute_script(rows)
    assert f"{found} columns in {len(names)} relations." in texts(page, ".finder [role=status]")
    field.send_keys(" nothing of the kind")
    until(page, lambda p: "0 columns in 0 relations." in texts(p, ".finder [role=status]"))
    field.clear()
    field.send_keys("x", Keys.BACKSPACE)
    until(page, lambda p: p.execute_script(rows) == everything)


def test_the_dictionary_says_how_many_rows_the_warehouse_has(show, ran):
    page = show("dictionary.html#fact_admissions")
    with duckdb.connect(str(published(ran.lake)), read_only=True) as connection:
        (rows,) = connection.execute("select count(*) from core.fact_admissions").fetchone()
    said = page.find_element(By.ID, "fact_admissions").find_element(By.CLASS_NAME, "facts").text
    assert f"{rows:,} rows" in said
    assert "One row per admission" in said


def test_a_column_of_the_dictionary_leads_to_its_lineage_and_back(show):
    page = show("dictionary.html?q=p90_wait")
    until(page, lambda p: p.find_element(By.ID, WAIT).is_displayed())
    page.find_element(By.ID, WAIT).find_element(By.TAG_NAME, "a").click()
    until_drawn(page, WAIT)
    page.find_element(By.LINK_TEXT, "fact_admissions").click()
    until(page, lambda p: p.current_url.endswith("dictionary.html#fact_admissions"))


# --- the star ---------------------------------------------------------------------------------------------------------


def test_texts_of_a_diagram_stay_in_their_boxes(show):
    page = show("model.html")
    outside = page.execute_script(
        """
        return [...document.querySelectorAll("svg.entities .box")].flatMap((box) => {
          const frame = box.querySelector("rect").getBoundingClientRect();
          return [...box.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()])
            .filter(([, place]) => place.left < frame.left || place.right > frame.right
              || place.top < frame.top || place.bottom > frame.bottom)
            .map(([text]) => text);
        });
        """
    )
    assert outside == []
    assert len(page.find_elements(By.CSS_SELECTOR, "svg.entities")) == 3
    assert page.find_element(By.CSS_SELECTOR, "svg.entities > title").get_attribute("textContent")


def test_the_lines_of_a_box_light_up_with_the_focus(show):
    page = show("model.html")
    link = page.find_element(By.CSS_SELECTOR, '.box[data-name="fact_waiting_list"] a')
    page.execute_script("arguments[0].focus()", link)
    lit = page.find_elements(By.CSS_SELECTOR, ".lines path.on")
    assert len(lit) == 5
    assert {each.get_attribute("data-of") for each in lit} == {"fact_waiting_list"}


# --- dbt's docs -------------------------------------------------------------------------------------------------------


def test_dbt_docs_show_a_model_its_columns_its_code_and_its_graph(show):
    page = show("dbt.html#!/model/model.wardhouse.fact_admissions")
    until(page, lambda p: "fact_admissions" in texts(p, "h1")[0])
    said = until(page, lambda p: "wait_minutes" in (main := p.find_element(By.TAG_NAME, "body").text) and main)
    assert "Admissions with the wait before them." in said
    assert "unique_key" in said
    page.find_element(By.LINK_TEXT, "Compiled").click()
    until(page, lambda p: '"intermediate"' in p.find_element(By.TAG_NAME, "body").text)
    page = show("dbt.html#!/model/model.wardhouse.fact_admissions?g_v=1&g_i=%2Bfact_admissions%2B")
    drawn = "return window.angular && document.querySelectorAll('.graph canvas, canvas').length"
    until(page, lambda p: p.execute_script(drawn))


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("source/source.wardhouse.operations.admissions", "admissions"),
        ("seed/seed.wardhouse.calendar", "calendar"),
        ("snapshot/snapshot.wardhouse.robot_versions", "robot_versions"),
        ("exposure/exposure.wardhouse.dashboard_operations", "Operations"),
        ("macro/macro.wardhouse.type_date", "type_date"),
        ("metric/metric.wardhouse.admissions", "Admissions"),
        ("overview", "Wardhouse"),
    ],
)
def test_dbt_docs_open_every_kind_of_page(show, address, title):
    page = show(f"dbt.html#!/{address}")
    until(page, lambda p: any(title in text for text in texts(p, "h1")))
    assert page.find_element(By.LINK_TEXT, "Wardhouse").get_attribute("href").endswith("/model.html")


def test_dbt_docs_find_what_is_searched(show):
    page = show("dbt.html")
    field = until(page, lambda p: p.find_element(By.CSS_SELECTOR, "input[type=search], #search"))
    field.send_keys("readmission")
    until(page, lambda p: "readmissions" in p.find_element(By.TAG_NAME, "body").text)


# --- for everyone -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["model.html", "columns.html", "dictionary.html?q=encounter"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_hold_to_the_rules_for_everyone(show, file, scheme):
    page = show("model.html")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    page = show(file)
    page.execute_script(AXE.read_text(encoding="utf-8"))
    found = page.execute_async_script(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'], "
        "resultTypes: ['violations']}).then(arguments[0])"
    )
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found["violations"]] == []


@pytest.mark.parametrize("file", ["model.html", "columns.html", "dictionary.html?q=stay"])
def test_nothing_is_wider_than_a_phone(show, file):
    page = show("model.html")
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    page = show(file)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390


def test_no_page_is_larger_than_three_megabytes(folder):
    for path in folder.glob("*.html"):
        assert path.stat().st_size <= 3_000_000, path.name
