"""What is staged: the one file that readers believe. A staged file that it does not name is not there.

A line a partition, each JSON of its own, so that every warehouse can read it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loaders.errors import LakeError
from loaders.lake import Lake

MANIFEST_KEY = "staging/manifest.json"
MANIFEST_VERSION = 4


@dataclass(frozen=True)
class Counts:
    """Where the raw records of an entity and a day ended: raw = staged + duplicates + quarantined."""

    raw: int = 0
    staged: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.raw + other.raw,
            self.staged + other.staged,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
        )


@dataclass(frozen=True)
class StagedFile:
    """A file that staging wrote: its key, which ends with a part of its own sha256, and what it holds."""

    key: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Partition:
    """A partition of an entity: its staged rows, the raw objects that are in it, and the records refused.

    `unsettled` are raw folders whose ids have not been held against those of other days yet.
    """

    data: StagedFile | None
    seen: StagedFile
    quarantine: StagedFile | None
    days: dict[str, Counts] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()

    def files(self) -> list[StagedFile]:
        """All its files."""
        return [file for file in (self.data, self.seen, self.quarantine) if file]


Manifest = dict[str, dict[str, Partition]]


def read_manifest(lake: Lake) -> Manifest:
    """Partitions by entity and month or day; empty where nothing has been staged."""
    if not lake.exists(MANIFEST_KEY):
        return {}
    try:
        manifest: Manifest = {}
        for line in lake.read(MANIFEST_KEY).splitlines():
            part = json.loads(line)
            if part["version"] != MANIFEST_VERSION:
                raise ValueError("another version")
            manifest.setdefault(part["entity"], {})[part["partition"]] = Partition(
                data=_file(part["data"]),
                seen=StagedFile(**part["seen"]),
                quarantine=_file(part["quarantine"]),
                days={day: Counts(**counts) for day, counts in part["days"].items()},
                unsettled=tuple(part["unsettled"]),
            )
        if not manifest:
            raise ValueError("nothing at all")
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LakeError(
            f"{lake.uri(MANIFEST_KEY)} was not written by this version of wardhouse: "
            "delete staging/, quarantine/ and state/staged/ in the lake and run `wardhouse stage` again"
        ) from None


def write_manifest(lake: Lake, manifest: Manifest) -> None:
    """Publish: from here on readers see these files and no others."""
    lines = [
        {
            "version": MANIFEST_VERSION,
            "entity": entity,
            "partition": name,
            "data": vars(part.data) if part.data else None,
            "seen": vars(part.seen),
            "quarantine": vars(part.quarantine) if part.quarantine else None,
            "days": {day: vars(counts) for day, counts in part.days.items()},
            "unsettled": part.unsettled,
        }
        for entity, parts in sorted(manifest.items())
        for name, part in sorted(parts.items())
    ]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    lake.write(MANIFEST_KEY, text.encode())


def staged_files(manifest: Manifest) -> Iterator[StagedFile]:
    """All files that a manifest names."""
    for partitions in manifest.values():
        for part in partitions.values():
            yield from part.files()


def totals(manifest: Manifest) -> dict[str, Counts]:
    """Counts by entity."""
    return {
        entity: sum((counts for part in partitions.values() for counts in part.days.values()), Counts())
        for entity, partitions in manifest.items()
    }


def _file(kept: dict[str, Any] | None) -> StagedFile | None:
    return StagedFile(**kept) if kept else None
