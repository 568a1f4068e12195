"""Whether the values of a key can be translated from one key of its parent to another."""

from __future__ import annotations

from sqlalchemy import Column, PrimaryKeyConstraint, Table, UniqueConstraint

from alembic_cascade.errors import ReferencesNotTranslatable
from alembic_cascade.foreign_keys import ForeignKey, TableName, column_list
from alembic_cascade.scope import Scope


def check_translatable(existing: ForeignKey, target: ForeignKey, scope: Scope) -> None:
    """Refuse a repoint within one parent whose values can't be taken over.

    Errors: :exc:`.ReferencesNotTranslatable` where the parent's new columns have other types than the old
    ones, or are not unique in the models.
    """
    parent = scope.declared_table(target.referent)
    label = f"{column_list(target.source, target.local_columns)}, {existing.target_label} -> {target.target_label}"
    if not _is_unique(parent, set(target.remote_columns)):
        raise ReferencesNotTranslatable(
            str(target.source),
            label,
            f"{target.target_label} is not unique in the models",
            f"Declare a UNIQUE constraint on it, or let the key refer to {existing.target_label} as before.",
        )
    was = dict(existing.pairs)
    for local, remote in target.pairs:
        old_type, new_type = _type(parent, was[local], scope), _type(parent, remote, scope)
        if _kind(old_type) != _kind(new_type):
            raise ReferencesNotTranslatable(
                str(target.source),
                label,
                f"{column_list(target.referent, (was[local],))} is {old_type}, "
                f"{column_list(target.referent, (remote,))} is {new_type}",
                f"Add a new column of type {new_type} to {target.source}, fill it from {target.referent}, "
                f"let the key stand on the new column, and drop {local} in a later revision.",
            )


def _is_unique(table: Table, columns: set[str]) -> bool:
    """Whether the models make the columns a key that PostgreSQL lets a foreign key refer to."""
    keys = [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
    indexes = [
        index
        for index in table.indexes
        if index.unique
        and index.dialect_options["postgresql"]["where"] is None
        and all(isinstance(expression, Column) for expression in index.expressions)
    ]
    return any({column.name for column in key.columns} == columns for key in [*keys, *indexes])


def _type(table: Table, column: str, scope: Scope) -> str:
    found: Column[object] | None = next((known for known in table.columns if known.name == column), None)
    if found is None:
        # The column leaves the models with this revision: the database alone knows its type.
        return scope.reflected_type(TableName(table.schema, table.name), column)
    return found.type.compile(dialect=scope.dialect)


def _kind(written: str) -> str:
    """Types between which values pass unchanged: whole numbers, and text of any length."""
    name = written.partition("(")[0].strip().upper()
    if name in {"SMALLINT", "INTEGER", "BIGINT", "SERIAL", "BIGSERIAL", "SMALLSERIAL"}:
        return "a whole number"
    if name in {"VARCHAR", "TEXT", "CHARACTER VARYING"}:
        return "text"
    return written.upper()
