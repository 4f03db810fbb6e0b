"""What a contract says of values, a column at a time: the rows that keep it, typed, and why each other row does not."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.contracts import Check, Column, Contract

Mask: TypeAlias = pa.BooleanArray
Fault: TypeAlias = tuple[str, str]
Refuse: TypeAlias = Callable[[Mask, str, Callable[[int], str]], None]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = np.zeros(256, bool)
_HEX[list(b"0123456789abcdef")] = True
_DASH = np.zeros(36, bool)
_DASH[[8, 13, 18, 23]] = True
_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z"
_DATE = r"\d{4}-\d{2}-\d{2}"
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?)(?=[0-9])0*([0-9]*))?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
DAY_MICROSECONDS = 86_400_000_000


def check(contract: Contract, rows: pa.Table, days: NDArray[np.datetime64]) -> tuple[pa.Table, dict[int, Fault]]:
    """Rows as parsed, with the midnight that starts the day of each one's raw folder: the good ones in the contract's
    schema, and the faults of the others by row index.

    Times, dates and decimals are texts, or typed already. A row with several faults is given the first, in the order of
    the contract's columns.
    """
    faults: dict[int, Fault] = {}
    typed: dict[str, pa.Array] = {}

    def refuse(bad: Mask, rule: str, why: Callable[[int], str]) -> None:
        if bad.true_count:
            for i in np.flatnonzero(bad.to_numpy(zero_copy_only=False)).tolist():
                faults.setdefault(i, (rule, why(i)))

    for column in contract.columns:
        if column.from_folder:
            typed[column.name] = pa.array(days.astype("M8[D]"))
            continue
        values = rows.column(column.name).combine_chunks()
        if column.required and values.null_count:
            refuse(values.is_null(), "missing_required", _always(f"{column.name} is missing"))
        typed[column.name] = _VALUES[_kind(column)](column, values, refuse)
    if not contract.column(contract.partition).from_folder:
        _check_partition(contract, typed[contract.partition], days, refuse)
    for column in contract.columns:
        own = typed[column.name]
        if column.on:
            _check_on(column, own, typed[column.on], refuse)
        if column.not_before in typed:
            check_not_before(column, own, typed[column.not_before], refuse)
        if column.not_after in typed:
            check_not_after(column, own, typed[column.not_after], refuse)
    for comparison in contract.checks:
        _compare(comparison, typed[comparison.left], typed[comparison.right], refuse)

    schema = contract.arrow_schema
    if faults:
        keep = np.ones(rows.num_rows, bool)
        keep[list(faults)] = False
        typed = {name: values.filter(pa.array(keep)) for name, values in typed.items()}
    return pa.table([typed[name].cast(schema.field(name).type) for name in schema.names], schema=schema), faults


def _always(text: str) -> Callable[[int], str]:
    return lambda _: text


def _kind(column: Column) -> str:
    if column.length is not None:
        return "text"
    return "decimal" if column.digits else column.data_type


def _text(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    name = column.name

    def shown(i: int) -> str:
        return repr(values[i].as_py())[:80]

    if column.format == "uuid":
        if not _all_uuids(values):
            bad = pc.invert(pc.match_substring_regex(values, f"^{_UUID.pattern}$"))
            refuse(_false_for_null(bad), "out_of_range", lambda i: f"{name} {shown(i)} is not a UUID in lower case")
        return values
    if column.accepted is not None:
        bad = pc.invert(pc.is_in(values, pa.array(column.accepted, pa.string()), skip_nulls=False))
        known = ", ".join(column.accepted)
        refuse(pc.and_(bad, values.is_valid()), "out_of_range", lambda i: f"{name} {shown(i)} is not one of {known}")
        return values
    pattern = f"^(?:{column.pattern})$" if column.pattern else r"^[^\x00-\x1f]*$"
    bad = _false_for_null(pc.invert(_matches(values, pattern)))
    what = f"does not match {column.pattern}" if column.pattern else "holds control characters"
    refuse(bad, "out_of_range", lambda i: f"{name} {shown(i)} {what}")
    too_long = _false_for_null(pc.greater(pc.utf8_length(values), column.length))
    refuse(too_long, "out_of_range", lambda i: f"{name} is longer than {column.length} characters")
    return values


def _matches(values: pa.Array, pattern: str) -> Mask:
    """Whether each text matches; texts that repeat are looked at once."""
    sample = values[:1024]
    if len(values) > 4096 and len(sample.unique()) < 256:
        encoded = values.dictionary_encode()
        return pc.match_substring_regex(encoded.dictionary, pattern).take(encoded.indices)
    return pc.match_substring_regex(values, pattern)


def _all_uuids(values: pa.Array) -> bool:
    """Whether all values are UUIDs in lower case, seen at once from their bytes."""
    size = len(values)
    if not size or values.null_count:
        return False
    offsets = np.frombuffer(values.buffers()[1], "i4")[values.offset : values.offset + size + 1]
    if offsets[-1] - offsets[0] != 36 * size or (np.diff(offsets) != 36).any():
        return False
    text = np.frombuffer(values.buffers()[2], "u1")[offsets[0] : offsets[-1]].reshape(-1, 36)
    return bool((text[:, _DASH] == ord("-")).all() and _HEX[text[:, ~_DASH]].all())


def _number(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    name = column.name
    if column.data_type == "double":
        refuse(_false_for_null(pc.invert(pc.is_finite(values))), "non_finite", lambda i: f"{name} is {values[i]}")
    low, high = column.minimum, column.maximum
    if column.data_type == "integer":
        low = -(2**31) if low is None else low
        high = 2**31 - 1 if high is None else high
    if low is not None:
        refuse(
            _false_for_null(pc.less(values, low)), "out_of_range", lambda i: f"{name} is {values[i]}, less than {low:,}"
        )
    if high is not None:
        bad = _false_for_null(pc.greater(values, high))
        refuse(bad, "out_of_range", lambda i: f"{name} is {values[i]}, more than {high:,}")
    if column.data_type == "integer":
        inside = pc.and_(pc.greater_equal(values, -(2**31)), pc.less(values, 2**31))
        return pc.if_else(inside, values, None).cast(pa.int32())
    return values


def _decimal(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    name = column.name
    typed = _decimals(column, values, refuse) if pa.types.is_string(values.type) else values
    if column.minimum is not None:
        bad = _false_for_null(pc.less(typed, pa.scalar(Decimal(str(column.minimum)))))
        refuse(bad, "out_of_range", lambda i: f"{name} is {typed[i]}, less than {column.minimum:,}")
    if column.maximum is not None:
        bad = _false_for_null(pc.greater(typed, pa.scalar(Decimal(str(column.maximum)))))
        refuse(bad, "out_of_range", lambda i: f"{name} is {typed[i]}, more than {column.maximum:,}")
    return typed


def _decimals(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    """Texts as decimals: at once where they are plain and have few digits, the others one by one."""
    name = column.name
    digits, decimals = column.digits or (0, 0)
    whole = rf"(0|[1-9][0-9]{{0,{digits - decimals - 1}}})" if digits > decimals else "0"
    form = rf"-?{whole}(\.[0-9]{{1,{decimals}}})?" if decimals else f"-?{whole}"
    plain = pc.match_substring_regex(values, f"^{form}$")
    typed = pc.if_else(plain, values, None).cast(column.arrow_type)
    others = np.flatnonzero(_false_for_null(pc.invert(plain)).to_numpy(zero_copy_only=False)).tolist()
    if others:
        judged = {i: decimal_of(values[i].as_py(), digits, decimals) for i in others}
        wrong = {i: fault for i, fault in judged.items() if isinstance(fault, tuple)}
        for rule in sorted({rule for rule, _ in wrong.values()}):
            bad = pa.array([i in wrong and wrong[i][0] == rule for i in range(len(values))])
            refuse(bad, rule, lambda i: f"{name} {wrong[i][1]}")
        found = [value if isinstance(value, Decimal) else None for value in judged.values()]
        typed = pc.replace_with_mask(typed, _false_for_null(pc.invert(plain)), pa.array(found, column.arrow_type))
    return typed


def decimal_of(text: str, digits: int, decimals: int) -> Decimal | Fault:
    """A number as JSON writes it, if there is room for its value: zeros at its end need none."""
    shown = repr(text) if len(text) <= 60 else f"{text[:57]!r}..."
    if _NOT_FINITE.fullmatch(text):
        return "non_finite", f"is {shown}"
    written = _NUMBER.fullmatch(text)
    if not written:
        return "wrong_type", f"is {shown}, not a number"
    sign, whole, part, exponent_sign, exponent = (group or "" for group in written.groups())
    figures = (whole + part).lstrip("0")
    if not figures:
        return Decimal(0)
    power = int(exponent_sign + (exponent[:9] or "0")) - len(part) + len(figures)
    figures = figures.rstrip("0")
    if len(figures) - power > decimals:
        return "out_of_range", f"is {shown}, with more than {decimals} decimals"
    if power > digits - decimals:
        return "out_of_range", f"is {shown}, with more than {digits - decimals} digits before the point"
    return Decimal(f"{sign}0.{figures}e{power}")


def _truth(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    return values


def _time(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    if pa.types.is_timestamp(values.type):
        return values
    form = "is not a UTC time such as 2024-02-29T07:05:00Z"
    return _moment(column, values, refuse, _TIME, pa.timestamp("us"), _time_of, form)


def _date(column: Column, values: pa.Array, refuse: Refuse) -> pa.Array:
    if pa.types.is_date(values.type):
        return values
    return _moment(column, values, refuse, _DATE, pa.date32(), date.fromisoformat, "is not a date such as 2024-02-29")


def _moment(
    column: Column,
    values: pa.Array,
    refuse: Refuse,
    pattern: str,
    arrow_type: pa.DataType,
    one: Callable[[str], date],
    form: str,
) -> pa.Array:
    """Texts as dates or times: all at once where they are all well formed, else one by one."""
    try:
        return _moments(values, pattern, arrow_type)
    except pa.ArrowInvalid:
        moments: list[date | None] = []
        bad = []
        for text in values.to_pylist():
            moment = None
            if text is not None and re.fullmatch(pattern, text, re.ASCII):
                try:
                    moment = one(text)
                except ValueError:
                    moment = None
            moments.append(moment)
            bad.append(text is not None and moment is None)
        refuse(pa.array(bad), "out_of_range", lambda i: f"{column.name} {values[i].as_py()[:60]!r} {form}")
        return pa.array(moments, arrow_type)


def _moments(values: pa.Array, pattern: str, arrow_type: pa.DataType) -> pa.Array:
    """All texts as dates or times. Raises ArrowInvalid where one does not match the pattern or is no such day."""
    if pa.types.is_date(arrow_type):
        if not pc.all(pc.match_substring_regex(values, f"^{pattern}$"), min_count=0).as_py():
            raise pa.ArrowInvalid("not all of the form YYYY-MM-DD")
        return values.cast(arrow_type)
    whole_seconds = pc.all(
        pc.and_(
            pc.equal(pc.binary_length(values), 20),
            pc.and_(
                pc.equal(pc.utf8_slice_codeunits(values, 10, 11), "T"),
                pc.equal(pc.utf8_slice_codeunits(values, 19, 20), "Z"),
            ),
        ),
        min_count=0,
    ).as_py()
    if not whole_seconds and not pc.all(pc.match_substring_regex(values, f"^{pattern}$"), min_count=0).as_py():
        raise pa.ArrowInvalid("not all of the form YYYY-MM-DDTHH:MM:SSZ")
    return values.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


def _time_of(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)


_VALUES: dict[str, Callable[[Column, pa.Array, Refuse], pa.Array]] = {
    "text": _text,
    "integer": _number,
    "bigint": _number,
    "double": _number,
    "decimal": _decimal,
    "boolean": _truth,
    "timestamp": _time,
    "date": _date,
}


def _check_partition(contract: Contract, moments: pa.Array, days: NDArray[np.datetime64], refuse: Refuse) -> None:
    """The partition column lies in the day of the raw folder."""
    start = pa.array(days.astype("M8[us]").astype(np.int64))
    own = _microseconds(moments)
    outside = pc.or_(pc.less(own, start), pc.greater_equal(own, pc.add(start, DAY_MICROSECONDS)))
    refuse(
        _false_for_null(outside),
        "outside_window",
        lambda i: f"{contract.partition} {moments[i]} is not in the folder's day {days[i].astype('M8[D]')}",
    )


def _check_on(column: Column, own: pa.Array, day: pa.Array, refuse: Refuse) -> None:
    """A time lies on the day of a date."""
    refuse(
        _false_for_null(pc.not_equal(own.cast(pa.date32(), safe=False), day)),
        "outside_window",
        lambda i: f"{column.name} {own[i]} is not on {column.on} {day[i]}",
    )


def check_not_before(column: Column, own: pa.Array, bound: pa.Array, refuse: Refuse) -> None:
    """A time is not before its bound (a date lasts until it ends)."""
    moments = _microseconds(own)
    if pa.types.is_date(own.type) and not pa.types.is_date(bound.type):
        moments = pc.add(moments, DAY_MICROSECONDS - 1)
    refuse(
        _false_for_null(pc.less(moments, _microseconds(bound))),
        "outside_window",
        lambda i: f"{column.name} {own[i]} is before {column.not_before} {bound[i]}",
    )


def check_not_after(column: Column, own: pa.Array, bound: pa.Array, refuse: Refuse) -> None:
    """A time is not after its bound (a date bounds until it ends), nor too long before it."""
    latest = _microseconds(bound)
    if pa.types.is_date(bound.type) and not pa.types.is_date(own.type):
        latest = pc.add(latest, DAY_MICROSECONDS - 1)
    moments = _microseconds(own)
    what, than = column.name, column.not_after
    refuse(
        _false_for_null(pc.greater(moments, latest)),
        "outside_window",
        lambda i: f"{what} {own[i]} is after {than} {bound[i]}",
    )
    if column.most_days_before is not None:
        days = column.most_days_before
        refuse(
            _false_for_null(pc.less(moments, pc.subtract(latest, days * DAY_MICROSECONDS))),
            "outside_window",
            lambda i: f"{what} {own[i]} is more than {days} days before {than} {bound[i]}",
        )


def _compare(rule: Check, left: pa.Array, right: pa.Array, refuse: Refuse) -> None:
    holds = {"<=": pc.less_equal, "<": pc.less, "=": pc.equal}[rule.operator](left, right)
    refuse(
        _false_for_null(pc.invert(holds)),
        "out_of_range",
        lambda i: f"{rule} does not hold: {left[i]} and {right[i]}",
    )


def _microseconds(moments: pa.Array) -> pa.Array:
    return moments.cast(pa.timestamp("us")).cast(pa.int64())


def _false_for_null(mask: pa.Array) -> pa.Array:
    return pc.fill_null(mask, fill_value=False)
