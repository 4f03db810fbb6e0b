"""The `wardhouse` command: a command a step, each safe to run again and alone."""

import json
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from loaders import __version__
from loaders.errors import BadSetting, WardhouseError
from loaders.lake import Lake
from loaders.progress import Clock, bar
from loaders.targets import NAMES, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loaders.errors import SourceError
    from loaders.raw.theatres import Source
    from loaders.targets import Warehouse
    from loaders.warehouse import Dbt
    from loaders.world.config import World


class Commands(TyperGroup):
    """Commands whose expected errors are one line on the error stream and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an unexpected error keeps its traceback."""
        try:
            return super().invoke(ctx)
        except WardhouseError as error:
            message = str(error)
        except BrokenProcessPool:
            message = (
                "a worker process died, perhaps for want of memory: run again with --workers 1; what is done is kept"
            )
        except KeyboardInterrupt:
            typer.secho("interrupted: run the same command again to go on", err=True)
            raise typer.Exit(130) from None
        typer.secho(f"error: {message}", fg="red", err=True)
        raise typer.Exit(1)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Service(StrEnum):
    """What there is a stand-in for."""

    clickhouse = "clickhouse"
    postgres = "postgres"
    redshift = "redshift"
    s3 = "s3"


class Mode(StrEnum):
    """What to make of a date."""

    raw = "raw"
    sample = "sample"


class Shown(StrEnum):
    """What can be shown."""

    encounter = "encounter"
    robot = "robot"


class Gate(StrEnum):
    """Where a gate stands."""

    staging = "staging"
    marts = "marts"


LakeOption = Annotated[
    str, typer.Option("--lake", envvar="WARDHOUSE_LAKE", help="The lake: a folder, or s3://bucket/prefix.")
]
TargetOption = Annotated[
    Target, typer.Option("--target", envvar="WARDHOUSE_TARGET", help="The warehouse; a stand-in where none is set up.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes to use; as many as there are processors by default.")
]
Preset = Annotated[str | None, typer.Option(help="demo, portfolio or large; demo by default.")]
Seed = Annotated[str | None, typer.Option(help="Same seed, same bytes; 42 by default.")]
Start = Annotated[str | None, typer.Option(help="The first day, YYYY-MM-DD.")]
Days = Annotated[str | None, typer.Option(help="How many days; raise it to go on from where the lake stands.")]
Facilities = Annotated[str | None, typer.Option(help="How many hospitals.")]
Beds = Annotated[str | None, typer.Option(help="Beds of the whole network.")]
Pack = Annotated[
    bool | None, typer.Option("--pack/--no-pack", help="One compressed file a day, facility and type, or one an event.")
]
Dirty = Annotated[
    bool, typer.Option("--dirty", help="Add faulty records: 0.2 % of each fault, all in the truth ledger.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any number of the world, or CODE.NAME=VALUE for a department's."),
]
SourceDb = Annotated[
    str | None,
    typer.Option(
        "--source-db",
        envvar="WARDHOUSE_SOURCE_DB",
        metavar="URL",
        help="PostgreSQL with the operational tables of theatres, instead of CSV: postgresql://user@host:port/database.",
    ),
]
Overlap = Annotated[
    int,
    typer.Option(
        "--overlap-days",
        envvar="WARDHOUSE_OVERLAP_DAYS",
        min=0,
        max=3650,
        help="How many days before its newest row to read each table of --source-db again.",
    ),
]
Shard = Annotated[str | None, typer.Option(metavar="I/N", help="Only the I-th of N parts of the facilities.")]

DIRTY_SHARE = "0.002"


@app.callback(invoke_without_command=True)
def wardhouse(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say the version and stop.")] = False,
) -> None:
    """Simulate a hospital network and build its warehouse.

    `wardhouse run` does everything: generate, stage, check, build, check again, publish, docs. Each step is a command
    of its own too, works on the same lake, and does only what is not done yet.
    """
    if version:
        typer.echo(f"wardhouse {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    lake: LakeOption = "data",
    preset: Preset = None,
    seed: Seed = None,
    start: Start = None,
    days: Days = None,
    facilities: Facilities = None,
    beds: Beds = None,
    pack: Pack = None,
    dirty: Dirty = False,
    settings: Settings = None,
    workers: Workers = None,
    target: TargetOption = Target.duckdb,
    source_db: SourceDb = None,
    overlap_days: Overlap = 1,
    full_refresh: Annotated[bool, typer.Option(help="Build every table anew.")] = False,
) -> None:
    """Do everything, from simulation to docs.

    Simulates, stages, gates, builds, gates again, publishes, documents.

    Example: wardhouse run --preset demo --days 120
    """
    from loaders.lock import writing
    from loaders.staging.manifest import Counts, read_manifest, totals
    from loaders.summary import lines, summarise

    clock = Clock()
    place = Lake.at(lake)
    with writing(place):
        world = _world(place, preset, seed, start, days, facilities, beds, pack, dirty, settings)
        _generate(place, world, None, workers, source_db)
        _stage(place, workers, source_db, overlap_days)
        _check_staging(place, target)
        with _to_build(target, place) as dbt:
            _build(dbt, place, full_refresh)
            _check_marts(dbt.warehouse, place)
            _publish(dbt, place)
            site = _docs(dbt, place)
            typer.echo(clock.line("run", "everything is published"))
            counts = sum(totals(read_manifest(place)).values(), Counts())
            typer.echo("\n".join(lines(summarise(dbt.warehouse), counts, dbt.warehouse, site)))


@app.command()
def generate(
    lake: LakeOption = "data",
    preset: Preset = None,
    seed: Seed = None,
    start: Start = None,
    days: Days = None,
    facilities: Facilities = None,
    beds: Beds = None,
    pack: Pack = None,
    dirty: Dirty = False,
    settings: Settings = None,
    shard: Shard = None,
    workers: Workers = None,
    source_db: SourceDb = None,
    until: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The last day, instead of --days."),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="raw: all days up to the date. sample: a small batch of that date alone, to look at.")
    ] = Mode.raw,
) -> None:
    """Simulate the network and land raw objects.

    Goes on from where the lake stands; --days or --date says how far. With --mode sample nothing of the lake changes:
    some encounters of the date are written to its folder sample/YYYY-MM-DD.

    Example: wardhouse generate --preset portfolio --set GMED.occupancy=0.9
    """
    from loaders.lock import writing

    place = Lake.at(lake)
    if until:
        days = _days_until(place, preset, start, days, until.date())
    if mode is Mode.sample:
        if not until:
            raise BadSetting("--mode sample needs the --date of the batch to show")
        _sample(place, _world(place, preset, seed, start, days, facilities, beds, pack, dirty, settings), until.date())
        return
    with writing(place):
        world = _world(place, preset, seed, start, days, facilities, beds, pack, dirty, settings)
        _generate(place, world, shard, workers, source_db)


@app.command()
def stage(
    lake: LakeOption = "data", workers: Workers = None, source_db: SourceDb = None, overlap_days: Overlap = 1
) -> None:
    """Stage raw objects that are not staged yet.

    Checks each record against its contract, quarantines what breaks it, and writes Parquet. With --source-db, what has
    changed there is landed first.

    Example: wardhouse stage --lake data
    """
    from loaders.lock import writing

    place = Lake.at(lake)
    with writing(place):
        _stage(place, workers, source_db, overlap_days)


@app.command()
def check(
    gate: Annotated[Gate, typer.Argument(help="Which gate: what is staged, or the published marts.")],
    lake: LakeOption = "data",
    target: TargetOption = Target.duckdb,
) -> None:
    """Hold what is staged, or the marts, to a gate.

    Exit code 1 when the gate is shut: it says what does not hold, where, and how many.

    Example: wardhouse check staging
    """
    place = Lake.at(lake)
    if gate is Gate.staging:
        _check_staging(place, target)
    else:
        with _built(target, place) as dbt:
            _check_marts(dbt.warehouse, place)


@app.command()
def build(
    lake: LakeOption = "data",
    target: TargetOption = Target.duckdb,
    full_refresh: Annotated[bool, typer.Option(help="Build every table anew.")] = False,
) -> None:
    """Build the warehouse with dbt.

    From what is staged; published when every test passes.

    Example: wardhouse build --full-refresh
    """
    from loaders.lock import writing

    place = Lake.at(lake)
    with writing(place), _to_build(target, place) as dbt:
        _build(dbt, place, full_refresh)
        _publish(dbt, place)
        typer.echo(f"published {dbt.warehouse.label}")


@app.command()
def docs(
    lake: LakeOption = "data",
    target: TargetOption = Target.duckdb,
    serve: Annotated[bool, typer.Option("--serve", help="Then show it on this machine, until interrupted.")] = False,
    port: Annotated[int, typer.Option(help="Where to show it; 0 takes any free port.", min=0, max=65535)] = 8000,
) -> None:
    """Make the site: dashboards, realism, quality and the data model, in target/site.

    It opens from disk, without a network. What the lake or the warehouse lacks is said on the pages.

    Example: wardhouse docs --serve
    """
    from loaders.site.serve import serve as show

    place = Lake.at(lake)
    with _to_document(target, place) as (dbt, missing):
        page = _docs(dbt, place, missing)
    if serve:
        show(page.parent, port, lambda address: typer.echo(f"docs      {address} (Ctrl-C ends it)"))
    else:
        typer.echo(page)


@app.command()
def parity(
    lake: LakeOption = "data",
    targets: Annotated[
        list[Target] | None, typer.Option("--target", help="Which warehouses, two or more; all three by default.")
    ] = None,
    full_refresh: Annotated[bool, typer.Option(help="Build every table anew.")] = False,
) -> None:
    """Build the warehouses from the same lake, and prove that they are the same.

    Compares every dimension, fact, mart and snapshot: columns, types, keys both ways and every value. Exit code 1 when
    anything differs, or when a difference planted to try the comparison is not seen.

    Example: wardhouse parity --target duckdb --target clickhouse
    """
    from loaders.lock import writing
    from loaders.quality.keep import settle_parity
    from loaders.quality.parity import compare, relations, report

    place, clock = Lake.at(lake), Clock()
    chosen = list(dict.fromkeys(targets or Target))
    if len(chosen) < 2:
        raise BadSetting(f"parity needs two warehouses to compare, and {chosen[0].value} is one")
    with writing(place), ExitStack() as stack:
        built = []
        for target in chosen:
            dbt = stack.enter_context(_to_build(target, place))
            _build(dbt, place, full_refresh)
            _publish(dbt, place)
            built.append(dbt)
        with bar("parity", "relations") as advance:
            verdicts = compare(relations(built[0].project()), [dbt.warehouse for dbt in built], advance)
        typer.echo("\n".join(report(verdicts)))
        settle_parity(place, NAMES[chosen[0]], verdicts, _say_note)
    typer.echo(clock.line("parity", f"{' = '.join(NAMES[target] for target in chosen)} in all relations"))


@app.command()
def serve(
    service: Annotated[Service, typer.Argument(help="Which service to stand in for.")],
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 is any free one.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where it keeps its data; data/<service> by default. S3 keeps none.")
    ] = None,
    until_closed: Annotated[bool, typer.Option("--until-closed", hidden=True)] = False,
) -> None:
    """Start a stand-in for a service, on this machine only.

    clickhouse is ClickHouse's engine behind its HTTP interface; redshift is PostgreSQL that speaks, and refuses, as
    Redshift does; s3 is moto: they are for development and tests, and none is the service itself. postgres is a real
    PostgreSQL, as the database that theatres keep their tables in. Ctrl-C stops them.

    Example: wardhouse serve clickhouse
    """
    from loaders.local.serve import serve as serve_until_stopped

    serve_until_stopped(service, port, folder, until_closed, typer.echo)


@app.command()
def show(
    what: Annotated[Shown, typer.Argument(help="What to show.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="Such as F01-20240229-0017 or R0001; by default the most eventful short stay, or most changed robot.",
        ),
    ] = None,
    lake: LakeOption = "data",
    target: TargetOption = Target.duckdb,
    everything: Annotated[
        bool, typer.Option("--all", help="Every set of vital signs, every visit of service; none left out.")
    ] = False,
) -> None:
    """Tell one patient's stay, or one robot's history.

    A stay: admission, vital signs with NEWS2, labs out of range, notes, discharge. A robot: its versions and repairs.

    Example: wardhouse show encounter F01-20240229-0017
    """
    from loaders.show.encounter import encounter_lines
    from loaders.show.robot import robot_lines

    lines = encounter_lines if what is Shown.encounter else robot_lines
    with _built(target, Lake.at(lake)) as dbt:
        typer.echo("\n".join(lines(dbt.warehouse, name, everything)))


@app.command()
def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="[QUESTION]", help="A number or a name; by default all are listed.")
    ] = None,
    lake: LakeOption = "data",
    target: TargetOption = Target.duckdb,
    everything: Annotated[bool, typer.Option("--all", help="Ask all questions.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For programs.")] = False,
) -> None:
    """Ask the warehouse a business question about robotic surgery.

    The questions are the analyses of the dbt project. Without one, says which there are.

    Example: wardhouse ask learning_curve --target clickhouse
    """
    from loaders import ask as asking

    if question is not None and everything:
        raise BadSetting(f"--all asks every question, and {question} is one: give one of them")
    if question is None and not everything:
        typer.echo("\n".join(asking.listing(asking.questions())))
        return
    chosen = [asking.find(question)] if question is not None else asking.questions()
    with _built(target, Lake.at(lake)) as dbt:
        compiled = dbt.compiled([each.name for each in chosen])
        for each in chosen:
            told = asking.answer(dbt.warehouse, each, compiled[each.name])
            separator = "" if each is chosen[-1] else "\n"
            typer.echo("\n".join(asking.as_csv(told) if as_csv else asking.lines(told)) + separator)


@app.command(context_settings={"allow_interspersed_args": False})
def metrics(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="What to ask; by default metrics are listed.")
    ] = None,
    lake: LakeOption = "data",
    target: TargetOption = Target.duckdb,
) -> None:
    """Ask the warehouse for metrics by time, hospital, department, robot or procedure.

    What follows the options is MetricFlow's own command: query, list, validate-configs. It needs DuckDB or Redshift.

    Example: wardhouse metrics query --metrics occupancy --group-by metric_time__month,facility
    """
    from loaders.metrics import ask, check_target, listing

    if not arguments:
        typer.echo("\n".join(listing()))
        return
    check_target(target)
    with _built(target, Lake.at(lake)) as dbt:
        code = ask(dbt, arguments)
    raise typer.Exit(code)


@app.command()
def status(
    lake: LakeOption = "data",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say how the lake stands.

    Its world, where every raw record went, what was refused and why.

    Example: wardhouse status --json
    """
    from loaders.contracts import contracts
    from loaders.status import lines
    from loaders.status import status as look

    found = look(Lake.at(lake), contracts())
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else "\n".join(lines(found)))


def main() -> None:
    """The command's entry."""
    app(prog_name="wardhouse")


# --- steps -----------------------------------------------------------------------------------------------------------


def _world(
    lake: Lake,
    preset: str | None,
    seed: str | None,
    start: str | None,
    days: str | None,
    facilities: str | None,
    beds: str | None,
    pack: bool | None,
    dirty: bool,
    settings: list[str] | None,
) -> "World":
    from loaders.raw.state import settle

    asked: dict[str, str | None] = {
        "seed": seed,
        "start": start,
        "days": days,
        "facilities": facilities,
        "beds": beds,
        "packed": None if pack is None else str(pack),
        "dirty_share": DIRTY_SHARE if dirty else None,
    }
    for setting in settings or []:
        name, is_set, value = setting.partition("=")
        if not is_set:
            raise BadSetting(f"--set {setting} is not of the form NAME=VALUE")
        asked[name.strip()] = value.strip()
    return settle(lake, preset, asked)


def _workers(workers: int | None) -> int:
    from loaders.workers import default_workers

    return workers or default_workers()


def _generate(lake: Lake, world: "World", shard: str | None, workers: int | None, source_db: str | None = None) -> None:
    from loaders.raw.generate import operate_all, shard_of

    source = _source(source_db) if source_db else None
    clock, done = Clock(), 0
    total = len(shard_of(world, shard)) * world.days
    dirt = f", {world.dirty_share:.1%} of each fault" if world.dirty_share else ""
    typer.echo(
        f"world     {world.preset}, seed {world.seed}: {world.facilities} facilities, {world.beds:,} beds, "
        f"{world.days} days from {world.start}{dirt}"
    )
    with bar("generate", "facility-days") as advance:

        def progress(days: int) -> None:
            nonlocal done
            done += days
            advance(done, total)

        made = operate_all(lake, world, shard, _workers(workers), progress)
    if made.facility_days:
        faults = f" and {made.faults:,} faulty ones" if made.faults else ""
        said = f"{made.facility_days:,} facility-days, {made.events:,} events{faults} in {made.objects:,} new objects"
        typer.echo(clock.line("generate", said, made.events, "events"))
    else:
        typer.echo(clock.line("generate", "nothing new"))
    _batch(lake, world, workers)
    _operate_theatres(lake, world, workers, source)


def _source(url: str) -> "Source":
    """Where theatres write their tables, which need not be up before they do."""
    from loaders.raw.source_db import write_tables
    from loaders.source.address import check_address

    check_address(url)
    return partial(write_tables, url)


def _operate_theatres(lake: Lake, world: "World", workers: int | None, source: "Source | None") -> None:
    from loaders.raw.theatres import write_theatres

    clock = Clock()
    with bar("theatres", "days") as advance:
        made = write_theatres(lake, world, _workers(workers), source, advance)
    if made.days:
        counted = {
            "surgical_procedures": "procedures",
            "robot_maintenance_logs": "service visits",
            "procedure_telemetry": "telemetry samples",
        }
        said = ", ".join(f"{made.rows[entity]:,} {name}" for entity, name in counted.items())
        faults = f", {made.faults:,} faulty rows" if made.faults else ""
        typer.echo(clock.line("theatres", f"{made.days:,} days: {said}{faults}"))
    else:
        typer.echo(clock.line("theatres", "nothing new"))


def _batch(lake: Lake, world: "World", workers: int | None) -> None:
    from loaders.raw.batches import HEADERS
    from loaders.raw.clinical import write_batches

    clock = Clock()
    with bar("batch", "days") as advance:
        made = write_batches(lake, world, _workers(workers), advance)
    if made.days:
        said = ", ".join(f"{made.rows[file]:,} {file.partition('.')[0]}" for file in HEADERS if file != "patients.csv")
        faults = f", {made.faults:,} faulty rows" if made.faults else ""
        typer.echo(
            clock.line("batch", f"{made.days:,} days: {said}{faults}", made.rows["encounters.csv"], "encounters")
        )
    else:
        typer.echo(clock.line("batch", "nothing new"))


def _days_until(lake: Lake, preset: str | None, start: str | None, days: str | None, until: date) -> str:
    """How many days a world has whose last day is a date."""
    from loaders.raw.state import settle

    if days is not None:
        raise BadSetting("--days and --date both say how far to go: give one of them")
    first = settle(lake, preset, {"start": start}).start
    if until < first:
        raise BadSetting(f"--date {until} is before the world's first day, {first}")
    return str((until - first).days + 1)


def _sample(lake: Lake, world: "World", day: date) -> None:
    from loaders.raw.sample import write_sample

    clock = Clock()
    keys = write_sample(lake, replace(world, days=(day - world.start).days + 1))
    typer.echo(clock.line("sample", f"{len(keys)} files in {lake.uri(keys[0].rpartition('/')[0])}"))


def _extract(lake: Lake, source_db: str, overlap_days: int) -> "tuple[SourceError, ...]":
    """Land what has changed in the source; what could not be extracted."""
    from loaders.contracts import contracts
    from loaders.raw.state import world_of
    from loaders.staging.extract import extract

    clock = Clock()
    world = world_of(lake)
    done = extract(lake, source_db, contracts(), bool(world and world.packed), overlap_days)
    if done.rows:
        rows = sum(done.rows.values())
        said = f"{rows:,} rows of {len(done.rows)} tables in {done.objects:,} new objects"
        typer.echo(clock.line("extract", said, rows, "rows"))
    else:
        typer.echo(clock.line("extract", "nothing new"))
    return done.failed


def _stage(lake: Lake, workers: int | None, source_db: str | None = None, overlap_days: int = 1) -> None:
    from loaders.contracts import contracts
    from loaders.errors import LakeError
    from loaders.staging.stage import stage

    unread = _extract(lake, source_db, overlap_days) if source_db else ()
    clock = Clock()
    with bar("stage", "partitions") as advance:
        done = stage(lake, contracts(), _workers(workers), advance)
    new = done.new
    if done.partitions:
        said = (
            f"{new.raw:,} records = {new.staged:,} staged + {new.duplicates:,} duplicates "
            f"+ {new.quarantined:,} quarantined, in {done.partitions} partitions"
        )
        typer.echo(clock.line("stage", said, new.raw, "records"))
        if new.quarantined:
            typer.echo("          `wardhouse status` says why records were quarantined")
    else:
        typer.echo(clock.line("stage", "nothing new"))
    if failed := [*unread, *done.failed]:
        raise LakeError("\nerror: ".join(map(str, failed)))


def _check_staging(lake: Lake, target: Target) -> None:
    from loaders.contracts import contracts
    from loaders.quality.gates import check_staging
    from loaders.quality.keep import settle_gate

    clock = Clock()
    outcomes = check_staging(lake, contracts())
    settle_gate(lake, Gate.staging.value, outcomes, _say_note, target)
    typer.echo(clock.line("check", f"staging: all {len(outcomes)} expectations hold"))


def _check_marts(warehouse: "Warehouse", lake: Lake) -> None:
    from loaders.quality.gates import check_marts
    from loaders.quality.keep import settle_gate

    clock = Clock()
    outcomes = check_marts(warehouse)
    settle_gate(lake, Gate.marts.value, outcomes, _say_note, warehouse.target, warehouse)
    typer.echo(clock.line("check", f"marts: all {len(outcomes)} expectations hold"))


@contextmanager
def _to_build(target: Target, lake: Lake) -> "Iterator[Dbt]":
    """dbt on the warehouse to build: for DuckDB a copy beside the published one."""
    from loaders.local.reach import server
    from loaders.targets import duckdb_warehouse
    from loaders.warehouse import Dbt, check_staged, prepare_building

    check_staged(lake)
    if target is Target.duckdb:
        yield Dbt(str(lake), duckdb_warehouse(prepare_building(lake)))
        return
    with server(target, lake, _say_service) as (warehouse, place):
        yield Dbt(place, warehouse)


@contextmanager
def _built(target: Target, lake: Lake) -> "Iterator[Dbt]":
    """dbt on a warehouse that has been built."""
    from loaders.errors import WarehouseError
    from loaders.local.reach import server
    from loaders.targets import duckdb_warehouse
    from loaders.warehouse import Dbt, check_built, check_warehouse, published

    if target is Target.duckdb:
        if not published(lake).exists():
            raise WarehouseError(f"there is no warehouse in {lake}: run `wardhouse build` first")
        check_warehouse(published(lake))
        yield Dbt(str(lake), duckdb_warehouse(published(lake)))
        return
    with server(target, lake, _say_service) as (warehouse, place):
        check_built(warehouse)
        yield Dbt(place, warehouse)


@contextmanager
def _to_document(target: Target, lake: Lake) -> "Iterator[tuple[Dbt, str]]":
    """dbt on a warehouse if there is one, and otherwise why there is none."""
    from loaders.errors import WarehouseError
    from loaders.local.reach import server
    from loaders.targets import duckdb_warehouse
    from loaders.warehouse import Dbt, check_built, published, target_path

    if target is Target.duckdb:
        missing = _why_not_built(lake)
        nowhere = target_path() / "no_warehouse.duckdb"
        nowhere.unlink(missing_ok=True)
        yield Dbt(str(lake), duckdb_warehouse(nowhere if missing else published(lake))), missing
        nowhere.unlink(missing_ok=True)
        return
    with server(target, lake, _say_service) as (warehouse, place):
        try:
            check_built(warehouse)
            missing = ""
        except WarehouseError as error:
            missing = str(error)
        yield Dbt(place, warehouse), missing


def _why_not_built(lake: Lake) -> str:
    """Why DuckDB's warehouse of a lake cannot be read, if it cannot."""
    from loaders.errors import WarehouseError
    from loaders.warehouse import check_warehouse, published

    if not published(lake).exists():
        return f"there is no warehouse in {lake} yet: `wardhouse run` or `wardhouse build` makes it"
    try:
        check_warehouse(published(lake))
    except WarehouseError as error:
        return str(error)
    return ""


def _publish(dbt: "Dbt", lake: Lake) -> None:
    """DuckDB's file is put in place; on a server every table was, as it was built."""
    from loaders.quality.results import mark_published
    from loaders.targets import duckdb_warehouse
    from loaders.warehouse import publish

    if dbt.warehouse.target is Target.duckdb:
        dbt.warehouse = duckdb_warehouse(publish(lake))
        mark_published(lake, Target.duckdb)


def _say_service(said: str) -> None:
    typer.echo(f"service   {said}")


def _say_note(said: str) -> None:
    typer.echo(f"note      {said}", err=True)


def _build(dbt: "Dbt", lake: Lake, full_refresh: bool) -> None:
    from loaders.quality.keep import settled_build

    clock = Clock()
    with settled_build(lake, dbt, _say_note), bar("build", "nodes") as advance:
        dbt.progress = advance
        nodes = dbt.build(full_refresh).nodes
    models, tests = nodes.get("model", 0), nodes.get("test", 0)
    where = "" if dbt.warehouse.target is Target.duckdb else f" on {NAMES[dbt.warehouse.target]}"
    kinds = f"{models} models, {nodes.get('snapshot', 0)} snapshots, {nodes.get('seed', 0)} seeds"
    said = f"{kinds}; {tests} tests pass{where}"
    typer.echo(clock.line("build", said))


def _docs(dbt: "Dbt", lake: Lake, missing: str = "") -> Path:
    """Make the site; its first page."""
    from loaders.site.build import build_site

    clock = Clock()
    site = build_site(dbt, lake, missing)
    largest = max(site.sizes.values()) / 1e6
    said = f"{len(site.sizes)} pages, the largest with what it loads {largest:.1f} MB"
    typer.echo(clock.line("docs", f"{said}; {missing}" if missing else said))
    return site.folder / "index.html"
