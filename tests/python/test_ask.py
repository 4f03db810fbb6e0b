"""Questions are found by what people type, and answers read well."""

from datetime import date

import duckdb
import pytest
from typer.testing import CliRunner

from loaders.ask import Answer, Question, answer, as_csv, find, lines, listing, questions
from loaders.cli import app
from loaders.errors import BadSetting
from loaders.targets import Target, Warehouse, duckdb_warehouse

TREND = Question(9, "q09_month_trend", "How has it moved?")


@pytest.mark.parametrize("typed", ["9", "09", "q09", "q09_month_trend", "month_trend", "Month", "q09_month_trend.sql"])
def test_a_question_is_found_by_number_and_by_name(typed):
    assert find(typed).name == "q09_month_trend"


def test_a_whole_name_is_meant_though_another_begins_like_it(monkeypatch):
    known = [Question(1, "q01_cost", "?"), Question(2, "q02_cost_by_model", "?")]
    monkeypatch.setattr("loaders.ask.questions", lambda: known)
    assert find("cost") == known[0]
    assert find("cost_by") == known[1]


@pytest.mark.parametrize("typed", ["", "0", "16", "q", "weather", "9; drop table x"])
def test_what_is_no_question_says_how_to_list_them(typed):
    with pytest.raises(BadSetting, match="`wardhouse ask` lists the 15"):
        find(typed)


def test_without_a_question_all_are_listed(tmp_path):
    said = CliRunner().invoke(app, ["ask", "--lake", str(tmp_path)])
    assert said.exit_code == 0
    assert said.stdout.splitlines() == listing(questions())
    assert len(listing(questions())) == 15
    assert " 9  month_trend " in said.stdout


def test_an_answer_is_what_the_warehouse_says(tmp_path):
    path = tmp_path / "w.duckdb"
    duckdb.connect(str(path)).execute("create table t as select 1 as cases, 0.5 as growth_rate").close()
    told = answer(duckdb_warehouse(path), TREND, "-- How? 100 % of :all\nselect cases, growth_rate from t\n")
    assert told.columns == ("cases", "growth_rate")
    assert [tuple(map(float, row)) for row in told.rows] == [(1, 0.5)]
    assert told.seconds > 0


def test_clickhouse_is_asked_as_dbt_asks_it(monkeypatch):
    class Result(list):
        def keys(self):
            return ["n"]

    class Connection:
        asked = ""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def execute(self, query):
            Connection.asked = str(query)
            return Result([(1,)])

    monkeypatch.setattr(Warehouse, "connection", lambda self: Connection())
    answer(Warehouse(Target.clickhouse, "", {}, ""), TREND, "select 1 as n\n")
    query, _, settings = Connection.asked.partition("\nsettings ")
    assert query == "select 1 as n"
    assert "join_use_nulls = 1" in settings
    assert "union_default_mode = 'DISTINCT'" in settings
    answer(Warehouse(Target.redshift, "", {}, ""), TREND, "select 1 as n\n")
    assert Connection.asked == "select 1 as n"


def test_an_answer_is_a_table_to_read():
    columns = ("month_start_date", "facility_id", "cases", "growth_rate", "duration_ratio", "is_whole_month")
    rows = (
        (date(2024, 2, 1), "F01", 1234, None, 1.0449, True),
        (date(2024, 3, 1), "F02", 7, 0.125, 31.25, False),
    )
    assert lines(Answer(TREND, columns, rows, 0.034)) == [
        "9. How has it moved?",
        "",
        "     month  facility         growth  duration  is whole",
        "start date  id        cases    rate     ratio     month",
        "----------  --------  -----  ------  --------  --------",
        "  Feb 2024  F01       1,234       -      1.04       yes",
        "  Mar 2024  F02           7   12.5%      31.2        no",
        "",
        "q09_month_trend  2 rows  0.03 s",
    ]


def test_an_answer_of_no_rows_is_a_table_too():
    told = lines(Answer(TREND, ("cases",), (), 0))
    assert told == ["9. How has it moved?", "", "cases", "-----", "", "q09_month_trend  0 rows  0.00 s"]


def test_programs_get_values_whole():
    rows = ((date(2024, 2, 1), None, 1 / 3, 'a "b", c'),)
    assert list(as_csv(Answer(TREND, ("day", "nothing", "third", "text"), rows, 0))) == [
        "day,nothing,third,text",
        '2024-02-01,,0.3333333333333333,"a ""b"", c"',
    ]
