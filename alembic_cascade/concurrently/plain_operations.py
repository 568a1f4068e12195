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
from alembic_cascade.sql.catalogue import foreign_key_parents, regclass

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
    tables = _tables_of_key(operations, operation, table)
    if tables and _is_meant(operations, tables):
        log.warning(
            "%s: op.drop_constraint(%r) lets readers and writers of %s wait as long as it waits itself; "
            "op.drop_foreign_key(..., concurrently=True) in an autocommit_block does not",
            table, operation.constraint_name, " and ".join(map(str, tables)),
        )  # fmt: skip
    drop_constraint(operations, operation)


def _tables_of_key(operations: Operations, operation: ops.DropConstraintOp, table: TableName) -> list[TableName]:
    """The table of a key and its parent, as far as that is known; none where the constraint is no key.

    On PostgreSQL an operation need not say what it drops, but the database knows.
    """
    connection = asked_connection(operations)
    if operation.constraint_type not in (None, "foreignkey") or not _is_on_postgresql(operations):
        return []
    if connection is None:
        return [table] if operation.constraint_type == "foreignkey" else []
    for name, *parent in connection.execute(foreign_key_parents(located_table(operations, table))):
        if name == operation.constraint_name:
            default = operations.migration_context.dialect.default_schema_name
            schema = None if parent[0] == default else parent[0]
            return list(dict.fromkeys([table, TableName(schema, parent[1])]))
    return []


def _is_on_postgresql(operations: Operations) -> bool:
    return operations.migration_context.dialect.name == "postgresql"


def _is_meant(operations: Operations, tables: Iterable[TableName]) -> bool:
    """Whether one of the tables is never to be locked for long."""
    context = operations.migration_context
    if not _is_on_postgresql(operations):
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
