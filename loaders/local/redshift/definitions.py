"""CREATE, ALTER and DROP: what Redshift says of tables and views, in PostgreSQL's words.

How a table is distributed and sorted goes along in comments, which the event trigger in sql/catalog.sql reads. Keys are
not enforced there, so they are not here; NOT NULL is in both.
"""

from loaders.local.redshift.expressions import Refused, query
from loaders.local.redshift.tokens import (
    COMMENT,
    NAME,
    SIGN,
    SPACE,
    WORD,
    Token,
    Tokens,
    arguments,
    closing,
    code,
    name_of,
    next_code,
    quoted,
    text_of,
    tokens,
)

DONE = "do 'begin end'"

_CONSTRAINTS = ("constraint", "primary", "unique", "foreign")
_SIZES = {"varchar": "varchar(256)", "text": "varchar(256)", "nvarchar": "varchar(256)", "bpchar": "char(256)"}
_ATTRIBUTES = frozenset({"not", "null", "default", "identity", "generated", "encode", "distkey", "sortkey", "primary"})
_ATTRIBUTES |= {"unique", "references", "collate", "constraint"}


def create_table(parts: Tokens) -> str:
    """CREATE TABLE, with columns or AS a query."""
    said = [at for at, part in enumerate(parts) if part.kind not in (SPACE, COMMENT)]
    table = next(index for index, at in enumerate(said) if parts[at].word == "table")
    index = table + 1
    if parts[said[index]].word == "if":
        index += 3
    index += 1
    while index + 1 < len(said) and parts[said[index]].text == ".":
        index += 2
    at = said[index] if index < len(said) else len(parts)
    head, columns = parts[:at], ""
    name = name_of(parts[said[index - 1]])
    if at < len(parts) and parts[at].text == "(":
        end = closing(parts, at)
        columns = _columns(parts, at, end, name)
        at = end + 1
    attributes, rest = _until_as(parts, at)
    notes, kept = _attributes(attributes, name)
    if rest:
        columns = text_of(parts[len(head) : at])
    return f"{notes}{text_of(query(head))}{columns}{kept}{text_of(query(rest))}"


def _until_as(parts: Tokens, at: int) -> tuple[Tokens, Tokens]:
    depth = 0
    for place in range(at, len(parts)):
        part = parts[place]
        if part.kind == SIGN:
            depth += (part.text == "(") - (part.text == ")")
        elif depth == 0 and part.word == "as":
            return parts[at:place], parts[place:]
    return parts[at:], []


def _attributes(parts: Tokens, table: str) -> tuple[str, str]:
    """What a table's attributes say, as notes for the trigger, and what is left of them."""
    notes, kept = "", ""
    said = code(parts)
    at = 0
    while at < len(said):
        word, following = said[at].word, said[at + 1].word if at + 1 < len(said) else ""
        if word == "backup" and following in ("yes", "no"):
            at += 2
        elif word == "diststyle":
            if following not in ("all", "even", "auto", "key"):
                raise Refused(f"DISTSTYLE {following or '?'}: it is AUTO, EVEN, KEY or ALL")
            notes += _note("diststyle", table, following.upper())
            at += 2
        elif word in ("compound", "interleaved"):
            at += 1
        elif word in ("distkey", "sortkey") and following in ("auto", "none"):
            at += 2
        elif word in ("distkey", "sortkey") and at + 1 < len(said) and said[at + 1].text == "(":
            names = [name_of(code(argument)[0]) for argument in arguments(said, at + 1)]
            if word == "distkey" and len(names) != 1:
                raise Refused("DISTKEY takes one column")
            notes += _note(word, table, ",".join(names))
            at = closing(said, at + 1) + 1
        elif word == "encode" and following == "auto":
            at += 2
        else:
            kept += f" {said[at].text}"
            at += 1
    return notes, f" {kept} "


def _columns(parts: Tokens, opening: int, end: int, table: str) -> str:
    made: list[str] = []
    keys = ""
    for definition in arguments(parts, opening):
        said = code(definition)
        if said[0].word in _CONSTRAINTS:
            if any(part.word == "check" for part in said):
                raise Refused("CHECK constraints are not supported")
            continue
        if said[0].word == "like":
            made.append(text_of(query(_spaced(said))))
            continue
        column, key = _column(said)
        made.append(column)
        if key:
            keys += _note(key, table, name_of(said[0]))
    return f"({', '.join(made)}){keys}"


def _spaced(said: Tokens) -> Tokens:
    return [token for part in said for token in (part, Token(SPACE, " "))]


def _note(what: str, table: str, value: str) -> str:
    if "*" in table + value:
        raise Refused("names with an asterisk are not in this stand-in")
    return f"/*rs:{what}:{table}={value}*/"


def _column(said: Tokens) -> tuple[str, str]:
    """A column's definition, and which key it says that it is."""
    cut = 1
    while cut < len(said) and said[cut].word not in _ATTRIBUTES:
        cut += closing(said, cut) - cut + 1 if said[cut].text == "(" else 1
    name, kind = said[0], _type(said[1:cut])
    column, key, at = "", "", cut
    while at < len(said):
        word, following = said[at].word, said[at + 1].word if at + 1 < len(said) else ""
        if word in ("not", "primary"):
            column += " not null"
            at += 2
        elif word in ("null", "unique"):
            at += 1
        elif word == "encode":
            at += 2
        elif word in ("distkey", "sortkey"):
            key = word
            at += 1
        elif word == "identity" or (word == "generated" and following == "by"):
            if word == "generated":
                at = next(place for place in range(at, len(said)) if said[place].word == "identity")
            seed, step = (text_of(argument) for argument in arguments(said, at + 1))
            column += f" generated by default as identity (start {seed} increment {step} minvalue -9223372036854775808)"
            at = closing(said, at + 1) + 1
        elif word == "references":
            at += 2
            while at < len(said) and (said[at].text == "." or said[at - 1].text == "."):
                at += 1
            at = closing(said, at) + 1 if at < len(said) and said[at].text == "(" else at
        elif word == "default":
            start, at = at, at + 1
            while at < len(said) and said[at].word not in _ATTRIBUTES - {"null"}:
                at = closing(said, at) + 1 if said[at].text == "(" else at + 1
                if at < len(said) and said[at].word == "null" and said[at - 1].word != "default":
                    break
            column += " " + text_of(query(_spaced(said[start:at])))
        elif word == "collate":
            at += 2
        else:
            column += f" {said[at].text}"
            at += 1
    return f"{text_of(query([name]))} {kind}{column}", key


def _type(said: Tokens) -> str:
    words = " ".join(part.text.lower() for part in said)
    if words in _SIZES:
        return _SIZES[words]
    if words == "character varying":
        return "varchar(256)"
    return text_of(query(_spaced(said))).strip()


def alter_table(parts: Tokens) -> str:
    """ALTER TABLE: columns as in CREATE TABLE; keys, distribution, sorting and encoding change nothing here."""
    said = code(parts)
    words = [part.word for part in said]
    if "append" in words[3:]:
        raise Refused("ALTER TABLE APPEND is not in this stand-in")
    for start in range(3, len(words) - 1):
        pair = (words[start], words[start + 1])
        if pair in (("add", "constraint"), ("add", "primary"), ("add", "unique"), ("add", "foreign")):
            return DONE
        if pair[0] == "alter" and pair[1] in ("distkey", "diststyle", "sortkey", "compound", "encode"):
            return DONE
        if pair == ("drop", "constraint"):
            return DONE
        if pair[0] == "alter" and "encode" in words[start:]:
            return DONE
        if pair[0] == "add":
            if any(len(code(argument)) > 1 and code(argument)[0].word == "add" for argument in _listed(said)[1:]):
                raise Refused("ALTER TABLE adds one column at a time")
            first = start + 2 if pair[1] == "column" else start + 1
            column, _ = _column(said[first:])
            return f"{text_of(query(_spaced(said[:first])))}{column}"
    return text_of(query(parts))


def _listed(said: Tokens) -> list[Tokens]:
    return arguments([Token(SIGN, "("), *said, Token(SIGN, ")")], 0)


def create_view(parts: Tokens) -> str:
    """CREATE VIEW, also one that binds late."""
    said = code(parts)
    if [part.word for part in said[-4:]] != ["with", "no", "schema", "binding"]:
        return text_of(query(parts))
    end = len(parts) - 1 - [part.word for part in reversed(parts)].index("with")
    head, body = _until_as(parts[:end], 0)
    named = next_code(head, next(at for at, part in enumerate(head) if part.word == "view") + 1)
    name = text_of(query(code(head[named:])))
    is_replaced = any(part.word == "replace" for part in head[:named])
    made = text_of(query(body[1:])).strip()
    call = f"pg_catalog.rs_create_late_view({quoted(name)}, {quoted(made)}, {str(is_replaced).lower()})"
    return f"do {quoted(f'begin perform {call}; end')}"


def create_materialized_view(parts: Tokens) -> str:
    """CREATE MATERIALIZED VIEW as a view, which is never stale; its text says so, for clients look there."""
    head, body = _until_as([part for part in parts if part.kind != COMMENT], 0)
    said = code(head)
    at = next(index for index, part in enumerate(said) if part.word == "view") + 1
    name = [said[at]]
    while at + 2 < len(said) and said[at + 1].text == ".":
        name += said[at + 1 : at + 3]
        at += 2
    marked = "where 'create materialized view' is not null"
    return (
        f"create view {text_of(query(name))} as select * from ({text_of(query(body[1:]))}) as rs_materialized {marked}"
    )


def schema_of_this_database(parts: Tokens) -> Tokens:
    """CREATE SCHEMA and DROP SCHEMA with the database before the schema's name, which PostgreSQL does not take."""
    named = [at for at, part in enumerate(parts) if part.kind in (WORD, NAME)]
    for at in named:
        dot = next_code(parts, at + 1)
        if dot < len(parts) and parts[dot].text == ".":
            return [*parts[:at], *parts[next_code(parts, dot + 1) :]]
    return parts


def without_words(parts: Tokens, *gone: str) -> Tokens:
    """The tokens without some words."""
    return tokens(text_of([part for part in parts if part.word not in gone]))
