from datetime import date

import pytest

from loaders.errors import BadSetting
from loaders.world.config import PRESETS, settings_of, world_from
from loaders.world.network import facilities, funded_beds, shares


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_whole_network(preset):
    world = world_from(preset, {})
    hospitals = facilities(world)
    assert len(hospitals) == world.facilities
    assert sum(hospital.beds for hospital in hospitals) == world.beds
    assert sum(hospital.max_patients for hospital in hospitals) == world.max_patients
    for hospital in hospitals:
        assert sum(ward.planned_beds for ward in hospital.wards) == hospital.beds
        assert all(ward.bed_spaces > ward.planned_beds for ward in hospital.wards)
    assert len({hospital.name for hospital in hospitals}) == world.facilities


def test_every_number_can_be_overridden():
    world = world_from(
        "demo", {"delayed_share": "0.2", "start": "2023-06-01", "GMED.occupancy": "0.9", "packed": "true", "seed": None}
    )
    assert (world.delayed_share, world.start, world.packed, world.seed) == (0.2, date(2023, 6, 1), True, 42)
    assert {d.code: d.occupancy for d in world.departments}["GMED"] == 0.9


@pytest.mark.parametrize("preset", PRESETS)
def test_a_world_can_be_written_down_and_read_back(preset):
    world = world_from(preset, {"seed": "7", "UROL.stay_median_days": "1.4"})
    written = settings_of(world)
    assert world_from(preset, written) == world
    assert settings_of(world_from(preset, written)) == written


@pytest.mark.parametrize(
    ("preset", "settings", "said"),
    [
        ("huge", {}, "there is no preset 'huge': choose one of demo, portfolio, large"),
        ("demo", {"bedz": "3"}, "there is no setting 'bedz'"),
        ("demo", {"start": "2024-02-30"}, "start = '2024-02-30' is not a date (YYYY-MM-DD)"),
        ("demo", {"start": "yesterday"}, "is not a date"),
        ("demo", {"start": "1805-10-21"}, "start must be from 2012-01-01"),
        ("demo", {"start": "2034-12-01", "days": "3000"}, "the last day must not be after"),
        ("demo", {"days": "0"}, "days must be from 1"),
        ("demo", {"days": "ten"}, "days = 'ten' is not a whole number"),
        ("demo", {"days": "1e9"}, "is not a whole number"),
        ("demo", {"beds": "-5"}, "beds must be from 20"),
        ("demo", {"seed": "-1"}, "seed must be from 0"),
        ("demo", {"demand": "nan"}, "demand = 'nan' is not a number"),
        ("demo", {"demand": "9"}, "demand must be from 0.1 to 1.15"),
        ("demo", {"packed": "perhaps"}, "is not true or false"),
        ("demo", {"delayed_share": "0.1", "long_delayed_share": "0.2"}, "long_delayed_share must be from 0"),
        ("demo", {"XRAY.beds": "3"}, "there is no department 'XRAY'"),
        ("demo", {"GMED.season": "autumn"}, "is not one of its values"),
        ("demo", {"GMED.occupancy": "1.5"}, "GMED.occupancy must be from 0.1 to 0.99"),
        ("demo", {"robots": "10000"}, "robots must be from 0 to 9,999"),
        ("demo", {"surgeons": "-1"}, "surgeons must be from 0 to 9,999"),
        ("demo", {"robotic_share": "1.1"}, "robotic_share must be from 0 to 1"),
        ("demo", {"theatre_cancellation_share": "-0.1"}, "theatre_cancellation_share must be from 0 to 1"),
        ("demo", {"maintenance_interval_factor": "0"}, "maintenance_interval_factor must be from 0.2 to 1,000"),
        ("demo", {"telemetry_samples": "1000001"}, "telemetry_samples must be from 0 to 1,000,000"),
        ("demo", {"telemetry_format": "csv"}, "'csv' is not one of its values: ndjson, parquet"),
    ],
)
def test_nonsense_is_refused_in_one_line(preset, settings, said):
    with pytest.raises(BadSetting) as refused:
        world_from(preset, settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_shares_are_whole_and_add_up():
    assert shares(10, [1, 1, 1]) == [4, 3, 3]
    assert shares(0, [3, 2]) == [0, 0]
    assert sum(shares(599, [60, 110, 100, 50])) == 599


def test_beds_change_over_time_within_the_spaces_there_are():
    world = world_from("demo", {})
    for ward in range(12):
        beds = [funded_beds(world, 0, ward, month) for month in range(2022 * 12 + 4, 2026 * 12)]
        place = facilities(world)[0].wards[ward]
        assert all(1 <= count < place.bed_spaces for count in beds)
    respiratory = next(i for i, ward in enumerate(facilities(world)[0].wards) if ward.plan.code == "RESP")
    winter, summer = funded_beds(world, 0, respiratory, 2024 * 12), funded_beds(world, 0, respiratory, 2024 * 12 + 6)
    assert winter > summer
