"""SQL as tokens: enough to rewrite calls and clauses without touching texts, comments or what is inside quotes.

A statement is a list of tokens whose texts, joined, are the statement again. Unlike in PostgreSQL, a backslash in a
text escapes what follows it, and quoted names are put in lower case like all others.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

WORD, NAME, TEXT, NUMBER, PARAMETER, SIGN, SPACE, COMMENT = (
    "word",
    "name",
    "text",
    "number",
    "parameter",
    "sign",
    "space",
    "comment",
)

_PATTERN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<text>'(?:[^'\\]|''|\\.)*'|\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)\$|\$\$.*?\$\$)
  | (?P<name>"(?:[^"]|"")*")
  | (?P<parameter>\$\d+)
  | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<sign>::|<>|!=|>=|<=|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A piece of SQL: what kind it is, and its text as written."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The word in lower case; nothing for any other kind of token."""
        return self.text.lower() if self.kind == WORD else ""


Tokens = list[Token]


def tokens(sql: str) -> Tokens:
    """The tokens of some SQL. What cannot be told is a sign, so that nothing is lost."""
    found = []
    for match in _PATTERN.finditer(sql):
        kind = match.lastgroup or SIGN
        found.append(Token(TEXT if kind == "tag" else kind, match.group()))
    return found


def text_of(parts: Sequence[Token]) -> str:
    """The SQL again."""
    return "".join(part.text for part in parts)


def statements(parts: Tokens) -> list[Tokens]:
    """The statements between semicolons, without them; those of nothing but space and comments are left out."""
    found: list[Tokens] = [[]]
    for part in parts:
        if part.text == ";" and part.kind == SIGN:
            found.append([])
        else:
            found[-1].append(part)
    return [statement for statement in found if code(statement)]


def code(parts: Sequence[Token]) -> Tokens:
    """Only what says something: no space, no comments."""
    return [part for part in parts if part.kind not in (SPACE, COMMENT)]


def words(parts: Sequence[Token], count: int) -> str:
    """The first words of a statement in lower case, up to the first that is none."""
    found = []
    for part in code(parts)[:count]:
        if part.kind != WORD:
            break
        found.append(part.word)
    return " ".join(found)


def next_code(parts: Sequence[Token], at: int) -> int:
    """Where the first token at or after a place is that says something; the length if there is none."""
    while at < len(parts) and parts[at].kind in (SPACE, COMMENT):
        at += 1
    return at


def closing(parts: Sequence[Token], opening: int) -> int:
    """Where the parenthesis closes that opens at a place; the last place if it never does."""
    depth = 0
    for at in range(opening, len(parts)):
        if parts[at].kind == SIGN:
            depth += (parts[at].text == "(") - (parts[at].text == ")")
            if depth == 0:
                return at
    return len(parts) - 1


def arguments(parts: Sequence[Token], opening: int) -> list[Tokens]:
    """What stands between the commas of a parenthesis that opens at a place; nothing for an empty one."""
    end = closing(parts, opening)
    found: list[Tokens] = [[]]
    depth = 0
    for part in parts[opening + 1 : end]:
        if part.kind == SIGN:
            depth += (part.text == "(") - (part.text == ")")
            if part.text == "," and depth == 0:
                found.append([])
                continue
        found[-1].append(part)
    return found if any(code(argument) for argument in found) else []


def name_of(part: Token) -> str:
    """The name that a word or a quoted name stands for: always in lower case, as Redshift has it."""
    return part.text[1:-1].replace('""', '"').lower() if part.kind == NAME else part.text.lower()


def value_of(part: Token) -> str:
    """The value of a text."""
    if part.text.startswith("$"):
        return part.text[part.text.index("$", 1) + 1 : part.text.rindex("$", 0, -1)]
    return re.sub(r"''|\\(.)", _unescaped, part.text[1:-1], flags=re.DOTALL)


def _unescaped(match: "re.Match[str]") -> str:
    escaped = match.group(1)
    return _ESCAPES.get(escaped, escaped) if escaped else "'"


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def quoted(value: str) -> str:
    """A value as a text."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
