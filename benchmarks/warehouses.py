"""The three warehouses from the same lake: a new build and a second one, dbt's share of it, and plain loads.

ClickHouse is its engine behind the stand-in's HTTP interface; Redshift's stand-in is PostgreSQL, and its figures say
nothing about Redshift.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq

from benchmarks.measure import Measured, Row, fresh, in_own_process, timed
from loaders.contracts import contracts
from loaders.lake import Lake
from loaders.local.reach import BUCKET, _s3_settings, server
from loaders.local.start import running
from loaders.raw.generate import ENTITY_OF, generate
from loaders.staging.manifest import read_manifest
from loaders.staging.stage import stage
from loaders.targets import Target, duckdb_warehouse
from loaders.warehouse import Dbt, prepare_building, publish, published
from loaders.world.config import PRESETS, World

DEMO = replace(PRESETS["demo"], packed=True)
BIG = replace(
    PRESETS["large"],
    facilities=40,
    beds=43_500,
    initial_patients=600_000,
    max_patients=900_000,
    new_patients_per_day=400,
)
TENTH = replace(
    BIG,
    facilities=4,
    beds=4_350,
    initial_patients=60_000,
    max_patients=90_000,
    new_patients_per_day=40,
)
LOADED_ROWS = 1_000_000
ENGINES = {
    Target.duckdb: "DuckDB",
    Target.clickhouse: "ClickHouse's engine",
    Target.redshift: "PostgreSQL, Redshift's stand-in",
}


def rows() -> Iterator[Row]:
    """Lines of the table."""
    for target in Target:
        yield from _builds(DEMO, target, times=3)
    for target in Target:
        yield from _builds(TENTH if target is Target.redshift else BIG, target, times=1)
    yield _share_of_dbt()
    yield from _loads()


def _builds(world: World, target: Target, times: int) -> Iterator[Row]:
    place = lake(world)
    new = in_own_process("warehouses:build", str(place), target, times=times)
    again = in_own_process("warehouses:build_again", str(place), target, times=times)
    what = f"models and tests, {events(place):,} events, {ENGINES[target]}"
    yield Row(f"{what}: a new warehouse", f"{new.seconds:.1f} s", _costs(new))
    yield Row("the same again, nothing new", f"{again.seconds:.1f} s", _costs(again))


def _share_of_dbt() -> Row:
    place, plan = lake(BIG), str(fresh("plan") / "plan.json")
    dbt = in_own_process("warehouses:models_by_dbt", str(place), plan, times=1)
    plain = in_own_process("warehouses:models_by_duckdb", str(place), plan, times=1)
    return Row(
        f"models alone by dbt, {events(place):,} events, DuckDB",
        f"{dbt.seconds / plain.seconds:.2f}× the time of the same SQL in one connection",
        f"{dbt.seconds:.1f} s against {plain.seconds:.1f} s; processors {dbt.busy:.0f} s against {plain.busy:.0f} s; "
        f"{dbt.megabytes:,.0f} MB against {plain.megabytes:,.0f} MB",
        "≤ 2×",
    )


def _loads() -> Iterator[Row]:
    file = str(million(lake(BIG)))
    read = in_own_process("warehouses:read", file)
    for target in Target:
        load = in_own_process(f"warehouses:load_{target}", file)
        yield Row(
            f"loading {LOADED_ROWS:,} staged admissions, one file, {ENGINES[target]}",
            f"{LOADED_ROWS / load.seconds:,.0f} rows/s",
            f"{read.seconds / load.seconds:.2f}× the rate of reading it with pyarrow "
            f"({LOADED_ROWS / read.seconds:,.0f} rows/s)",
        )


def _costs(measured: Measured) -> str:
    return f"{measured.megabytes:,.0f} MB; processors {measured.busy:.0f} s, start and stop of all included"


# --- lakes -----------------------------------------------------------------------------------------------------------


@lru_cache
def lake(world: World) -> Lake:
    """A world, simulated and staged."""
    place = Lake.at(fresh("lake"))
    generate(place, world, workers=2)
    stage(place, contracts(), workers=2)
    return place


def events(place: Lake) -> int:
    """Staged admissions, discharges and snapshots."""
    manifest = read_manifest(place)
    return sum(part.data.rows for entity in ENTITY_OF.values() for part in manifest[entity].values() if part.data)


@lru_cache
def million(place: Lake) -> Path:
    """A Parquet file of staged admissions, written as staging writes them."""
    parts = read_manifest(place)["admissions"]
    files = [place.root / part.data.key for _, part in sorted(parts.items()) if part.data]
    path = fresh("million") / "admissions.parquet"
    pq.write_table(ds.dataset(files).head(LOADED_ROWS), path, compression="zstd")
    assert pq.read_metadata(path).num_rows == LOADED_ROWS
    return path


# --- builds ----------------------------------------------------------------------------------------------------------


def build(place: str, target: str) -> float:
    """dbt, as `wardhouse build` runs it, where there is no warehouse; a stand-in's start does not count."""
    warehouse = published(Lake.at(place)) if target == Target.duckdb else Path(place, target)
    away = fresh("away")
    for there in (warehouse, _parsed(place, target)):
        if there.exists():
            there.rename(away / there.name)
    return build_again(place, target)


def build_again(place: str, target: str) -> float:
    """The same on the warehouse that there is, with what dbt kept of its last parse."""
    os.environ["DBT_TARGET_PATH"] = str(_parsed(place, target))
    with _to_build(Lake.at(place), Target(target)) as dbt:
        seconds = timed(dbt.build)
    if dbt.warehouse.target is Target.duckdb:
        publish(Lake.at(place))
    return seconds


def _parsed(place: str, target: str) -> Path:
    return Path(f"{place}-{target}")


@contextmanager
def _to_build(place: Lake, target: Target) -> Iterator[Dbt]:
    if target is Target.duckdb:
        yield Dbt(str(place), duckdb_warehouse(prepare_building(place)))
        return
    with server(target, place, lambda said: None) as (warehouse, address):
        yield Dbt(address, warehouse)


def models_by_dbt(place: str, plan: str) -> float:
    """All models and no test, where there are seeds and snapshots only; what was run is written to `plan`."""
    os.environ["DBT_TARGET_PATH"] = str(fresh("target"))
    path = _without_models(Lake.at(place))
    dbt = Dbt(place, duckdb_warehouse(path))
    results = []
    seconds = timed(lambda: results.extend(dbt._run("run")))
    models = [result.node for result in results if result.node.resource_type == "model"]
    steps = [(str(model.config.materialized), model.relation_name, model.compiled_code) for model in models]
    Path(plan).write_text(json.dumps(steps))
    return seconds


def models_by_duckdb(place: str, plan: str) -> float:
    """What dbt ran, in the same order, from the same state."""
    import duckdb

    path = _without_models(Lake.at(place))
    steps = json.loads(Path(plan).read_text())
    kinds = {"view": "view", "table": "table", "incremental": "table"}

    def play() -> None:
        with duckdb.connect(str(path)) as connection:
            for schema in sorted({relation.split(".")[1] for _, relation, _ in steps}):
                connection.execute(f"create schema if not exists {schema}")
            for materialized, relation, sql in steps:
                connection.execute(f"create {kinds[materialized]} {relation} as {sql}")

    return timed(play)


def _without_models(place: Lake) -> Path:
    """A copy of the published warehouse with its landing views, seeds and snapshots."""
    import duckdb

    path = fresh("models") / published(place).name
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{published(place)}' as built (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'built' "
            "and schema_name in ('landing', 'seeds', 'snapshots')"
        ).fetchall()
        views = connection.execute(
            "select schema_name, sql from duckdb_views() where database_name = 'built' and schema_name = 'landing'"
        ).fetchall()
        for schema in ("landing", "seeds", "snapshots"):
            connection.execute(f"create schema {schema}")
        for schema, name in tables:
            connection.execute(f"create table {schema}.{name} as from built.{schema}.{name}")
        for _, sql in views:
            connection.execute(sql.replace("CREATE VIEW built.", "CREATE VIEW "))
    return path


# --- loads -----------------------------------------------------------------------------------------------------------


def read(file: str) -> float:
    """Only reading, into Arrow's columns."""
    return timed(lambda: pq.read_table(file))


def load_duckdb(file: str) -> float:
    """Into a table of a new file, which is closed."""
    import duckdb

    def play() -> None:
        with duckdb.connect(str(fresh("load") / "load.duckdb")) as connection:
            connection.execute(f"create table admissions as select * from read_parquet('{file}')")

    return timed(play)


def load_clickhouse(file: str) -> float:
    """Into a MergeTree table, over HTTP."""
    from clickhouse_connect import get_client

    with running("clickhouse", fresh("load")) as port:
        client = get_client(host="127.0.0.1", port=port)
        rows = f"select * from file('{file}', Parquet)"
        client.command(f"create table admissions engine = MergeTree order by tuple() empty as {rows}")
        seconds = timed(lambda: client.command(f"insert into admissions {rows}"))
        assert client.command("select count() from admissions") == LOADED_ROWS
        client.close()
    return seconds


def load_redshift(file: str) -> float:
    """COPY from the S3 stand-in, committed."""
    import redshift_connector

    with ExitStack() as stack:
        settings = _s3_settings(stack.enter_context(running("s3")))
        _put(file, settings)
        port = stack.enter_context(running("redshift", fresh("load"), settings))
        connection = stack.enter_context(
            redshift_connector.connect(
                host="127.0.0.1", port=port, user="wardhouse", password="", database="wardhouse", ssl=False
            )
        )
        cursor = connection.cursor()
        columns = ", ".join(f"{column.name} {column.data_type}" for column in contracts()["admissions"].columns)
        cursor.execute(f"create table admissions ({columns})")
        connection.commit()

        def play() -> None:
            cursor.execute(f"copy admissions from 's3://{BUCKET}/load.parquet' iam_role default format as parquet")
            connection.commit()

        seconds = timed(play)
        cursor.execute("select count(*) from admissions")
        assert cursor.fetchone()[0] == LOADED_ROWS
    return seconds


def _put(file: str, settings: dict[str, str]) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=settings["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        region_name=settings["AWS_DEFAULT_REGION"],
    )
    client.put_object(Bucket=BUCKET, Key="load.parquet", Body=Path(file).read_bytes())
    client.close()
