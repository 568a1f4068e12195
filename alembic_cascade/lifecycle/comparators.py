"""The comparison of lifecycle columns and of their triggers with what the settings want."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alembic.operations import MigrateOperation, ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Table

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.backfills import in_filling_order
from alembic_cascade.lifecycle.columns import ComparedTable, nothing_writes, settle_column
from alembic_cascade.lifecycle.reflected import OtherTrigger, PresentTrigger, other_triggers, present_triggers
from alembic_cascade.lifecycle.triggers import LifecycleTrigger
from alembic_cascade.lifecycle.wanted import WantedColumn, wanted_columns
from alembic_cascade.ops import BackfillLifecycleColumnOp, CreateLifecycleTriggerOp, DropLifecycleTriggerOp
from alembic_cascade.scope import Scope

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.plugins import Plugin

log = logging.getLogger("alembic.cascade")


@dataclass
class LifecycleOps:
    """What is done beside Alembic's own operations: before all of them, and after."""

    drops: list[DropLifecycleTriggerOp] = field(default_factory=list)
    creates: list[CreateLifecycleTriggerOp] = field(default_factory=list)
    backfills: list[BackfillLifecycleColumnOp] = field(default_factory=list)

    def round(self, operations: Sequence[MigrateOperation]) -> list[MigrateOperation]:
        """``operations`` with these round them."""
        return [*self.drops, *operations, *self.creates, *self.backfills]


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
    comparison = _Comparison(autogen_context, scope, operations, found)
    for key in sorted(scope.compared, key=lambda key: (key[0] or "", key[1])):
        comparison.compare(*scope.compared[key], TableName(*key))
    comparison.finish()
    found.backfills = in_filling_order(found.backfills)
    operations[:] = [op for op in operations if not (isinstance(op, ops.ModifyTableOps) and op.is_empty())]
    return found


class _Comparison:
    """One run's comparison, table by table."""

    def __init__(
        self, autogen_context: AutogenContext, scope: Scope, operations: list[MigrateOperation], found: LifecycleOps
    ) -> None:
        self._context = autogen_context
        self._scope = scope
        self._operations = operations
        self._found = found
        self._wanted: list[tuple[WantedColumn, ComparedTable]] = []
        connection = autogen_context.connection
        asks = scope.on_postgresql and connection is not None
        # The tables that the run compares or drops, by the schemas really meant, as they are spelled out.
        spelled = [TableName(declared.schema, declared.name) for declared, _ in scope.compared.values()]
        spelled += [TableName(op.schema, op.table_name) for op in operations if isinstance(op, ops.DropTableOp)]
        self._known = {(self._schema(table), table.name): table for table in spelled}
        self._present: list[PresentTrigger] = present_triggers(connection) if asks and connection is not None else []
        self._others: list[OtherTrigger] = []
        if asks and connection is not None and any(policy.has_trigger for policy in scope.config.lifecycle):
            self._others = other_triggers(connection)

    def compare(self, declared: Table, present: Table | None, name: TableName) -> None:
        """Settle the columns of one table."""
        own = [
            op
            for op in self._operations
            if isinstance(op, ops.CreateTableOp | ops.ModifyTableOps) and (op.schema, op.table_name) == name
        ]
        table = ComparedTable(declared, present, name, list(own))
        for wanted in wanted_columns(declared, table.columns, self._scope):
            backfill = settle_column(wanted, table, self._context, self._scope)
            if backfill is not None:
                self._found.backfills.append(backfill)
            self._wanted.append((wanted, table))
            if nothing_writes(wanted, table):
                log.info("%s: nothing in the database or the models writes it; the application has to", wanted.label)
        made = [op for op in table.operations if not any(op is known for known in own)]
        if made:
            place = max((self._operations.index(op) for op in own), default=len(self._operations) - 1)
            self._operations[place + 1 : place + 1] = made

    def finish(self) -> None:
        """Find the triggers that are missing, changed and left over."""
        if not self._scope.on_postgresql:
            self._warn_elsewhere()
            return
        expected: set[int] = set()
        for wanted, table in self._wanted:
            trigger = wanted.trigger
            if trigger is not None:
                expected.update(map(id, self._settle_trigger(trigger, wanted, table)))
        for present in self._present:
            # Those of tables that this run neither compares nor drops are not looked at.
            if id(present) not in expected and (present.schema, present.table) in self._known:
                log.info("Detected left-over lifecycle trigger of %s", present.trigger.label)
                self._drop(present)

    def _warn_elsewhere(self) -> None:
        kept = sorted(wanted.label for wanted, _ in self._wanted if wanted.policy.has_trigger or wanted.policy.set_on)
        if kept:
            log.warning(
                "%s: only PostgreSQL has the triggers and defaults that keep them; on %s the application has to",
                ", ".join(kept),
                self._scope.dialect.name,
            )

    def _settle_trigger(
        self, trigger: LifecycleTrigger, wanted: WantedColumn, table: ComparedTable
    ) -> list[PresentTrigger]:
        """Have the trigger made or made again; return those in the database that it is, or was."""
        schema = self._schema(trigger.on)
        same = [
            present
            for present in self._present
            if (present.schema, present.table, present.name) == (schema, trigger.on.name, trigger.name)
        ]
        if same and same[0].is_like(trigger, self._schema(trigger.table), self._computed(trigger.on, same[0])):
            return same
        # Nobody writes a column that is yet to be added.
        others = self._others if not same and wanted.name in table.columns else []
        other = next((other for other in others if other.writes(schema, trigger)), None)
        if other is not None:
            log.info("%s: left to a trigger of your own", wanted.label)
            return same
        if same:
            log.info("Detected changed lifecycle trigger of %s", wanted.label)
            self._drop(same[0])
        else:
            log.info("Detected missing lifecycle trigger of %s", wanted.label)
            if wanted.policy.backfill is True and wanted.name in table.columns:
                self._found.backfills.append(BackfillLifecycleColumnOp(wanted.table, wanted.name, source=wanted.source))
        if_exists = self._scope.is_optional(trigger.table) or self._scope.is_optional(trigger.on)
        self._found.creates.append(CreateLifecycleTriggerOp(trigger, if_exists=if_exists))
        return same

    def _drop(self, present: PresentTrigger) -> None:
        trigger = present.named(self._known[(present.schema, present.table)])
        usual = present.is_like(trigger, self._schema(trigger.table), present.computed)
        self._found.drops.append(
            DropLifecycleTriggerOp(
                trigger, definition=() if usual else present.definition, if_exists=self._scope.is_optional(trigger.on)
            )
        )

    def _schema(self, table: TableName) -> str:
        return str(self._scope.actual_schema(table) or self._scope.default_schema)

    def _computed(self, table: TableName, present: PresentTrigger) -> list[str]:
        """The computed columns that the table is going to have, in their order."""
        columns = list(present.computed)
        for op in self._operations:
            if isinstance(op, ops.ModifyTableOps) and TableName(op.schema, op.table_name) == table:
                dropped = {child.column_name for child in op.ops if isinstance(child, ops.DropColumnOp)}
                added = [child.column for child in op.ops if isinstance(child, ops.AddColumnOp)]
                columns = [column for column in columns if column not in dropped]
                columns += [column.name for column in added if column.computed is not None]
        return columns
