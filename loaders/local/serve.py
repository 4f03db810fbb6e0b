"""`wardhouse serve`: a stand-in in this process, until it is stopped."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from loaders.errors import LakeError

PORTS = {"clickhouse": 8123, "postgres": 5433, "redshift": 5439, "s3": 9000}
WORDS = {
    "clickhouse": (
        "ClickHouse's engine (chdb) behind ClickHouse's HTTP interface, at http://127.0.0.1:{port}, user `default`",
        "one process, no cluster, no native protocol; data is kept in {folder}",
    ),
    "postgres": (
        "PostgreSQL for the theatre system, at postgresql://wardhouse@127.0.0.1:{port}/wardhouse",
        "give that URL as --source-db, or set WARDHOUSE_SOURCE_DB; data is kept in {folder}",
    ),
    "redshift": (
        "PostgreSQL that speaks and refuses as Redshift does, at 127.0.0.1:{port}, user and database `wardhouse`",
        "it shows the shape of SQL, not Redshift's speed, planner or isolation; "
        "set WARDHOUSE_REDSHIFT_SSLMODE=disable; data is kept in {folder}",
    ),
    "s3": (
        "S3 as moto tells it, at http://127.0.0.1:{port}, with a bucket named wardhouse",
        "in memory only. Any key and secret will do; set AWS_ENDPOINT_URL_S3=http://127.0.0.1:{port}",
    ),
}


def serve(service: str, port: int | None, folder: Path | None, until_closed: bool, say: Callable[[str], Any]) -> None:
    """Serve until SIGINT or SIGTERM; with `until_closed`, until the standard input ends as well.

    Raises ServiceError when it cannot start.
    """
    place = (folder or Path("data") / service).resolve()
    port = PORTS[service] if port is None else port

    def ready(port: int) -> None:
        for line in WORDS[service]:
            say(line.format(port=port, folder=place))
        sys.stdout.flush()

    if until_closed:
        Thread(target=_stop_at_end_of_input, daemon=True).start()
    password = os.environ.get(f"DBT_ENV_SECRET_{service.upper()}_PASSWORD", "")
    try:
        if service == "clickhouse":
            from loaders.local.clickhouse import serve as serve_clickhouse

            serve_clickhouse(place, port, ready, password)
        elif service == "postgres":
            from loaders.local.source import serve as serve_postgres

            serve_postgres(place, port, ready, password)
        elif service == "redshift":
            from loaders.local.redshift import serve as serve_redshift

            serve_redshift(place, port, ready, password)
        else:
            from loaders.local.s3 import serve as serve_s3

            serve_s3(port, ready)
    except PermissionError as error:
        raise LakeError(f"{error.filename}: permission denied; choose another --folder") from None


def _stop_at_end_of_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
