"""Which keys an operation makes or takes away, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alembic.operations import MigrateOperation, ops

from alembic_cascade.declared import KeySettings, key_settings
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.ops.add_foreign_key import AddForeignKeyOp, DropForeignKeyOp
from alembic_cascade.ops.alter_foreign_key import AlterForeignKeyOp
from alembic_cascade.ops.nameless_key import DropNamelessKeyOps
from alembic_cascade.ops.ordinary import created_key, dropped_key


def single(operations: Sequence[MigrateOperation]) -> Iterator[MigrateOperation]:
    """``operations`` with each key of a table in a ModifyTableOps of its own, so that something can stand before it."""
    for operation in operations:
        if not isinstance(operation, ops.ModifyTableOps) or isinstance(operation, DropNamelessKeyOps):
            yield operation
            continue
        pending: list[MigrateOperation] = []
        for child in operation.ops:
            if keys_made(child) or key_gone(child) is not None:
                if pending:
                    yield _like(operation, pending)
                yield _like(operation, [child])
                pending = []
            else:
                pending.append(child)
        if pending or not operation.ops:
            yield _like(operation, pending)


def _like(table: ops.ModifyTableOps, children: list[MigrateOperation]) -> ops.ModifyTableOps:
    return ops.ModifyTableOps(table.table_name, children, schema=table.schema)


def changes_rule_only(operation: MigrateOperation) -> bool:
    """Whether a valid key stays where it is."""
    change = operation.change if isinstance(operation, AlterForeignKeyOp) else None
    if change is None:
        return False
    existing, target = change
    return existing.identity == target.identity and existing.validated and existing.enforced


def keys_made(operation: MigrateOperation) -> list[tuple[ForeignKey, KeySettings, bool]]:
    """The keys that an operation makes, what the models say of each, and whether its table may be absent."""
    match operation:
        case ops.CreateForeignKeyOp():
            return [_made(operation, if_exists=False)]
        case AlterForeignKeyOp() | ops.ModifyTableOps():
            if_exists = getattr(operation, "if_exists", False)
            return [
                _made(child, if_exists=if_exists)
                for child in operation.ops
                if isinstance(child, ops.CreateForeignKeyOp)
            ]
    return []


def _made(operation: ops.CreateForeignKeyOp, *, if_exists: bool) -> tuple[ForeignKey, KeySettings, bool]:
    if isinstance(operation, AddForeignKeyOp):
        settings = KeySettings()
        if operation.declared is not None:
            settings = key_settings(operation.source_table, operation.declared)
        return operation.key, settings, if_exists or operation.if_exists
    return created_key(operation), KeySettings(), if_exists


def key_gone(operation: MigrateOperation) -> ForeignKey | None:
    """The key that an operation takes away or changes."""
    match operation:
        case DropForeignKeyOp():
            return operation.key
        case ops.DropConstraintOp(constraint_type="foreignkey"):
            return dropped_key(operation)
        case AlterForeignKeyOp():
            return operation.change[0] if operation.change else None
        case ops.ModifyTableOps(ops=[child]):
            return key_gone(child)
    return None
