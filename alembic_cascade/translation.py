"""Whether the values of a key can be translated from one key of its parent to another."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Table

from alembic_cascade.errors import ReferencesNotTranslatable
from alembic_cascade.foreign_keys import ForeignKey, Identity, TableName, column_list
from alembic_cascade.keys_of_parents import is_unique, kind_of_type
from alembic_cascade.scope import Scope


def check_translatable(existing: ForeignKey, target: ForeignKey, declared: Iterable[Identity], scope: Scope) -> None:
    """Refuse a repoint within one parent whose values can't be taken over.

    ``declared`` are all keys of the table. Errors: :exc:`.ReferencesNotTranslatable` where the parent's new
    columns have other types than the old ones, are not unique in the models, or another key stands on a
    column whose values would change.
    """
    parent = scope.declared_table(target.referent)
    label = f"{column_list(target.source, target.local_columns)}, {existing.target_label} -> {target.target_label}"
    if not is_unique(parent, set(target.remote_columns)):
        raise ReferencesNotTranslatable(
            str(target.source),
            label,
            f"{target.target_label} is not unique in the models",
            f"Declare a UNIQUE constraint on it, or let the key refer to {existing.target_label} as before.",
        )
    was = dict(existing.pairs)
    changing = {local for local, remote in target.pairs if was[local] != remote}
    for parent_name, pairs in declared:
        in_the_way = changing & {local for local, _ in pairs}
        if (parent_name, pairs) != target.identity and in_the_way:
            raise ReferencesNotTranslatable(
                str(target.source),
                label,
                f"{column_list(target.source, tuple(sorted(in_the_way)))} refers to {parent_name} as well",
                "Its values can't mean a row of both: put one of the keys on a column of its own.",
            )
    for local, remote in target.pairs:
        old_type, new_type = _type(parent, was[local], scope), _type(parent, remote, scope)
        if kind_of_type(old_type) != kind_of_type(new_type):
            raise ReferencesNotTranslatable(
                str(target.source),
                label,
                f"{column_list(target.referent, (was[local],))} is {old_type}, "
                f"{column_list(target.referent, (remote,))} is {new_type}",
                f"Add a new column of type {new_type} to {target.source}, fill it from {target.referent}, "
                f"let the key stand on the new column, and drop {local} in a later revision.",
            )


def _type(table: Table, column: str, scope: Scope) -> str:
    found: Column[object] | None = next((known for known in table.columns if known.name == column), None)
    if found is None:
        # The column leaves the models with this revision: the database alone knows its type.
        return scope.reflected_type(TableName(table.schema, table.name), column)
    return found.type.compile(dialect=scope.dialect)
