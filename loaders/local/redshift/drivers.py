"""What sqlalchemy-redshift asks of Redshift's own catalogs, asked of the views that stand for them.

Its three questions use columns that PostgreSQL's catalogs do not have. Each is known by the words that only it says
together; the filters that the driver puts in, and nothing else of the text, are kept.
"""

from loaders.local.redshift.tokens import TEXT, Tokens, code, text_of

_QUESTIONS = (
    ({"format_encoding", "attsortkeyord", "svv_external_columns"}, "rs_reflected_columns"),
    ({"reldiststyle", "pg_get_viewdef", "svv_external_tables"}, "rs_reflected_relations"),
    ({"conkey", "pg_get_constraintdef", "svv_external_columns"}, "rs_reflected_constraints"),
)
_FILTERS = ("schema", "table_name", "relname")


def reflection(parts: Tokens) -> str | None:
    """The question to ask instead; None for a statement that is none of the three."""
    words = {part.word for part in parts if part.word}
    view = next((view for marks, view in _QUESTIONS if marks <= words), None)
    if not view:
        return None
    said = code(parts)
    filters: list[str] = []
    for at in range(len(said) - 3):
        is_filter = said[at].word == "and" and said[at + 1].word in _FILTERS
        if is_filter and said[at + 2].text == "=" and said[at + 3].kind == TEXT:
            condition = f'"{said[at + 1].word}" = {text_of([said[at + 3]])}'
            if condition not in filters:
                filters.append(condition)
    return f"select * from pg_catalog.{view}" + (f" where {' and '.join(filters)}" if filters else "")
