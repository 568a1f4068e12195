"""Alembic's autogenerate asks here: the comparison of one table's keys, and the order of all operations."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from alembic.operations import ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import ForeignKeyConstraint, Table

from alembic_cascade.changes import operations_for
from alembic_cascade.comparison import compare_foreign_keys, distinct_keys
from alembic_cascade.config import config_of
from alembic_cascade.foreign_keys import (
    ForeignKey,
    ForeignKeyAdded,
    ForeignKeyAltered,
    ForeignKeyChange,
    ForeignKeyRemoved,
    Identity,
)
from alembic_cascade.lifecycle import comparators as lifecycle_comparators
from alembic_cascade.lifecycle.comparators import compare_lifecycle
from alembic_cascade.ops.ordinary import create_operation
from alembic_cascade.ordering import ordered_operations
from alembic_cascade.orphans.stores import origin
from alembic_cascade.scope import Scope
from alembic_cascade.sql.catalogue import made_indexes

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.plugins import Plugin

log = logging.getLogger("alembic.cascade")


def setup(plugin: Plugin) -> None:
    """Register the comparators: ours instead of Alembic's for foreign keys, and the order at the very end."""
    plugin.add_autogenerate_comparator(leave_quarantine, "schema", "quarantine", priority=DispatchPriority.FIRST)
    plugin.add_autogenerate_comparator(compare_table, "table", "foreignkeys", priority=DispatchPriority.FIRST)
    lifecycle_comparators.setup(plugin)
    plugin.add_autogenerate_comparator(order_schema, "schema", "foreignkeys", priority=DispatchPriority.LAST)


def leave_quarantine(
    autogen_context: AutogenContext, upgrade_ops: ops.UpgradeOps, schemas: set[str | None]
) -> PriorityDispatchResult:
    """Take the quarantine out of the schemas that are compared: what was set aside is nobody's drift."""
    del upgrade_ops  # nothing is written
    quarantine = config_of(autogen_context.opts).quarantine_schema
    declared = {table.schema for table in autogen_context.table_key_to_table.values()}
    if quarantine is not None and quarantine not in declared:
        schemas.discard(quarantine)
    return PriorityDispatchResult.CONTINUE


def compare_table(
    autogen_context: AutogenContext,
    modify_table_ops: ops.ModifyTableOps,
    schema: str | None,
    tname: str,
    conn_table: Table | None,
    metadata_table: Table | None,
) -> PriorityDispatchResult:
    """Append what makes the keys of a table the declared ones; Alembic's own comparison is left out."""
    if conn_table is None or metadata_table is None:
        return PriorityDispatchResult.CONTINUE
    scope = Scope.of(autogen_context)
    reflected = scope.reflected_in(schema, tname)
    declared = scope.declared_in(metadata_table)
    counted, contradictions = distinct_keys(key.key for key in declared)
    for kept, passed_over in contradictions:
        log.warning(
            "%s is declared twice with different rules: %s counts, %s does not. Remove one from the model.",
            kept.label,
            kept.ondelete,
            passed_over.ondelete,
        )
    visible = [
        key
        for key in reflected.own.get(tname, ())
        if autogen_context.run_name_filters(
            key.name, "foreign_key_constraint", {"table_name": tname, "schema_name": schema}
        )
    ]
    changes = compare_foreign_keys(counted, visible, reflected.inherited.get(tname, ()))
    constraints = {key.key.identity: key.constraint for key in reversed(declared)}
    wanted = [change for change in changes if _passes_object_filters(autogen_context, change, constraints, visible)]
    modify_table_ops.ops.extend(
        operations_for(wanted, constraints, reflected.own.get(tname, ()), reflected.names, scope)
    )
    return PriorityDispatchResult.STOP


def _passes_object_filters(
    autogen_context: AutogenContext,
    change: ForeignKeyChange,
    constraints: dict[Identity, ForeignKeyConstraint],
    visible: Iterable[ForeignKey],
) -> bool:
    """Whether the project's ``include_object`` lets both sides of the change through."""

    def passes(constraint: ForeignKeyConstraint, other: ForeignKeyConstraint | None, *, reflected: bool) -> bool:
        return autogen_context.run_object_filters(
            constraint, constraint.name, "foreign_key_constraint", reflected, other
        )

    match change:
        case ForeignKeyAdded(target):
            namesakes = [create_operation(key).to_constraint() for key in visible if key.name == target.name]
            return passes(constraints[target.identity], namesakes[0] if namesakes else None, reflected=False)
        case ForeignKeyRemoved(key):
            declared_namesakes = [constraint for constraint in constraints.values() if constraint.name == key.name]
            other = declared_namesakes[0] if key.name and declared_namesakes else None
            return passes(create_operation(key).to_constraint(), other, reflected=True)
        case ForeignKeyAltered(key, target):
            declared, database = constraints[target.identity], create_operation(key).to_constraint()
            return passes(database, declared, reflected=True) and passes(declared, database, reflected=False)


def order_schema(
    autogen_context: AutogenContext, upgrade_ops: ops.UpgradeOps, schemas: set[str | None]
) -> PriorityDispatchResult:
    """Bring all operations of the run into an order in which each finds what it needs."""
    del schemas  # every operation is ordered, whatever its schema
    compared = [operation for operation in upgrade_ops.ops if not _is_of_quarantine(operation)]
    _leave_made_indexes(autogen_context, compared)
    scope = Scope.of(autogen_context)
    lifecycle = compare_lifecycle(autogen_context, compared, scope)
    upgrade_ops.ops[:] = lifecycle.round(ordered_operations(compared, scope))
    return PriorityDispatchResult.CONTINUE


def _is_of_quarantine(operation: ops.MigrateOperation) -> bool:
    """Whether a table is to be dropped that holds what was set aside, wherever it is."""
    if not isinstance(operation, ops.DropTableOp) or origin(operation.comment) is None:
        return False
    log.info("%s: left alone, it holds what was set aside", operation.table_name)
    return True


def _leave_made_indexes(autogen_context: AutogenContext, operations: list[ops.MigrateOperation]) -> None:
    """Take out the drops of indexes that a revision made for a key: no model has to declare them."""
    tables = [operation for operation in operations if isinstance(operation, ops.ModifyTableOps)]
    drops = [op for table in tables for op in table.ops if isinstance(op, ops.DropIndexOp)]
    if not drops or autogen_context.connection is None or autogen_context.dialect.name != "postgresql":
        return
    made = {tuple(row) for row in autogen_context.connection.execute(made_indexes())}
    default = autogen_context.dialect.default_schema_name
    dropped = {(op.schema, op.table_name) for op in operations if isinstance(op, ops.DropTableOp)}
    for table in tables:
        if (table.schema, table.table_name) not in dropped:
            columns = {op.column_name for op in table.ops if isinstance(op, ops.DropColumnOp)}
            table.ops[:] = [
                op
                for op in table.ops
                if not (isinstance(op, ops.DropIndexOp) and (op.schema or default, op.index_name) in made)
                # What goes with its column has to come back with it.
                or columns & set(op.to_index().columns.keys())
            ]
    operations[:] = [op for op in operations if not (isinstance(op, ops.ModifyTableOps) and op.is_empty())]
