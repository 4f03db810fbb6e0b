"""A lake in a folder of this machine."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from loaders.errors import LakeError
from loaders.lake.base import SACRED, Held, Lake, Missing
from loaders.lake.explained import explained

SMALL_BYTES = 1 << 16

_SCRATCH = "state/tmp"

_numbers = count()
_run = uuid4().hex


@dataclass(frozen=True)
class FolderLake(Lake):
    """A lake in a folder. Objects are put by renaming or linking files, so nobody sees half of one."""

    root: Path
    _made: set[str] = field(default_factory=set, compare=False, repr=False)

    @cached_property
    def _place(self) -> str:
        return str(self.root)

    def __str__(self) -> str:
        return self._place

    def check_writable(self) -> None:
        """Raises LakeError when the lake cannot be written, and says why."""
        with explained(f"the lake {self.root} is not writable"):
            self.write("state/.writable", b"")
            os.unlink(self.root / "state/.writable")

    def objects(self, folder: str, below: bool = True) -> list[tuple[str, int]]:
        """Names and sizes in bytes of the objects in a folder and in those below it, in order of names.

        A name is what follows the folder in the key. Without `below`, only the objects directly in the folder.
        """
        return sorted(_listed(str(self.root / folder), "", below))

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly under a prefix, in order."""
        try:
            with os.scandir(self.root / prefix) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return []

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""
        return (self.root / key).is_file()

    def read(self, key: str) -> bytes:
        """The whole object. Raises LakeError when it cannot be read."""
        with explained(f"cannot read {self.root / key}"):
            return (self.root / key).read_bytes()

    def read_all(self, folder: str, names: Iterable[str]) -> list[bytes]:
        """Many small objects of one folder. Raises LakeError when one cannot be read."""
        parts = []
        with explained(f"cannot read {self.root / folder}"):
            directory = os.open(self.root / folder, os.O_RDONLY)
            try:
                for name in names:
                    handle = os.open(name, os.O_RDONLY, dir_fd=directory)
                    try:
                        part = os.read(handle, SMALL_BYTES)
                        if len(part) == SMALL_BYTES:
                            part = _whole(handle)
                    finally:
                        os.close(handle)
                    parts.append(part)
            finally:
                os.close(directory)
        return parts

    def write(self, key: str, data: bytes) -> None:
        """Put an object whole, in place of what was there: a reader sees the old one or the new one."""
        if key.startswith(SACRED):
            raise LakeError(f"{key} is sacred: raw and truth are created once, never rewritten")
        path = self.root / key
        with explained(f"cannot write {path}"):
            temporary = self._temporary(data, sync=True)
            self._make(str(path.parent))
            os.replace(temporary, path)
            _sync_folder(path.parent)

    def create(self, key: str, data: bytes) -> bool:
        """Put an object if there is none of this key; False if there is one, which stays as it is."""
        path = f"{self._place}/{key}"
        with explained(f"cannot write {path}"):
            temporary = self._temporary(data, sync=False)
            try:
                self._make(os.path.dirname(path))
                os.link(temporary, path)
                return True
            except FileExistsError:
                return False
            finally:
                os.unlink(temporary)

    def remove(self, key: str) -> None:
        """Drop an object that no manifest names any more. Raises LakeError for what is sacred."""
        if key.startswith(SACRED):
            raise LakeError(f"{key} is sacred: raw and truth are never removed")
        path = self.root / key
        path.unlink(missing_ok=True)

    def uri(self, key: str) -> str:
        """Where an engine finds the object: an absolute path."""
        return str(self.root / key)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder in the lake's own file system, so that adopting is renaming."""
        path = self.root / _SCRATCH / uuid4().hex
        with explained(f"cannot write to the lake {self}"):
            path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def adopt(self, path: Path, key: str) -> None:
        """Rename a file, once it is safely on the disk."""
        target = self.root / key
        with explained(f"cannot write {target}"):
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
            self._make(str(target.parent))
            os.replace(path, target)

    def local(self, key: str, scratch: Path) -> Path:
        """The object's own file."""
        if not self.exists(key):
            raise Missing(f"cannot read {self.root / key}: there is no such file")
        return self.root / key

    def tidy(self) -> None:
        """Empty `state/tmp`."""
        for entry in (self.root / _SCRATCH).glob("*"):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    @contextmanager
    def held(self, who: Mapping[str, Any]) -> Iterator[None]:
        """A lock of the file system, which ends with the process that has it."""
        path = self.root / "state/lock"
        self._make(str(path.parent))
        with open(path, "a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                raise Held(handle.read()) from None
            handle.truncate(0)
            json.dump(who, handle)
            handle.flush()
            try:
                yield
            finally:
                handle.truncate(0)

    def _temporary(self, data: bytes, sync: bool) -> str:
        folder = f"{self._place}/{_SCRATCH}"
        path = f"{folder}/{_run}-{os.getpid()}-{next(_numbers)}"
        self._make(folder)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            view = memoryview(data)
            while len(view):
                view = view[os.write(handle, view) :]
            if sync:
                os.fsync(handle)
        except OSError:
            os.unlink(path)
            raise
        finally:
            os.close(handle)
        return path

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)


def _whole(handle: int) -> bytes:
    with open(handle, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()


def _listed(folder: str, name: str, below: bool) -> list[tuple[str, int]]:
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = [(name + entry.name, entry.stat().st_size) for entry in entries if not entry.is_dir()]
    for entry in entries if below else ():
        if entry.is_dir():
            found += _listed(entry.path, f"{name}{entry.name}/", below)
    return found


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
