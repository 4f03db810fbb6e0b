"""What a line must be, held against lines that try to be something else."""

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.contracts import contracts
from loaders.staging.check import check
from loaders.staging.parse import blocks, fault_of, parse
from loaders.staging.records import Records, Reject, _lines, read_records

DAY = date(2024, 2, 29)
ADMISSION = {
    "event_id": "4ab42c36-0031-4b30-b89c-f41ac859b9d8",
    "event_type": "admission",
    "event_time": "2024-02-29T00:26:54Z",
    "facility_id": "F01",
    "department_id": "F01-GMED",
    "schema_version": 1,
    "patient_id": "P010001334",
    "encounter_id": "F01-20240228-0090",
    "request_time": "2024-02-28T21:49:44Z",
    "admission_method": "emergency",
}
WAIT = {
    "event_id": "84a5b3f5-bcfd-478d-bd0e-d67b8d9e8b8c",
    "event_type": "wait_snapshot",
    "event_time": "2024-02-29T00:00:00Z",
    "facility_id": "F01",
    "department_id": "F01-RESP",
    "schema_version": 1,
    "patient_id": "P010017636",
    "request_time": "2024-02-28T19:57:31Z",
    "request_date": "2024-02-28",
    "wait_duration_hours": 4.04,
}
DEP = {
    "event_id": "fe44effb-1771-48ae-89ff-f9e5821d6b53",
    "event_type": "dep_snapshot",
    "event_time": "2024-02-29T23:59:59Z",
    "facility_id": "F01",
    "department_id": "F01-AMU",
    "schema_version": 1,
    "snapshot_point": "eod",
    "beds": 64,
    "capacity": 69,
    "occupied_beds": 69,
    "waiting_list_size": 3,
}
PATIENT = {
    "extract_date": "2024-02-29",
    "patient_id": "P010000001",
    "facility_id": "F01",
    "nhs_number": "9990087105",
    "given_name": "Zoë",
    "family_name": "O'Hara",
    "sex": "female",
    "date_of_birth": "1950-02-28",
    "blood_group": "O+",
    "postcode_district": "QA32",
    "is_deleted": False,
    "updated_at": "2024-02-29T23:59:59Z",
}
SAMPLES = {"admissions": ADMISSION, "wait_snapshots": WAIT, "dep_snapshots": DEP, "patients": PATIENT}


def judge(entity: str, *lines: bytes) -> tuple[pa.Table, dict[int, str]]:
    """Staged rows and, by index of the line, the rule that each other line breaks."""
    contract = contracts()[entity]
    parsed, kept, faults = parse(contract, b"".join(line + b"\n" for line in lines))
    days = np.full(len(kept), np.datetime64(DAY, "us"))
    good, value_faults = check(contract, parsed, days)
    rules = {line: rule for line, (rule, _) in faults.items()}
    rules |= {int(kept[row]): rule for row, (rule, _) in value_faults.items()}
    assert good.num_rows + len(rules) == len(lines)
    assert good.schema.equals(contract.arrow_schema, check_metadata=True)
    return good, rules


def text(record: dict, **changes: object) -> bytes:
    return json.dumps(record | changes, ensure_ascii=False).encode()


def without(record: dict, name: str) -> bytes:
    return json.dumps({key: value for key, value in record.items() if key != name}).encode()


@pytest.mark.parametrize("entity", SAMPLES)
def test_a_good_record_is_staged_as_it_is(entity):
    good, rules = judge(entity, text(SAMPLES[entity]))
    assert rules == {}
    (row,) = good.to_pylist()
    for name, value in SAMPLES[entity].items():
        assert str(row[name]).replace(" ", "T") == str(value).removesuffix("Z").replace(" ", "T")


FAULTY = {
    "cut short": ("admissions", text(ADMISSION)[:-20], "malformed_json"),
    "not json": ("admissions", b"hello", "malformed_json"),
    "empty": ("admissions", b"", "malformed_json"),
    "blank": ("admissions", b"   ", "malformed_json"),
    "null": ("admissions", b"null", "malformed_json"),
    "a list": ("admissions", b"[" + text(ADMISSION) + b"]", "malformed_json"),
    "a number": ("admissions", b"7", "malformed_json"),
    "two objects": ("admissions", text(ADMISSION) * 2, "malformed_json"),
    "an object and null": ("admissions", text(ADMISSION) + b" null", "malformed_json"),
    "a comma too many": ("admissions", text(ADMISSION)[:-1] + b",}", "malformed_json"),
    "single quotes": ("admissions", text(ADMISSION).replace(b'"', b"'"), "malformed_json"),
    "a comment": ("admissions", text(ADMISSION) + b" // fine", "malformed_json"),
    "a byte order mark": ("admissions", b"\xef\xbb\xbf" + text(ADMISSION), "malformed_json"),
    "a raw tab in a text": ("admissions", text(ADMISSION).replace(b"F01-GMED", b"F01\tGMED"), "malformed_json"),
    "half a surrogate": ("patients", text(PATIENT).replace("Zoë".encode(), b"\\ud800"), "malformed_json"),
    "a deep nest": ("admissions", b'{"event_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json"),
    "a megabyte": ("patients", text(PATIENT, given_name="x" * (1 << 20)), "malformed_json"),
    "not utf-8": ("admissions", text(ADMISSION).replace(b"P01", b"P\xff1"), "invalid_utf8"),
    "a key twice": ("admissions", text(ADMISSION)[:-1] + b',"facility_id":"F02"}', "duplicate_key"),
    "a key twice, null": ("admissions", text(ADMISSION)[:-1] + b',"facility_id":null}', "duplicate_key"),
    "an unknown field": ("admissions", text(ADMISSION, colour="blue"), "unknown_field"),
    "another case": ("admissions", text(ADMISSION).replace(b'"facility_id"', b'"Facility_id"'), "unknown_field"),
    "a number as id": ("admissions", text(ADMISSION, patient_id=10001334), "wrong_type"),
    "a text as number": ("dep_snapshots", text(DEP, beds="64"), "wrong_type"),
    "a fraction as count": ("dep_snapshots", text(DEP, beds=64.5), "wrong_type"),
    "a whole float as count": ("dep_snapshots", text(DEP).replace(b": 64", b": 64.0"), "wrong_type"),
    "an exponent as count": ("dep_snapshots", text(DEP).replace(b": 64", b": 6e1"), "wrong_type"),
    "true as count": ("dep_snapshots", text(DEP, beds=True), "wrong_type"),
    "one as truth": ("patients", text(PATIENT, is_deleted=1), "wrong_type"),
    "text as truth": ("patients", text(PATIENT, is_deleted="false"), "wrong_type"),
    "an object as text": ("admissions", text(ADMISSION, patient_id={"id": 1}), "wrong_type"),
    "a list as text": ("admissions", text(ADMISSION, patient_id=["P010001334"]), "wrong_type"),
    "missing": ("admissions", without(ADMISSION, "patient_id"), "missing_required"),
    "null where required": ("admissions", text(ADMISSION, patient_id=None), "missing_required"),
    "nothing at all": ("admissions", b"{}", "missing_required"),
    "NaN": ("wait_snapshots", text(WAIT, wait_duration_hours=float("nan")), "non_finite"),
    "Infinity": ("wait_snapshots", text(WAIT, wait_duration_hours=float("inf")), "non_finite"),
    "minus Infinity": ("wait_snapshots", text(WAIT, wait_duration_hours=float("-inf")), "non_finite"),
    "1e400": ("wait_snapshots", text(WAIT).replace(b"4.04", b"1e400"), "non_finite"),
    "NaN as count": ("dep_snapshots", text(DEP, beds=float("nan")), "non_finite"),
    "less than none": ("wait_snapshots", text(WAIT, wait_duration_hours=-0.5), "out_of_range"),
    "more than all": ("dep_snapshots", text(DEP, beds=5_001, capacity=5_001), "out_of_range"),
    "over 32 bits": ("dep_snapshots", text(DEP, beds=2**31), "out_of_range"),
    "over 64 bits": ("dep_snapshots", text(DEP, beds=2**63), "out_of_range"),
    "5,000 digits": ("dep_snapshots", text(DEP).replace(b": 64", b": " + b"9" * 5_000), "out_of_range"),
    "an unknown word": ("admissions", text(ADMISSION, admission_method="Emergency"), "out_of_range"),
    "another type of event": ("admissions", text(ADMISSION, event_type="discharge"), "out_of_range"),
    "an id of another form": ("admissions", text(ADMISSION, patient_id="P01000133X"), "out_of_range"),
    "an id with a line end": ("admissions", text(ADMISSION, patient_id="P010001334\n"), "out_of_range"),
    "no uuid": ("admissions", text(ADMISSION, event_id="4ab42c36"), "out_of_range"),
    "an upper case uuid": ("admissions", text(ADMISSION, event_id=ADMISSION["event_id"].upper()), "out_of_range"),
    "a NUL in a name": ("patients", text(PATIENT, given_name="Zo\x00"), "out_of_range"),
    "a name too long": ("patients", text(PATIENT, given_name="é" * 61), "out_of_range"),
    "more occupied than open": ("dep_snapshots", text(DEP, occupied_beds=70), "out_of_range"),
    "a date as time": ("admissions", text(ADMISSION, event_time="2024-02-29"), "out_of_range"),
    "a time with offset": ("admissions", text(ADMISSION, event_time="2024-02-29T00:26:54+02:00"), "out_of_range"),
    "a time without zone": ("admissions", text(ADMISSION, event_time="2024-02-29T00:26:54"), "out_of_range"),
    "a time with space": ("admissions", text(ADMISSION, event_time="2024-02-29 00:26:54Z"), "out_of_range"),
    "no such hour": ("admissions", text(ADMISSION, event_time="2024-02-29T24:26:54Z"), "out_of_range"),
    "no such day": ("wait_snapshots", text(WAIT, request_date="2024-02-30"), "out_of_range"),
    "a short date": ("wait_snapshots", text(WAIT, request_date="2024-2-28"), "out_of_range"),
    "the day after": ("admissions", text(ADMISSION, event_time="2024-03-01T00:00:00Z"), "outside_window"),
    "the day before": ("admissions", text(ADMISSION, event_time="2024-02-28T23:59:59Z"), "outside_window"),
    "asked after admitted": ("admissions", text(ADMISSION, request_time="2024-02-29T00:26:55Z"), "outside_window"),
    "asked last year": ("admissions", text(ADMISSION, request_time="2023-02-28T21:49:44Z"), "outside_window"),
    "born tomorrow": ("patients", text(PATIENT, date_of_birth="2024-03-01"), "outside_window"),
    "updated tomorrow": ("patients", text(PATIENT, updated_at="2024-03-01T00:00:00Z"), "outside_window"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_record_is_refused_for_what_is_wrong_with_it(name):
    entity, line, rule = FAULTY[name]
    good, rules = judge(entity, line)
    assert (good.num_rows, rules) == (0, {0: rule})


@pytest.mark.parametrize("name", FAULTY)
def test_good_neighbours_of_a_faulty_record_go_through(name):
    entity, line, rule = FAULTY[name]
    neighbours = [text(SAMPLES[entity])] * 3
    good, rules = judge(entity, neighbours[0], line, *neighbours[1:])
    assert (good.num_rows, rules) == (3, {1: rule})


UNUSUAL = {
    "fractions of a second": ("admissions", text(ADMISSION, event_time="2024-02-29T00:26:54.123456Z")),
    "a brace in a name": ("patients", text(PATIENT, given_name="{Zo}")),
    "a bracket in a name": ("patients", text(PATIENT, given_name="[Zo]")),
    "an escaped letter": ("patients", text(PATIENT).replace("Zoë".encode(), b"Zo\\u00eb")),
    "a pair of surrogates": ("patients", text(PATIENT).replace("Zoë".encode(), b"\\ud83d\\ude00")),
    "spaces around": ("admissions", b"  " + text(ADMISSION) + b"  "),
    "another order": ("admissions", json.dumps(dict(reversed(ADMISSION.items()))).encode()),
    "a whole number of hours": ("wait_snapshots", text(WAIT, wait_duration_hours=4)),
    "an exponent of hours": ("wait_snapshots", text(WAIT).replace(b"4.04", b"404e-2")),
    "minus zero": ("wait_snapshots", text(WAIT).replace(b"4.04", b"-0.0")),
    "the last microsecond": ("admissions", text(ADMISSION, event_time="2024-02-29T23:59:59.999999Z")),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_is_not_wrong(name):
    entity, line = UNUSUAL[name]
    for lines in ([line], [text(SAMPLES[entity]), line], [line, b"broken"]):
        good, _ = judge(entity, *lines)
        assert good.num_rows == len([each for each in lines if each != b"broken"])


mutations = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 300)),
    st.tuples(st.just("flip"), st.integers(0, 300), st.integers(0, 255)),
    st.tuples(st.just("insert"), st.integers(0, 300), st.binary(min_size=1, max_size=4)),
    st.tuples(
        st.just("value"),
        st.sampled_from(sorted(DEP)),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**70), 2**70),
            st.floats(),
            st.text(max_size=5),
            st.lists(st.integers()),
        ),
    ),
)


def mutated(change: tuple) -> bytes:
    line = text(DEP)
    if change[0] == "cut":
        return line[: change[1]]
    if change[0] == "value":
        return text(DEP, **{change[1]: change[2]})
    at = min(change[1], len(line) - 1)
    if change[0] == "flip":
        return (line[:at] + bytes([change[2]]) + line[at + 1 :]).replace(b"\n", b" ")
    return (line[:at] + change[2] + line[at:]).replace(b"\n", b" ")


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations)
def test_a_record_fares_the_same_whoever_its_neighbours_are(change):
    line = mutated(change)
    alone, rules = judge("dep_snapshots", line)
    for neighbours in ([text(DEP)] * 2, [b"broken", text(DEP)], [text(DEP, department_id="{}")]):
        together, all_rules = judge("dep_snapshots", line, *neighbours)
        assert (0 in all_rules) == (0 in rules)
        if 0 in rules:
            assert all_rules[0] == rules[0]
        else:
            assert together.slice(0, 1).equals(alone)


@settings(max_examples=300, deadline=None)
@given(mutations)
def test_what_arrow_takes_is_what_is_said_of_a_record(change):
    """The fast path may take nothing that `fault_of` refuses."""
    line = mutated(change)
    parsed, _, faults = parse(contracts()["dep_snapshots"], line + b"\n")
    assert (parsed.num_rows == 0) == (fault_of(contracts()["dep_snapshots"], line) is not None) == bool(faults)


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=40), st.integers(1, 200))
def test_blocks_are_whole_lines_and_all_of_them(lines, size):
    data = b"".join(line + b"\n" for line in lines)
    parts = list(blocks(data, size))
    assert b"".join(parts) == data
    assert all(part.endswith(b"\n") for part in parts)


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_of_every_kind_become_lines(lake):
    folder = "raw/operations/admission/event_date=2024-02-29"
    line = text(ADMISSION)
    pretty = json.dumps(ADMISSION, indent=2).encode()
    compressed = pa.Codec("zstd").compress(line + b"\n" + line, asbytes=True)
    contents = {
        "a.json": line,
        "b.json": line + b"\n",
        "c.json": pretty,
        "d.json": line + b"\r\n",
        "e.ndjson": line + b"\r\n" + line + b"\r\n",
        "f.ndjson": line + b"\n" + line,
        "g.ndjson.zst": compressed,
        "h.ndjson": b"",
        "i.json": b"",
        "j.json": b'{"a":"x\ny"}',
        "k.ndjson.zst": compressed[:-4],
        "l.ndjson.zst": b"not zstd",
        "m.csv": b"a,b",
    }
    for name, data in contents.items():
        lake.create(f"{folder}/{name}", data)
    records = read_records(lake, "raw/operations/admission", {"event_date=2024-02-29": list(contents)})
    assert records.counts == [1, 1, 1, 1, 2, 2, 2]
    assert records.data.count(b"\n") == 10
    _, rules = judge("admissions", *records.data.splitlines())
    assert rules == {}
    refused = {reject.raw_key.rpartition("/")[2]: (reject.rule, reject.record) for _, reject in records.rejects}
    assert refused == {
        "i.json": ("malformed_json", b""),
        "j.json": ("malformed_json", b'{"a":"x\ny"}'),
        "k.ndjson.zst": ("unreadable_file", compressed[:-4]),
        "l.ndjson.zst": ("unreadable_file", b"not zstd"),
        "m.csv": ("unknown_file", b"a,b"),
    }
    places = [records.where(line) for line in range(10)]
    assert [(key[-10:], line) for key, line in places[4:8]] == [
        ("9/e.ndjson", 1),
        ("9/e.ndjson", 2),
        ("9/f.ndjson", 1),
        ("9/f.ndjson", 2),
    ]


def test_a_refused_line_is_kept_whole_with_its_place():
    records = Records(b"one\ntwo\nthree\n", ["k1", "k2"], ["d1", "d2"], [2, 1])
    assert records.rejected({2: ("rule", "why"), 1: ("rule", "why")}) == [
        ("d1", Reject("k1", 2, "rule", "why", b"two")),
        ("d2", Reject("k2", 1, "rule", "why", b"three")),
    ]


def test_an_escaped_quote_does_not_end_a_text():
    assert _lines("x.json", b'{"a":"\\"",\n"b":1}') == b'{"a":"\\"", "b":1}\n'
