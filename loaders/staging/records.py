"""JSON objects as records: one line a record, whatever file it came in, and where each line came from."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.lake import Lake

LONGEST_RECORD = 1 << 20
NDJSON = (".ndjson", ".ndjson.zst")
CSV = (".csv", ".csv.zst")
PARQUET = (".parquet",)


@dataclass(frozen=True)
class Reject:
    """A record that cannot be staged: where it is (line 0: the whole object), why, and itself."""

    raw_key: str
    line: int
    rule: str
    reason: str
    record: bytes
    header: bytes | None = None


class Unreadable(Exception):
    """An object that cannot be read at all: its raw key, and why."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(key, why)
        self.key, self.why = key, why


@dataclass
class Records:
    """Records end to end with line ends, in order of raw keys and lines; each raw key belongs to a folder.

    `before` are the lines of the first object that come before these, where an object is read in pieces.
    """

    data: bytes = b""
    keys: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    rejects: list[tuple[str, Reject]] = field(default_factory=list)
    before: int = 0

    def key_of(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of `keys` each line, by its index, is in."""
        return np.searchsorted(np.cumsum(self.counts), lines, side="right")

    def lines_of(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """The line numbers, from 1, of lines by their index."""
        at = self.key_of(lines)
        return lines - np.cumsum([0, *self.counts])[at] + 1 + np.where(at == 0, self.before, 0)

    def where(self, line: int) -> tuple[str, int]:
        """Raw key and line number, from 1, of the line of an index."""
        one = np.array([line])
        return self.keys[int(self.key_of(one)[0])], int(self.lines_of(one)[0])

    def rejected(self, faults: dict[int, tuple[str, str]]) -> list[tuple[str, Reject]]:
        """Lines by index with the rule they break and why, as folders and rejects."""
        if not faults:
            return []
        texts = self.data.split(b"\n")
        indices = np.array(sorted(faults))
        at, lines = self.key_of(indices).tolist(), self.lines_of(indices).tolist()
        return [
            (self.folders[key], Reject(self.keys[key], line, *faults[index], texts[index]))
            for index, key, line in zip(indices.tolist(), at, lines, strict=True)
        ]


def line_count(data: bytes) -> int:
    """How many line ends there are; many times the speed of `bytes.count` where lines are short."""
    text = np.frombuffer(data, "u1")
    step = 1 << 20
    return sum(int(np.count_nonzero(text[i : i + step] == ord("\n"))) for i in range(0, len(data), step))


def read_records(lake: Lake, raw: str, objects: dict[str, list[str]]) -> Records:
    """All records of some objects, by folder below `raw`; an object that holds none is rejected with its content."""
    records = Records()
    parts: list[bytes] = []
    for folder, names in sorted(objects.items()):
        names = sorted(names)
        path = f"{raw}/{folder}"
        contents = lake.read_all(path, names)
        together = _one_line_each(names, contents)
        if together:
            parts.append(together)
            records.keys += [f"{path}/{name}" for name in names]
            records.folders += [folder] * len(names)
            records.counts += [1] * len(names)
            continue
        for name, content in zip(names, contents, strict=True):
            lines = _lines(f"{path}/{name}", content)
            if isinstance(lines, Reject):
                records.rejects.append((folder, lines))
            elif lines:
                parts.append(lines)
                records.keys.append(f"{path}/{name}")
                records.folders.append(folder)
                records.counts.append(line_count(lines))
    records.data = parts[0] if len(parts) == 1 else b"".join(parts)
    return records


def _one_line_each(names: list[str], contents: list[bytes]) -> bytes:
    """The contents end to end where each object is a `.json` of one line with its line end; nothing for others."""
    if not all(name.endswith(".json") for name in names):
        return b""
    together = b"".join(contents)
    ends = np.cumsum([len(content) for content in contents])
    line_ends = np.flatnonzero(np.frombuffer(together, "u1") == ord("\n"))
    return together if np.array_equal(line_ends, ends - 1) else b""


def _lines(key: str, content: bytes) -> bytes | Reject:
    """The content of one object as lines with line ends, or why it has none."""
    if key.endswith(".zst"):
        try:
            content = unpacked(content)
        except OSError as error:
            return Reject(key, 0, "unreadable_file", f"not a whole zstd file: {error}", content)
    if key.endswith(NDJSON):
        return json_lines(content)
    if not key.endswith(".json"):
        known = ", ".join([".json", *NDJSON, *CSV, *PARQUET])
        return Reject(key, 0, "unknown_file", f"the name does not end with one of {known}", content)
    text = content.strip()
    if not text:
        return Reject(key, 0, "malformed_json", "the file is empty", content)
    return text + b"\n" if b"\n" not in text and b"\r" not in text else _one_line(key, text)


def unpacked(content: bytes) -> bytes:
    """What a zstd file holds. Raises OSError for one that is not whole."""
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())


def plain(key: str, content: bytes) -> bytes:
    """What an object holds, unpacked where its name says that it is packed. Raises Unreadable where it is not whole."""
    if not key.endswith(".zst"):
        return content
    if not content:
        raise Unreadable(key, "it is empty, not a zstd file")
    try:
        return unpacked(content)
    except OSError as error:
        raise Unreadable(key, f"not a whole zstd file: {error}") from None


def json_lines(content: bytes) -> bytes:
    """JSON lines, each with its line end, whatever kind of line end they came with."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    return content if content.endswith(b"\n") or not content else content + b"\n"


def _one_line(key: str, text: bytes) -> bytes | Reject:
    """An object written over several lines, on one; a line end inside a text is no JSON and stays a fault."""
    inside_text = escaped = False
    for byte in text:
        if inside_text and byte in b"\r\n":
            return Reject(key, 0, "malformed_json", "a line ends inside a text", text)
        if byte == 0x22 and not escaped:
            inside_text = not inside_text
        escaped = inside_text and byte == 0x5C and not escaped
    return text.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
