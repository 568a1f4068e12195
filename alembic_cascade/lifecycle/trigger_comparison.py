"""The comparison of a run's triggers with those in the database."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from alembic.operations import MigrateOperation, ops

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.columns import ComparedTable, backfill_of
from alembic_cascade.lifecycle.reflected import OtherTrigger, PresentTrigger, other_triggers
from alembic_cascade.lifecycle.triggers import LifecycleTrigger
from alembic_cascade.lifecycle.wanted import WantedColumn
from alembic_cascade.ops import BackfillLifecycleColumnOp, CreateLifecycleTriggerOp, DropLifecycleTriggerOp
from alembic_cascade.scope import Scope

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

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


class TriggerComparison:
    """One run's comparison of triggers; what is to be done goes into ``found``."""

    def __init__(
        self,
        autogen_context: AutogenContext,
        scope: Scope,
        operations: list[MigrateOperation],
        found: LifecycleOps,
        present: list[PresentTrigger],
    ) -> None:
        self._context = autogen_context
        self._scope = scope
        self._operations = operations
        self.found = found
        # The tables that the run compares, makes or drops, by the schemas really meant, as they are spelled out.
        # An optional one that is absent is not made.
        tables = ops.CreateTableOp | ops.DropTableOp
        made = [(op, TableName(op.schema, op.table_name)) for op in operations if isinstance(op, tables)]
        spelled = [table for op, table in made if isinstance(op, ops.DropTableOp) or not scope.is_optional(table)]
        spelled += [
            TableName(declared.schema, declared.name)
            for declared, present in scope.compared.values()
            if present is not None
        ]
        self._known = {self._place(table): table for table in spelled}
        self._present = present

    @cached_property
    def _others(self) -> list[OtherTrigger]:
        connection = self._context.connection
        assert connection is not None
        return other_triggers(connection)

    def settle(self, trigger: LifecycleTrigger, wanted: WantedColumn, table: ComparedTable) -> list[PresentTrigger]:
        """Have the trigger made or made again; return those in the database that it is, or was."""
        if not self._is_expected(trigger):
            return []
        schema = self._schema(trigger.on)
        spellings = {spelled.name: spelled for spelled in self._spellings(trigger)}
        same = [
            present
            for present in self._present
            if (present.schema, present.table) == (schema, trigger.on.name) and present.name in spellings
        ]
        if same and any(
            same[0].is_like(spelled, self._schema(trigger.table), self._computed(trigger.on, same[0]))
            for spelled in self._spellings(trigger)
        ):
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
            self._backfill_again(wanted, table)
        if_exists = self._scope.is_optional(trigger.table) or self._scope.is_optional(trigger.on)
        self.found.creates.append(CreateLifecycleTriggerOp(trigger, if_exists=if_exists))
        return same

    def drop_others(self, expected: Container[int]) -> None:
        """Have the triggers dropped that are none of ``expected``, by their ids."""
        for present in self._present:
            # Those of tables that this run neither compares nor drops are not looked at.
            if id(present) not in expected and self._is_compared(present):
                log.info("Detected left-over lifecycle trigger of %s", present.trigger.label)
                self._warn_of_values(present)
                self._drop(present)

    def _is_compared(self, present: PresentTrigger) -> bool:
        """Whether this run looks at the table that has the trigger, and at the one that it writes to."""
        # What was renamed or is gone is no table any more that could be left out.
        gone = not self._scope.exists(present.trigger.table)
        return (present.schema, present.table) in self._known and (
            present.trigger.source is None or gone or self._place(present.trigger.table) in self._known
        )

    def _warn_of_values(self, present: PresentTrigger) -> None:
        """Say what goes with a column that neither the settings nor the models have any more."""
        trigger = present.trigger
        kept = trigger.table if trigger.source is not None else self._known[(present.schema, present.table)]
        for op in self._operations:
            if isinstance(op, ops.ModifyTableOps) and op.table_name == kept.name:
                for child in op.ops:
                    if isinstance(child, ops.DropColumnOp) and child.column_name == trigger.column:
                        log.warning(
                            "%s.%s is dropped with all of its values: neither the settings nor the model have it any "
                            "more. Where it was only renamed, write op.alter_column(..., new_column_name=...) instead.",
                            kept, trigger.column,
                        )  # fmt: skip

    def _spellings(self, trigger: LifecycleTrigger) -> list[LifecycleTrigger]:
        """The trigger as it was made where the models spelled the default schema out, or did not."""

        def spelled(table: TableName, schema: str | None) -> TableName:
            return TableName(schema, table.name) if self._schema(table) == self._scope.default_schema else table

        found = [trigger]
        for own, other in product((None, self._scope.default_schema), repeat=2):
            source = trigger.source and replace(trigger.source, table=spelled(trigger.source.table, other))
            found.append(replace(trigger, table=spelled(trigger.table, own), source=source))
        return found

    def _is_expected(self, trigger: LifecycleTrigger) -> bool:
        """Whether both of its tables are there, or are made in this run, and are looked at."""
        tables = {trigger.table, trigger.on}
        if all(self._place(table) in self._known for table in tables):
            return True
        log.info("%s: its trigger is not looked at, for a table that it needs is left out or absent", trigger.label)
        return False

    def _backfill_again(self, wanted: WantedColumn, table: ComparedTable) -> None:
        """Take in what was inserted while a column that is there had no trigger."""
        if wanted.policy.backfill is not True or wanted.name not in table.columns:
            return
        if not any((op.table, op.column) == (wanted.table, wanted.name) for op in self.found.backfills):
            backfill = backfill_of(wanted, nullable=True, scope=self._scope)
            assert backfill is not None
            self.found.backfills.append(backfill)

    def _drop(self, present: PresentTrigger) -> None:
        trigger = present.named(self._known[(present.schema, present.table)])
        usual = present.is_like(trigger, self._schema(trigger.table), present.computed) and (
            trigger.source is None or self._scope.exists(trigger.table)
        )
        self.found.drops.append(
            DropLifecycleTriggerOp(
                trigger, definition=() if usual else present.definition, if_exists=self._scope.is_optional(trigger.on)
            )
        )

    def _schema(self, table: TableName) -> str:
        return str(self._scope.real_schema(table))

    def _place(self, table: TableName) -> tuple[str, str]:
        return (self._schema(table), table.name)

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
