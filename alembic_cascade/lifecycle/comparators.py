"""The comparison of lifecycle columns and of their triggers with what the settings want."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from alembic.operations import MigrateOperation, ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Table

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.columns import ComparedTable, is_left_out, keep_column, nothing_writes, settle_column
from alembic_cascade.lifecycle.reflected import present_triggers
from alembic_cascade.lifecycle.trigger_comparison import LifecycleOps, TriggerComparison
from alembic_cascade.lifecycle.wanted import WantedColumn, wanted_columns
from alembic_cascade.scope import Scope

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.plugins import Plugin

log = logging.getLogger("alembic.cascade")


def setup(plugin: Plugin) -> None:
    """Register what notes the tables that are compared."""
    plugin.add_autogenerate_comparator(note_table, "table", "lifecycle", priority=DispatchPriority.LAST)


def note_table(
    autogen_context: AutogenContext,
    modify_table_ops: ops.ModifyTableOps,
    schema: str | None,
    tname: str,
    conn_table: Table | None,
    metadata_table: Table | None,
) -> PriorityDispatchResult:
    """Keep both sides of a table for the end, where all of its operations are known."""
    del modify_table_ops
    if metadata_table is not None:
        Scope.of(autogen_context).compared[(schema, tname)] = (metadata_table, conn_table)
    return PriorityDispatchResult.CONTINUE


def compare_lifecycle(
    autogen_context: AutogenContext, operations: list[MigrateOperation], scope: Scope
) -> LifecycleOps:
    """Let ``operations`` give tables the columns that the settings want, and return what else is to be done.

    Errors: :exc:`.ConfigError` for settings that the models don't explain.
    """
    found = LifecycleOps()
    connection = autogen_context.connection
    present = present_triggers(connection) if scope.on_postgresql and connection is not None else []
    if not scope.config.lifecycle and not present:
        return found
    triggers = TriggerComparison(autogen_context, scope, operations, found, present)
    comparison = _Comparison(autogen_context, scope, operations, triggers)
    for key in sorted(scope.compared, key=lambda key: (key[0] or "", key[1])):
        comparison.compare(*scope.compared[key], TableName(*key))
    comparison.finish()
    # What others are filled from comes first; it is filled from no other itself.
    found.backfills.sort(key=lambda op: op.source is not None)
    operations[:] = [op for op in operations if not (isinstance(op, ops.ModifyTableOps) and op.is_empty())]
    return found


class _Comparison:
    """One run's comparison, table by table."""

    def __init__(
        self,
        autogen_context: AutogenContext,
        scope: Scope,
        operations: list[MigrateOperation],
        triggers: TriggerComparison,
    ) -> None:
        self._context = autogen_context
        self._scope = scope
        self._operations = operations
        self._found = triggers.found
        self._wanted: list[tuple[WantedColumn, ComparedTable]] = []
        self._triggers = triggers

    def compare(self, declared: Table, present: Table | None, name: TableName) -> None:
        """Settle the columns of one table."""
        spelled = TableName(declared.schema, declared.name)
        own = [
            op
            for op in self._operations
            if isinstance(op, ops.CreateTableOp | ops.ModifyTableOps)
            and TableName(op.schema, op.table_name) in {name, spelled}
        ]
        table = ComparedTable(declared, present, name, list(own))
        wanted = wanted_columns(declared, table.columns, self._scope)
        for alias in sorted(wanted.kept - {column.name for column in declared.columns}):
            keep_column(alias, table)
        for column in wanted.columns:
            if not is_left_out(column, table, self._context):
                self._settle(column, table)
        made = [op for op in table.operations if not any(op is known for known in own)]
        if made:
            place = max((self._operations.index(op) for op in own), default=len(self._operations) - 1)
            self._operations[place + 1 : place + 1] = made

    def _settle(self, wanted: WantedColumn, table: ComparedTable) -> None:
        backfill = settle_column(wanted, table, self._scope)
        if backfill is not None:
            self._found.backfills.append(backfill)
        self._wanted.append((wanted, table))
        if nothing_writes(wanted, table):
            log.info("%s: nothing in the database or the models writes it; the application has to", wanted.label)

    def finish(self) -> None:
        """Find the triggers that are missing, changed and left over, and the settings that mean nothing."""
        self._warn_of_empty_policies()
        if not self._scope.on_postgresql:
            self._warn_elsewhere()
            return
        expected: set[int] = set()
        for wanted, table in self._wanted:
            trigger = wanted.trigger
            if trigger is not None:
                expected.update(map(id, self._triggers.settle(trigger, wanted, table)))
        self._triggers.drop_others(expected)

    def _warn_of_empty_policies(self) -> None:
        tables = [TableName(table.schema, table.name) for table in self._scope.tables.values()]
        for policy in self._scope.config.lifecycle:
            if not any(policy.means(self._scope.real_schema(table), table.name) for table in tables):
                log.warning("lifecycle[%r]: its patterns mean no table of the models", policy.name)

    def _warn_elsewhere(self) -> None:
        kept = sorted(wanted.label for wanted, _ in self._wanted if wanted.policy.has_trigger or wanted.policy.set_on)
        if kept:
            log.warning(
                "%s: only PostgreSQL has the triggers and defaults that keep them; on %s the application has to",
                ", ".join(kept),
                self._scope.dialect.name,
            )
