"""A foreign key as Alembic's own operations, and read back from them."""

from __future__ import annotations

from dataclasses import replace

from alembic.operations import ops

from alembic_cascade.declared import INFO_KEY
from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.sql.constraints import constraint_of


def create_operation(key: ForeignKey) -> ops.CreateForeignKeyOp:
    """Alembic's operation that makes ``key``."""
    operation = ops.CreateForeignKeyOp.from_constraint(constraint_of(key))
    if not key.enforced:
        operation.kw["info"] = {INFO_KEY: {"enforced": False}}
    if key.comment is not None:
        operation.kw["comment"] = key.comment
    return operation


def given_name(operation: ops.CreateForeignKeyOp | ops.DropConstraintOp) -> str | None:
    """The name in an operation, None where it has none."""
    name = operation.constraint_name
    return name if isinstance(name, str) else None


def created_key(operation: ops.CreateForeignKeyOp) -> ForeignKey:
    """The key that Alembic's operation makes, whoever changed it since."""
    arguments = operation.kw
    deferred = (arguments.get("initially") or "").upper() == "DEFERRED"
    info = arguments.get("info") or {}
    return ForeignKey(
        name=given_name(operation),
        source=TableName(arguments.get("source_schema"), operation.source_table),
        referent=TableName(arguments.get("referent_schema"), operation.referent_table),
        pairs=tuple(zip(operation.local_cols, operation.remote_cols, strict=True)),
        ondelete=Action.parse(arguments.get("ondelete")),
        onupdate=Action.parse(arguments.get("onupdate")),
        deferrable=bool(arguments.get("deferrable")) or deferred,
        deferred=deferred,
        match=arguments.get("match"),
        validated=not arguments.get("postgresql_not_valid"),
        enforced=info.get(INFO_KEY, {}).get("enforced", True),
        comment=arguments.get("comment"),
    )


def dropped_key(operation: ops.DropConstraintOp) -> ForeignKey | None:
    """The key that Alembic's operation drops, None where it does not know how to make it again."""
    try:
        made_again = operation.reverse()
    except ValueError:
        return None
    if not isinstance(made_again, ops.CreateForeignKeyOp):
        return None
    return replace(
        created_key(made_again), name=given_name(operation), source=TableName(operation.schema, operation.table_name)
    )
