"""The whole pipeline on a lake in a bucket, beside the same on a folder."""

from dataclasses import replace

import duckdb
import pytest
from conftest import digest_of, killed_until_done
from typer.testing import CliRunner

from loaders.cli import app
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.lock import writing
from loaders.quality.gates import check_staging
from loaders.raw.generate import generate
from loaders.staging.manifest import read_manifest, staged_files
from loaders.staging.stage import stage
from loaders.status import status

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LANDED = ("raw", "truth", "state/operations")
STAGED = ("staging", "quarantine", "state/staged")


@pytest.mark.parametrize(("packed", "workers"), [pytest.param(True, 1, marks=pytest.mark.long), (False, 2)])
def test_raw_and_staging_are_those_of_a_folder_byte_for_byte(s3_lake, small_world, tmp_path, packed, workers):
    folder = Lake.at(tmp_path / "folder")
    for days in (4, 6):
        world = replace(small_world, days=days, packed=packed, dirty_share=0.02)
        for lake in (folder, s3_lake):
            with writing(lake):
                generate(lake, world, workers=workers)
                stage(lake, contracts(), workers)
    assert digest_of(s3_lake, *LANDED, *STAGED) == digest_of(folder, *LANDED, *STAGED)
    assert all(outcome.passed for outcome in check_staging(s3_lake, contracts()))
    seen, said = status(s3_lake, contracts()), status(folder, contracts())
    assert (seen.counts, seen.refusals, seen.injected) == (said.counts, said.refusals, said.injected)
    assert seen.lake == str(s3_lake)


@pytest.mark.long
def test_a_killed_run_in_a_bucket_goes_on_to_the_same_bytes(s3_lake, small_world, tmp_path):
    folder = Lake.at(tmp_path / "folder")
    generate(folder, replace(small_world, packed=True, days=30))
    stage(folder, contracts())
    code = (
        "import sys; from dataclasses import replace; from datetime import date\n"
        "from loaders.contracts import contracts; from loaders.lake import Lake; from loaders.lock import writing\n"
        "from loaders.raw.generate import generate; from loaders.staging.stage import stage\n"
        "from loaders.world.config import PRESETS\n"
        "world = replace(PRESETS['demo'], start=date(2024, 2, 17), days=30, beds=80, packed=True,"
        " initial_patients=2_400, max_patients=4_000)\n"
        "lake = Lake.at(sys.argv[1])\n"
        "with writing(lake):\n"
        "    print('ready', flush=True); generate(lake, world, workers=2); stage(lake, contracts(), 2)"
    )
    assert killed_until_done(code, s3_lake, first_seconds=0.3, more_seconds=1.0) >= 2
    assert digest_of(s3_lake, *LANDED, *STAGED) == digest_of(folder, *LANDED, *STAGED)


def test_the_gate_sees_a_staged_object_that_is_damaged_or_gone(s3_lake, small_world):
    generate(s3_lake, replace(small_world, days=2, packed=True))
    stage(s3_lake, contracts())
    first, second, *_ = [file.key for file in staged_files(read_manifest(s3_lake))]
    s3_lake.write(first, s3_lake.read(first)[:-1] + b"?")
    s3_lake.remove(second)
    (outcome,) = check_staging(s3_lake, contracts())
    assert outcome.unexpected == 2
    assert first in outcome.observed
    assert second in outcome.observed


@pytest.mark.long
def test_one_command_does_everything_on_a_lake_in_a_bucket(s3_lake, tmp_path, monkeypatch):
    warehouse = tmp_path / "published" / "here.duckdb"
    monkeypatch.setenv("WARDHOUSE_DUCKDB", str(warehouse))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    world = ["--days", "5", "--beds", "60", "--facilities", "1", "--set", "initial_patients=900", "--pack"]
    done = CliRunner().invoke(app, ["run", "--lake", str(s3_lake), *world])
    assert done.exit_code == 0, done.stderr
    assert "everything is published" in done.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        (rows,) = connection.execute("select count(*) from core.fact_admissions").fetchone()
    counts = status(s3_lake, contracts())
    assert rows == counts.counts["admissions"].staged
    assert counts.warehouse == str(warehouse)
    assert CliRunner().invoke(app, ["check", "marts", "--lake", str(s3_lake)]).exit_code == 0
    assert not s3_lake.read("state/lock")
