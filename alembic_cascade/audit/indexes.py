"""The indexes that find a key's children: those of the database, and those that the models declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, ColumnClause, ColumnElement, PrimaryKeyConstraint, Table, TextClause, UniqueConstraint
from sqlalchemy import Index as DeclaredIndex
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.sql.elements import UnaryExpression

from alembic_cascade.audit.database import Index
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.sql.quoting import quote_identifier

# Those that find equal values: https://www.postgresql.org/docs/current/indexes-types.html; GiST by btree_gist.
METHODS = ("btree", "hash", "gist")


def is_indexed(subject: Subject, key: AuditedKey) -> bool:
    """Whether an index begins with the key's columns, in whichever order."""
    wanted = set(key.key.local_columns)
    return any(set(index.columns[: len(wanted)]) == wanted for index in _serving(subject, key))


def first_columns(subject: Subject, key: AuditedKey) -> list[str]:
    """The columns of the key that an index begins with, for want of one that begins with all of them."""
    found: set[str] = set()
    for index in _serving(subject, key):
        if index.columns and index.columns[0] in key.key.local_columns:
            found.add(str(index.columns[0]))
    return sorted(found)


def _serving(subject: Subject, key: AuditedKey) -> Iterator[Index]:
    """The indexes of the key's table that no row with a parent is missing from."""
    columns = set(key.key.local_columns)
    table = subject.table(key.key.source)
    found = [] if table is None else list(_declared(table, subject))
    if subject.database is not None:
        found += subject.database.indexes.get(subject.canonical(key.key.source), ())
    for index in found:
        if index.method in METHODS and (index.predicate is None or _leaves_out_nulls(index.predicate, columns)):
            yield index


def _leaves_out_nulls(predicate: str, columns: set[str]) -> bool:
    """Whether a WHERE says no more than that columns of the key are not NULL; a key never looks for those."""
    names = "|".join(re.escape(quote_identifier(column)) for column in sorted(columns))
    parts = re.split(r"\s+AND\s+", predicate.replace("(", "").replace(")", ""), flags=re.IGNORECASE)
    return all(re.fullmatch(rf"(?:{names})\s+IS\s+NOT\s+NULL", part.strip(), re.IGNORECASE) for part in parts)


def _declared(table: Table, subject: Subject) -> Iterator[Index]:
    for constraint in table.constraints:
        match constraint:
            case PrimaryKeyConstraint() | UniqueConstraint():
                yield _plain_index(constraint.columns, "btree", unique=True)
            case ExcludeConstraint():
                yield _plain_index(constraint.columns, constraint.using, unique=False)
            case _:
                pass
    for index in table.indexes:
        yield _declared_index(index, subject)


def _plain_index(columns: Iterable[Column[Any]], method: str, *, unique: bool) -> Index:
    return Index(tuple(column.name for column in columns), unique, partial=False, method=method)


def _declared_index(index: DeclaredIndex, subject: Subject) -> Index:
    options = index.dialect_options["postgresql"]
    where = options["where"]
    predicate = None if where is None else _compiled(where, subject)
    columns = tuple(_column_name(expression) for expression in index.expressions)
    return Index(columns, bool(index.unique), where is not None, options["using"] or "btree", predicate)


def _compiled(where: ColumnElement[bool] | str, subject: Subject) -> str:
    if isinstance(where, str):
        return where
    compiler = where.compile(dialect=subject.dialect, compile_kwargs={"include_table": False, "literal_binds": True})
    return str(compiler)


def _column_name(expression: object) -> str | None:
    """The column that an index orders by, in whatever direction."""
    while isinstance(expression, UnaryExpression) and expression.modifier is not None:
        expression = expression.element
    if isinstance(expression, ColumnClause):
        return expression.name
    # By its name: text("user_id DESC"), desc("user_id").
    written = expression.text if isinstance(expression, TextClause) else getattr(expression, "element", None)
    named = re.fullmatch(r'"?([^"()]+?)"?(?: (?:ASC|DESC))?(?: NULLS (?:FIRST|LAST))?', str(written), re.IGNORECASE)
    return named[1] if named else None
