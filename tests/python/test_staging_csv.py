"""What a CSV row must be, held against rows that try to be something else."""

import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.contracts import contracts
from loaders.staging import delimited
from loaders.staging.check import check
from loaders.staging.delimited import parse_rows, read_rows
from loaders.staging.records import Unreadable

DAY = np.datetime64("2024-02-29", "us")
ROW = {
    "observation_id": "F01-20240229-0001-V0001",
    "encounter_id": "F01-20240229-0001",
    "patient_id": "P000000001",
    "event_time": "2024-02-29T07:05:00Z",
    "heart_rate": "80",
    "resp_rate": "16",
    "spo2": "97",
    "on_oxygen": "false",
    "temperature_celsius": "36.8",
    "systolic_bp": "120",
    "diastolic_bp": "70",
    "consciousness": "A",
}
PERSON = {
    "patient_id": "P000000001",
    "facility_id": "F01",
    "nhs_number": "9990000001",
    "given_name": "Zoë",
    "family_name": "O'Hara",
    "sex": "female",
    "date_of_birth": "1950-02-28",
    "blood_group": "O+",
}
HEADER = ",".join(ROW).encode()
GOOD = ",".join(ROW.values()).encode()
SAMPLES = {"vitals": ROW, "clinical_patients": PERSON}


def line(entity: str = "vitals", **changes: str) -> bytes:
    return ",".join((SAMPLES[entity] | changes).values()).encode()


def judge(content: bytes, entity: str = "vitals") -> tuple[list[dict], list[tuple[int, str, bytes]]]:
    """Good rows, and of each other record its line, the rule that it breaks, and itself."""
    contract = contracts()[entity]
    rows = read_rows("2024-02-29", "raw/clinical/2024-02-29/x.csv", content)
    parsed, kept, faults = parse_rows(contract, rows)
    good, wrong = check(contract, parsed, np.full(parsed.num_rows, DAY))
    faults |= {int(kept[row]): fault for row, fault in wrong.items()}
    assert good.num_rows + len(faults) == len(rows)
    rejects = [reject for _, reject in rows.rejected(faults)]
    assert all(reject.header == rows.header and reject.reason for reject in rejects)
    return good.to_pylist(), [(reject.line, reject.rule, reject.record) for reject in rejects]


def of(*lines: bytes, entity: str = "vitals", header: bytes | None = None) -> bytes:
    return b"".join(each + b"\n" for each in (header or ",".join(SAMPLES[entity]).encode(), *lines))


def test_a_good_row_is_staged_as_it_is():
    (row,), refused = judge(of(GOOD))
    assert refused == []
    assert str(row["batch_date"]) == "2024-02-29"
    assert {name: str(value) for name, value in row.items() if name != "batch_date"} == ROW | {
        "event_time": "2024-02-29 07:05:00",
        "on_oxygen": "False",
    }


FAULTY = {
    "a field less": ("vitals", GOOD.rpartition(b",")[0], "malformed_csv"),
    "a field more": ("vitals", GOOD + b",", "malformed_csv"),
    "empty": ("vitals", b"", "malformed_csv"),
    "blank": ("vitals", b"  ", "malformed_csv"),
    "only commas": ("vitals", b"," * 11, "missing_required"),
    "a quote within": ("vitals", line(consciousness='A"'), "malformed_csv"),
    "text after a quote": ("vitals", line(consciousness='"A"A'), "malformed_csv"),
    "a quote that never closes": ("vitals", line(consciousness='"A'), "malformed_csv"),
    "a quote that never closes, early": ("vitals", line(observation_id='"F01'), "malformed_csv"),
    "a megabyte": ("clinical_patients", line("clinical_patients", given_name="x" * (1 << 20)), "malformed_csv"),
    "not utf-8": ("vitals", GOOD.replace(b"P00", b"P\xff0"), "invalid_utf8"),
    "not utf-8 in quotes": ("vitals", line(consciousness='"Z"').replace(b"Z\"", b'\xe9"'), "invalid_utf8"),
    "latin-1": ("clinical_patients", line("clinical_patients").decode().encode("latin-1"), "invalid_utf8"),
    "missing": ("vitals", line(patient_id=""), "missing_required"),
    "missing in quotes": ("vitals", line(patient_id='""'), "missing_required"),
    "null as a word": ("vitals", line(heart_rate="null"), "wrong_type"),
    "a word as number": ("vitals", line(heart_rate="eighty"), "wrong_type"),
    "a fraction as count": ("vitals", line(heart_rate="80.5"), "wrong_type"),
    "a whole float as count": ("vitals", line(heart_rate="80.0"), "wrong_type"),
    "an exponent as count": ("vitals", line(heart_rate="8e1"), "wrong_type"),
    "hexadecimal": ("vitals", line(heart_rate="0x50"), "wrong_type"),
    "an underscore": ("vitals", line(heart_rate="8_0"), "wrong_type"),
    "a space before": ("vitals", line(heart_rate=" 80"), "wrong_type"),
    "a space after": ("vitals", line(heart_rate="80 "), "wrong_type"),
    "a space before, quoted": ("vitals", line(heart_rate='" 80"'), "wrong_type"),
    "a tab before": ("vitals", line(temperature_celsius="\t36.8"), "wrong_type"),
    "a plus": ("vitals", line(heart_rate="+80"), "wrong_type"),
    "a leading zero": ("vitals", line(heart_rate="080"), "wrong_type"),
    "full width digits": ("vitals", line(heart_rate="８０"), "wrong_type"),
    "a comma for a point": ("vitals", line(temperature_celsius='"36,8"'), "wrong_type"),
    "no digit before the point": ("vitals", line(temperature_celsius=".5"), "wrong_type"),
    "no digit after the point": ("vitals", line(temperature_celsius="36."), "wrong_type"),
    "NaN": ("vitals", line(temperature_celsius="NaN"), "non_finite"),
    "inf": ("vitals", line(temperature_celsius="inf"), "non_finite"),
    "minus Infinity": ("vitals", line(temperature_celsius="-Infinity"), "non_finite"),
    "nan as count": ("vitals", line(heart_rate="nan"), "non_finite"),
    "1e400": ("vitals", line(temperature_celsius="1e400"), "non_finite"),
    "over 64 bits": ("vitals", line(heart_rate=str(2**63)), "out_of_range"),
    "over 32 bits": ("vitals", line(heart_rate=str(2**31)), "out_of_range"),
    "5,000 digits": ("vitals", line(heart_rate="9" * 5_000), "out_of_range"),
    "too fast": ("vitals", line(heart_rate="221"), "out_of_range"),
    "one as truth": ("vitals", line(on_oxygen="1"), "wrong_type"),
    "True": ("vitals", line(on_oxygen="True"), "wrong_type"),
    "yes": ("vitals", line(on_oxygen="yes"), "wrong_type"),
    "an unknown word": ("vitals", line(consciousness="X"), "out_of_range"),
    "an id of another form": ("vitals", line(patient_id="P01"), "out_of_range"),
    "a space before an id": ("vitals", line(patient_id=" P000000001"), "out_of_range"),
    "no time": ("vitals", line(event_time="2024-02-29"), "out_of_range"),
    "a time without zone": ("vitals", line(event_time="2024-02-29T07:05:00"), "out_of_range"),
    "no such hour": ("vitals", line(event_time="2024-02-29T24:05:00Z"), "out_of_range"),
    "a NUL": ("clinical_patients", line("clinical_patients", given_name="Zo\0"), "out_of_range"),
    "a carriage return": ("clinical_patients", line("clinical_patients", given_name="Z\roe"), "out_of_range"),
    "a name too long": ("clinical_patients", line("clinical_patients", given_name="é" * 61), "out_of_range"),
    "a quoted line break": ("clinical_patients", line("clinical_patients", given_name='"Zoë\nAnn"'), "out_of_range"),
    "more quoted line breaks": ("vitals", line(patient_id='"Z\n\nA"', consciousness='"O""\r\n"'), "out_of_range"),
    "a quoted line break in a number": ("vitals", line(heart_rate='"80\n"'), "wrong_type"),
    "born tomorrow": ("clinical_patients", line("clinical_patients", date_of_birth="2024-03-01"), "outside_window"),
    "pressure upside down": ("vitals", line(systolic_bp="70", diastolic_bp="120"), "out_of_range"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_row_is_refused_whole_for_what_is_wrong_with_it(name):
    entity, row, rule = FAULTY[name]
    assert judge(of(row, entity=entity), entity) == ([], [(2, rule, row)])


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", FAULTY)
def test_good_neighbours_of_a_faulty_row_go_through(name, ending):
    entity, row, rule = FAULTY[name]
    good = line(entity)
    content = b"".join(each + ending for each in (",".join(SAMPLES[entity]).encode(), good, row, good, good))
    rows, refused = judge(content, entity)
    assert (len(rows), refused) == (3, [(3, rule, row)])
    swollen = good + ending + (good + ending) * 300
    (alone,), _ = judge(of(good, entity=entity), entity)
    rows, refused = judge(content + swollen, entity)
    assert ([row == alone for row in rows], refused) == ([True] * 304, [(3, rule, row)])


def test_lines_are_counted_past_a_record_of_several_lines():
    broken = line("clinical_patients", given_name='"a\nb\nc"')
    good = line("clinical_patients")
    rows, refused = judge(of(good, broken, good, b"x", broken, b"y", entity="clinical_patients"), "clinical_patients")
    assert len(rows) == 2
    assert refused == [
        (3, "out_of_range", broken),
        (7, "malformed_csv", b"x"),
        (8, "out_of_range", broken),
        (11, "malformed_csv", b"y"),
    ]


def test_quotes_that_never_close_take_nobody_along():
    opened = line(observation_id='"F01-20240229-0001-V0002')
    last = line(consciousness='"A')
    rows, refused = judge(of(GOOD, opened, GOOD, last, GOOD, opened, GOOD, line(consciousness='"A"')))
    assert len(rows) == 5
    assert [(at, rule) for at, rule, _ in refused] == [(3, "malformed_csv"), (5, "malformed_csv"), (7, "malformed_csv")]


UNUSUAL = {
    "quotes around all": ("vitals", b",".join(b'"%b"' % field for field in GOOD.split(b","))),
    "a comma in a name": ("clinical_patients", line("clinical_patients", family_name='"O\'Hara, Jr"')),
    "a quote in a name": ("clinical_patients", line("clinical_patients", given_name='"Zoë ""Z"""')),
    "another script": ("clinical_patients", line("clinical_patients", given_name="明")),
    "an exponent": ("vitals", line(temperature_celsius="368e-1")),
    "a whole number of degrees": ("vitals", line(temperature_celsius="37")),
    "fractions of a second": ("vitals", line(event_time="2024-02-29T07:05:00.25Z")),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_is_not_wrong(name):
    entity, row = UNUSUAL[name]
    (alone,), _ = judge(of(row, entity=entity), entity)
    for others in ([line(entity)], [b"broken"], [b'"']):
        rows, _ = judge(of(*others, row, *others, entity=entity), entity)
        assert alone in rows
    expected = next(csv.reader(io.StringIO(row.decode())))
    texts = [str(alone[name]) for name in SAMPLES[entity] if name.endswith(("_id", "_name"))]
    assert set(texts) <= set(expected)


def test_the_header_may_be_in_any_order_with_a_byte_order_mark_or_in_quotes():
    names = list(reversed(ROW))
    row = ",".join(ROW[name] for name in names).encode()
    for header in (
        ",".join(names).encode(),
        b"\xef\xbb\xbf" + ",".join(names).encode(),
        ",".join(f'"{name}"' for name in names).encode(),
        ",".join(names).encode() + b"\r",
    ):
        assert judge(of(row, header=header)) == judge(of(GOOD))


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (HEADER.replace(b",spo2", b""), "missing_required"),
        (HEADER + b",mood", "unknown_field"),
        (HEADER.replace(b"spo2", b"SpO2"), "unknown_field"),
        (HEADER.replace(b"spo2", b" spo2"), "unknown_field"),
        (HEADER.replace(b"spo2", b"sp\xff"), "unknown_field"),
        (HEADER.replace(b"spo2", b'"spo2'), "unknown_field"),
        (HEADER + b",batch_date", "unknown_field"),
        (HEADER.replace(b"spo2", b"heart_rate"), "duplicate_key"),
        (GOOD, "unknown_field"),
    ],
)
def test_under_a_wrong_header_every_row_is_refused(header, rule):
    rows, refused = judge(of(GOOD, GOOD, b"", header=header))
    assert (rows, [(at, why) for at, why, _ in refused]) == ([], [(2, rule), (3, rule), (4, rule)])


@pytest.mark.parametrize("tail", [GOOD, GOOD[:20], b"x", GOOD + b"\r", b'"', b" "])
def test_a_last_line_without_line_end_is_refused(tail):
    rows, refused = judge(of(GOOD) + tail)
    assert (len(rows), refused) == (1, [(3, "truncated", tail)])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty, without even a header"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b" \n \n", "it is empty"),
        (b"\n" + of(GOOD), "its first line is empty"),
        (of(GOOD).decode().encode("utf-16"), "it is UTF-16"),
        (of(GOOD).decode().encode("utf-16-le"), "its header holds control characters"),
        (b"PK\x03\x04" + bytes(60) + b"\n", "its header holds control characters"),
        (of(GOOD).replace(b"\n", b"\r"), "its header holds control characters"),
        (HEADER[:40], "it is cut off within its header"),
    ],
)
def test_a_file_without_a_header_that_could_be_one_cannot_be_read(content, why):
    with pytest.raises(Unreadable) as refused:
        judge(content)
    assert why in refused.value.why


def test_a_file_may_hold_no_rows():
    assert judge(of()) == ([], [])


fields = st.one_of(
    st.sampled_from(
        ["", '"', '""', "80", " 80", "0x50", "nan", "1e400", "true", "A", "\0", "\r", "x\ny", '"x\ny"', ","]
    ),
    st.text(max_size=4),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
)
QUOTED = b",".join(b'"%b"' % field for field in GOOD.split(b","))


def changed(row: bytes, at: int, data: bytes, cut: int) -> bytes:
    return (row[:at] + data + row[at + cut :]).replace(b"\n", b" ")


spoiled = st.one_of(
    st.dictionaries(st.sampled_from(sorted(ROW)), fields, min_size=1, max_size=3).map(
        lambda changes: line(**changes).replace(b"\n", b" ")
    ),
    st.builds(changed, st.sampled_from([GOOD, QUOTED]), st.integers(0, 120), st.binary(max_size=3), st.just(0)),
    st.builds(
        changed,
        st.sampled_from([QUOTED, GOOD.replace(b",A", b',"A"'), GOOD.replace(b",80", b',"80"')]),
        st.integers(0, 140),
        st.sampled_from([b'"', b'""', b'",', b',"', b"", b"x", b"\xff", b"\r", b'","']),
        st.integers(0, 2),
    ),
    st.integers(0, 120).map(lambda size: GOOD[:size]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoiled)
def test_a_row_fares_the_same_whoever_its_neighbours_are(row):
    alone = judge(of(row))
    for before, after in (([GOOD] * 2, [GOOD]), ([b"broken"], [GOOD]), ([line(consciousness='"A"')], [b""])):
        rows, refused = judge(of(*before, row, *after))
        assert [each[1:] for each in refused if each[0] == len(before) + 2] == [each[1:] for each in alone[1]]
        assert [each for each in alone[0] if each not in rows] == []


@settings(max_examples=300, deadline=None)
@given(spoiled)
def test_what_arrow_splits_is_what_python_splits(row):
    """The fast path and the judge of single rows must agree."""
    fast = judge(of(row))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delimited, "_by_arrow", lambda *_: None)
        assert judge(of(row)) == fast


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=40), spoiled, st.just(GOOD)), max_size=12),
    st.booleans(),
    st.sampled_from([64, 1 << 20]),
)
def test_no_bytes_are_lost_whatever_a_file_holds(lines, ends, block):
    content = of(*lines) + (b"" if ends else b"x")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delimited, "BLOCK_BYTES", block)
        rows = read_rows("day", "key", content)
        good, refused = judge(content)
    whole = b"".join(rows.record(i) for i in range(len(rows)))
    assert whole.replace(b"\r", b"").replace(b"\n", b"") == content[len(HEADER) :].replace(b"\r", b"").replace(
        b"\n", b""
    )
    assert len(good) + len(refused) == len(rows)
    assert not any(b"\n" in record and b'"' not in record for _, _, record in refused)


def test_many_quotes_take_no_time():
    lines = [b'"""' * 20, b'"' + b'""' * 30] * 20_000
    rows, refused = judge(of(*lines, GOOD))
    assert len(rows) == 1
    assert len(refused) <= 40_000


def test_quoted_fields_are_what_pythons_csv_reads():
    names = ['a "b" c', "x, y", "Zoë", "'"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(PERSON)
    for name in names:
        writer.writerow((PERSON | {"given_name": name}).values())
    rows, refused = judge(text.getvalue().encode(), "clinical_patients")
    assert (refused, [row["given_name"] for row in rows]) == ([], names)
