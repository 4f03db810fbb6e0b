"""Dirty input on request: faulty twins of good events, a stated share of each fault, all in the truth ledger.

A twin is sent after its good original, as a system does that first sends nonsense and is then put right: what is good
stays whole, so a warehouse that let a fault through, or lost an event over one, no longer equals the truth.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from loaders.raw.events import Lines
from loaders.world.calendar import DAY_SECONDS, timestamp
from loaders.world.config import World
from loaders.world.network import Facility
from loaders.world.rng import Streams

Record = dict[str, Any]

DUPLICATE = "duplicate"


def _text(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def cut_short(line: bytes) -> bytes:
    """The first two thirds of a line, to the end of a character: what is left is text, and no JSON."""
    return line[: len(line) * 2 // 3].decode(errors="ignore").encode()


def _malformed_json(record: Record, line: bytes, day: int) -> bytes:
    return cut_short(line)


def _invalid_utf8(record: Record, line: bytes, day: int) -> bytes:
    return line.replace(record["facility_id"].encode(), b"F\xff1", 1)


def _wrong_type(record: Record, line: bytes, day: int) -> bytes:
    wrong: Record = {"beds": "twelve"} if "beds" in record else {"patient_id": 12_345}
    return _text(record | wrong)


def _unknown_field(record: Record, line: bytes, day: int) -> bytes:
    return _text(record | {"ward_colour": "blue"})


def _missing_required(record: Record, line: bytes, day: int) -> bytes:
    return _text({name: value for name, value in record.items() if name != "department_id"})


def _out_of_range(record: Record, line: bytes, day: int) -> bytes:
    wrong: dict[str, Record] = {
        "admission": {"admission_method": "teleport"},
        "discharge": {"discharge_destination": "the moon"},
        "wait_snapshot": {"wait_duration_hours": -2.5},
        "dep_snapshot": {"occupied_beds": record.get("capacity", 0) + 1},
    }
    return _text(record | wrong[record["event_type"]])


def _outside_window(record: Record, line: bytes, day: int) -> bytes:
    return _text(record | {"event_time": timestamp((day + 40) * DAY_SECONDS)})


def _non_finite(record: Record, line: bytes, day: int) -> bytes:
    name = {"wait_snapshot": "wait_duration_hours", "dep_snapshot": "beds"}.get(record["event_type"], "schema_version")
    return _text(record | {name: float("nan")})


def _duplicate_key(record: Record, line: bytes, day: int) -> bytes:
    return line[:-1] + b',"department_id":"F99-AMU"}'


def _colliding_id(record: Record, line: bytes, day: int) -> bytes:
    wrong = {"beds": record["beds"] - 1} if "beds" in record else {"patient_id": "P990000001"}
    return _text(record | wrong)


def _duplicate(record: Record, line: bytes, day: int) -> bytes:
    return line


FAULTS: dict[str, Callable[[Record, bytes, int], bytes]] = {
    "malformed_json": _malformed_json,
    "invalid_utf8": _invalid_utf8,
    "wrong_type": _wrong_type,
    "unknown_field": _unknown_field,
    "missing_required": _missing_required,
    "out_of_range": _out_of_range,
    "outside_window": _outside_window,
    "non_finite": _non_finite,
    "duplicate_key": _duplicate_key,
    "colliding_id": _colliding_id,
    DUPLICATE: _duplicate,
}
KEEP_ID = ("colliding_id", DUPLICATE)
CAUGHT_AS = {"quoted_line_break": "out_of_range"}
"""The rule that a fault breaks, where it has another name."""
LONGER_THAN_ANY_STAY = timedelta(days=800)


def twins(world: World, facility: Facility, day: int, good: Lines, part: slice) -> Iterator[tuple[int, str, bytes]]:
    """Faulty twins of a day's events of one type: (position of the good one in `part`, fault, line without its end)."""
    streams = Streams(world.seed)
    texts = good.texts(part)
    for fault, spoil in FAULTS.items():
        draws = streams(f"dirt.{good.event_type}.{fault}", facility.index, day)
        hit = draws.random(len(texts)) < world.dirty_share
        for position in hit.nonzero()[0].tolist():
            line = texts[position].rstrip()
            record = json.loads(line)
            if fault not in KEEP_ID:
                new_id = str(UUID(bytes=draws.bytes(16), version=4))
                line = line.replace(record["event_id"].encode(), new_id.encode(), 1)
                record["event_id"] = new_id
            yield position, fault, spoil(record, line, day)


def with_twins(texts: list[bytes], after: dict[int, list[bytes]]) -> bytes:
    """Lines with line ends, and after each the twins that belong to its position."""
    return b"".join([b"".join([text, *after.get(i, [])]) for i, text in enumerate(texts)])


def much_later(moment: str) -> str:
    """A time that lies outside of any window."""
    later = datetime.fromisoformat(moment.replace("Z", "+00:00")) + LONGER_THAN_ANY_STAY
    return later.strftime("%Y-%m-%dT%H:%M:%SZ")
