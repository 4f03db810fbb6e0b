"""The dbt project and the repository, held against their own rules."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loaders.ask import questions
from loaders.project import PROJECT
from loaders.site.build import dashboards
from loaders.site.datasets import CHOICES, analyses
from loaders.site.pages import overview
from loaders.summary import LAYERS
from loaders.warehouse import LAYOUT

SOURCES = [
    path
    for folder in ("loaders", "models", "analyses", "macros", "snapshots", "seeds", "tests", "benchmarks", "docs")
    for path in (PROJECT / folder).glob("**/*")
    if path.is_file() and "__pycache__" not in path.parts
]


EVERYTHING_IS_AN_ERROR = [
    "--warn-error-options",
    '{"error": "all", "silence": ["CustomKeyInConfigDeprecation", "DeprecationsSummary"]}',
]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> dict:
    target = tmp_path_factory.mktemp("target")
    settings = {**os.environ, "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [str(dbt), "parse", "--no-partial-parse", "--show-all-deprecations", *EVERYTHING_IS_AN_ERROR],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env=settings,
    )
    assert done.returncode == 0, done.stdout
    assert "eprecat" not in done.stdout
    return json.loads((target / "manifest.json").read_text())


def test_dbt_parses_without_a_warning_or_a_deprecation(manifest):
    assert len(manifest["nodes"]) > 700


def test_every_relation_and_every_column_is_described(manifest):
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        if node["resource_type"] in ("model", "seed", "snapshot", "source"):
            assert node["description"].strip(), node["name"]
            assert node["columns"], node["name"]
            for column in node["columns"].values():
                assert column["description"].strip(), (node["name"], column["name"])


def test_every_model_states_its_grain(manifest):
    for node in manifest["nodes"].values():
        if node["resource_type"] in ("model", "seed", "snapshot"):
            last = re.split(r"(?<=[.])\s+", node["description"].strip())[-1]
            assert last.startswith("One row per "), (node["name"], last)


def test_a_run_asks_for_every_required_column(manifest):
    """`wardhouse run` leaves not_null tests out for no_required_nulls, which asks for the same columns at once."""
    asked: dict[str, set[str]] = {"not_null": set(), "no_required_nulls": set()}
    for node in manifest["nodes"].values():
        name = (node.get("test_metadata") or {}).get("name")
        if name in asked and node["attached_node"]:
            asked[name].add(node["attached_node"])
    assert len(asked["not_null"]) > 40
    assert asked["not_null"] == asked["no_required_nulls"]


def test_every_singular_test_is_described(manifest):
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and not node.get("test_metadata"):
            assert node["description"].strip(), node["name"]


def test_what_analyses_ask_is_said_alike_in_the_file_and_in_the_docs(manifest):
    for node in manifest["nodes"].values():
        if node["resource_type"] == "analysis":
            heading = re.match(r"(?:-- .*\n)+", node["raw_code"])
            assert heading, node["name"]
            asked = " ".join(line.removeprefix("-- ") for line in heading[0].splitlines())
            assert " ".join(node["description"].split()) == asked, node["name"]
            assert asked.endswith("?"), node["name"]


def test_every_dashboard_is_an_exposure_of_the_marts_that_it_shows(manifest):
    exposures = {exposure["name"]: exposure for exposure in manifest["exposures"].values()}
    asked = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "analysis"}
    shown = set()
    pages = [(page, {*page.datasets(), *(CHOICES if page.has_filters else ())}) for page in dashboards()]
    for page, names in [*pages, (overview.PAGE, set(overview.ANALYSES))]:
        shown |= names
        wanted = {parent for name in names for parent in asked[name]["depends_on"]["nodes"]}
        exposure = exposures.pop(f"dashboard_{page.name}")
        assert sorted(exposure["depends_on"]["nodes"]) == sorted(wanted), page.name
        assert exposure["label"] == page.title
        assert exposure["description"].strip(), page.name
        assert all("marts" in manifest["nodes"][name]["fqn"] for name in wanted), page.name
    assert exposures == {}
    assert shown == set(analyses()), "analyses that no page shows, or the other way round"


def test_there_are_fifteen_questions():
    assert [question.number for question in questions()] == list(range(1, 16))
    assert all(question.asked.endswith("?") for question in questions())


def test_contracts_are_enforced_on_every_mart(manifest):
    marts = [node for node in manifest["nodes"].values() if node["resource_type"] == "model" and "marts" in node["fqn"]]
    assert len(marts) >= 22
    for node in marts:
        assert node["config"]["contract"]["enforced"], node["name"]
        for column in node["columns"].values():
            assert column["data_type"], (node["name"], column["name"])


def test_facts_refer_to_every_dimension_they_name(manifest):
    references = {
        (node["attached_node"].rpartition(".")[2], node["column_name"])
        for node in manifest["nodes"].values()
        # tests of sources are attached to no node
        if node.get("attached_node") and (node.get("test_metadata") or {}).get("name") == "relationships"
    }
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["name"].startswith("fact_"):
            for column in node["columns"]:
                if column.endswith("_key"):
                    assert (node["name"], column) in references, (node["name"], column)


def test_the_summary_counts_every_mart(manifest):
    listed = {relation for relations in LAYERS.values() for relation in relations}
    marts = {
        f"{node['schema']}.{node['name']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and "marts" in node["fqn"]
    }
    assert listed == marts


ENGINE_WORDS = {
    "which engine it is": r"target\.(type|name)|adapter\.(type|dispatch)|duckdb|clickhouse|redshift",
    "types under one engine's name": r"\bas (timestamp|date|double|text|string|float|Nullable|Int32|String)\b\s*\)",
    "functions of some engines": r"\b(quantile\w*|percentile_cont|median|strftime|to_char|date_diff|datediff|date_part"
    r"|epoch\w*|try_cast|ifnull|nvl|iff|array_agg|string_agg|listagg|list|to[A-Z]\w+|getdate|now|uniq(Exact|Combined|Theta)?|any_value)\(",
    "lead and lag but by macro": r"(?<!\{ )\b(lead|lag)\(",
    "clauses of some engines": r"\bfilter\s*\(\s*where|\bqualify\b|distinct on|::|\bgroup by all\b|\busing\s*\(",
}


@pytest.mark.parametrize("what", ENGINE_WORDS)
def test_models_know_no_engine(what):
    for folder in ("models", "analyses", "tests/data", "tests/generic", "snapshots"):
        for path in PROJECT.glob(f"{folder}/**/*.sql"):
            code = re.sub(r"--.*", "", re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL))
            found = re.search(ENGINE_WORDS[what], code, re.IGNORECASE if what == "which engine it is" else 0)
            assert not found, (path, found)


def test_a_column_of_a_joined_table_carries_its_name():
    """ClickHouse would name it `table.column` wherever two tables of the join have it."""
    for path in [*PROJECT.glob("models/**/*.sql"), *PROJECT.glob("analyses/**/*.sql")]:
        for selected in re.findall(r"\bselect\b(.*?)\bfrom\b", path.read_text(), re.DOTALL):
            assert not re.search(r"^\s*\w+\.\w+,?$", selected, re.MULTILINE), (path, selected)


def test_the_layout_is_the_same_in_python_and_in_dbt():
    text = (PROJECT / "macros/landing/guard_warehouse.sql").read_text()
    assert f"{{{{ return({LAYOUT}) }}}}" in text


def test_every_macro_that_differs_by_engine_is_explained():
    macros = "".join(path.read_text() for path in PROJECT.glob("macros/**/*.sql"))
    told = (PROJECT / "docs/warehouses.md").read_text()
    names = set(re.findall(r"macro (?:default|duckdb|clickhouse|redshift)__(\w+)\(", macros))
    assert len(names) > 15
    assert not {name for name in names if f"`{name}`" not in told}


def test_a_cluster_of_clickhouse_is_one_setting(tmp_path):
    settings = {
        **os.environ,
        "DBT_TARGET_PATH": str(tmp_path),
        "DBT_LOG_PATH": str(tmp_path),
        "WARDHOUSE_DUCKDB": str(tmp_path / "w.duckdb"),
        "WARDHOUSE_LAKE": "s3://bucket/prefix",
        "WARDHOUSE_CLICKHOUSE_CLUSTER": "hospital",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    settings.pop("AWS_ENDPOINT_URL_S3", None)
    dbt = str(Path(sys.executable).with_name("dbt"))
    inline = "{{ clickhouse_reader('{a,b}.parquet', 'Parquet', 'n Nullable(Int32)') }}"
    done = subprocess.run(
        [dbt, "--quiet", "compile", "--inline", inline], cwd=PROJECT, capture_output=True, text=True, env=settings
    )
    assert done.stdout.strip().endswith(
        "s3Cluster('hospital', 's3://bucket/prefix/{a,b}.parquet', 'Parquet', 'n Nullable(Int32)')"
    ), done.stdout
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    engines = {
        node["config"]["engine"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] in ("table", "incremental")
    }
    assert engines == {"ReplicatedMergeTree()"}


def test_nothing_unfinished_is_left():
    unfinished = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
    for path in SOURCES:
        if path.suffix in (".py", ".sql", ".yml", ".md"):
            assert not unfinished.search(path.read_text()), path


def test_no_secret_and_no_place_of_one_machine_is_written_down():
    for path in [*SOURCES, *PROJECT.glob("requirements/*.txt"), PROJECT / "README.md", PROJECT / "Makefile"]:
        if path.suffix in (".py", ".sql", ".yml", ".md", ".txt", ""):
            text = path.read_text()
            assert str(PROJECT) + "/" not in text, path
            assert not re.search(r"https?://[^\s)\"]*/simple", text), path
            assert not re.search(r"(AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY)", text), path


def test_telemetry_is_off_in_code():
    assert "send_anonymous_usage_stats: false" in (PROJECT / "dbt_project.yml").read_text()
    assert '"DO_NOT_TRACK": "1"' in (PROJECT / "loaders/warehouse.py").read_text()
    assert 'os.environ["GX_ANALYTICS_ENABLED"] = "false"' in (PROJECT / "loaders/quality/gates.py").read_text()
    assert "main.UpdateChecker = _NoUpdates" in (PROJECT / "loaders/metrics.py").read_text()


def test_locks_are_of_one_piece():
    pins = {}
    for name in ("run", "local", "dev", "bench"):
        text = (PROJECT / f"requirements/{name}.txt").read_text()
        assert "--hash=sha256:" in text
        pins[name] = set(re.findall(r"^([a-z0-9._-]+==[^ ;\\]+)", text, re.MULTILINE))
    assert pins["run"] <= pins["local"] <= pins["dev"] <= pins["bench"]
    wanted = {"dbt-core==1.11.", "duckdb==1.5.5", "sqlalchemy==2.0.", "numpy==2.4.6"}
    for want in wanted:
        assert any(pin.startswith(want) for pin in pins["run"]), want


def test_links_in_the_documents_lead_somewhere():
    for path in [PROJECT / "README.md", *PROJECT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", path.read_text()):
            if not link.startswith(("http", "mailto")):
                assert (path.parent / link).exists(), (path, link)
