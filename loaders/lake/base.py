"""The one door to the lake: where raw, truth, staging, quarantine and state are kept.

A key is a path inside the lake with forward slashes, such as `raw/operations/admission/event_date=2024-01-01/x.json`.
Raw and truth are sacred: they are created once, and neither changed nor removed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from loaders.errors import LakeError

SACRED = ("raw/", "truth/")


class Held(Exception):
    """Somebody else holds the lake; the message is what they wrote down, a JSON object or nothing."""


class Missing(LakeError):
    """There is no object of that key."""


class Lake(ABC):
    """A lake; `str(lake)` is its place as people give it: a folder's path, or s3://bucket/prefix.

    >>> from tempfile import mkdtemp
    >>> lake = Lake.at(mkdtemp())
    >>> lake.create("raw/greeting.json", b"{}"), lake.create("raw/greeting.json", b"[]")
    (True, False)
    >>> lake.read("raw/greeting.json")
    b'{}'
    """

    @classmethod
    def at(cls, place: str | Path) -> "Lake":
        """The lake at a folder or s3:// address, which need not hold anything yet.

        Raises LakeError for a place that can be neither.
        """
        text = str(place)
        if text.startswith("s3:"):
            from loaders.lake.s3 import S3Lake

            return S3Lake.at_address(text)
        if "://" in text:
            raise LakeError(f"{text} is neither a folder, such as data, nor of the form s3://bucket/prefix")
        from loaders.lake.folder import FolderLake

        return FolderLake(Path(place).expanduser().resolve())

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def check_writable(self) -> None:
        """Raises LakeError when the lake cannot be written, and says why."""

    @abstractmethod
    def objects(self, folder: str, below: bool = True) -> list[tuple[str, int]]:
        """Names and sizes in bytes of the objects in a folder and in those below it, in order of names.

        A name is what follows the folder in the key. Without `below`, only the objects directly in the folder.
        """

    def find(self, folder: str) -> list[tuple[str, int]]:
        """Keys and sizes in bytes of all objects in a folder and below it, in order of keys."""
        return [(f"{folder}/{name}", size) for name, size in self.objects(folder)]

    def objects_in(self, parent: str, folders: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Names and sizes of the objects of some folders of a parent, whose names begin alike, by folder."""
        return {folder: self.objects(f"{parent}/{folder}") for folder in folders}

    @abstractmethod
    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly under a prefix, in order."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The whole object. Raises LakeError when it cannot be read."""

    @abstractmethod
    def read_all(self, folder: str, names: Iterable[str]) -> list[bytes]:
        """Many small objects of one folder. Raises LakeError when one cannot be read."""

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Put an object whole, in place of what was there: a reader sees the old one or the new one."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Put an object if there is none of this key; False if there is one, which stays as it is."""

    def create_all(self, objects: Iterable[tuple[str, bytes]]) -> int:
        """Put each object of which there is none, given as (key, data); how many were put.

        They are taken as they are needed, so there may be more of them than memory. When it returns, all are there.
        """
        return sum(self.create(key, data) for key, data in objects)

    @abstractmethod
    def remove(self, key: str) -> None:
        """Drop an object that no manifest names any more. Raises LakeError for what is sacred."""

    @abstractmethod
    def uri(self, key: str) -> str:
        """Where an engine finds the object: an absolute path, or an s3:// address."""

    @abstractmethod
    def scratch(self) -> AbstractContextManager[Path]:
        """A new folder of this machine for work in progress, which is removed with all that is in it."""

    @abstractmethod
    def adopt(self, path: Path, key: str) -> None:
        """Take a finished file out of scratch in as an object, whole: it is there with all its bytes or not at all."""

    @abstractmethod
    def local(self, key: str, scratch: Path) -> Path:
        """A file of this machine with an object's bytes, to be read only: the object itself, or a copy in scratch.

        Raises Missing where there is no such object, LakeError when it cannot be read.
        """

    @abstractmethod
    def tidy(self) -> None:
        """Drop the scratch of runs that were killed."""

    @abstractmethod
    def held(self, who: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Hold the lake for the only writer there is, who is written down. Raises Held with who holds it."""
