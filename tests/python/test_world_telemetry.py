import json
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.contracts import contracts
from loaders.errors import WardhouseError
from loaders.raw.ledger import Ledger
from loaders.raw.telemetry import ENTITY, lines, measures, procedure_ids, table, write_parquet
from loaders.staging.check import check
from loaders.staging.files import ROW_GROUP_ROWS
from loaders.staging.parse import parse
from loaders.world.calendar import DAY_SECONDS
from loaders.world.config import PRESETS
from loaders.world.robotics import telemetry as module
from loaders.world.robotics.cases import CANCELLED, COMPLETED, CONVERTED, FAILURES, NO_REASON, Cases
from loaders.world.robotics.catalogue import MODELS
from loaders.world.robotics.telemetry import DOMAINS, TOOLS, Telemetry, in_chunks, telemetry

WORLD = PRESETS["portfolio"]
CONTRACT = contracts()[ENTITY]
HEALTHY = -1
FIRST_DAY = 19_723


def cases(count: int, seed: int = 1, **columns: object) -> Cases:
    """Completed cases of healthy robots, in order of days, but for the columns given."""
    draw = np.random.Generator(np.random.Philox(seed))
    number = np.arange(count)
    start = (FIRST_DAY + 1 + number // 40) * DAY_SECONDS + draw.integers(8 * 60, 14 * 60, count) * 60
    made = {
        "facility": draw.integers(0, 10, count),
        "day": FIRST_DAY + number // 40,
        "number": number,
        "patient": number,
        "procedure": draw.integers(0, 40, count),
        "robot": draw.integers(0, 50, count),
        "model": draw.integers(0, len(MODELS), count),
        "surgeon": draw.integers(0, 50, count),
        "start": start,
        "end": start + draw.integers(60, 400, count) * 60,
        "complexity": draw.integers(1, 11, count),
        "status": np.full(count, COMPLETED),
        "reason": np.full(count, NO_REASON),
        "wear": draw.random(count),
        "failing": np.full(count, HEALTHY),
    }
    for name, value in columns.items():
        made[name] = np.broadcast_to(np.asarray(value, made[name].dtype), count).copy()
    return Cases(**made)


@pytest.fixture(scope="module")
def healthy() -> tuple[Cases, Telemetry]:
    who = cases(1500)
    return who, telemetry(WORLD, who)


def equal(one: Telemetry, other: Telemetry) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Telemetry))


def by_case(found: Telemetry, column: str, samples: int = WORLD.telemetry_samples) -> np.ndarray:
    return getattr(found, column).reshape(-1, samples).astype(float)


# --- which samples there are ---------------------------------------------------------------------------------------


def test_only_completed_cases_have_samples_and_all_have_as_many():
    who = cases(30, status=np.arange(30) % 3)
    found = telemetry(replace(WORLD, telemetry_samples=7), who)
    assert {COMPLETED, CONVERTED, CANCELLED} == set(who.status.tolist())
    assert found.case.tolist() == np.repeat(np.flatnonzero(who.status == COMPLETED), 7).tolist()
    assert found.number.tolist() == [1, 2, 3, 4, 5, 6, 7] * 10


@pytest.mark.parametrize(("count", "samples"), [(0, 100), (5, 0)])
def test_nothing_comes_of_no_cases_or_no_samples(count, samples, tmp_path):
    world, who = replace(WORLD, telemetry_samples=samples), cases(count)
    found = telemetry(world, who)
    assert len(found) == 0
    assert len(lines(who, found).lines) == 0
    assert list(lines(who, found).by_day()) == []
    assert table(who, found).equals(CONTRACT.arrow_schema.empty_table())
    assert len(measures(who, found).rows) == 0
    assert write_parquet(tmp_path / "none.parquet", who, in_chunks(world, who)) == 0
    assert pq.read_table(tmp_path / "none.parquet").equals(CONTRACT.arrow_schema.empty_table())


def test_times_are_whole_seconds_that_increase_from_the_start_to_before_the_end(healthy):
    who, found = healthy
    times = found.microsecond.reshape(len(who), -1)
    assert (times % 1_000_000 == 0).all()
    assert (np.diff(times, axis=1) > 0).all()
    assert (times[:, 0] == who.start * 1_000_000).all()
    assert (times[:, -1] < who.end * 1_000_000).all()
    step = np.diff(times, axis=1) / 1e6
    assert (np.ptp(step, axis=1) <= 1).all()


def test_times_still_increase_with_more_samples_than_seconds():
    who = cases(2)
    who.end[:] = who.start + np.array([120, 6000])
    found = telemetry(replace(WORLD, telemetry_samples=1000), who)
    times = found.microsecond.reshape(2, -1)
    assert (np.diff(times, axis=1) > 0).all()
    assert times[0, 1] - times[0, 0] == 120_000
    assert (times[1] % 1_000_000 == 0).all()
    texts = [json.loads(line)["sample_time"] for line in lines(who, found).texts(slice(0, 3))]
    start = datetime.fromtimestamp(int(who.start[0]), UTC).strftime("%Y-%m-%dT%H:%M:")
    assert texts == [f"{start}00Z", f"{start}00.120000Z", f"{start}00.240000Z"]


# --- draws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.sampled_from([1, 3, 100, 101, 128]))
def test_a_case_is_the_same_whichever_others_are_made_with_it(sizes, samples):
    world, who = replace(WORLD, telemetry_samples=samples), cases(sum(sizes), failing=2)
    whole, first = telemetry(world, who), 0
    for size in sizes:
        part = telemetry(world, who.only(np.arange(first, first + size)))
        part.case[:] += first
        assert equal(part, whole.only(slice(first * samples, (first + size) * samples)))
        first += size


def test_blocks_and_chunks_change_nothing(healthy, monkeypatch):
    who, found = healthy
    monkeypatch.setattr(module, "BLOCK_SAMPLES", 700)
    assert equal(telemetry(WORLD, who), found)
    for samples in (50, 1000, 12_345):
        chunks = list(in_chunks(WORLD, who, samples))
        assert max(len(chunk) for chunk in chunks) <= samples
        assert equal(Telemetry.joined(chunks), found)


def test_a_sample_depends_on_its_case_and_not_on_other_things_of_the_list(healthy):
    who, found = healthy
    again = replace(who, patient=who.patient + 1, surgeon=who.surgeon * 0, robot=who.robot[::-1], wear=who.wear / 2)
    assert equal(telemetry(WORLD, again), found)
    for changed in (replace(who, number=who.number + 1), replace(who, day=who.day - 1)):
        assert (telemetry(WORLD, changed).force_hundredths == found.force_hundredths).mean() < 0.05
    assert (telemetry(replace(WORLD, seed=43), who).force_hundredths == found.force_hundredths).mean() < 0.05


def test_samples_of_different_cases_and_quantities_are_independent(healthy):
    _, found = healthy
    force, fps = by_case(found, "force_hundredths"), by_case(found, "fps_tenths")
    noise = [force[:-1].ravel(), force[1:].ravel(), fps[:-1].ravel(), fps[1:].ravel()]
    noise.append(by_case(found, "latency_tenths")[1:].ravel().clip(max=60))
    related = np.corrcoef(noise)
    assert abs(related - np.eye(5))[[0, 0, 0, 1, 2], [1, 2, 3, 4, 3]].max() < 0.12
    assert abs(np.corrcoef(noise[3], noise[4])[0, 1]) < 0.03


# --- physics -------------------------------------------------------------------------------------------------------


def test_values_lie_within_what_the_contract_allows(healthy):
    who, found = healthy
    worn = cases(400, seed=2, wear=1, failing=np.arange(400) % 4)
    for rows in (table(who, found), table(worn, telemetry(WORLD, worn))):
        for column in CONTRACT.columns:
            if column.minimum is not None:
                values = rows.column(column.name).to_numpy()
                assert column.minimum <= values.min(), column.name
                assert values.max() <= column.maximum, column.name


def test_healthy_robots_stay_within_their_usual_ranges_and_nearly_never_alarm(healthy):
    _, found = healthy
    assert abs(found.position).max() < 2000
    assert abs(found.rotation).max() < 2600
    usual = {
        "force_hundredths": (20, 400), "current_hundredths": (20, 250), "temperature_tenths": (280, 590),
        "latency_tenths": (5, 50), "fps_tenths": (550, 600),
    }  # fmt: skip
    for column, (low, high) in usual.items():
        values = getattr(found, column)
        assert ((values >= low) & (values <= high)).mean() > 0.93, column
    assert (found.force_hundredths > 1000).mean() < 5e-4
    assert (found.current_hundredths > 400).mean() < 5e-4
    assert found.temperature_tenths.max() < 650
    assert (found.latency_tenths > 200).mean() < 2e-3
    assert (found.latency_tenths > 500).mean() < 1e-4
    assert (found.fps_tenths < 450).mean() < 1e-4
    assert 0.001 < (found.latency_tenths > 100).mean() < 0.01


def test_arms_move_smoothly_and_turn(healthy):
    who, _ = healthy
    single = who.only(np.array([MODELS[model].arms == 1 for model in who.model]))
    found = telemetry(WORLD, single)
    for values in (*found.position, *found.rotation):
        path = values.reshape(len(single), -1).astype(float)
        assert np.corrcoef(path[:, 1:].ravel(), path[:, :-1].ravel())[0, 1] > 0.85
        assert values.std() > 300


def test_current_follows_force_and_what_shakes_the_arm(healthy):
    _, found = healthy
    related = np.corrcoef(found.force_hundredths, found.current_hundredths)[0, 1]
    assert 0.6 < related < 0.9


def test_force_is_higher_in_use_and_in_harder_cases(healthy):
    who, found = healthy
    active = found.is_tool_active
    assert 0.5 < active.mean() < 0.6
    assert np.median(found.force_hundredths[active]) > 2.5 * np.median(found.force_hundredths[~active])
    complexity = who.complexity[found.case]
    easy, hard = (found.force_hundredths[active & (complexity == level)].mean() for level in (1, 10))
    assert 1.3 < hard / easy < 1.8


def test_the_camera_moves_now_and_then_and_never_while_a_tool_is_in_use(healthy):
    _, found = healthy
    assert 0.04 < found.is_camera_moving.mean() < 0.1
    assert not (found.is_camera_moving & found.is_tool_active).any()


def lagged(who: Cases, found: Telemetry, samples: int) -> np.ndarray:
    """Temperatures of healthy cases from their written currents, one sample after the other, for each of many lags."""
    current = by_case(found, "current_hundredths", samples) / 100
    heat = np.minimum(26 * current**2, 35)
    minutes = ((who.end - who.start) / 60 / samples)[:, None]
    left = np.exp(-minutes / np.arange(8, 15.01, 0.05))
    warmth = np.zeros_like(left)
    steps = [warmth]
    for place in range(1, samples):
        warmth = warmth * left + heat[:, place, None] * (1 - left)
        steps.append(warmth)
    return 28 + np.stack(steps, axis=1)


def test_temperature_lags_the_square_of_current_by_eight_to_fifteen_minutes(healthy):
    who, found = healthy
    some = who.only(np.arange(60))
    found = telemetry(WORLD, some)
    temperature = by_case(found, "temperature_tenths") / 10
    assert (temperature[:, 0] == 28).all()
    error = abs(lagged(some, found, 100) - temperature[:, :, None]).max(axis=1)
    assert error.min(axis=1).max() < 0.2
    best = error.argmin(axis=1)
    assert np.ptp(best) > 70


def test_the_lag_runs_on_through_a_case_of_more_samples_than_a_block(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_SAMPLES", 300)
    who = cases(3)
    found = telemetry(replace(WORLD, telemetry_samples=1000), who)
    assert found.number.reshape(3, -1)[:, [0, 299, 300, 999]].tolist() == [[1, 300, 301, 1000]] * 3
    temperature = by_case(found, "temperature_tenths", 1000) / 10
    assert abs(lagged(who, found, 1000) - temperature[:, :, None]).max(axis=1).min(axis=1).max() < 0.2
    assert (np.diff(found.microsecond.reshape(3, -1), axis=1) > 0).all()


def test_frames_are_lost_when_the_network_lags():
    who = cases(300, failing=FAILURES.index("network"), wear=0.8)
    found = telemetry(WORLD, who)
    slow = found.latency_tenths > 1000
    assert found.fps_tenths[slow].max() < found.fps_tenths[~slow & (found.latency_tenths < 80)].min()
    assert np.corrcoef(found.latency_tenths, found.fps_tenths)[0, 1] < -0.9


def test_tools_are_those_of_the_robots_domain_and_kept_for_some_minutes(healthy):
    who, found = healthy
    domain = np.array([DOMAINS.index(MODELS[model].domain) for model in who.model])[found.case]
    for place, name in enumerate(DOMAINS):
        shares = np.bincount(found.tool[domain == place], minlength=len(TOOLS)) / (domain == place).sum()
        assert shares == pytest.approx([tool.shares.get(name, 0) for tool in TOOLS], abs=0.03)
        assert sum(tool.shares.get(name, 0) for tool in TOOLS) == pytest.approx(1)
    changes = (np.diff(found.tool.reshape(len(who), -1), axis=1) != 0).sum(axis=1)
    soft = np.array([MODELS[model].domain == "soft_tissue" for model in who.model])
    minutes = (who.end - who.start) / 60
    assert 8 < minutes[soft].sum() / changes[soft].sum() < 13
    names = [tool.name for tool in TOOLS]
    assert tuple(names) == CONTRACT.column("tool_type").accepted


def test_arms_are_those_of_the_model_and_each_has_its_place(healthy):
    who, found = healthy
    arms = np.array([model.arms for model in MODELS])[who.model][found.case]
    assert (found.arm >= 1).all()
    assert (found.arm <= arms).all()
    means = [found.position[0][(arms == 4) & (found.arm == arm)].mean() for arm in (1, 2, 3, 4)]
    assert (np.diff(means) > 150).all()
    assert np.bincount(found.arm[arms == 4])[1:].min() > 0.2 * (arms == 4).sum()


# --- faults --------------------------------------------------------------------------------------------------------

SHOWN = {
    "motor": "current_hundredths",
    "cooling": "temperature_tenths",
    "network": "latency_tenths",
    "camera": "fps_tenths",
}
FOLLOWS = {"motor": {"temperature_tenths"}, "network": {"fps_tenths"}}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_part_shows_in_its_own_values_and_more_the_more_it_is_worn(failure):
    who = cases(200)
    before = telemetry(WORLD, who)
    column, drift = SHOWN[failure], []
    for wear in (0.0, 0.25, 0.5, 0.75, 1.0):
        found = telemetry(
            WORLD, replace(who, failing=who.failing * 0 + FAILURES.index(failure), wear=who.wear * 0 + wear)
        )
        change = getattr(found, column).astype(float) - getattr(before, column)
        drift.append(abs(change).mean())
        touched = {column} | FOLLOWS.get(failure, set())
        for field in fields(Telemetry):
            if field.name not in touched:
                assert np.array_equal(getattr(found, field.name), getattr(before, field.name)), field.name
    assert drift[0] == 0
    assert (np.diff(drift) > 0).all()


@pytest.mark.parametrize(
    ("failure", "warned", "alarmed"),
    [
        ("motor", lambda t: t.current_hundredths > 400, lambda t: t.current_hundredths > 600),
        ("cooling", lambda t: t.temperature_tenths > 650, lambda t: t.temperature_tenths > 750),
        ("network", lambda t: t.latency_tenths > 500, lambda t: t.latency_tenths > 2000),
        ("camera", lambda t: t.fps_tenths < 450, lambda t: t.fps_tenths < 300),
    ],
)
def test_a_breakdown_is_seen_coming(failure, warned, alarmed, healthy):
    _, sound = healthy
    nearly = telemetry(WORLD, cases(200, failing=FAILURES.index(failure), wear=0.9))
    half = telemetry(WORLD, cases(200, failing=FAILURES.index(failure), wear=0.5))
    assert warned(sound).mean() < 5e-4
    assert warned(half).mean() > 0.01
    assert warned(nearly).mean() > 0.15
    assert alarmed(nearly).mean() > 0.04
    assert (warned(nearly).reshape(200, -1).any(axis=1)).all()


def test_wear_without_a_failing_part_shows_nowhere(healthy):
    who, found = healthy
    assert equal(telemetry(WORLD, replace(who, wear=who.wear * 0)), found)


# --- as it is written ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed() -> tuple[Cases, Telemetry]:
    """Some of everything: cancelled and failing cases, one over midnight, one shorter than its samples."""
    who = cases(
        90, seed=5, failing=np.arange(90) % 5 - 1, status=np.where(np.arange(90) % 7 == 3, CANCELLED, COMPLETED)
    )
    who.start[11] = who.start[11] // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS - 3600
    who.end[11] = who.start[11] + 7200
    who.end[20] = who.start[20] + 60
    return who, telemetry(WORLD, who)


def test_lines_are_records_of_the_contract_and_say_what_the_arrays_say(mixed):
    who, found = mixed
    made = lines(who, found)
    assert (np.diff(made.days) >= 0).all()
    rows, _, unread = parse(CONTRACT, bytes(made.data(slice(None))))
    good, faults = check(CONTRACT, rows, made.days.astype("M8[D]").astype("M8[us]"))
    assert (unread, faults) == ({}, {})
    order = np.argsort(found.day, kind="stable")
    assert good.equals(table(who, found.only(order)), check_metadata=True)


def test_a_line_is_compact_json_with_the_contracts_columns_in_order(mixed):
    who, found = mixed
    for i, line in enumerate(lines(who, found.only(found.case < 10)).texts(slice(0, 300))):
        record = json.loads(line)
        assert list(record) == [column.name for column in CONTRACT.columns]
        case = found.case[i]
        assert record["procedure_id"] == procedure_ids(who)[int(case)].as_py()
        assert record["robot_id"] == f"R{who.robot[case] + 1:04d}"
        assert record["position_x_mm"] == float(f"{found.position[0][i] / 10:.1f}")
        assert record["force_n"] == float(f"{found.force_hundredths[i] / 100:.2f}")
        assert record["tool_type"] == TOOLS[found.tool[i]].name
        assert record["is_tool_active"] is bool(found.is_tool_active[i])
        assert line.endswith(b"}\n")
        assert b" " not in line
        assert b"\0" not in line
        assert b"-0.0," not in line


def test_ids_name_the_encounter():
    who = cases(2, facility=[0, 11], day=[19_782, 19_783], number=[17, 9999])
    assert procedure_ids(who).to_pylist() == ["F01-20240229-0017-R1", "F12-20240301-9999-R1"]


def test_a_case_over_midnight_is_in_the_folders_of_both_days(mixed):
    who, found = mixed
    made = lines(who, found)
    parts = {day: [json.loads(line) for line in made.texts(part)] for day, part in made.by_day()}
    first = int(who.start[11] // DAY_SECONDS)
    night = procedure_ids(who)[11].as_py()
    assert Counter(day for day, rows in parts.items() for row in rows if row["procedure_id"] == night) == {
        first: 50,
        first + 1: 50,
    }
    for day, rows in parts.items():
        date = datetime.fromtimestamp(day * DAY_SECONDS, UTC).strftime("%Y-%m-%d")
        assert {row["sample_time"][:10] for row in rows} == {date}


def test_lines_are_the_same_however_many_are_made_at_a_time(mixed):
    who, found = mixed
    whole = bytes(lines(who, found.only(found.day == FIRST_DAY + 2)).data(slice(None)))
    parts = [part.only(part.day == FIRST_DAY + 2) for part in in_chunks(WORLD, who, 330)]
    assert b"".join(bytes(lines(who, part).data(slice(None))) for part in parts) == whole


@pytest.mark.parametrize("samples", [100, 1000])
def test_parquet_holds_the_same_rows_and_bytes_however_they_come(samples, tmp_path):
    world, who = (
        replace(WORLD, telemetry_samples=samples),
        cases(250_000 // samples, status=np.arange(250_000 // samples) % 9 == 0),
    )
    who.status[:] = np.where(who.status == 1, CONVERTED, COMPLETED)
    paths = [tmp_path / f"{i}.parquet" for i in range(3)]
    counts = [
        write_parquet(path, who, in_chunks(world, who, size))
        for path, size in zip(paths, (1 << 17, 7_000, 300_000), strict=True)
    ]
    assert counts == [samples * (who.status == COMPLETED).sum()] * 3
    assert len({path.read_bytes() for path in paths}) == 1
    assert pq.read_table(paths[0]).equals(table(who, telemetry(world, who)), check_metadata=True)
    about = pq.ParquetFile(paths[0]).metadata
    sizes = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
    assert sizes == [ROW_GROUP_ROWS, counts[0] - ROW_GROUP_ROWS]
    assert {about.row_group(0).column(i).compression for i in range(about.num_columns)} == {"ZSTD"}


def test_parquet_holds_everything_that_lines_hold(mixed, tmp_path):
    who, found = mixed
    write_parquet(tmp_path / "all.parquet", who, [found])
    assert pq.read_table(tmp_path / "all.parquet").equals(table(who, found), check_metadata=True)


def test_a_file_that_cannot_be_written_is_said_in_one_line(mixed, tmp_path):
    who, found = mixed
    with pytest.raises(WardhouseError, match="cannot write") as caught:
        write_parquet(tmp_path / "none" / "x.parquet", who, [found])
    assert "\n" not in str(caught.value)


def test_the_ledger_counts_rows_and_forces_by_facility_and_day_of_sample(mixed):
    who, found = mixed
    told = measures(who, found)
    rows, forces = Counter(), Counter()
    for case, day, force in zip(found.case.tolist(), found.day.tolist(), found.force_hundredths.tolist(), strict=True):
        rows[int(who.facility[case]), day] += 1
        forces[int(who.facility[case]), day] += force
    pairs = list(zip(told.facility.tolist(), told.day.tolist(), strict=True))
    assert dict(zip(pairs, told.rows.tolist(), strict=True)) == rows
    assert dict(zip(pairs, told.force_hundredths.tolist(), strict=True)) == forces
    ledger = Ledger("F01")
    ledger.add_all(told.day, ENTITY, told.day, rows=told.rows, force_hundredths=told.force_hundredths)
    day = told.day[0]
    assert ledger.values[day, ENTITY, day, "rows"] == sum(n for (_, when), n in rows.items() if when == day)
