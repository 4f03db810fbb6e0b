"""Staging, beside plain reads, a plain script and dlt."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Row, fresh, in_own_process, timed
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.raw.generate import ENTITY_OF, generate
from loaders.raw.text import joined, timestamps, uuids, whole
from loaders.staging.manifest import read_manifest, totals
from loaders.staging.stage import stage
from loaders.world.calendar import DAY_SECONDS, day_number, day_of
from loaders.world.config import PRESETS
from loaders.world.rng import Streams

EVENTS = {entity: contracts()[entity] for entity in ENTITY_OF.values()}
SINGLES = replace(PRESETS["large"], days=93, packed=False)
NDJSON_EVENTS = 2_000_000
DLT_SINGLES, DLT_NDJSON = 5_000, 200_000


def rows() -> Iterator[Row]:
    """Lines of the table."""
    root = str(singles())
    files = sum(1 for _ in Path(root).glob("raw/operations/*/*/*.json"))
    reads = in_own_process("staging:read_plainly", root)
    ours = in_own_process("staging:stage_singles", root)
    script = in_own_process("staging:script", root, times=1)
    dlt = in_own_process("staging:dlt_singles", root, times=1)
    yield Row(
        f"staging {files:,} one-event files, warm, two processes",
        f"{files / ours.seconds:,.0f} events/s",
        f"listing and reading them alone {files / reads.seconds:,.0f}/s in two processes; "
        f"{script.seconds / ours.seconds:.1f}× json in a script; "
        f"{dlt.seconds / DLT_SINGLES / (ours.seconds / files):.0f}× dlt on {DLT_SINGLES:,}; "
        f"{ours.megabytes:,.0f} MB in all processes",
        "≥ 150,000 events/s",
    )
    lines = str(ndjson())
    one, two = (in_own_process("staging:stage_ndjson", lines, workers) for workers in (1, 2))
    dlt = in_own_process("staging:dlt_ndjson", lines, times=1)
    ceiling = in_own_process("staging:parse_only", lines)
    yield Row(
        f"staging {NDJSON_EVENTS:,} events of NDJSON in 60 day files, two processes",
        f"{NDJSON_EVENTS / two.seconds:,.0f} events/s",
        f"{dlt.seconds / DLT_NDJSON / (two.seconds / NDJSON_EVENTS):.0f}× dlt on {DLT_NDJSON:,}; Arrow's parser alone "
        f"{NDJSON_EVENTS / ceiling.seconds:,.0f}/s in one thread; {two.megabytes:,.0f} MB in all processes",
        "≥ 500,000 events/s, < 400 MB, ≥ 10× dlt",
    )
    yield Row("the same in one process", f"{NDJSON_EVENTS / one.seconds:,.0f} events/s", f"{one.megabytes:,.0f} MB")
    for share in (0.0001, 0.001):
        bad = in_own_process("staging:stage_ndjson", str(spoiled(share)), 1)
        yield Row(
            f"the same in one process, {share:.2%} of records faulty",
            f"{NDJSON_EVENTS / bad.seconds:,.0f} events/s",
            f"{bad.seconds / one.seconds:.2f}× the time of clean data",
        )


@lru_cache
def singles() -> Path:
    """About 200,000 files of one event."""
    lake = Lake.at(fresh("singles"))
    generate(lake, SINGLES, workers=2)
    return lake.root


@lru_cache
def ndjson() -> Path:
    """Two million admissions in a file a day, over two months."""
    return _ndjson(0.0)


@lru_cache
def spoiled(share: float) -> Path:
    """The same with a share of records cut short or with a value of a wrong type."""
    return _ndjson(share)


def _ndjson(faulty_share: float) -> Path:
    lake = Lake.at(fresh("ndjson"))
    first, days = day_number(PRESETS["large"].start) + 1, 60
    a_day = NDJSON_EVENTS // days + 1
    left = NDJSON_EVENTS
    for day in range(first, first + days):
        count = min(a_day, left)
        left -= count
        number = np.arange(count)
        draw = Streams(1)("ndjson", 0, day)
        seconds = day * DAY_SECONDS + draw.integers(0, DAY_SECONDS, count, dtype="i8")
        lines = joined(
            '{"event_id":"', uuids(draw.integers(0, 2**64, (count, 2), dtype="u8")),
            '","event_type":"admission","event_time":"', timestamps(seconds),
            '","facility_id":"F01","department_id":"F01-GMED","schema_version":1,"patient_id":"P0',
            whole(10_000_000 + number), f'","encounter_id":"F01-{day_of(day):%Y%m%d}-',
            pa.compute.utf8_lpad(whole(number % 10_000), 4, "0"),
            '","request_time":"', timestamps(seconds - 3_600), '","admission_method":"emergency"}',
        )  # fmt: skip
        texts = lines.to_pylist()
        for i in np.flatnonzero(draw.random(count) < faulty_share).tolist():
            texts[i] = texts[i][:200] if i % 2 else texts[i].replace('"schema_version":1', '"schema_version":"one"')
        folder = f"raw/operations/admission/event_date={day_of(day)}"
        lake.create(f"{folder}/admission.ndjson", ("\n".join(texts) + "\n").encode())
    return lake.root


def read_plainly(root: str) -> float:
    """List, open and read every file, in two processes; the second of two times."""
    folders = sorted(str(folder) for folder in Path(root).glob("raw/operations/*/*/"))
    with Pool(2) as pool:
        return [timed(lambda: pool.map(_read_folder, folders, chunksize=8)) for _ in range(2)][1]


def _read_folder(folder: str) -> None:
    for entry in os.scandir(folder):
        entry.stat()
        with open(entry.path, "rb", buffering=0) as file:
            file.read()


def stage_singles(root: str) -> float:
    """Stage all one-event files; the files have just been read."""
    read_plainly(root)
    lake = Lake.at(root)
    for folder in ("staging", "state/staged"):
        shutil.rmtree(lake.root / folder, ignore_errors=True)
    return timed(lambda: _stage(lake, EVENTS, 2))


def stage_ndjson(root: str, workers: int) -> float:
    """Stage NDJSON; encounter ids repeat, so the contract here asks for unique event ids only."""
    lake = Lake.at(root)
    for folder in ("staging", "quarantine", "state/staged"):
        shutil.rmtree(lake.root / folder, ignore_errors=True)
    contract = contracts()["admissions"]
    columns = tuple(replace(c, unique=c.name == "event_id") for c in contract.columns)
    return timed(lambda: _stage(lake, {"admissions": replace(contract, columns=columns)}, workers))


def _stage(lake: Lake, which: dict[str, Any], workers: int) -> None:
    stage(lake, which, workers)
    counts = totals(read_manifest(lake))
    assert all(c.raw == c.staged + c.quarantined for c in counts.values())


def script(root: str) -> float:
    """What a script does: json.loads each file, one table an event type and month, no checks."""
    folder = fresh("script")

    def play() -> None:
        for event_type in ENTITY_OF:
            months: dict[str, list[dict[str, Any]]] = {}
            for path in sorted(Path(root, "raw/operations", event_type).glob("*/*.json")):
                record = json.loads(path.read_bytes())
                months.setdefault(record["event_time"][:7], []).append(record)
            for month, records in months.items():
                table = pa.Table.from_pylist(records).sort_by([("event_time", "ascending"), ("event_id", "ascending")])
                pq.write_table(table, folder / f"{event_type}-{month}.parquet", compression="zstd")

    return timed(play)


def parse_only(root: str) -> float:
    """Only Arrow's JSON parser, with the contract's raw types."""
    from loaders.staging.parse import _by_arrow, blocks, raw_schema

    schema = raw_schema(contracts()["admissions"])
    contents = [path.read_bytes() for path in sorted(Path(root).glob("raw/operations/admission/*/*"))]
    return timed(lambda: [_by_arrow(block, schema) for data in contents for block in blocks(data, 4 << 20)])


def dlt_singles(root: str) -> float:
    """dlt's filesystem source over one-event files, to Parquet."""
    from dlt.sources.filesystem import filesystem, read_jsonl

    folder = fresh("dlt-source")
    for i, path in enumerate(sorted(Path(root).glob("raw/operations/admission/*/*.json"))[:DLT_SINGLES]):
        shutil.copy(path, folder / f"{i}.jsonl")
    return _dlt(filesystem(bucket_url=folder.as_uri(), file_glob="*.jsonl") | read_jsonl())


def dlt_ndjson(root: str) -> float:
    """dlt's filesystem source over NDJSON, to Parquet."""
    from dlt.sources.filesystem import filesystem, read_jsonl

    folder = fresh("dlt-source")
    lines: list[bytes] = []
    for path in sorted(Path(root).glob("raw/operations/admission/*/*.ndjson")):
        lines += path.read_bytes().splitlines(keepends=True)
        if len(lines) >= DLT_NDJSON:
            break
    (folder / "events.jsonl").write_bytes(b"".join(lines[:DLT_NDJSON]))
    return _dlt(filesystem(bucket_url=folder.as_uri(), file_glob="*.jsonl") | read_jsonl())


def _dlt(source: Any) -> float:
    import dlt

    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    folder = fresh("dlt")
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.filesystem(bucket_url=(folder / "out").as_uri()),
        pipelines_dir=str(folder / "work"),
    )
    return timed(lambda: pipeline.run(source, table_name="admissions", loader_file_format="parquet"))
