"""Alembic's own operations on keys, on tables that are never to be locked for long: done as ever, with a warning.

See https://alembic.sqlalchemy.org/en/latest/api/operations.html#extending-existing-operations
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from alembic.operations import Operations, ops
from alembic.operations.toimpl import create_constraint, drop_constraint
from sqlalchemy import func, select

from alembic_cascade.config import config_of
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.ops.ordinary import created_key
from alembic_cascade.running import asked_connection, located_table
from alembic_cascade.sql.catalogue import foreign_key_names, regclass

log = logging.getLogger("alembic.cascade")


@Operations.implementation_for(ops.CreateForeignKeyOp, replace=True)
def create_foreign_key(operations: Operations, operation: ops.CreateForeignKeyOp) -> None:
    """Warn, and do what Alembic does."""
    key = created_key(operation)
    if _is_meant(operations, (key.source, key.referent)) and not _is_empty(operations, key.source):
        log.warning(
            "%s: op.create_foreign_key locks writers out of %s and %s while rows are looked at; "
            "op.add_foreign_key(..., concurrently=True) in an autocommit_block does not",
            key.label, key.source, key.referent,
        )  # fmt: skip
    create_constraint(operations, operation)


@Operations.implementation_for(ops.DropConstraintOp, replace=True)
def drop_foreign_key(operations: Operations, operation: ops.DropConstraintOp) -> None:
    """Warn where it is a key, and do what Alembic does."""
    table = TableName(operation.schema, operation.table_name)
    if _is_meant(operations, (table,)) and _is_key(operations, operation, table):
        log.warning(
            "%s: op.drop_constraint(%r) lets readers and writers of %s wait as long as it waits itself; "
            "op.drop_foreign_key(..., concurrently=True) in an autocommit_block does not",
            table, operation.constraint_name, table,
        )  # fmt: skip
    drop_constraint(operations, operation)


def _is_key(operations: Operations, operation: ops.DropConstraintOp, table: TableName) -> bool:
    """Whether the constraint is a key; on PostgreSQL an operation need not say so, but the database knows."""
    if operation.constraint_type is not None:
        return operation.constraint_type == "foreignkey"
    connection = asked_connection(operations)
    if connection is None:
        return False
    return operation.constraint_name in set(connection.scalars(foreign_key_names(located_table(operations, table))))


def _is_meant(operations: Operations, tables: Iterable[TableName]) -> bool:
    """Whether one of the tables is never to be locked for long."""
    context = operations.migration_context
    if context.dialect.name != "postgresql":
        return False
    config = config_of(context.opts)
    default = context.dialect.default_schema_name
    located = (located_table(operations, table) for table in tables)
    return any(config.is_concurrent(table.schema or default, table.name) for table in located)


def _is_empty(operations: Operations, table: TableName) -> bool:
    """Whether there is nothing to look at, as in a table of the same revision."""
    connection = asked_connection(operations)
    if connection is None:
        return False
    size = connection.scalar(select(func.pg_catalog.pg_relation_size(regclass(located_table(operations, table)))))
    partitioned = connection.scalar(
        select(func.pg_catalog.pg_partition_root(regclass(located_table(operations, table))))
    )
    return size == 0 and partitioned is None
