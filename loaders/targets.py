"""The three warehouses: where each is, who dbt and others connect as, and how to ask it something."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from loaders.errors import ServiceError


class Target(StrEnum):
    """Where dbt builds."""

    duckdb = "duckdb"
    clickhouse = "clickhouse"
    redshift = "redshift"


NAMES = {Target.duckdb: "DuckDB", Target.clickhouse: "ClickHouse", Target.redshift: "Redshift"}


@dataclass(frozen=True)
class Warehouse:
    """A warehouse that can be reached: what profiles.yml reads from the environment, and the same for SQLAlchemy.

    `options` are SQLAlchemy's for an engine. No secret shows in its repr.
    """

    target: Target
    label: str
    environment: Mapping[str, str] = field(repr=False)
    url: str = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A SQLAlchemy connection. Raises ServiceError with the way out when there is none to be had."""
        import sqlalchemy
        from sqlalchemy.pool import NullPool

        engine = sqlalchemy.create_engine(self.url, poolclass=NullPool, **self.options)
        try:
            try:
                connected = engine.connect()
            except Exception as error:
                raise ServiceError(_unreachable(self, error)) from None
            with connected as connection:
                yield connection
        finally:
            engine.dispose()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        import sqlalchemy

        with self.connection() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(query))]


def duckdb_warehouse(path: Path) -> Warehouse:
    """A DuckDB file."""
    return Warehouse(
        Target.duckdb,
        str(path),
        {"WARDHOUSE_DUCKDB": str(path)},
        f"duckdb:///{path}",
        # results outlive the connection's rollback only where there is none
        {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True, "connect_args": {"read_only": True}},
    )


def clickhouse_warehouse(environment: Mapping[str, str] = os.environ) -> Warehouse:
    """The ClickHouse server that the environment names, as profiles.yml reads it."""
    host = environment.get("WARDHOUSE_CLICKHOUSE_HOST", "127.0.0.1")
    port = environment.get("WARDHOUSE_CLICKHOUSE_PORT", "8123")
    user = environment.get("WARDHOUSE_CLICKHOUSE_USER", "default")
    secure = environment.get("WARDHOUSE_CLICKHOUSE_SECURE", "False").lower() == "true"
    return Warehouse(
        Target.clickhouse,
        f"ClickHouse at {host}:{port}",
        _named(environment, "CLICKHOUSE"),
        _url("clickhousedb", user, environment, "CLICKHOUSE", host, port, "default")
        + ("?interface=https" if secure else ""),
    )


def redshift_warehouse(environment: Mapping[str, str] = os.environ) -> Warehouse:
    """The Redshift cluster or workgroup that the environment names, as profiles.yml reads it."""
    host = environment.get("WARDHOUSE_REDSHIFT_HOST", "127.0.0.1")
    port = environment.get("WARDHOUSE_REDSHIFT_PORT", "5439")
    user = environment.get("WARDHOUSE_REDSHIFT_USER", "wardhouse")
    database = environment.get("WARDHOUSE_REDSHIFT_DATABASE", "wardhouse")
    plain = environment.get("WARDHOUSE_REDSHIFT_SSLMODE", "prefer") == "disable"
    return Warehouse(
        Target.redshift,
        f"Redshift at {host}:{port}/{database}",
        _named(environment, "REDSHIFT"),
        _url("redshift+redshift_connector", user, environment, "REDSHIFT", host, port, database),
        {"connect_args": {"ssl": not plain}},
    )


def is_configured(target: Target) -> bool:
    """Whether the environment names a server for a target."""
    return target is Target.duckdb or f"WARDHOUSE_{target.upper()}_HOST" in os.environ


def _named(environment: Mapping[str, str], service: str) -> dict[str, str]:
    starts = (f"WARDHOUSE_{service}_", f"DBT_ENV_SECRET_{service}_")
    return {name: value for name, value in environment.items() if name.startswith(starts)}


def _url(
    driver: str, user: str, environment: Mapping[str, str], service: str, host: str, port: str, database: str
) -> str:
    from sqlalchemy.engine import URL

    if not port.isdigit():
        raise ServiceError(f"WARDHOUSE_{service}_PORT is '{port}', which is no port: give a number")
    password = environment.get(f"DBT_ENV_SECRET_{service}_PASSWORD", "")
    url = URL.create(driver, user, password or None, host, int(port), database)
    return url.render_as_string(hide_password=False)


def _unreachable(warehouse: Warehouse, error: Exception) -> str:
    """Why there is no connection, in one line, and what to do about it."""
    service = warehouse.target.upper()
    said = " ".join(str(error).split())
    lowered = said.lower()
    if any(word in lowered for word in ("authentication", "password", "28p01", "28000")):
        return (
            f"{warehouse.label} refuses the user or the password: "
            f"check WARDHOUSE_{service}_USER and DBT_ENV_SECRET_{service}_PASSWORD"
        )
    if "3d000" in lowered or "unknown_database" in lowered:
        return f"{warehouse.label} has no such database: check WARDHOUSE_{service}_DATABASE"
    if "ssl" in lowered or "certificate" in lowered:
        return f"{warehouse.label} does not agree about TLS: check WARDHOUSE_{service}_SSLMODE or _SECURE"
    return (
        f"{warehouse.label} cannot be reached ({said[:160]}): start it, "
        f"or unset WARDHOUSE_{service}_HOST to use the stand-in"
    )
