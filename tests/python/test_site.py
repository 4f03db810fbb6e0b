"""Pages as files: what they hold is what the warehouse said, and nothing in it can become code."""

import json
import threading
import urllib.request
from datetime import date, datetime
from decimal import Decimal
from queue import Queue

import altair as alt
import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.errors import ServiceError
from loaders.site.build import dashboards
from loaders.site.charts import chart
from loaders.site.datasets import Dataset, analyses, ask_all, packed
from loaders.site.figures import Column, Figure, Page, Tile
from loaders.site.render import dashboard, json_in_html
from loaders.site.serve import serve
from loaders.targets import duckdb_warehouse

PAGE = Page(
    name="small",
    title="Small <b>",
    intro='As "they" say & do.',
    tiles=(Tile("all", "All", "some", "n", "integer"),),
    figures=(
        Figure(
            name="bars",
            title="Bars",
            reading="Longer is more.",
            chart=chart(alt.Step(20)).mark_bar().encode(alt.X("n:Q"), alt.Y("name:N")),
            dataset="some",
            columns=(Column("name", "Name"), Column("n", "Number", "integer")),
        ),
    ),
)


def unpacked(column: dict) -> list:
    return [column["words"][at] for at in column["rows"]] if "words" in column else column["values"]


@given(st.lists(st.none() | st.text()))
def test_texts_come_out_of_a_page_as_they_went_in(texts):
    text = str(json_in_html(packed(Dataset({"name": texts}))))
    assert "<" not in text
    assert unpacked(json.loads(text)["name"]) == texts


@given(st.lists(st.none() | st.floats() | st.integers(-(10**6), 10**6)))
def test_numbers_keep_seven_digits_and_what_is_none_is_null(numbers):
    found = unpacked(json.loads(str(json_in_html(packed(Dataset({"n": numbers})))))["n"])
    for value, number in zip(found, numbers, strict=True):
        if number is None or number != number or number in (float("inf"), float("-inf")):
            assert value is None
        else:
            assert value == pytest.approx(number, rel=1e-6)


def test_days_times_and_money_are_text_and_numbers():
    row = {"d": [date(2024, 2, 29)], "t": [datetime(2024, 2, 29, 23, 59)], "m": [Decimal("12.50")], "b": [True]}
    found = {name: unpacked(column) for name, column in packed(Dataset(row)).items()}
    assert found == {"d": ["2024-02-29"], "t": ["2024-02-29 23:59"], "m": [12.5], "b": [True]}


def test_a_page_is_told_by_its_parts_and_escapes_them():
    some = Dataset({"name": ["</script><script>alert(1)</script>"], "n": [1]})
    text = dashboard(PAGE, {"some": some}, {"facility": [("F01", "<i>")], "period": []}, "The world & all.")
    assert "Small &lt;b&gt;" in text
    assert "The world &amp; all." in text
    assert text.count("<script") == 3
    assert "alert(1)<" not in text
    data = json.loads(text.partition('id="site-data">')[2].partition("</script>")[0])
    assert data["figures"][0]["bands"] == {"field": "name", "pixels": 20}
    assert unpacked(data["datasets"]["some"]["columns"]["n"]) == [1]


def test_what_a_warehouse_cannot_answer_is_missing_and_the_rest_is_there(tmp_path):
    path = tmp_path / "w.duckdb"
    duckdb.connect(str(path)).execute("create table t as select 1 as n").close()
    found = ask_all(duckdb_warehouse(path), {"a": "select n from u", "b": "select n from t", "c": "selec"})
    assert "u does not exist" in found["a"].missing
    assert found["b"] == Dataset({"n": [1]})
    assert found["c"].missing
    assert "\n" not in found["c"].missing


@pytest.mark.parametrize("page", dashboards(), ids=lambda page: page.name)
def test_dashboards_are_whole(page):
    assert set(page.datasets()) <= set(analyses())
    for some in (page.figures, page.tiles):
        assert len({each.name for each in some}) == len(some)
    for figure in page.figures:
        assert figure.reading.endswith("."), figure.name
        assert figure.columns, figure.name


def test_the_site_is_served_on_this_machine_only(tmp_path):
    (tmp_path / "index.html").write_text("<h1>here</h1>")
    address: Queue[str] = Queue()
    threading.Thread(target=serve, args=(tmp_path, 0, address.put), daemon=True).start()
    where = address.get(timeout=10)
    assert where.startswith("http://127.0.0.1:")
    assert urllib.request.urlopen(where).read() == b"<h1>here</h1>"
    with pytest.raises(ServiceError, match="give another --port"):
        serve(tmp_path, int(where.rsplit(":", 1)[1].strip("/")), address.put)
