"""From the changes of one table's keys to the operations that make them, named and logged."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from alembic.operations import MigrateOperation
from sqlalchemy import ForeignKeyConstraint

from alembic_cascade.foreign_keys import (
    ForeignKey,
    ForeignKeyAdded,
    ForeignKeyAltered,
    ForeignKeyChange,
    ForeignKeyRemoved,
    Identity,
)
from alembic_cascade.naming import TakenNames
from alembic_cascade.ops import AddForeignKeyOp, AlterForeignKeyOp, DropForeignKeyOp, TranslateReferencesOp
from alembic_cascade.scope import Scope
from alembic_cascade.translation import check_translatable

log = logging.getLogger("alembic.cascade")


def operations_for(
    changes: Sequence[ForeignKeyChange],
    constraints: Mapping[Identity, ForeignKeyConstraint],
    reflected: Sequence[ForeignKey],
    names: Collection[str],
    scope: Scope,
) -> list[MigrateOperation]:
    """The operations for the changes of one table, in the order of the changes.

    ``constraints`` are the model's by the identity of their key, ``reflected`` are all keys that the table
    has, ``names`` the constraint names in its schema.

    Errors: :exc:`.ReferencesNotTranslatable` where a key is to refer to another key of the same parent
    whose values it can't take over.
    """
    removed = {change.reflected.name for change in changes if isinstance(change, ForeignKeyRemoved)}
    taken = TakenNames({key.name for key in reflected} - removed, names)
    operations: list[MigrateOperation] = []
    for change in changes:
        operations.extend(_operations(change, constraints, reflected, taken, scope))
    return operations


def _operations(
    change: ForeignKeyChange,
    constraints: Mapping[Identity, ForeignKeyConstraint],
    reflected: Sequence[ForeignKey],
    taken: TakenNames,
    scope: Scope,
) -> Iterator[MigrateOperation]:
    match change:
        case ForeignKeyRemoved(key):
            log.info("Detected removed foreign key %s (%s)", key.label, key.name)
            doubled = any(other.identity == key.identity and other.name != key.name for other in reflected)
            yield DropForeignKeyOp(key, doubled=doubled, if_exists=_may_be_absent(key, scope))
        case ForeignKeyAdded(key):
            if scope.waits_for_referent(key):
                return
            log.info("Detected added foreign key %s", key.label)
            named = replace(key, name=taken.for_added(key))
            declared = constraints[key.identity]
            yield AddForeignKeyOp(named, declared=declared, if_exists=_may_be_absent(key, scope))
        case ForeignKeyAltered(existing, target):
            if change.repointed and scope.waits_for_referent(target):
                return
            log.info("Detected altered foreign key %s: %s", existing.label, target.changes_from(existing))
            named = replace(target, name=taken.for_altered(existing, target))
            yield from _altered(ForeignKeyAltered(existing, named), constraints, scope)


def _altered(
    change: ForeignKeyAltered, constraints: Mapping[Identity, ForeignKeyConstraint], scope: Scope
) -> Iterator[MigrateOperation]:
    existing, target = change.reflected, change.target
    declared = constraints[target.identity]
    if_exists = _may_be_absent(existing, scope) or _may_be_absent(target, scope)
    if not change.repointed_within_parent:
        yield AlterForeignKeyOp.between(existing, target, declared=declared, if_exists=if_exists)
        return
    check_translatable(existing, target, constraints, scope)
    new_column = dict(target.pairs)
    yield DropForeignKeyOp(existing, if_exists=if_exists)
    yield TranslateReferencesOp(
        target.source,
        target.referent,
        existing.local_columns,
        from_cols=existing.remote_columns,
        to_cols=[new_column[column] for column in existing.local_columns],
        if_exists=if_exists,
    )
    yield AddForeignKeyOp(target, declared=declared, if_exists=if_exists)


def _may_be_absent(key: ForeignKey, scope: Scope) -> bool:
    return scope.is_optional(key.source) or scope.is_optional(key.referent)
