"""What must be known of a statement before the engine gets it: its kind, its format, and where its data begins.

The engine parses; this only reads tokens, so that strings, comments and nested brackets mislead nobody.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from loaders.local.clickhouse.errors import Refused

_TOKEN = re.compile(
    rb"""
      (?P<space> \s+ | --[^\n]* | \#[ !][^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> '(?:[^'\\]|\\.|'')*(?:'|\Z) )
    | (?P<quoted> `(?:[^`\\]|\\.|``)*(?:`|\Z) | "(?:[^"\\]|\\.|"")*(?:"|\Z) )
    | (?P<heredoc> \$(?P<tag>\w*)\$ .*? (?:\$(?P=tag)\$|\Z) )
    | (?P<word> [A-Za-z_][A-Za-z0-9_$]* )
    | (?P<number> [0-9][A-Za-z0-9_.]* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN = (b"(", b"[", b"{")
_CLOSE = (b")", b"]", b"}")


@dataclass(frozen=True)
class Statement:
    """A statement of one request.

    `kind` is its first word in capitals, `format` the one that it names itself. An INSERT that brings its data is
    cut in two: `text` is what stands before FORMAT or VALUES, `data` what comes after.
    """

    text: bytes
    kind: str
    format: str | None = None
    data: bytes | None = None
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        return self.text.decode().upper() if self.kind == "word" else ""


def read(text: bytes) -> Statement:
    """The one statement in a text. Raises Refused for none, for several, and for what only the client may do.

    >>> read(b"insert into t format CSV\\n1,2").data
    b'1,2'
    >>> read(b"select 'format CSV' as format -- format XML").format
    """
    text = text.removeprefix(BOM_UTF8)
    tokens = _tokens(text)
    first = next(tokens, None)
    while first is not None and first.text == b"(":
        first = next(tokens, None)
    if first is None or first.text == b";":
        raise Refused(62, "SYNTAX_ERROR", "Syntax error: Empty query")
    if first.kind == "other":  # the engine would take it for no query at all
        raise Refused(62, "SYNTAX_ERROR", "Syntax error: failed at position 1: no statement begins so")
    if first.word == "INSERT":
        return _insert(text, tokens)
    return _other(text, first, list(tokens))


def _insert(text: bytes, tokens: Iterator[_Token]) -> Statement:
    before = ""
    rest: list[_Token] = []
    for token in tokens:
        rest.append(token)
        if token.depth or before in ("INTO", "TABLE", "."):
            pass
        elif token.word == "INFILE" and before == "FROM":
            raise Refused(78, "UNKNOWN_TYPE_OF_QUERY", "FROM INFILE is for a client to do; the server needs the data")
        elif token.word == "VALUES":
            return Statement(text[: token.start], "INSERT", "Values", text[token.end :])
        elif token.word == "FORMAT" and (name := next(tokens, None)) and name.kind == "word":
            return Statement(text[: token.start], "INSERT", name.text.decode(), text[_data_start(text, name.end) :])
        elif token.word in ("SELECT", "WITH", "EXPLAIN") or (token.text == b"(" and before == ")"):
            return _insert_select(text, [*rest, *tokens])
        before = token.word or token.text.decode(errors="replace")
    return _other(text, None, rest)


def _insert_select(text: bytes, tokens: list[_Token]) -> Statement:
    if any(token.word == "INPUT" and after.text == b"(" for token, after in pairwise(tokens)):
        raise Refused(
            48, "NOT_IMPLEMENTED", "The stand-in has no input() in INSERT … SELECT: insert the data as they are"
        )
    return _other(text, None, tokens)


def _other(text: bytes, first: _Token | None, tokens: list[_Token]) -> Statement:
    while tokens and tokens[-1].text == b";":
        text = text[: tokens.pop().start]
    flat = [token for token in tokens if not token.depth]
    if any(token.text == b";" for token in flat):
        raise Refused(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
    name = None
    for token, after, end in zip(flat, flat[1:], [*flat[2:], None], strict=False):
        if (token.word, after.word) == ("INTO", "OUTFILE"):
            raise Refused(
                358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is for a client to do; the server has no part in it"
            )
        if token.word == "FORMAT" and after.kind == "word" and (end is None or end.word == "SETTINGS"):
            name = after.text.decode()
    kind = first.word if first else "INSERT"
    return Statement(text, kind, name, None, frozenset(token.word for token in tokens if token.word))


def _data_start(text: bytes, at: int) -> int:
    """Data begin after the first line break that follows the format's name, or after the spaces there."""
    while text[at : at + 1] in (b" ", b"\t", b"\f") and at < len(text):
        at += 1
    at += text[at : at + 1] == b"\r"
    return at + (text[at : at + 1] == b"\n")


def _tokens(text: bytes) -> Iterator[_Token]:
    depth = 0
    at = 0
    while match := _TOKEN.match(text, at):
        at = match.end()
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        token = match[0]
        if token in _CLOSE:
            depth = max(0, depth - 1)
        yield _Token(kind, token, match.start(), at, depth)
        if token in _OPEN:
            depth += 1
