"""One statement for Redshift as one statement for PostgreSQL.

A statement that is not taken becomes a call that raises, so that the error and the state of the transaction are
PostgreSQL's own.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from loaders.local.redshift import definitions
from loaders.local.redshift.drivers import reflection
from loaders.local.redshift.expressions import Refused, query
from loaders.local.redshift.refuse import check
from loaders.local.redshift.tokens import (
    NAME,
    PARAMETER,
    SIGN,
    WORD,
    Token,
    Tokens,
    code,
    name_of,
    quoted,
    statements,
    text_of,
    tokens,
    words,
)

_IGNORED_SETTINGS = re.compile(
    r"query_group|enable_result_cache_for_session|wlm_query_slot_count|analyze_threshold_percent|describe_field_name_in_uppercase"
    r"|json_serialization_\w+|enable_numeric_rounding|navigate_super_null_on_error|cast_super_null_on_error"
    r"|enable_case_sensitive_super_attribute|error_on_nondeterministic_update|mv_enable_\w+|query_label"
)


LONG = 20_000


def translated(sql: str) -> str:
    """All statements of some SQL, each for PostgreSQL. Never raises: what is refused raises when it is run."""
    return _translated(sql) if len(sql) > LONG else _remembered(sql)


@lru_cache(maxsize=1_024)
def _remembered(sql: str) -> str:
    return _translated(sql)


def _translated(sql: str) -> str:
    parts = tokens(sql)
    found = statements(parts)
    if not found:
        return sql
    return ";".join(_statement(statement) for statement in found)


def refusal(message: str, parts: Sequence[Token] = ()) -> str:
    """A statement that fails with SQLSTATE 0A000 and this message, and has the parameters of the one that it is for."""
    used = sorted({part.text for part in parts if part.kind == PARAMETER}, key=lambda text: int(text[1:]))
    parameters = "".join(f", {parameter}::text" for parameter in used)
    return f"select pg_catalog.rs_refuse({quoted('Amazon Redshift: ' + message)}){parameters}"


def _statement(parts: Tokens) -> str:
    try:
        check(parts)
        return _translate(parts)
    except Refused as error:
        return refusal(str(error), parts)
    except RecursionError:
        return refusal("the statement is nested too deep for this stand-in")
    except (IndexError, StopIteration, ValueError):
        # a statement that is cut short or in a form that nobody has: PostgreSQL says what is wrong with it
        return text_of(parts)


def _translate(parts: Tokens) -> str:
    begins = words(parts, 4)
    first = begins.split(" ", 1)[0]
    if first == "show":
        return _show(code(parts)) or text_of(parts)
    if first in ("set", "reset"):
        return _setting(parts)
    if first in ("use", "refresh"):
        return definitions.DONE
    if first == "vacuum":
        return _vacuum(parts)
    if first == "analyze" and begins.startswith("analyze compression"):
        raise Refused("ANALYZE COMPRESSION is not in this stand-in")
    if first == "unload":
        raise Refused("UNLOAD is not in this stand-in")
    if first == "copy":
        raise Refused("COPY loads from 's3://…', alone in its statement")
    if first in ("create", "drop", "alter"):
        return _definition(parts, begins)
    if first in ("grant", "revoke"):
        return text_of(query(_grantees(parts)))
    return reflection(parts) or text_of(query(parts))


def _definition(parts: Tokens, begins: str) -> str:
    if re.match(r"create (local )?(temp |temporary )?table\b", begins):
        return definitions.create_table(parts)
    if begins.startswith("alter table"):
        return definitions.alter_table(parts)
    if re.match(r"create (or replace )?view\b", begins):
        return definitions.create_view(parts)
    if begins.startswith("create materialized view"):
        return definitions.create_materialized_view(parts)
    if begins.startswith("drop materialized view"):
        return text_of(query(definitions.without_words(parts, "materialized")))
    if begins.startswith("alter materialized view") and any(part.word == "refresh" for part in parts):
        return definitions.DONE
    if re.match(r"(create|drop) schema\b", begins):
        return text_of(query(definitions.schema_of_this_database(parts)))
    if re.match(r"(create|drop) external\b", begins):
        raise Refused("external schemas and tables are not in this stand-in")
    if re.match(r"create (or replace )?(function|procedure|library|model|datashare)\b", begins):
        raise Refused("functions, procedures, models and datashares are not in this stand-in")
    return text_of(query(parts))


def _show(said: Tokens) -> str | None:
    """The SHOW statements that list things."""
    names = [name_of(part) for part in said if part.kind in (WORD, NAME)]
    begins = " ".join(names[1:4])
    if begins == "tables from schema":
        return f"select * from pg_catalog.rs_show_tables({quoted(names[-1])})"
    if begins == "columns from table" and len(names) > 5:
        return f"select * from pg_catalog.rs_show_columns({quoted(names[-2])}, {quoted(names[-1])})"
    if begins == "schemas from database":
        like = said[-1].text if said[-2].word == "like" else "null"
        return f"select * from pg_catalog.rs_show_schemas({like})"
    if begins == "grants on table" and len(names) > 5:
        return f"select * from pg_catalog.rs_show_grants({quoted(names[-2])}, {quoted(names[-1])})"
    return None


def _setting(parts: Tokens) -> str:
    said = code(parts)
    name = next((part.word for part in said[1:] if part.word not in ("session", "local")), "")
    if name == "enable_case_sensitive_identifier" and said[-1].text.strip("'").lower() in ("true", "on", "1"):
        raise Refused("enable_case_sensitive_identifier is not in this stand-in: names are in lower case")
    if name == "enable_case_sensitive_identifier" or _IGNORED_SETTINGS.fullmatch(name):
        return text_of([Token(WORD, f"redshift.{name}") if part.word == name else part for part in parts])
    return text_of(query(parts))


def _vacuum(parts: Tokens) -> str:
    said = [
        part for part in code(parts)[1:] if part.word not in ("full", "sort", "delete", "only", "reindex", "recluster")
    ]
    cut = next((at for at, part in enumerate(said) if part.word in ("to", "boost")), len(said))
    return f"vacuum {text_of(query(said[:cut]))}"


def _grantees(parts: Tokens) -> Tokens:
    """GRANT … TO GROUP x, ROLE y as grants to x, y: groups and roles are one thing here."""
    start = next((at for at, part in enumerate(parts) if part.word in ("to", "from")), len(parts))
    kept = [part for part in parts[start:] if not (part.kind == WORD and part.word in ("group", "role", "user"))]
    return [*parts[:start], *kept, Token(SIGN, " ")]
