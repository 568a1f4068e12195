"""What is known of the columns of keys: the database's word where it has them, else the models'."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeDecorator, TypeEngine

from alembic_cascade.audit.database import Column as ColumnFacts
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.declared import column_named
from alembic_cascade.foreign_keys import TableName

# Written in two ways, or kept in the same form: https://www.postgresql.org/docs/current/datatype.html
SAME_TYPES = {
    "CHARACTER VARYING": "TEXT",
    "VARCHAR": "TEXT",
    "CHARACTER": "CHAR",
    "DECIMAL": "NUMERIC",
    "FLOAT": "DOUBLE PRECISION",
    "INT": "INTEGER",
}


def declared_column(subject: Subject, table: TableName, name: str) -> Column[Any] | None:
    """The column in the models."""
    declared = subject.table(table)
    return None if declared is None else column_named(declared, name)


def takes_null(subject: Subject, table: TableName, name: str) -> bool | None:
    """Whether the column takes NULL; None where it is not known."""
    facts = _facts(subject, table, name)
    column = declared_column(subject, table, name)
    if facts is not None:
        return facts.nullable
    return None if column is None else bool(column.nullable) and not column.primary_key


def types_of_pairs(subject: Subject, key: AuditedKey) -> list[tuple[str, str, str, str]]:
    """Each pair of the key: the child's column and its type, the parent's and its type, without what limits them.

    Both types are the database's where it has both columns, else the models'; a pair of which one is unknown is left
    out.
    """
    child, parent = key.key.source, key.key.parent
    found = []
    for local, remote in key.key.pairs:
        facts = _facts(subject, child, local), _facts(subject, parent, remote)
        declared = declared_column(subject, child, local), declared_column(subject, parent, remote)
        if facts[0] is not None and facts[1] is not None:
            types = _plain(facts[0].base), _plain(facts[1].base)
        elif declared[0] is not None and declared[1] is not None:
            types = _written(subject, declared[0].type), _written(subject, declared[1].type)
        else:
            continue
        if types[0] and types[1]:
            found.append((local, types[0], remote, types[1]))
    return found


def _facts(subject: Subject, table: TableName, name: str) -> ColumnFacts | None:
    if subject.database is None:
        return None
    return subject.database.columns.get(subject.canonical(table), {}).get(name)


def _written(subject: Subject, type_: TypeEngine[Any]) -> str:
    """The type as PostgreSQL's SQL; empty where the model leaves it open."""
    while isinstance(type_, TypeDecorator | DOMAIN):
        type_ = type_.data_type if isinstance(type_, DOMAIN) else type_.load_dialect_impl(subject.dialect)
    try:
        return _plain(type_.compile(dialect=subject.dialect))
    except CompileError:
        return ""


def _plain(written: str) -> str:
    """The type without length, precision and collation, by one name."""
    bare = re.sub(r"\([\d, ]*\)", "", written.partition(" COLLATE ")[0])
    upper = " ".join(bare.split()) if '"' in bare else " ".join(bare.upper().split())
    return SAME_TYPES.get(upper, upper)
