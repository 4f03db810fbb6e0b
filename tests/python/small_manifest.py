"""A project of a few models as dbt's manifest and catalog tell it: a source, staging, a star of two, and a mart."""

from typing import Any

Node = dict[str, Any]


def column(name: str, data_type: str = "varchar", description: str = "", **meta: Any) -> Node:
    return {"name": name, "description": description or f"The {name} of it.", "data_type": data_type, "meta": meta}


def model(name: str, code: str, columns: list[Node], schema: str = "core", **more: Any) -> Node:
    return {
        "unique_id": f"model.p.{name}",
        "name": name,
        "alias": name,
        "resource_type": "model",
        "package_name": "p",
        "database": "w",
        "schema": schema,
        "relation_name": f'"w"."{schema}"."{name}"',
        "original_file_path": f"models/{name}.sql",
        "fqn": ["p", "marts", "core", name],
        "patch_path": "p://models/marts/core/_core__models.yml",
        "description": "",
        "columns": {each["name"]: each for each in columns},
        "config": {"materialized": "table", "meta": {}},
        "meta": {},
        "tags": [],
        "checksum": {"name": "sha256", "checksum": "0"},
        "raw_code": f"-- {name}\n{code}",
        "compiled_code": code,
        "depends_on": {"nodes": []},
        "refs": [],
        **more,
    }


def generic_test(relation: str, kind: str, of: str = "", depends: tuple[str, ...] = (), **arguments: Any) -> Node:
    kwargs = {"model": f"{{{{ get_where_subquery(ref('{relation}')) }}}}", **arguments}
    if of:
        kwargs["column_name"] = of
    return {
        "unique_id": f"test.p.{relation}.{kind}.{of}",
        "name": f"{kind}_{relation}_{of}",
        "resource_type": "test",
        "package_name": "p",
        "original_file_path": "models/x.yml",
        "attached_node": f"model.p.{relation}",
        "column_name": of or None,
        "test_metadata": {"name": kind, "kwargs": kwargs, "namespace": None},
        "depends_on": {"nodes": [*depends, f"model.p.{relation}"]},
        "config": {},
        "columns": {},
    }


def relationship(relation: str, of: str, to: str, field: str) -> Node:
    return generic_test(relation, "relationships", of, (f"model.p.{to}",), to=f"ref('{to}')", field=field)


_TESTS = [
    generic_test("fact_stays", "not_null", "stay_id"),
    generic_test("fact_stays", "unique", "stay_id"),
    generic_test("fact_stays", "accepted_range", "wait_minutes", minimum=0),
    relationship("fact_stays", "ward_key", "dim_ward", "ward_key"),
    generic_test("dim_ward", "unique", "ward_key"),
    generic_test("mart_days", "unique_together", columns=["ward", "day"]),
    generic_test("mart_days", "holds", condition="stays >= 0"),
]

_MODELS = [
    model(
        "stg_a__stays",
        'with source as (select * from "w"."landing"."stays") '
        "select cast(stay_id as varchar) as stay_id, ward, cast(asked as timestamp) as requested_at, "
        "cast(admitted as timestamp) as admitted_at, heart_rate from source",
        [
            column("stay_id"),
            column("ward"),
            column("requested_at", "timestamp"),
            column("admitted_at", "timestamp"),
            column("heart_rate", "integer"),
        ],
        "staging",
        fqn=["p", "staging", "a", "stg_a__stays"],
        depends_on={"nodes": ["source.p.a.stays"]},
    ),
    model(
        "int_stays",
        "select stay_id, ward, date_diff('second', requested_at, admitted_at) as wait_seconds, heart_rate "
        'from "w"."staging"."stg_a__stays"',
        [column("stay_id"), column("ward"), column("wait_seconds", "bigint"), column("heart_rate", "integer")],
        "intermediate",
        fqn=["p", "intermediate", "int_stays"],
        depends_on={"nodes": ["model.p.stg_a__stays"]},
    ),
    model(
        "dim_ward",
        'with known as (select distinct ward from "w"."staging"."stg_a__stays" union select ward from '
        '"w"."snapshots"."ward_versions"), unknown_member as (select \'unknown\' as ward) '
        "select md5(ward) as ward_key, ward from known union all select md5(ward) as ward_key, ward "
        "from unknown_member",
        [column("ward_key"), column("ward")],
        description="Wards. One row per ward and version.",
        depends_on={"nodes": ["model.p.stg_a__stays", "snapshot.p.ward_versions"]},
    ),
    model(
        "fact_stays",
        "select stays.stay_id as stay_id, coalesce(wards.ward_key, 'unknown') as ward_key, "
        "stays.wait_seconds / 60 as wait_minutes, stays.heart_rate as heart_rate, "
        "row_number() over (partition by stays.ward order by stays.wait_seconds) as extra "
        'from "w"."intermediate"."int_stays" as stays '
        'left join "w"."core"."dim_ward" as wards on stays.ward = wards.ward',
        [
            column("wait_minutes", "double precision"),
            column("stay_id"),
            column("ward_key"),
            column("heart_rate", "integer"),
        ],
        description="Stays in a bed.\nOne row per stay.\n",
        depends_on={"nodes": ["model.p.int_stays", "model.p.dim_ward"]},
    ),
    model(
        "mart_days",
        "select wards.ward as ward, current_date as day, count(*) as stays "
        'from "w"."core"."fact_stays" as stays inner join "w"."core"."dim_ward" as wards '
        "on stays.ward_key = wards.ward_key group by wards.ward",
        [column("ward"), column("day", "date"), column("stays", "bigint")],
        "operations",
        fqn=["p", "marts", "operations", "mart_days"],
        description="Days. One row per ward and day.",
        depends_on={"nodes": ["model.p.fact_stays", "model.p.dim_ward"]},
    ),
]
_SNAPSHOT = model(
    "ward_versions",
    'select * from (select ward, admitted_at from "w"."staging"."stg_a__stays")',
    [column("ward"), column("admitted_at", "timestamp"), column("dbt_scd_id"), column("dbt_valid_from", "timestamp")],
    "snapshots",
    unique_id="snapshot.p.ward_versions",
    resource_type="snapshot",
    fqn=["p", "ward_versions"],
    config={"materialized": "snapshot", "strategy": "timestamp", "updated_at": "admitted_at", "unique_key": "ward"},
    depends_on={"nodes": ["model.p.stg_a__stays"]},
)
_SOURCE = {
    **model(
        "stays",
        "",
        [
            column("stay_id"),
            column("extract_date", "date"),
            column("ward"),
            column("asked", "timestamp"),
            column("admitted", "timestamp"),
            column("heart_rate", "integer", unit="beats a minute"),
        ],
        "landing",
        description="Stays as told. One row per stay and extract.",
    ),
    "unique_id": "source.p.a.stays",
    "resource_type": "source",
    "source_name": "a",
    "identifier": "stays",
    "source_description": "A system.",
    "fqn": ["p", "staging", "a", "a", "stays"],
    "meta": {"key": ["stay_id", "extract_date"], "grain": ["stay_id"]},
}
_NODES = {each["unique_id"]: each for each in [*_MODELS, _SNAPSHOT, *_TESTS]}

MANIFEST: Node = {
    "metadata": {"adapter_type": "duckdb", "project_name": "p", "dbt_version": "1", "generated_at": "2024-02-29"},
    "nodes": _NODES,
    "sources": {"source.p.a.stays": _SOURCE},
    "macros": {},
    "docs": {},
    "exposures": {
        "exposure.p.dashboard_x": {
            "unique_id": "exposure.p.dashboard_x",
            "name": "dashboard_x",
            "label": "Beds",
            "resource_type": "exposure",
            "type": "dashboard",
            "package_name": "p",
            "owner": {"name": "W"},
            "description": "Shows days.",
            "original_file_path": "models/x.yml",
            "fqn": ["p", "x"],
            "depends_on": {"nodes": ["model.p.mart_days"]},
        }
    },
    "parent_map": {key: each["depends_on"]["nodes"] for key, each in _NODES.items()},
}


def _listed(node: Node, extra: tuple[str, ...] = ()) -> Node:
    names = {name: each["data_type"].upper() for name, each in node["columns"].items()}
    if node["name"] == "fact_stays":
        names = {name: names[name] for name in ("stay_id", "ward_key", "wait_minutes", "heart_rate")}
    names |= dict.fromkeys(extra, "BIGINT")
    return {
        "unique_id": node["unique_id"],
        "metadata": {"type": "BASE TABLE", "schema": node["schema"], "name": node["name"], "database": "w"},
        "columns": {
            name: {"name": name, "type": type_, "index": at} for at, (name, type_) in enumerate(names.items(), 1)
        },
        "stats": {},
    }


CATALOG: Node = {
    "metadata": {},
    "nodes": {
        each["unique_id"]: _listed(each, ("extra",) if each["name"] == "fact_stays" else ())
        for each in [*_MODELS, _SNAPSHOT]
    },
    "sources": {"source.p.a.stays": _listed(_SOURCE)},
}
