"""The data model's pages, from manifests that are made here: what they say, and what they never do."""

import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_manifest import CATALOG, MANIFEST, column, generic_test, model, relationship

from loaders.errors import WarehouseError
from loaders.site.model.counts import count_rows
from loaders.site.model.docs import (
    LARGEST,
    as_text,
    dbt_shell,
    docs_page,
    slim_manifest,
    without_source_maps,
    written,
)
from loaders.site.model.entities import diagrams
from loaders.site.model.lineage import Edge, trace
from loaders.site.model.pages import columns_page, dictionary_page, model_page, with_code, write_model_pages
from loaders.site.model.relations import read_artifact, read_model, split_grain, with_rows
from loaders.site.model.units import unit
from loaders.targets import duckdb_warehouse

FACT, STAY, STAGED, SOURCE = "model.p.fact_stays", "model.p.int_stays", "model.p.stg_a__stays", "source.p.a.stays"
NASTY = '<script>alert("1")</script> & O\'Hara 🏥 {{ 1 }}'


class Texts(HTMLParser):
    """The text of a page outside scripts, and the names of its elements."""

    def __init__(self, page: str):
        super().__init__()
        self.inside: list[str] = []
        self.said, self.elements = "", []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" not in self.inside:
            self.said += data


def upstream(manifest: dict[str, Any], relation: str, name: str) -> tuple[Edge, ...]:
    return trace(read_model(manifest, CATALOG)).upstream[relation, name]


# --- relations --------------------------------------------------------------------------------------------------------


def test_a_relation_has_its_layer_domain_grain_and_key():
    told = read_model(MANIFEST, CATALOG).relations
    assert [(told[key].layer, told[key].domain) for key in (FACT, STAGED, SOURCE)] == [
        ("fact", "operations"),
        ("staging", "a"),
        ("source", "a"),
    ]
    assert (told[FACT].grain, told[FACT].description) == ("stay", "Stays in a bed.")
    assert told[FACT].keys == ("stay_id",)
    assert told[SOURCE].keys == ("stay_id", "extract_date")
    assert told["model.p.mart_days"].keys == ("ward", "day")
    assert told["model.p.mart_days"].rules == ("stays >= 0", "unique together: ward, day")


def test_columns_come_in_the_order_of_the_catalog_with_units_tests_and_references():
    fact = read_model(MANIFEST, CATALOG).relations[FACT]
    assert [each.name for each in fact.columns] == ["stay_id", "ward_key", "wait_minutes", "heart_rate", "extra"]
    columns = {each.name: each for each in fact.columns}
    assert (columns["wait_minutes"].unit, columns["wait_minutes"].checks) == ("minutes", ("at least 0",))
    assert columns["heart_rate"].unit == "beats a minute"
    assert columns["ward_key"].reference is not None
    assert columns["ward_key"].reference.relation == "model.p.dim_ward"
    assert columns["stay_id"].is_required
    assert columns["stay_id"].is_unique
    assert columns["extra"].description == ""


def test_the_grain_is_the_last_sentence_or_what_meta_says():
    assert split_grain("Days. One row per ward and day.", {}) == ("Days.", "ward and day")
    assert split_grain("One row per day.", {}) == ("", "day")
    assert split_grain("Days. One row per day.", {"grain": "hour"}) == ("Days.", "hour")
    assert split_grain("One row per day. And more.", {}) == ("One row per day. And more.", "")
    assert split_grain("Of a source. One row per event.", {"grain": ["event_id"]}) == ("Of a source.", "event")


@pytest.mark.parametrize(
    ("name", "type_", "said"),
    [
        ("wait_minutes", "double precision", "minutes"),
        ("list_price_gbp_k", "integer", "thousand GBP"),
        ("waits_over_4_hours", "bigint", ""),
        ("is_wait_over_4_hours", "boolean", ""),
        ("mean_occupancy_rate_7_days", "double", "share of 1"),
        ("waiting_patients_yesterday", "integer", "patients"),
        ("hours_to_first_5", "double", "hours"),
        ("heart_rate", "integer", "beats"),
        ("delay_minutes", "varchar(4)", ""),
        ("beds", "nullable(int32)", "beds"),
    ],
)
def test_a_unit_is_read_from_the_name_of_a_number(name, type_, said):
    assert unit(name, type_, {"heart_rate": "beats"}) == said


def test_what_the_catalog_lacks_is_said():
    assert read_model(MANIFEST, CATALOG).missing == ()
    assert "has no tables" in read_model(MANIFEST, None).missing[0]
    assert "has no tables" in read_model(MANIFEST, {"nodes": {}, "sources": {}}).missing[0]
    fewer = deepcopy(CATALOG)
    del fewer["nodes"]["model.p.mart_days"]
    assert "mart_days" in read_model(MANIFEST, fewer).missing[0]
    del fewer["nodes"][FACT]["columns"]["heart_rate"]
    relation = read_model(MANIFEST, fewer).relations[FACT]
    assert [each.name for each in relation.columns if not each.is_there] == ["heart_rate"]


def test_an_artifact_that_is_none_is_refused_in_one_line(tmp_path):
    path = tmp_path / "manifest.json"
    for content in (None, "", "[]", "{", '{"nodes": {}}', b"\xff\xfe"):
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(WarehouseError, match="wardhouse docs") as raised:
            read_artifact(path)
        assert "\n" not in str(raised.value)


# --- lineage ----------------------------------------------------------------------------------------------------------


def test_lineage_goes_through_joins_unions_and_windows_to_the_columns_that_a_value_is_made_of():
    assert upstream(MANIFEST, STAGED, "stay_id") == (Edge(SOURCE, "stay_id", True),)
    assert upstream(MANIFEST, STAY, "wait_seconds") == (
        Edge(STAGED, "admitted_at", False),
        Edge(STAGED, "requested_at", False),
    )
    assert upstream(MANIFEST, FACT, "wait_minutes") == (Edge(STAY, "wait_seconds", False),)
    assert upstream(MANIFEST, FACT, "ward_key") == (Edge("model.p.dim_ward", "ward_key", False),)
    assert upstream(MANIFEST, FACT, "stay_id") == (Edge(STAY, "stay_id", True),)
    assert upstream(MANIFEST, "model.p.mart_days", "stays") == ()


def test_a_snapshot_passes_columns_and_its_own_come_from_the_time_it_goes_by():
    key = "snapshot.p.ward_versions"
    assert upstream(MANIFEST, key, "ward") == (Edge(STAGED, "ward", True),)
    assert upstream(MANIFEST, key, "dbt_valid_from") == (Edge(STAGED, "admitted_at", True),)
    assert upstream(MANIFEST, key, "dbt_scd_id") == (
        Edge(STAGED, "admitted_at", False),
        Edge(STAGED, "ward", False),
    )


def test_a_model_that_reads_itself_is_read():
    manifest = deepcopy(MANIFEST)
    manifest["nodes"][FACT]["compiled_code"] += (
        ' where stays.stay_id not in (select stay_id from "w"."core"."fact_stays")'
    )
    assert upstream(manifest, FACT, "stay_id") == (Edge(STAY, "stay_id", True),)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "not compiled"),
        ("select from where", "."),
        ("create table x (a int)", "SELECT"),
        ('select stay_id, ward_key, wait_minutes, heart_rate, extra from "w"."core"."elsewhere"', "dbt does not know"),
        ("select 1 as stay_id", "no column ward_key"),
    ],
)
def test_what_cannot_be_read_is_named_on_the_page_and_ends_nothing_else(code, why):
    manifest = deepcopy(MANIFEST)
    manifest["nodes"][FACT]["compiled_code"] = code
    told = read_model(manifest, CATALOG)
    lineage = trace(told)
    assert list(lineage.unread) == [FACT]
    assert why in lineage.unread[FACT]
    assert lineage.upstream[STAY, "stay_id"]
    page = Texts(columns_page(told, lineage, "")).said
    assert "1 of 6 relations could not be read" in page
    assert "fact_stays" in page
    assert "All 6 models and snapshots are read" in Texts(columns_page(*_traced(MANIFEST), "")).said


def test_lineage_is_the_same_in_the_sql_of_each_engine():
    of_duckdb = trace(read_model(MANIFEST, CATALOG))
    for adapter in ("clickhouse", "redshift"):
        manifest = deepcopy(MANIFEST)
        manifest["metadata"]["adapter_type"] = adapter
        for node in manifest["nodes"].values():
            if adapter == "clickhouse" and node.get("compiled_code"):
                node["compiled_code"] = re.sub(r'"w"\."(\w+)"\."(\w+)"', r"`\1`.`\2`", node["compiled_code"])
        assert trace(read_model(manifest, CATALOG)) == of_duckdb


def test_an_engine_without_a_dialect_is_said_and_not_a_failure():
    manifest = deepcopy(MANIFEST)
    manifest["metadata"]["adapter_type"] = "abacus"
    lineage = trace(read_model(manifest, CATALOG))
    assert set(lineage.unread.values()) == {"SQL of abacus is not read here"}
    assert "6 relations could not be read" in Texts(model_page(read_model(manifest, CATALOG), lineage, "")).said


# --- diagrams ---------------------------------------------------------------------------------------------------------


def test_a_diagram_shows_keys_and_tells_each_join_with_its_cardinality():
    (diagram,) = diagrams(read_model(MANIFEST, CATALOG))
    assert {box.relation.name for box in diagram.boxes} == {"fact_stays", "dim_ward"}
    assert [row.name for box in diagram.boxes if box.relation.name == "fact_stays" for row in box.rows] == [
        "stay_id",
        "ward_key",
    ]
    assert [(join.of.name, join.column.name, join.to.name, join.key, join.says) for join in diagram.joins] == [
        ("fact_stays", "ward_key", "dim_ward", "ward_key", "many to one or none")
    ]


def test_a_key_that_stands_for_several_versions_is_many_to_many():
    manifest = deepcopy(MANIFEST)
    manifest["nodes"]["test.p.business"] = relationship("fact_stays", "stay_id", "dim_ward", "ward")
    (diagram,) = diagrams(read_model(manifest, CATALOG))
    assert {join.column.name: join.says for join in diagram.joins}["stay_id"] == "one to many"


def test_no_box_of_a_diagram_lies_on_another_and_all_lie_within(real_manifest, real_catalog):
    drawn = diagrams(read_model(real_manifest, real_catalog))
    assert [diagram.name for diagram in drawn] == ["operations", "clinical", "robotics"]
    for diagram in drawn:
        for box in diagram.boxes:
            assert box.left >= 0
            assert box.top >= 0
            assert box.right <= diagram.width
            assert box.top + box.height <= diagram.height
        for a, b in combinations(diagram.boxes, 2):
            apart = a.right <= b.left or b.right <= a.left or a.top + a.height <= b.top or b.top + b.height <= a.top
            assert apart, (a.relation.name, b.relation.name)


def test_a_project_without_facts_has_no_diagram_and_says_so():
    manifest = deepcopy(MANIFEST)
    manifest["nodes"] = {key: node for key, node in manifest["nodes"].items() if "fact" not in key}
    page = Texts(model_page(*_traced(manifest), "")).said
    assert "there is no star to draw" in page
    nothing = {"metadata": {"adapter_type": "duckdb"}, "nodes": {}, "sources": {}}
    assert "has no relations" in Texts(dictionary_page(read_model(nothing), "")).said
    assert columns_page(*_traced(nothing), "")


# --- pages ------------------------------------------------------------------------------------------------------------


def test_the_dictionary_has_every_column_with_its_meaning_without_a_script():
    told = with_rows(read_model(MANIFEST, CATALOG), {FACT: 12345})
    page = dictionary_page(told, "")
    said = " ".join(Texts(page).said.split())
    for relation in told.at("source", "seed", "snapshot", "fact", "dimension", "mart"):
        for each in relation.columns:
            assert each.name in said
            assert each.description in said
    assert "One row per stay" in said
    assert "12,345 rows" in said
    assert "rows not counted" in said
    assert page.count("<tr id=") == len(set(re.findall(r'<tr id="[^"]+"', page)))
    assert 'id="a.stays.stay_id"' in page


def test_what_cannot_be_counted_leaves_other_counts(tmp_path):
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema core")
        connection.execute("create table core.fact_stays as select 1 as stay_id from range(3)")
        connection.execute("create schema landing")
        connection.execute("create table landing.other as select 1 as a")
    told = read_model(MANIFEST, CATALOG)
    assert count_rows(duckdb_warehouse(path), told, ("source", "mart", "fact")) == {FACT: 3}
    assert count_rows(duckdb_warehouse(tmp_path / "none.duckdb"), told, ("fact",)) == {}


def test_text_between_backticks_is_code_and_nothing_else_is_markup():
    assert with_code("of `a_b` & <i>") == "of <code>a_b</code> &amp; &lt;i&gt;"
    assert with_code("`<b>`") == "<code>&lt;b&gt;</code>"
    assert with_code("one ` alone <") == "one ` alone &lt;"


def test_names_and_descriptions_are_text_on_every_page():
    manifest = deepcopy(MANIFEST)
    fact = manifest["nodes"][FACT]
    fact["description"] = f"{NASTY} One row per {NASTY}."
    fact["columns"]["wait_minutes"]["description"] = f"`{NASTY}` {NASTY}"
    fact["columns"]["wait_minutes"]["meta"] = {"unit": NASTY}
    manifest["nodes"]["test.p.nasty"] = generic_test("fact_stays", "accepted_values", "stay_id", values=[NASTY])
    manifest["exposures"]["exposure.p.dashboard_x"]["label"] = NASTY
    told, lineage = _traced(manifest)
    clean = [
        Texts(page).elements
        for page in (dictionary_page(_traced(MANIFEST)[0], ""), columns_page(*_traced(MANIFEST), ""))
    ]
    pages = [dictionary_page(told, NASTY), columns_page(told, lineage, NASTY), model_page(told, lineage, NASTY)]
    for page in pages:
        assert NASTY in Texts(page).said
        assert "<script>alert" not in page
    assert [Texts(page).elements.count("script") for page in pages[:2]] == [each.count("script") for each in clean]
    data = re.search(r'<script type="application/json" id="lineage-data">(.*?)</script>', pages[1], re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["exposures"][0]["title"] == NASTY


def test_the_same_artifacts_make_the_same_pages_in_any_order(tmp_path):
    pages = []
    for folder, turned in (("a", False), ("b", True)):
        manifest = deepcopy(MANIFEST)
        if turned:
            for kind in ("nodes", "sources", "exposures"):
                manifest[kind] = dict(reversed(manifest[kind].items()))
        pages.append({path.name: path.read_bytes() for path in _written(tmp_path / folder, manifest, CATALOG)})
    assert pages[0] == pages[1]
    assert set(pages[0]) == {"model.html", "columns.html", "dictionary.html", "dbt.html"}


def test_pages_without_a_catalog_say_what_is_missing(tmp_path):
    for path in _written(tmp_path / "site", MANIFEST, None, missing="there is no warehouse yet"):
        if path.name != "dbt.html":
            said = Texts(path.read_text()).said
            assert "there is no warehouse yet" in said
            assert "catalog has no tables" in said
    with pytest.raises(WarehouseError, match="wardhouse docs"):
        write_model_pages(tmp_path, tmp_path / "none.json", tmp_path / "none.json", "")


# --- dbt's docs -------------------------------------------------------------------------------------------------------


def test_dbt_docs_keep_columns_tests_code_and_lineage_and_lose_what_nobody_reads():
    slim = slim_manifest(MANIFEST, has_compiled=True)
    fact = slim["nodes"][FACT]
    assert fact["raw_code"]
    assert fact["compiled_code"]
    assert [each["short"] for each in fact["columns"]["stay_id"]["tests"]] == ["N", "U"]
    foreign = fact["columns"]["ward_key"]["tests"][0]
    assert (foreign["fk_field"], foreign["fk_model"]["unique_id"]) == ("ward_key", "model.p.dim_ward")
    assert fact["columns"]["wait_minutes"]["tests"][0]["label"] == 'accepted_range({"minimum": 0})'
    assert "checksum" not in fact
    assert "test.p.fact_stays.not_null.stay_id" not in slim["nodes"]
    assert "test.p.mart_days.holds." in slim["nodes"]
    assert slim["parent_map"][FACT] == ["model.p.dim_ward", STAY]
    assert "compiled_code" not in slim_manifest(MANIFEST, has_compiled=False)["nodes"][FACT]
    assert MANIFEST["nodes"][FACT]["columns"]["stay_id"].get("tests") is None


def test_the_page_of_dbt_asks_nobody_and_has_no_markup_in_descriptions():
    manifest = deepcopy(MANIFEST)
    manifest["nodes"][FACT]["description"] = NASTY
    page = docs_page(dbt_shell(), manifest, CATALOG, "model.html")
    assert "connect-src 'none'" in page
    assert "cloudfront" not in page
    assert "getdbt.com/" not in re.findall(r"<(?:link|script|img)[^>]*>", page)
    assert 'href="model.html"' in page
    assert "INLINE DATA" not in page
    assert page.count("</script>") == dbt_shell().count("</script>")
    assert as_text(NASTY).startswith("&lt;script>")
    assert "\\u003cscript" not in page


def test_compiled_sql_is_left_out_where_the_page_would_be_too_large():
    whole = docs_page(dbt_shell(), MANIFEST, CATALOG, "x", LARGEST)
    less = docs_page(dbt_shell(), MANIFEST, CATALOG, "x", len(whole.encode()) - 1)
    assert '"compiled_code":' in whole
    assert '"compiled_code":' not in less


def test_a_shell_of_another_make_is_refused():
    with pytest.raises(WarehouseError, match="dbt-core"):
        docs_page("<html></html>", MANIFEST, CATALOG, "x")


def test_source_maps_are_cut_and_nothing_beside_them():
    script = """a=["b{",{version:3,sources:["x}"],c:'}"',d:`{`,e:{f:1}}];g={version:2}"""
    assert without_source_maps(script) == """a=["b{",null];g={version:2}"""
    assert without_source_maps("a={version:2}") == "a={version:2}"


def test_json_in_a_script_cannot_end_it():
    assert json.loads(written({"a": "</script>\u2028&🏥"})) == {"a": "</script>\u2028&🏥"}
    assert not re.search("[<>&\u2028]", written({"a": "</script>\u2028&"}))


def _traced(manifest: dict[str, Any]) -> tuple[Any, Any]:
    told = read_model(manifest, CATALOG)
    return told, trace(told)


def _written(folder: Path, manifest: dict[str, Any], catalog: dict[str, Any] | None, **more: Any) -> list[Path]:
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if catalog is not None:
        (folder / "catalog.json").write_text(json.dumps(catalog))
    return write_model_pages(folder, folder / "manifest.json", folder / "catalog.json", "Of a test.", **more)


# --- this project -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(site_artifacts: tuple[Path, Path]) -> tuple[dict[str, Any], dict[str, Any]]:
    manifest, catalog = site_artifacts
    return read_artifact(manifest), read_artifact(catalog)


@pytest.fixture(scope="module")
def real_manifest(real: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return real[0]


@pytest.fixture(scope="module")
def real_catalog(real: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return real[1]


def test_every_column_of_this_project_is_traced_to_sources_seeds_rows_or_constants(real_manifest, real_catalog):
    told = read_model(real_manifest, real_catalog)
    lineage = trace(told)
    assert lineage.unread == {}
    assert told.missing == ()
    for relation in told.relations.values():
        if relation.layer in ("source", "seed"):
            continue
        for each in relation.columns:
            for edge in lineage.upstream[relation.id, each.name]:
                assert edge.relation in relation.reads, (relation.name, each.name)
    counted = {name for (_, name), edges in lineage.upstream.items() if not edges}
    assert len(counted) < 40
    assert not {name for name in counted if name.endswith(("_id", "_key", "_minutes", "_at", "_date"))}


def test_waits_are_made_of_the_request_and_the_admission(real_manifest, real_catalog):
    told = read_model(real_manifest, real_catalog)
    lineage = trace(told)
    reached, waiting = set(), [("model.wardhouse.waiting_time_percentiles", "p90_wait_minutes")]
    while waiting:
        relation, name = waiting.pop()
        reached.add(f"{told.relations[relation].place}.{name}")
        waiting += [(edge.relation, edge.column) for edge in lineage.upstream.get((relation, name), ())]
    assert reached == {
        "operations.waiting_time_percentiles.p90_wait_minutes",
        "core.fact_admissions.wait_minutes",
        "intermediate.int_stays.wait_seconds",
        "staging.stg_operations__admissions.admitted_at",
        "staging.stg_operations__admissions.requested_at",
        "landing.admissions.event_time",
        "landing.admissions.request_time",
    }


def test_this_project_says_of_every_relation_what_a_row_is_and_of_every_column_what_it_means(
    real_manifest, real_catalog
):
    told = read_model(real_manifest, real_catalog)
    assert [each.name for each in told.relations.values() if not each.grain] == []
    assert [each.name for each in told.relations.values() if not each.keys and each.layer != "staging"] == []
    assert [(each.name, of.name) for each in told.relations.values() for of in each.columns if not of.description] == []


def test_helpers_make_nodes_as_dbt_does(real_manifest):
    made = model("x", "select 1 as a", columns=[column("a")])
    like = real_manifest["nodes"]["model.wardhouse.fact_admissions"]
    assert set(made) <= set(like)
