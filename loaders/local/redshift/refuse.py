"""What Redshift refuses and PostgreSQL would take.

There are two looks at each statement. One is at its tokens: the first word must begin one of Redshift's statements,
and every function that is called must be one of Redshift's (functions.txt), for a list of what is allowed does not
grow old as a list of what is forbidden does. The other is at sqlglot's tree of it: the rules below. A statement that
sqlglot does not take gets the first look only.

Statements of drivers that ask the catalogs are let through by shape: a query whose every relation is one of the
system's (pg_…, svv_… and such, information_schema) may call and cast as the catalogs need. Naming such a relation
beside a user's own table does not help: that is refused, as it is on Redshift.
"""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from loaders.local.redshift.expressions import Refused
from loaders.local.redshift.tokens import (
    COMMENT,
    NAME,
    PARAMETER,
    SIGN,
    TEXT,
    WORD,
    Token,
    Tokens,
    closing,
    code,
    name_of,
    next_code,
    text_of,
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_STATEMENTS = _set(
    "abort alter analyze begin call cancel close comment commit copy create deallocate declare delete drop end execute "
    "explain fetch grant insert lock merge prepare refresh reset revoke rollback select set show start truncate unload "
    "update use vacuum with"
)
_CREATED = _set("database external function group library materialized model procedure role schema table user view")
_BEFORE_CREATED = frozenset(("or", "replace", "temp", "temporary", "local"))
_SYSTEM = ("pg_", "svv_", "svl_", "svcs_", "stl_", "stv_", "sys_", "information_schema")
_LEADER = ("pg_", "information_schema")

# words that a parenthesis follows and that call nothing
_NO_CALLS = _set(
    "all and any as between by case check count_star cube distinct else except exists filter for from group having in "
    "interval intersect into is join key lateral like ilike limit minus not null on or order outer over partition "
    "qualify references rollup select set sets similar some sortkey distkey table then top union unique using values "
    "when where with within escape inner full cross end default primary foreign analyze explain use "
    "bigint bpchar char character date datetime dec decimal double float float4 float8 int int2 int4 int8 integer "
    "nchar number numeric nvarchar precision real smallint text time timestamp timestamptz timetz varbyte varchar "
    "varying varbinary zone execute identity "
    "return rows add insert pivot unpivot"
)
_BEFORE_NAMES = ("into", "table", "exists", "references", "join", "update", "view")


def check(parts: Tokens) -> None:
    """Raises Refused for a statement that Redshift would refuse, or that has no place in this stand-in."""
    said = code(parts)
    first = said[0].word
    if first not in _STATEMENTS and said[0].text != "(":
        raise Refused(f"{said[0].text.upper()} is no statement of Redshift's")
    if first == "create":
        _check_created([part.word for part in said[1:5]])
    _check_tokens(parts, said)
    if first not in ("select", "with", "insert", "update", "delete", "merge", "create", "alter", "explain", "("):
        return
    tree = _tree(parts)
    system, users = _relations(tree) if tree else _named(said)
    if system and not users:
        return
    leader = sorted(name for name in system if name.startswith(_LEADER))
    if leader and users:
        raise Refused(f"{leader[0]} is on the leader node alone: it does not go together with tables of users")
    for node in tree.walk() if tree else ():
        if rule := _RULES.get(type(node)):
            rule(node)
    _check_calls(said, tree, bool(users))


def _check_created(words: list[str]) -> None:
    kind = next((word for word in words if word not in _BEFORE_CREATED), "")
    if kind not in _CREATED:
        raise Refused(f"CREATE {kind.upper() or '?'} is not supported")


# --- tokens -----------------------------------------------------------------------------------------------------------


def _check_tokens(parts: Tokens, said: Tokens) -> None:
    signs = "".join(part.text if part.kind == "sign" else " " for part in said)
    for operator in ("->", "#>", "@>", "<@", "?|", "?&", "@@", "&&"):
        if operator in signs:
            raise Refused(f"the operator {operator} is not supported")
    for part, after in pairwise(parts):
        if part.word in ("e", "b", "x") and after.kind == TEXT:
            raise Refused(f"texts like {part.text}'…' are not supported")


def _check_calls(said: Tokens, tree: Any, with_tables: bool) -> None:
    named = _names(tree) if tree else frozenset()
    known, absent = _functions()
    for at in range(len(said) - 1):
        part = said[at]
        if said[at + 1].text != "(" or part.kind not in (WORD, NAME):
            continue
        name = name_of(part)
        start = at
        while start > 1 and said[start - 1].text == ".":
            start -= 2
        before = said[start - 1].word if start else ""
        if (part.kind == WORD and name in _NO_CALLS) or name in named or before in _BEFORE_NAMES:
            continue
        if not tree and before in ("as", "with"):
            continue
        if start < at and name_of(said[start]) != "pg_catalog":
            raise Refused(f"function {text_of(said[start : at + 1])} is not one of Redshift's")
        if name in absent:
            raise Refused(f"function {name.upper()} is not in this stand-in")
        if name not in known:
            raise Refused(f"function {name.upper()} is not one of Redshift's")
        if with_tables and name in _LEADER_ONLY:
            raise Refused(f"function {name.upper()} runs on the leader node alone, not on tables of users")
    for at, part in enumerate(said):
        if part.word in _LEADER_WORDS and not _is_name(said, at) and part.word not in named:
            raise Refused(f"{part.text.upper()} runs on the leader node alone: take GETDATE() or SYSDATE")


def _is_name(said: Tokens, at: int) -> bool:
    before = said[at - 1] if at else said[at]
    after = said[at + 1] if at + 1 < len(said) else said[at]
    return before.text == "." or before.word == "as" or after.text == "."


_LEADER_ONLY = _set(
    "current_schema current_schemas has_database_privilege has_schema_privilege has_table_privilege version"
)
_LEADER_WORDS = frozenset(("current_timestamp", "current_time", "localtime", "localtimestamp", "current_catalog"))


@cache
def _functions() -> tuple[frozenset[str], frozenset[str]]:
    """Redshift's functions: those that are here, and those that are not."""
    here: set[str] = set()
    absent: set[str] = set()
    for line in Path(__file__).with_name("functions.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            (absent if line.startswith("!") else here).update(line.lstrip("! ").split())
    return frozenset(here), frozenset(absent)


def _named(said: Tokens) -> tuple[set[str], set[str]]:
    """The system's relations and the users', by what follows FROM and JOIN: for what sqlglot does not take."""
    system: set[str] = set()
    users: set[str] = set()
    for at, part in enumerate(said[:-1]):
        if part.word in ("from", "join", "into", "update", "table", "using") and said[at + 1].kind in (WORD, NAME):
            name = name_of(said[at + 1])
            if name == "pg_catalog" and at + 3 < len(said):
                name = "pg_catalog." + name_of(said[at + 3])
            (system if name.startswith(_SYSTEM) else users).add(name)
    return system, users


# --- the tree ---------------------------------------------------------------------------------------------------------


def _tree(parts: Tokens) -> Any:
    """sqlglot's tree of a statement, None if it has none. Of many rows of values only the first counts."""
    try:
        trees = sqlglot.parse("".join(_for_sqlglot(part) for part in _plainer(parts)), read="redshift")
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, IndexError):
        return None
    tree = trees[0] if trees else None
    return None if tree is None or isinstance(tree, exp.Command) else tree


def _for_sqlglot(part: Token) -> str:
    """A token as sqlglot takes it: dollars confuse it, and what comments and long texts say does not matter."""
    if part.kind == COMMENT:
        return " "
    if part.text.startswith("$"):
        return "?" if part.kind == PARAMETER else "''"
    return part.text


def _plainer(parts: Tokens) -> Tokens:
    """A statement without what sqlglot does not know or would take long for: more rows, columns' attributes."""
    said = code(parts)
    if said[0].word == "insert":
        return _first_row(parts)
    if said[0].word in ("create", "alter") and any(part.word == "table" for part in said[1:5]):
        return _without_attributes(parts)
    return parts


def _first_row(parts: Tokens) -> Tokens:
    depth = 0
    for at, part in enumerate(parts):
        if part.kind == SIGN:
            depth += (part.text == "(") - (part.text == ")")
        elif part.word == "values" and depth == 0:
            opening = next((place for place in range(at, len(parts)) if parts[place].text == "("), at)
            end = closing(parts, opening)
            rest = code(parts[end + 1 :])
            return parts[: end + 1] if rest and rest[0].text == "," and rest[-1].text == ")" else parts
    return parts


def _without_attributes(parts: Tokens) -> Tokens:
    kept: Tokens = []
    at = 0
    while at < len(parts):
        following = next_code(parts, at + 1)
        is_call = following < len(parts) and parts[following].text == "("
        word = parts[at].word
        if word == "encode" and following < len(parts) and parts[following].kind == WORD:
            at = following + 1
        elif word == "identity" and is_call:
            at = closing(parts, following) + 1
        elif word in ("distkey", "sortkey") and not is_call:
            at += 1
        else:
            kept.append(parts[at])
            at += 1
    return kept


def _relations(tree: Any) -> tuple[set[str], set[str]]:
    """The system's relations that a statement names, and the users'."""
    defined = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    system: set[str] = set()
    users: set[str] = set()
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            function = table.this
            name = function.name.lower() if isinstance(function, exp.Anonymous) else ""
            (system if name.startswith(_SYSTEM) else users).add(name or "a function")
            continue
        name, schema = table.name.lower(), (table.db or "").lower()
        if not schema and name in defined:
            continue
        full = f"{schema}.{name}" if schema else name
        is_system = schema.startswith(_SYSTEM) if schema and schema != "pg_temp" else name.startswith(_SYSTEM)
        (system if is_system else users).add(full)
    return system, users


def _names(tree: Any) -> frozenset[str]:
    """Names that a list of columns may follow: of tables, of CTEs and of what is selected from."""
    names = {table.name for table in tree.find_all(exp.Table)} | {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    names |= {alias.name for alias in tree.find_all(exp.TableAlias)}
    return frozenset(name.lower() for name in names)


def _refuses(what: str) -> Callable[[Any], None]:
    def rule(node: Any) -> None:
        raise Refused(what)

    return rule


def _distinct(node: Any) -> None:
    if node.args.get("on"):
        raise Refused("SELECT DISTINCT ON is not supported")


def _values(node: Any) -> None:
    if not isinstance(node.parent, exp.Insert) and not isinstance(node.parent, exp.Tuple):
        raise Refused("VALUES as a table is not supported: take SELECT … UNION ALL")


def _any(node: Any) -> None:
    if not isinstance(node.this, exp.Subquery | exp.Select) and not node.find(exp.Select):
        raise Refused("ANY and ALL of an array are not supported: there are no arrays")


_RANKS = (exp.RowNumber, exp.Lag, exp.Lead)
_RANK_NAMES = frozenset(("rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "row_number", "lag", "lead"))


def _window(node: Any) -> None:
    function = node.this
    while isinstance(function, exp.IgnoreNulls | exp.RespectNulls | exp.Filter):
        function = function.this
    if isinstance(function, exp.WithinGroup | exp.Median):
        raise Refused("PERCENTILE_CONT, MEDIAN and LISTAGG with OVER are not in this stand-in: group in a subquery")
    name = _function_name(function)
    is_rank = isinstance(function, _RANKS) or name in _RANK_NAMES
    spec = node.args.get("spec")
    if node.args.get("alias") or (node.args.get("this") is None):
        return
    if spec is None and node.args.get("order") and not is_rank and name != "ratio_to_report":
        raise Refused("Aggregate window functions with an ORDER BY clause require a frame clause")
    if spec is not None:
        kind = (spec.args.get("kind") or "").upper()
        if kind != "ROWS":
            raise Refused(f"window frames of {kind} are not supported: take ROWS")
        if spec.args.get("exclude"):
            raise Refused("EXCLUDE in window frames is not supported")
        if is_rank:
            raise Refused(f"{name.upper()} takes no window frame")


def _function_name(function: Any) -> str:
    if isinstance(function, exp.Anonymous):
        return function.name.lower()
    return function.sql_name().lower() if isinstance(function, exp.Func) else ""


def _select(node: Any) -> None:
    if node.args.get("windows"):
        raise Refused("the WINDOW clause is not supported")
    if node.args.get("locks"):
        raise Refused("SELECT … FOR UPDATE is not supported")
    orders = set(_orders(node))
    if len(orders) > 1:
        raise Refused(
            "PERCENTILE_CONT, PERCENTILE_DISC, MEDIAN and LISTAGG in one SELECT must have the same ORDER BY: "
            f"{' and '.join(sorted(orders))}"
        )
    if node.args.get("qualify") and not any(node.args.get(clause) for clause in ("where", "group", "having")):
        source = node.args.get("from_") or node.args.get("from")
        if source and isinstance(source.this, exp.Table) and not source.this.alias:
            raise Refused("QUALIFY that follows FROM needs an alias for the table there")


def _orders(select: Any) -> Iterator[str]:
    for node in select.find_all(exp.WithinGroup, exp.Median):
        if node.find_ancestor(exp.Select) is not select or node.find_ancestor(exp.Window):
            continue
        if isinstance(node, exp.Median):
            yield node.this.sql("redshift").lower()
        elif isinstance(node.expression, exp.Order):
            yield ", ".join(item.this.sql("redshift").lower() for item in node.expression.expressions)


def _with(node: Any) -> None:
    if not node.args.get("recursive"):
        return
    for cte in node.expressions:
        name = cte.alias_or_name.lower()
        if not any(table.name.lower() == name for table in cte.this.find_all(exp.Table)):
            continue
        if not cte.args["alias"].args.get("columns"):
            raise Refused(f"the recursive {name} needs a list of its columns: WITH RECURSIVE {name} (…) AS …")
        if isinstance(cte.this, exp.Union) and cte.this.args.get("distinct"):
            raise Refused("a recursive query takes UNION ALL, not UNION")


def _merge(node: Any) -> None:
    if node.this.args.get("alias"):
        raise Refused("MERGE takes no alias for its target")
    if not isinstance(node.args["using"], exp.Table):
        raise Refused("MERGE takes a table to merge from, not a subquery")
    if node.args.get("returning"):
        raise Refused("RETURNING is not supported")
    whens = node.args["whens"].expressions if node.args.get("whens") else []
    for when in whens:
        if when.args.get("condition"):
            raise Refused("MERGE takes no conditions in WHEN")
        if when.args.get("source"):
            raise Refused("MERGE takes no BY SOURCE")
        if isinstance(when.args["then"], exp.Var) and when.args["then"].name.upper() != "DELETE":
            raise Refused(f"MERGE takes no {when.args['then'].name}")
    if sorted(bool(when.args["matched"]) for when in whens) != [False, True]:
        raise Refused("MERGE takes one WHEN MATCHED and one WHEN NOT MATCHED")


_TYPES = _set(
    "SMALLINT INT BIGINT DECIMAL FLOAT DOUBLE BOOLEAN CHAR NCHAR VARCHAR NVARCHAR TEXT DATE TIME TIMETZ TIMESTAMP "
    "TIMESTAMPTZ TIMESTAMPNTZ DATETIME INTERVAL BPCHAR NAME"
)
_ABSENT_TYPES = _set("SUPER VARBINARY GEOMETRY GEOGRAPHY HLLSKETCH")


def _type(node: Any) -> None:
    kind = node.this.name if hasattr(node.this, "name") else str(node.this)
    spelled = node.sql("redshift").lower()
    if kind in _ABSENT_TYPES:
        raise Refused(f"type {spelled} is not in this stand-in")
    if kind not in _TYPES:
        raise Refused(f"type {spelled} is not one of Redshift's")
    if kind == "DECIMAL" and not node.expressions and isinstance(node.parent, exp.ColumnDef):
        raise Refused("numeric without precision and scale is numeric(18,0): say which you mean")


def _alter(node: Any) -> None:
    if len([action for action in node.args.get("actions") or () if isinstance(action, exp.ColumnDef)]) > 1:
        raise Refused("ALTER TABLE adds one column at a time")


def _insert(node: Any) -> None:
    if node.args.get("conflict"):
        raise Refused("ON CONFLICT is not supported: take MERGE")


_RULES: dict[type, Callable[[Any], None]] = {
    exp.Filter: _refuses("FILTER (WHERE …) is not supported: take CASE in the aggregate"),
    exp.Distinct: _distinct,
    exp.Lateral: _refuses("LATERAL is not supported"),
    exp.Unnest: _refuses("UNNEST and other arrays in FROM are not supported"),
    exp.Array: _refuses("arrays are not supported"),
    exp.Bracket: _refuses("arrays and their elements are not supported"),
    exp.OnConflict: _refuses("ON CONFLICT is not supported: take MERGE"),
    exp.Returning: _refuses("RETURNING is not supported"),
    exp.NullSafeEQ: _refuses("IS NOT DISTINCT FROM is not supported"),
    exp.NullSafeNEQ: _refuses("IS DISTINCT FROM is not supported"),
    exp.Values: _values,
    exp.Any: _any,
    exp.Window: _window,
    exp.Select: _select,
    exp.With: _with,
    exp.Merge: _merge,
    exp.DataType: _type,
    exp.Alter: _alter,
    exp.Insert: _insert,
    exp.TableSample: _refuses("TABLESAMPLE is not supported"),
    exp.Fetch: _refuses("FETCH FIRST is not supported: take LIMIT"),
    exp.Lock: _refuses("SELECT … FOR UPDATE is not supported"),
    exp.CheckColumnConstraint: _refuses("CHECK constraints are not supported"),
    exp.ComputedColumnConstraint: _refuses("generated columns are not supported"),
    exp.IgnoreNulls: _refuses("IGNORE NULLS is not in this stand-in"),
    exp.Pivot: _refuses("PIVOT and UNPIVOT are not in this stand-in"),
    exp.Connect: _refuses("CONNECT BY is not in this stand-in"),
    exp.InheritsProperty: _refuses("INHERITS is not supported"),
    exp.PartitionedByProperty: _refuses("PARTITION BY of tables is not supported"),
    exp.PartitionedOfProperty: _refuses("PARTITION OF is not supported"),
    exp.UnloggedProperty: _refuses("UNLOGGED is not supported"),
    exp.OnCommitProperty: _refuses("ON COMMIT is not supported"),
}

# it says what it falls back to for statements that it does not know; that is decided here
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
