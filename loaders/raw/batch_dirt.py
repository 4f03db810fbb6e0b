"""Dirty rows on request in the clinical batches: faulty twins of good rows, a stated share of each fault.

As with events, a twin stands after its good original, and the truth ledger knows of it.
"""

import json
from collections.abc import Callable
from typing import Any

from loaders.raw.batches import HEADERS, Rows
from loaders.raw.dirt import CAUGHT_AS, DUPLICATE, KEEP_ID, cut_short, much_later, with_twins
from loaders.world.config import World
from loaders.world.network import Facility
from loaders.world.rng import Streams

Record = dict[str, str]

KEYS = {
    "patients.csv": "patient_id",
    "encounters.csv": "encounter_id",
    "vitals.csv": "observation_id",
    "labs.csv": "result_id",
    "notes.jsonl": "note_id",
}
NUMBERS = {"encounters.csv": "acuity", "vitals.csv": "heart_rate", "labs.csv": "value"}
TIMES = {
    "encounters.csv": ("discharge_time",),
    "vitals.csv": ("event_time",),
    "labs.csv": ("event_time", "result_time"),
    "notes.jsonl": ("note_time",),
}
LISTED = {
    "patients.csv": "blood_group",
    "encounters.csv": "scenario",
    "vitals.csv": "consciousness",
    "labs.csv": "test_code",
    "notes.jsonl": "note_type",
}
STRANGER = "P990000001"
NO_ENCOUNTER = "F99-20240101-0000"


def spoiled(world: World, facility: Facility, day: int, rows: Rows, part: slice) -> tuple[bytes, list[str]]:
    """A day's lines of one file with faulty twins among them, and the rules that the twins break."""
    texts = rows.texts(part)
    after: dict[int, list[bytes]] = {}
    found: list[str] = []
    for fault, spoil in FAULTS[rows.file].items():
        draws = Streams(world.seed)(f"dirt.{rows.file}.{fault}", facility.index, day)
        for position in (draws.random(len(texts)) < world.dirty_share).nonzero()[0].tolist():
            record = _record(rows.file, texts[position])
            if fault not in KEEP_ID:
                _give_new_key(rows.file, record, len(found))
            after.setdefault(position, []).append(spoil(rows.file, record))
            found.append(CAUGHT_AS.get(fault, fault))
    return with_twins(texts, after), found


def _record(file: str, line: bytes) -> Record:
    if file == "notes.jsonl":
        return json.loads(line)
    return dict(zip(HEADERS[file].rstrip().split(","), line.decode().rstrip("\n").split(","), strict=True))


def _line(file: str, record: Record) -> bytes:
    if file == "notes.jsonl":
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    return ",".join(record.values()).encode() + b"\n"


def _give_new_key(file: str, record: Record, number: int) -> None:
    """A key that no good row has, of the right form."""
    key = KEYS[file]
    if file == "patients.csv":
        record[key] = f"P98{number:07d}"
    elif file == "encounters.csv":
        record[key] = f"{record[key][:-4]}{9_000 + number % 1_000}"
    else:
        record[key] = f"{record[key].rpartition('-')[0]}-{record[key].rpartition('-')[2][0]}{90_000 + number % 10_000}"


def _change(names: dict[str, str], value: str) -> Callable[[str, Record], bytes]:
    return lambda file, record: _line(file, record | {names[file]: value})


def _cut_short(file: str, record: Record) -> bytes:
    line = _line(file, record)
    return cut_short(line) + b"\n" if file == "notes.jsonl" else line.rpartition(b",")[0] + b"\n"


def _invalid_utf8(file: str, record: Record) -> bytes:
    return _line(file, record).replace(b"-", b"\xff", 1)


def _missing_required(file: str, record: Record) -> bytes:
    name = LISTED[file]
    if file == "notes.jsonl":
        return _line(file, {field: value for field, value in record.items() if field != name})
    return _line(file, record | {name: ""})


def _outside_window(file: str, record: Record) -> bytes:
    return _line(file, record | {name: much_later(record[name]) for name in TIMES[file]})


def _quoted_line_break(file: str, record: Record) -> bytes:
    return _line(file, record | {LISTED[file]: f'"{record[LISTED[file]]}\n"'})


def _unknown_reference(file: str, record: Record) -> bytes:
    if file == "encounters.csv":
        return _line(file, record | {"patient_id": STRANGER})
    return _line(file, record | ({} if file == "patients.csv" else {"encounter_id": NO_ENCOUNTER}))


def _colliding_id(file: str, record: Record) -> bytes:
    other: dict[str, Any] = {
        "patients.csv": {"given_name": "Another"},
        "encounters.csv": {"acuity": "1" if record.get("acuity") != "1" else "2"},
        "vitals.csv": {"on_oxygen": "true" if record.get("on_oxygen") == "false" else "false"},
        "labs.csv": {"unit": "furlongs"},
        "notes.jsonl": {"note_text": "Nothing of the kind."},
    }
    return _line(file, record | other[file])


def _unknown_field(file: str, record: Record) -> bytes:
    return _line(file, record | {"ward_colour": "blue"})


_EVERYWHERE: dict[str, Callable[[str, Record], bytes]] = {
    "invalid_utf8": _invalid_utf8,
    "missing_required": _missing_required,
    "unknown_reference": _unknown_reference,
    "colliding_id": _colliding_id,
    DUPLICATE: _line,
}
_CSV = _EVERYWHERE | {"malformed_csv": _cut_short, "quoted_line_break": _quoted_line_break}
_MEASURED = {
    "wrong_type": _change(NUMBERS, "high"),
    "out_of_range": _change(NUMBERS, "-1"),
    "outside_window": _outside_window,
}
FAULTS: dict[str, dict[str, Callable[[str, Record], bytes]]] = {
    "patients.csv": _CSV | {"out_of_range": _change(LISTED, "C+")},
    "encounters.csv": _CSV | _MEASURED,
    "vitals.csv": _CSV | _MEASURED,
    "labs.csv": _CSV | _MEASURED | {"non_finite": _change(NUMBERS, "NaN")},
    "notes.jsonl": _EVERYWHERE
    | {
        "malformed_json": _cut_short,
        "out_of_range": _change(LISTED, "limerick"),
        "outside_window": _outside_window,
        "unknown_field": _unknown_field,
    },
}
