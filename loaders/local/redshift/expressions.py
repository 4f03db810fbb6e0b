"""Redshift's expressions and queries in PostgreSQL's words, token by token.

What PostgreSQL can be taught is in sql/; here is only what its grammar does not have: DECODE, NVL, LISTAGG, units of
time without quotes, SYSDATE, TOP, MINUS, QUALIFY and such.
"""

from collections.abc import Callable

from loaders.local.redshift.tokens import (
    COMMENT,
    NAME,
    NUMBER,
    SIGN,
    SPACE,
    TEXT,
    WORD,
    Token,
    Tokens,
    arguments,
    closing,
    code,
    name_of,
    next_code,
    text_of,
    tokens,
)

NAME_BYTES = 63

# columns of pg_attribute that PostgreSQL has not; dbt asks for those of the tables under materialized views, of which
# there are none
_ABSENT_COLUMNS = ("attisdistkey", "attsortkeyord")


class Refused(Exception):
    """A statement that Redshift, or this stand-in, does not take; the message says what."""


def query(parts: Tokens) -> Tokens:
    """A query or part of one, as PostgreSQL takes it. Raises Refused for what cannot be said there."""
    return _expressions(_qualified(_without_top(parts)))


def _expressions(parts: Tokens) -> Tokens:
    out: Tokens = []
    at = 0
    last = Token(SIGN, "")
    while at < len(parts):
        part = parts[at]
        following = next_code(parts, at + 1)
        after = parts[following] if following < len(parts) else Token(SIGN, "")
        if part.kind == NAME:
            part = Token(NAME, '"' + _checked(name_of(part)).replace('"', '""') + '"')
        elif part.kind == WORD:
            word = _checked(part.word)
            if after.text == "(" and word in _CALLS and (last.text != "." or _in_pg_catalog(out)):
                end = closing(parts, following)
                called = [_expressions(argument) for argument in arguments(parts, following)]
                made, end = _CALLS[word](called, parts, end)
                if last.text == ".":
                    out = _without_schema(out)
                out += tokens(made)
                last = out[-1]
                at = end + 1
                continue
            if word in _ABSENT_COLUMNS and last.text == ".":
                dot = max(place for place, other in enumerate(out) if other.text == ".")
                out, part = out[: dot - 1], Token(WORD, "null")
            elif last.text != "." and after.text != ".":
                part = _word(part, after, last)
        if part.kind not in (SPACE, COMMENT):
            last = part
        out.append(part)
        at += 1
    return out


def _word(part: Token, after: Token, last: Token) -> Token:
    word = part.word
    if word == "sysdate" and after.text != "(" and last.word != "as":
        return Token(WORD, "pg_catalog.rs_sysdate()")
    if word in ("numeric", "decimal", "dec") and (last.text == "::" or (last.word == "as" and after.text == ")")):
        # what a decimal is there that says nothing of itself
        return part if after.text == "(" else Token(WORD, "numeric(18,0)")
    if word == "minus" and (after.word == "select" or after.text == "("):
        return Token(WORD, "except")
    if word == "approximate" and after.word in ("count", "percentile_disc"):
        return Token(SPACE, " ")
    return part


def _checked(name: str) -> str:
    if len(name.encode()) > NAME_BYTES:
        raise Refused(f"the name {name} has more bytes than the {NAME_BYTES} of this stand-in (Redshift takes 127)")
    return name


def _in_pg_catalog(out: Tokens) -> bool:
    said = code(out[-6:])
    return len(said) > 1 and said[-2].word == "pg_catalog"


def _without_schema(out: Tokens) -> Tokens:
    at = max(place for place, part in enumerate(out) if part.word == "pg_catalog")
    return out[:at]


# --- calls ------------------------------------------------------------------------------------------------------------

Call = Callable[[list[Tokens], Tokens, int], tuple[str, int]]


def _texts(called: list[Tokens]) -> list[str]:
    return [text_of(argument).strip() for argument in called]


def _named(name: str) -> Call:
    def call(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
        return f"{name}({', '.join(_texts(called))})", end

    return call


def _nvl2(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    _count("NVL2", called, 3)
    value, some, none = _texts(called)
    return f"(case when {value} is not null then {some} else {none} end)", end


def _decode(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    if len(called) < 3:
        raise Refused("DECODE takes an expression, then values and results")
    value, *rest = _texts(called)
    cases = ""
    while len(rest) > 1:
        cases += f" when ({value}) is not distinct from ({rest[0]}) then {rest[1]}"
        rest = rest[2:]
    return f"(case{cases}{' else ' + rest[0] if rest else ''} end)", end


def _with_unit(name: str, count: int) -> Call:
    def call(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
        _count(name.upper(), called, count)
        unit, *rest = called
        said = code(unit)
        if len(said) == 1 and said[0].kind in (WORD, NAME):
            unit = [Token(TEXT, f"'{name_of(said[0])}'")]
        texts = [text_of(argument).strip() for argument in rest]
        # an untyped text would be taken for a time with a zone
        texts = [
            f"{text}::timestamp" if len(code(argument)) == 1 and code(argument)[0].kind == TEXT else text
            for text, argument in zip(texts, rest, strict=True)
        ]
        return f"{name}({', '.join([text_of(unit).strip(), *texts])})", end

    return call


def _listagg(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    if len(called) not in (1, 2):
        raise Refused("LISTAGG takes an expression and a delimiter")
    value = called[0]
    said = code(value)
    distinct = bool(said) and said[0].word == "distinct"
    if distinct:
        value = value[value.index(said[0]) + 1 :]
    expression = text_of(value).strip()
    delimiter = text_of(called[1]).strip() if len(called) == 2 else "''"
    order, end = _within_group(parts, end)
    ordered = text_of(order).strip()
    if distinct and ordered:
        keys = code(order)[2:]
        if text_of(keys).lower().replace("asc", "").replace("desc", "").strip() != text_of(code(value)).lower():
            raise Refused("LISTAGG(DISTINCT …) is ordered by its own expression")
        ordered = f"order by ({expression})::varchar{' desc' if keys[-1].word == 'desc' else ''}"
    return f"string_agg({'distinct ' if distinct else ''}({expression})::varchar, {delimiter} {ordered})", end


def _within_group(parts: Tokens, end: int) -> tuple[Tokens, int]:
    at = end
    for word in ("within", "group"):
        at = next_code(parts, at + 1)
        if at >= len(parts) or parts[at].word != word:
            return [], end
    at = next_code(parts, at + 1)
    close = closing(parts, at)
    return _expressions(parts[at + 1 : close]), close


def _median(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    _count("MEDIAN", called, 1)
    return f"percentile_cont(0.5) within group (order by {_texts(called)[0]})", end


def _convert(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    _count("CONVERT", called, 2)
    type_name, value = _texts(called)
    return f"cast({value} as {type_name})", end


def _text_type(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    size = text_of(called[0]).strip().lower() if called else ""
    return f"varchar({'65535' if size == 'max' else size})", end


def _ratio_to_report(called: list[Tokens], parts: Tokens, end: int) -> tuple[str, int]:
    _count("RATIO_TO_REPORT", called, 1)
    over = next_code(parts, end + 1)
    opening = next_code(parts, over + 1)
    if over >= len(parts) or parts[over].word != "over" or opening >= len(parts):
        raise Refused("RATIO_TO_REPORT needs OVER (…)")
    close = closing(parts, opening)
    window = text_of(_expressions(parts[opening : close + 1]))
    value = _texts(called)[0]
    return f"(({value})::double precision / nullif(sum(({value})::double precision) over {window}, 0))", close


def _count(name: str, called: list[Tokens], count: int) -> None:
    if len(called) != count:
        raise Refused(f"{name} takes {count} argument{'s' if count > 1 else ''}, not {len(called)}")


_CALLS: dict[str, Call] = {
    "nvl": _named("coalesce"),
    "isnull": _named("coalesce"),
    "nvl2": _nvl2,
    "decode": _decode,
    "dateadd": _with_unit("dateadd", 3),
    "date_add": _with_unit("dateadd", 3),
    "datediff": _with_unit("datediff", 3),
    "date_diff": _with_unit("datediff", 3),
    "date_part": _with_unit("date_part", 2),
    "date_part_year": lambda called, parts, end: (f"date_part('year', {_texts(called)[0]})::int", end),
    "listagg": _listagg,
    "median": _median,
    "convert": _convert,
    "varchar": _text_type,
    "nvarchar": _text_type,
    "ratio_to_report": _ratio_to_report,
}


# --- clauses ----------------------------------------------------------------------------------------------------------


def _without_top(parts: Tokens) -> Tokens:
    """SELECT TOP n … as SELECT … LIMIT n."""
    for at, part in enumerate(parts):
        if part.word != "top":
            continue
        number = next_code(parts, at + 1)
        before = code(parts[:at])
        if not before or before[-1].word not in ("select", "distinct", "all") or number >= len(parts):
            continue
        if parts[number].kind != NUMBER:
            continue
        end = _end_of_select(parts, number + 1)
        return _without_top(
            [*parts[:at], *parts[number + 1 : end], *tokens(f" limit {parts[number].text} "), *parts[end:]]
        )
    return parts


_ENDS = frozenset({"union", "intersect", "except", "minus"})


def _end_of_select(parts: Tokens, at: int, ends: frozenset[str] = _ENDS) -> int:
    """Where the select of a place ends: at the parenthesis around it, a set operation, a semicolon or the end."""
    depth = 0
    while at < len(parts):
        part = parts[at]
        if part.kind == SIGN:
            depth += (part.text == "(") - (part.text == ")")
            if depth < 0 or (part.text == ";" and depth == 0):
                return at
        elif depth == 0 and part.word in ends:
            return at
        at += 1
    return at


def _qualified(parts: Tokens) -> Tokens:
    """SELECT … QUALIFY condition as a select of the rows of an inner one where it holds."""
    places = [at for at, part in enumerate(parts) if part.word == "qualify"]
    for qualify in reversed(places):
        start = _start_of_select(parts, qualify)
        end = _end_of_select(parts, qualify, _ENDS | {"order", "limit", "offset"})
        parts = [*parts[:start], *_one_qualified(parts[start:qualify], parts[qualify + 1 : end]), *parts[end:]]
    return parts


def _start_of_select(parts: Tokens, at: int) -> int:
    depth = 0
    while at > 0:
        at -= 1
        part = parts[at]
        if part.kind == SIGN:
            depth += (part.text == ")") - (part.text == "(")
        if depth == 0 and part.word == "select":
            return at
    raise Refused("QUALIFY stands in no SELECT")


def _one_qualified(select: Tokens, condition: Tokens) -> Tokens:
    depth, end = 0, len(select)
    for at, part in enumerate(select):
        if part.kind == SIGN:
            depth += (part.text == "(") - (part.text == ")")
        elif depth == 0 and part.word == "from":
            end = at
            break
    items = arguments([Token(SIGN, "("), *select[1:end], Token(SIGN, ")")], 0)
    if items and code(items[0]) and code(items[0])[0].word == "distinct":
        raise Refused("QUALIFY with SELECT DISTINCT is not in this stand-in: take a subquery")
    names = {_output_name(item): item for item in items}
    listed = ", ".join(f'"{name}"' for name in names)
    if any(part.word == "over" for part in condition):
        spelled: Tokens = []
        for part in condition:
            item = names.get(name_of(part)) if part.kind in (WORD, NAME) else None
            computed = code(item) if item else []
            if item and len(computed) > 1 and any(other.word == "over" for other in computed):
                spelled += [Token(SIGN, "("), *_without_alias(item), Token(SIGN, ")")]
            else:
                spelled.append(part)
        inner = [*select[:end], *tokens(", ("), *spelled, *tokens(") as rs_qualify "), *select[end:]]
        outer = "rs_qualify"
    else:
        inner, outer = select, text_of(condition)
    return [*tokens(f"select {listed} from ("), *inner, *tokens(f") as rs_qualified where {outer} ")]


def _output_name(item: Tokens) -> str:
    said = code(item)
    last = said[-1]
    if last.kind in (WORD, NAME) and (len(said) == 1 or said[-2].text == "." or said[-2].word == "as"):
        return name_of(last)
    if last.kind in (WORD, NAME) and last.word != "end" and (said[-2].kind != SIGN or said[-2].text == ")"):
        return name_of(last)
    raise Refused("a SELECT with QUALIFY names each of its columns in this stand-in: list them, and give them names")


def _without_alias(item: Tokens) -> Tokens:
    cut = len(item) - 1 - item[::-1].index(code(item)[-1])
    said = code(item[:cut])
    if said and said[-1].word == "as":
        cut = len(item) - 1 - item[::-1].index(said[-1])
    return item[:cut]
