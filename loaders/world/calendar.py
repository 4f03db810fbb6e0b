"""Days, months and the bank holidays of England and Wales. All times are UTC seconds since 1970."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600
EPOCH = date(1970, 1, 1)
EPOCH_WEEKDAY = EPOCH.weekday()

ONE_OFF_HOLIDAYS = {
    date(2011, 4, 29): "Royal wedding",
    date(2012, 6, 5): "Diamond Jubilee",
    date(2022, 6, 3): "Platinum Jubilee",
    date(2022, 9, 19): "State Funeral",
    date(2023, 5, 8): "Coronation",
}
MOVED_HOLIDAYS = {
    date(2012, 5, 28): date(2012, 6, 4),
    date(2020, 5, 4): date(2020, 5, 8),
    date(2022, 5, 30): date(2022, 6, 2),
}


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=number)


def weekday(number: int) -> int:
    """Monday 0 … Sunday 6 of a day number."""
    return (number + EPOCH_WEEKDAY) % 7


def month_number(day: date) -> int:
    """Months since January of year 0."""
    return day.year * 12 + day.month - 1


def month_start(month: int) -> date:
    """The first day of a month number."""
    return date(month // 12, month % 12 + 1, 1)


def timestamp(seconds: int) -> str:
    """Seconds as the events write them, such as 2024-02-29T07:05:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def easter(year: int) -> date:
    """Western Easter Sunday, by the anonymous Gregorian computus."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@lru_cache
def bank_holidays(year: int) -> dict[date, str]:
    """Bank holidays of England and Wales in a year, substitute days and one-offs included."""

    def monday_on_or_after(day: date) -> date:
        return day + timedelta(days=-day.weekday() % 7)

    def working_day(day: date, taken: set[date]) -> date:
        while day.weekday() >= 5 or day in taken:
            day += timedelta(days=1)
        return day

    sunday = easter(year)
    christmas = working_day(date(year, 12, 25), {date(year, 12, 26)} if date(year, 12, 26).weekday() < 5 else set())
    boxing = working_day(date(year, 12, 26), {christmas})
    days = {
        working_day(date(year, 1, 1), set()): "New Year's Day",
        sunday - timedelta(days=2): "Good Friday",
        sunday + timedelta(days=1): "Easter Monday",
        monday_on_or_after(date(year, 5, 1)): "Early May bank holiday",
        monday_on_or_after(date(year, 5, 25)): "Spring bank holiday",
        monday_on_or_after(date(year, 8, 25)): "Summer bank holiday",
        christmas: "Christmas Day",
        boxing: "Boxing Day",
    }
    moved = {MOVED_HOLIDAYS.get(day, day): name for day, name in days.items()}
    return dict(sorted((moved | {d: n for d, n in ONE_OFF_HOLIDAYS.items() if d.year == year}).items()))


def is_bank_holiday(day: date) -> bool:
    """Whether a date is a bank holiday in England and Wales."""
    return day in bank_holidays(day.year)


def calendar_rows(first: date, last: date) -> list[tuple[str, ...]]:
    """The calendar seed: what engines disagree about, a day a row, under a row of column names."""
    rows: list[tuple[str, ...]] = [("date_day", "iso_year", "iso_week", "iso_weekday", "bank_holiday_name")]
    for number in range(day_number(first), day_number(last) + 1):
        day = day_of(number)
        iso = day.isocalendar()
        holiday = bank_holidays(day.year).get(day, "")
        rows.append((day.isoformat(), str(iso.year), str(iso.week), str(iso.weekday), holiday))
    return rows


if __name__ == "__main__":
    print("\n".join(",".join(row) for row in calendar_rows(date(2010, 1, 1), date(2036, 12, 31))))
