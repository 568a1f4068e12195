"""Names and values as PostgreSQL's SQL text, for statements that Core has no grammar for."""

from __future__ import annotations

from sqlalchemy import TextClause, UniqueConstraint, create_mock_engine, text
from sqlalchemy.schema import conv

# The paramstyle keeps "%" as it is: whether to double it depends on the driver, and is decided
# where the statement is executed.
DIALECT = create_mock_engine("postgresql://", lambda *_, **__: None, paramstyle="named").dialect


def quote_identifier(name: str) -> str:
    """``name`` as an identifier, in quotes where PostgreSQL would fold or refuse it bare."""
    # A str of its own class, such as quoted_name, has no type among SQL values.
    return str(DIALECT.identifier_preparer.quote(name))


def rendered_name(name: str) -> str:
    """The name of a convention as SQLAlchemy writes it into DDL: cut, with a digest, where it is too long."""
    constraint = UniqueConstraint(name=conv(name))
    written = DIALECT.identifier_preparer.format_constraint(constraint) or name
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def quote_table(schema: str | None, name: str) -> str:
    """A table's name, with its schema where one is given."""
    quoted = quote_identifier(name)
    return f"{quote_identifier(schema)}.{quoted}" if schema else quoted


def quote_literal(value: str) -> str:
    """``value`` as a string literal that means the same under any ``standard_conforming_strings``.

    See https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS
    """
    doubled = value.replace("'", "''")
    # A line break is written as an escape, for blocks of statements are indented as they are put together.
    escaped = doubled.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{doubled}'" if escaped == doubled else f"E'{escaped}'"


def quote_text_array(values: tuple[str, ...]) -> str:
    """``values`` as an array of text."""
    return f"ARRAY[{', '.join(map(quote_literal, values))}]::text[]"


def dollar_quote(body: str) -> str:
    """``body`` between dollar quotes whose tag does not occur in it."""
    tag = "cascade"
    while f"${tag}" in body:
        tag += "_"
    return f"${tag}$\n{body}\n${tag}$"


def verbatim(statement: str) -> TextClause:
    """``statement`` for any driver, with no colon in it taken for a bind parameter."""
    return text(statement.replace(":", "\\:"))
