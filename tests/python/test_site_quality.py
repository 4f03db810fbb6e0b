"""The Quality and Overview pages, made from results alone: what they say when all is well, fails, or is missing."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_results import ALL, BUILD, MARTS, NOON, OUTCOME, PARITY, STAGING, STRANGE, TEST
from typer.testing import CliRunner

from loaders.cli import app
from loaders.contracts import contracts
from loaders.errors import GateFailed, LakeError, WarehouseError
from loaders.lake import Lake
from loaders.quality.keep import settle_gate, settle_parity, settled_build
from loaders.quality.parity import CONTROLS
from loaders.quality.results import Findings, findings, keep
from loaders.raw.generate import generate
from loaders.site.datasets import FOLDER, Dataset
from loaders.site.pages.overview import overview_html
from loaders.site.pages.quality import quality_html, write_quality
from loaders.staging.manifest import MANIFEST_KEY, Counts
from loaders.staging.stage import stage
from loaders.status import Refusal, Standing, Status, standing
from loaders.summary import LAYERS
from loaders.targets import Target, duckdb_warehouse
from loaders.warehouse import Dbt, building

EMPTY = Standing(Status("nowhere", None, {}, [], {}, {}, None), {}, ())
FULL = Standing(
    Status(
        "a lake",
        {
            "preset": "demo", "seed": 42, "facilities": 2, "beds": 600, "start": "2024-01-01", "days": 90,
            "simulated_to": {"2024-03-30": 2},
        },
        {"admissions": Counts(105, 100, 2, 3), "labs": Counts(1_000, 1_000)},
        [Refusal("admissions", "wrong_type", 3, "raw/x.json", 7, f"not a number: {STRANGE}")],
        {"wrong_type": 3, "duplicates": 2},
        {},
        "w.duckdb",
    ),
    {"operations": "2024-03-30"},
    (),
)  # fmt: skip
GOOD = Findings(
    Target.duckdb,
    replace(STAGING, outcomes=(OUTCOME,)),
    replace(BUILD, is_published=True),
    replace(MARTS, is_published=True),
    replace(PARITY, verdicts=tuple(replace(v, differences=(), caught=CONTROLS) for v in PARITY.verdicts)),
)
BAD = Findings(
    Target.duckdb,
    replace(STAGING, outcomes=(OUTCOME, replace(OUTCOME, passed=False, observed=STRANGE, expectation=STRANGE))),
    replace(
        BUILD,
        error="dbt build failed",
        tests=(
            TEST,
            replace(TEST, name="broken", status="fail", failures=3, message=STRANGE),
            replace(TEST, status="skipped"),
        ),
    ),
    replace(MARTS, outcomes=(replace(OUTCOME, passed=False, error=STRANGE),)),
    PARITY,
)


class Reader(HTMLParser):
    """Text by the id of the innermost element that has one, and the names of all tags."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, page: str):
        super().__init__()
        self.text: dict[str, str] = {}
        self.tags: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(page)
        assert not self._open, "an element is not closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.VOID:
            outer = self._open[-1][1] if self._open else ""
            self._open.append((tag, dict(attributes).get("id") or outer))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        name = self._open[-1][1] if self._open else ""
        self.text[name] = f"{self.text.get(name, '')} {data}".lstrip()

    def word(self, state: str) -> str:
        return " ".join(self.text[f"state-{state}"].split())


def quality(found: Findings, stands: Standing = FULL) -> Reader:
    return Reader(quality_html(found, stands, "Made by a test."))


def test_verdicts_are_words():
    page = quality(GOOD)
    assert page.word("staging_gate") == "Staging gate ✓ open all 1 expectations hold 29 Feb 2024, 12:00 UTC"
    assert page.word("marts_gate").startswith("Marts gate ✓ open all 1 expectations hold in DuckDB")
    assert page.word("build").startswith("dbt build ✓ passed all 1 tests pass, 2 relations built in DuckDB; published")
    assert page.word("records") == (
        "Records ✓ all accounted for 1,105 raw = 1,100 staged + 2 duplicates + 3 quarantined"
    )
    assert page.word("faults").startswith("Injected faults ✓ all caught 5 of 2 kinds")
    assert page.word("parity").startswith("Parity of engines ✓ the same DuckDB = Redshift in all 2 comparisons")
    assert "failures" not in page.text


def test_failures_are_words_too_and_come_first():
    html = quality_html(BAD, FULL, "")
    page = Reader(html)
    assert "✕ shut 1 of 2 expectations do not hold" in page.word("staging_gate")
    assert "✕ shut 1 of 1 expectations do not hold in DuckDB, not published" in page.word("marts_gate")
    said = "✕ failed 1 of 5 steps failed, 1 were skipped in DuckDB; not published: readers have the one before"
    assert said in page.word("build")
    assert "✕ differ 2 of 2 comparisons fail" in page.word("parity")
    assert "What does not hold (5)" in page.text["failures-title"]
    assert html.index('id="failures"') < html.index('class="figures"')
    assert page.text["all-expectations"].split("Found")[1].split()[0] == "fails"
    assert page.text["all-tests"].split("Seconds")[1].split()[0] == "fails"
    assert "broken" in page.text["failures"]


def test_what_data_say_is_shown_as_text():
    html = quality_html(BAD, FULL, STRANGE)
    assert html.count("<script") == 4
    assert "alert(" in html
    assert "<script>alert" not in html
    shown = Reader(html).text
    assert STRANGE.split("\n")[0] in shown["failures"]
    assert STRANGE.split("\n")[0] in shown["reasons"]


@settings(max_examples=25, deadline=None)
@given(st.text() | st.just(STRANGE))
def test_any_text_is_shown_whole(text):
    bad = replace(OUTCOME, passed=False, relation=text, expectation=text, observed=text)
    found = Findings(Target.duckdb, staging=replace(STAGING, outcomes=(bad,)))
    html = quality_html(found, EMPTY, text)
    tags = Reader(html).tags
    assert tags == Reader(quality_html(_with_plain_text(found), EMPTY, "plain")).tags
    if text:
        assert html.count(str(escape(text)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")) >= 3


def _with_plain_text(found: Findings) -> Findings:
    plain = replace(OUTCOME, passed=False, relation="plain", expectation="plain", observed="plain")
    return replace(found, staging=replace(found.staging, outcomes=(plain,)))


def test_a_gate_that_looked_at_an_earlier_build_says_so():
    found = replace(GOOD, build=replace(BUILD, made_at=NOON.replace(hour=13)))
    assert "in an earlier build; wardhouse check marts looks again" in quality(found).word("marts_gate")


def test_nothing_at_all_is_told_with_what_to_do():
    page = quality(Findings(Target.clickhouse), EMPTY)
    for state, command in {
        "staging_gate": "wardhouse check staging",
        "build": "wardhouse build --target clickhouse",
        "marts_gate": "wardhouse check marts --target clickhouse",
        "parity": "wardhouse parity",
    }.items():
        assert "– not run" in page.word(state)
        assert command in page.word(state)
    assert "nothing staged" in page.word("records")
    assert "Parity has not run" in page.text["parity"]


def test_records_that_do_not_add_up_and_faults_that_slip_through_are_told():
    counts = FULL.status.counts | {"labs": Counts(1_000, 999)}
    spoiled = replace(FULL, status=replace(FULL.status, counts=counts, injected={"wrong_type": 4}))
    page = quality(GOOD, spoiled)
    assert "✕ do not add up" in page.word("records")
    assert "see labs" in page.word("records")
    assert "✕ not as injected wrong_type" in page.word("faults")
    assert "differs" in page.text["injected"]


def data_of(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="site-data">(.*?)</script>', html, re.DOTALL)[1])


def test_charts_have_the_counts_of_the_results():
    data = data_of(quality_html(BAD, FULL, ""))["datasets"]
    assert data["tests_by_kind"]["columns"]["failed"]["values"] == [1]
    assert data["tests_by_kind"]["columns"]["tests"]["values"] == [3]
    assert data["quarantine"]["columns"]["records"]["values"] == [3]
    by_relation = data["expectations_by_relation"]["columns"]
    assert by_relation["expectations"]["values"] == [1, 1, 1]
    assert by_relation["outcome"]["words"] == ["fails", "holds"]


# --- what a failure leaves -------------------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    return tmp_path / "target"


@pytest.mark.parametrize("where", ["lake", "s3_lake"])
def test_a_shut_gate_names_a_page_that_has_the_failures(where, request, target):
    lake = request.getfixturevalue(where)
    with pytest.raises(GateFailed) as raised:
        settle_gate(lake, "staging", BAD.staging.outcomes, print, Target.duckdb)
    page = target / "site" / "quality.html"
    assert str(raised.value).endswith(f"all results are in {page}")
    read = Reader(page.read_text())
    assert STRANGE.split("\n")[0] in read.text["failures"]
    assert {path.name for path in (target / "site" / "assets").iterdir()} >= {"site.css", "site.js", "vega.js"}
    assert len(findings(lake, Target.duckdb).staging.outcomes) == 2


def test_a_page_alone_leads_only_to_pages_that_are_there(lake, target):
    path = write_quality(lake, BAD)
    assert re.findall(r'<a href="(\w+\.html)"', path.read_text()) == ["quality.html"]
    (path.parent / "operations.html").write_text("")
    assert re.findall(r'<a href="(\w+\.html)"', write_quality(lake, BAD).read_text()) == [
        "operations.html",
        "quality.html",
    ]


def test_no_parity_names_the_page(lake, target):
    with pytest.raises(GateFailed, match=r"all results are in .*quality\.html$"):
        settle_parity(lake, "DuckDB", BAD.parity.verdicts, print)
    assert "a < b" in Reader((target / "site" / "quality.html").read_text()).text["parity"]


def test_a_build_that_stops_before_any_step_is_kept(lake, target):
    dbt = Dbt(str(lake), duckdb_warehouse(building(lake)))
    named = pytest.raises(WarehouseError, match=r"^it <broke>\n  all results are in .*quality\.html$")
    with named, settled_build(lake, dbt, print):
        raise WarehouseError("it <broke>")
    found = findings(lake, Target.duckdb).build
    assert (found.error, found.is_published, found.nodes) == ("it <broke>", False, ())
    page = Reader((target / "site" / "quality.html").read_text())
    assert "it <broke>" in page.text["failures"]
    assert "dbt stopped before any step" in page.word("build")


def test_where_no_page_can_be_written_the_kept_results_are_named(lake, target):
    target.write_text("a file where a folder should be")
    with pytest.raises(GateFailed, match=r"all results are in .*state/results/staging\.json$"):
        settle_gate(lake, "staging", BAD.staging.outcomes, print, Target.duckdb)


def test_a_lake_that_cannot_be_written_still_gets_a_verdict(lake, target, monkeypatch):
    def refuse(*_: object) -> None:
        raise LakeError("it is read only")

    monkeypatch.setattr(type(lake), "write", refuse)
    said: list[str] = []
    settle_gate(lake, "staging", GOOD.staging.outcomes, said.append, Target.duckdb)
    assert said == ["results are not kept: it is read only"]
    with pytest.raises(GateFailed):
        settle_gate(lake, "staging", BAD.staging.outcomes, said.append, Target.duckdb)
    assert "shut" in Reader((target / "site" / "quality.html").read_text()).word("staging_gate")


# --- a lake of which something is gone -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dirty(tmp_path_factory, small_world) -> Lake:
    lake = Lake.at(tmp_path_factory.mktemp("dirty"))
    generate(lake, replace(small_world, days=4, dirty_share=0.02))
    stage(lake, contracts())
    for results in ALL:
        keep(lake, results)
    return lake


def test_a_lake_as_it_is_stands_on_both_pages(dirty):
    stands = standing(dirty, contracts())
    assert stands.missing == ()
    assert stands.staged_to == dict.fromkeys(["clinical", "operations", "robotics"], "2024-02-20")
    page = quality(findings(dirty, Target.duckdb), stands)
    assert "all accounted for" in page.word("records")
    assert "all caught" in page.word("faults")
    for refusal in stands.status.refusals:
        assert f"{refusal.raw_key}, line {refusal.line}" in page.text["reasons"]
    overview = Reader(overview_html(findings(dirty, Target.duckdb), stands, {}, ""))
    assert "4 days from 17 Feb 2024" in overview.text["main"]
    assert "20 Feb 2024" in overview.text["freshness"]


GONE = {
    "a quarantined file": (lambda lake: next((lake.root / "quarantine").rglob("*.parquet")).unlink(), "cannot be read"),
    "a damaged manifest": (lambda lake: lake.write(MANIFEST_KEY, b"{"), "was not written by this version"),
    "another world": (lambda lake: lake.write("state/world.json", b"[]"), "was not written by this version"),
}


@pytest.mark.parametrize("what", GONE)
def test_what_is_gone_from_a_lake_is_a_sentence_on_both_pages(dirty, tmp_path, what):
    shutil.copytree(dirty.root, tmp_path / "spoiled")
    lake = Lake.at(tmp_path / "spoiled")
    GONE[what][0](lake)
    found, stands = findings(lake, Target.duckdb), standing(lake, contracts())
    for page in (quality_html(found, stands, ""), overview_html(found, stands, {}, "")):
        assert "Part of the lake cannot be read: " in page
        assert "shut" in Reader(page).word("staging_gate")


# --- the Overview ----------------------------------------------------------------------------------------------------

ANSWERS = {
    "site_overview_rows": Dataset(
        {
            "layer_order": [1, 2], "layer_name": ["dimensions", "facts"],
            "relation_name": ["core.dim_patient", "core.fact_labs"], "relation_rows": [7, 8], "layer_rows": [7, 8],
        }
    ),
    "site_overview_freshness": Dataset(
        {"source_name": ["operations"], "first_day": [date(2024, 1, 1)], "last_day": [date(2024, 3, 29)]}
    ),
}  # fmt: skip


def test_the_overview_says_what_there_is():
    html = overview_html(GOOD, FULL, ANSWERS, "")
    page = Reader(html)
    told = " ".join(page.text["main"].split())
    for words in ("demo, seed 42", "2 facilities, 600 beds", "90 days from 1 Jan 2024", "30 Mar 2024"):
        assert words in told
    assert "1,105 raw = 1,100 staged + 2 duplicates + 3 quarantined" in page.word("records")
    assert "Built in DuckDB on 29 Feb 2024, 12:00 UTC." in page.text["freshness"]
    assert " ".join(page.text["freshness"].split()).endswith("operations 30 Mar 2024 30 Mar 2024 29 Mar 2024")
    assert data_of(html)["datasets"]["layers"]["columns"]["rows"]["values"] == [1_105, 1_100, 7, 8]
    for file in ("operations", "theatres", "clinical", "realism", "quality", "model"):
        assert html.count(f'href="{file}.html"') >= 2
    assert 'class="missing"' not in html.replace('<noscript><p class="missing">', "").replace(
        '<p class="missing" hidden>', ""
    )


def test_the_overview_counts_the_relations_of_the_summary():
    counted = re.findall(r'"(\w+\.\w+)"', (FOLDER / "site_overview_rows.sql").read_text())
    assert sorted(counted) == sorted(relation for relations in LAYERS.values() for relation in relations)


NOT_THERE = {
    "no world": (EMPTY, {}, "No world has been simulated: <code>wardhouse run</code>"),
    "nothing staged": (
        replace(FULL, status=replace(FULL.status, counts={}), staged_to={}),
        {},
        "Nothing is staged: <code>wardhouse stage</code>",
    ),
    "no warehouse": (
        FULL,
        {"site_overview_rows": Dataset({}, "core.<dim> does not exist")},
        "or only in part (core.&lt;dim&gt; does not exist): <code>wardhouse build</code>",
    ),
}


@pytest.mark.parametrize("what", NOT_THERE)
def test_what_there_is_not_is_told_with_the_command_that_makes_it(what):
    stands, answers, said = NOT_THERE[what]
    html = overview_html(Findings(Target.duckdb), stands, answers, "")
    Reader(html)
    assert said in html


def test_a_shut_gate_of_the_command_names_the_page(dirty, tmp_path, target):
    shutil.copytree(dirty.root, tmp_path / "spoiled")
    path = next((tmp_path / "spoiled" / "staging" / "admissions").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    done = CliRunner().invoke(app, ["check", "staging", "--lake", str(tmp_path / "spoiled")])
    assert done.exit_code == 1
    assert f"all results are in {target / 'site' / 'quality.html'}" in done.stderr
    assert path.name in Reader((target / "site" / "quality.html").read_text()).text["failures"]
