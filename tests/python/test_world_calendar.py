from datetime import date
from pathlib import Path

import pytest

from loaders.world.calendar import (
    bank_holidays,
    calendar_rows,
    day_number,
    day_of,
    easter,
    month_number,
    month_start,
    timestamp,
    weekday,
)

# Easter Sundays and bank holidays as announced.
EASTERS = [
    date(2012, 4, 8),
    date(2016, 3, 27),
    date(2019, 4, 21),
    date(2024, 3, 31),
    date(2025, 4, 20),
    date(2035, 3, 25),
]
ANNOUNCED = {
    2016: "01-01 03-25 03-28 05-02 05-30 08-29 12-26 12-27",
    2020: "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
    2021: "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28",
    2022: "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    2023: "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    2024: "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26",
    2025: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
}


@pytest.mark.parametrize("day", EASTERS)
def test_easter_is_when_it_was(day):
    assert easter(day.year) == day


@pytest.mark.parametrize("year", ANNOUNCED)
def test_bank_holidays_are_as_announced(year):
    assert " ".join(f"{day:%m-%d}" for day in bank_holidays(year)) == ANNOUNCED[year]


def test_days_months_and_weekdays_go_there_and_back():
    for number in range(day_number(date(1999, 12, 30)), day_number(date(2004, 3, 2))):
        day = day_of(number)
        assert day_number(day) == number
        assert weekday(number) == day.weekday()
        assert month_start(month_number(day)) == day.replace(day=1)


def test_a_time_is_written_in_utc():
    assert timestamp(day_number(date(2024, 2, 29)) * 86_400 + 25_500) == "2024-02-29T07:05:00Z"


def test_the_calendar_seed_is_what_the_calendar_says():
    seed = (Path(__file__).parents[2] / "seeds" / "calendar.csv").read_text().splitlines()
    assert seed == [",".join(row) for row in calendar_rows(date(2010, 1, 1), date(2036, 12, 31))]
