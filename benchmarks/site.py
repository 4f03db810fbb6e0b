"""The site: how long it takes to make, how large pages are, and how soon each can be used in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measure import Row, fresh, in_own_process, timed
from benchmarks.whole import wardhouse

BROWSER = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1300,1000",
)  # fmt: skip


def rows() -> Iterator[Row]:
    """Lines of the table."""
    for preset, seconds in (("demo", 20), ("portfolio", 40)):
        lake = fresh(preset) / "lake"
        wardhouse("run", "--preset", preset, "--lake", str(lake), target=lake.parent / "target")
        made = in_own_process("site:make", str(lake))
        yield Row(
            f"the site of the {preset} run, alone",
            f"{made.seconds:.1f} s",
            f"processors {made.busy:.1f} s; {made.megabytes:,.0f} MB",
            f"≤ {seconds} s",
        )
        pages = opened(lake.parent)
        slowest = max(pages, key=lambda page: pages[page]["milliseconds"])
        largest = max(pages, key=lambda page: pages[page]["megabytes"])
        yield Row(
            f"its {len(pages)} pages, opened from disk, until all charts are drawn",
            f"{pages[slowest]['milliseconds'] / 1000:.2f} s",
            f"the slowest, {slowest}; the largest with what it loads, {largest}, {pages[largest]['megabytes']:.1f} MB",
            "≤ 1 s, ≤ 3 MB",
        )


def make(lake: str) -> float:
    """`wardhouse docs` alone."""
    target = Path(lake).parent / "target"
    return timed(lambda: wardhouse("docs", "--lake", lake, target=target))


def opened(folder: Path) -> dict[str, dict[str, float]]:
    """Each page opened five times: the median of milliseconds until it was drawn, and megabytes with what it loads."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = ChromeOptions()
    for option in (*BROWSER, f"--user-data-dir={folder / 'browser'}"):
        options.add_argument(option)
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    site = folder / "target" / "site"
    found = {}
    try:
        for page in sorted(site.glob("*.html")):
            times = []
            for _ in range(5):
                driver.get("about:blank")
                driver.get(page.as_uri())
                times.append(
                    WebDriverWait(driver, 30, poll_frequency=0.02).until(
                        lambda browser: browser.execute_script(
                            "if (!document.getElementById('site-data')) return performance.timing.loadEventEnd"
                            " ? performance.timing.loadEventEnd - performance.timing.navigationStart : null;"
                            "return performance.getEntriesByName('drawn')[0]?.startTime"
                        )
                    )
                )
            files = [page, *(site / name for name in set(re.findall(r'"(assets/[\w.]+)"', page.read_text())))]
            size = sum(file.stat().st_size for file in files)
            found[page.name] = {"milliseconds": median(times), "megabytes": size / 1e6}
    finally:
        driver.quit()
    return found
