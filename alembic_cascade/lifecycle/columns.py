"""Lifecycle columns that tables lack, or have without a default: found, and put into Alembic's own operations."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Column, DefaultClause, Table, text

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.policy import LifecycleColumn
from alembic_cascade.lifecycle.wanted import WantedColumn
from alembic_cascade.ops import BackfillLifecycleColumnOp, NothingAlteredOp
from alembic_cascade.scope import Scope

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

log = logging.getLogger("alembic.cascade")


@dataclass
class ComparedTable:
    """A table that the models declare, and what the database has of it; None where this run makes it."""

    declared: Table
    present: Table | None
    name: TableName
    operations: list[MigrateOperation]

    @property
    def columns(self) -> set[str]:
        """The names of the columns that the database has."""
        return set() if self.present is None else {column.name for column in self.present.columns}

    @property
    def creation(self) -> ops.CreateTableOp | None:
        return next((op for op in self.operations if isinstance(op, ops.CreateTableOp)), None)

    @property
    def alterations(self) -> ops.ModifyTableOps:
        """Where changes of the table are written to."""
        found = next((op for op in self.operations if isinstance(op, ops.ModifyTableOps)), None)
        if found is None:
            found = ops.ModifyTableOps(self.name.name, [], schema=self.name.schema)
            self.operations.append(found)
        return found


def settle_column(
    wanted: WantedColumn, table: ComparedTable, autogen_context: AutogenContext, scope: Scope
) -> BackfillLifecycleColumnOp | None:
    """Let the table get the column, or keep it, with its default; return what fills it in rows that are there."""
    declared = table.declared.columns.get(wanted.name)
    column = _copy(declared) if declared is not None else _column_of(wanted.policy)
    if declared is None:
        if not autogen_context.run_object_filters(column, wanted.name, "column", reflected=False, compare_to=None):
            return None
        _tell(wanted)
    if scope.on_postgresql and column.server_default is None and _wants_default(wanted, column):
        column.server_default = DefaultClause(text("now()"))
    if table.present is None:
        _put_into_creation(table, column, declared)
        return None
    if wanted.name not in table.columns:
        return _add(wanted, table, column, is_new=declared is None, scope=scope)
    _keep(wanted, table, column, is_declared=declared is not None)
    return _forbid_null(wanted, table, column, scope)


def _copy(column: Column[Any]) -> Column[Any]:
    """What may be changed without changing the models."""
    return column._copy()  # noqa: SLF001 - as Alembic itself copies columns


def _column_of(policy: LifecycleColumn) -> Column[Any]:
    return Column(policy.name, policy.column_type, nullable=policy.nullable)


def _wants_default(wanted: WantedColumn, column: Column[Any]) -> bool:
    """Whether a new row needs a time from the database."""
    return wanted.policy.set_on == "insert" or (wanted.policy.set_on == "update" and not column.nullable)


def _tell(wanted: WantedColumn) -> None:
    """Print what the model lacks."""
    policy = wanted.policy
    python_type = policy.column_type.python_type.__name__
    mapped = f"{python_type} | None" if policy.nullable else python_type
    extra = {"insert": ", server_default=func.now()", "update": ", server_onupdate=FetchedValue()"}
    told = extra.get(policy.set_on or "", ", server_onupdate=FetchedValue()" if policy.set_from else "")
    log.warning(
        "%s: the settings ask for it, the model lacks it. Write into the model: %s: Mapped[%s] = mapped_column(%r%s)",
        wanted.label, policy.name, mapped, policy.column_type, told,
    )  # fmt: skip


def _put_into_creation(table: ComparedTable, column: Column[Any], declared: Column[Any] | None) -> None:
    creation = table.creation
    if creation is None:
        return
    if declared is None:
        last = max(place for place, item in enumerate(creation.columns) if isinstance(item, Column))
        creation.columns = [*creation.columns[: last + 1], column, *creation.columns[last + 1 :]]
    elif (declared.server_default is None) != (column.server_default is None):
        creation.columns = [column if item is declared else item for item in creation.columns]


def _add(
    wanted: WantedColumn, table: ComparedTable, column: Column[Any], *, is_new: bool, scope: Scope
) -> BackfillLifecycleColumnOp | None:
    """Add the column without a lie about old rows: its default comes after it, and NOT NULL after values."""
    alterations = table.alterations
    default, nullable = column.server_default, bool(column.nullable)
    honest = scope.on_postgresql and (wanted.policy.set_on is not None or default is None)
    if honest:
        column.nullable, column.server_default = True, None
    added = ops.AddColumnOp(table.name.name, column, schema=table.name.schema)
    place = next(
        (
            place
            for place, op in enumerate(alterations.ops)
            if isinstance(op, ops.AddColumnOp) and op.column.name == wanted.name
        ),
        None,
    )
    if place is None:
        if not is_new:
            # The project's own include_object leaves it out.
            return None
        log.info("Detected missing lifecycle column %s", wanted.label)
        place = sum(isinstance(op, ops.AddColumnOp) for op in alterations.ops)
        alterations.ops.insert(place, added)
    elif honest:
        alterations.ops[place] = added
    if honest and default is not None:
        alterations.ops.insert(place + 1, _default(table, wanted.name, column, default, DefaultOfNewColumnOp))
    if not scope.on_postgresql:
        return None
    return _backfill(wanted, nullable=nullable or not honest, scope=scope)


def _backfill(wanted: WantedColumn, *, nullable: bool, scope: Scope) -> BackfillLifecycleColumnOp | None:
    backfill = wanted.policy.backfill
    if backfill is None and nullable:
        return None
    return BackfillLifecycleColumnOp(
        wanted.table,
        wanted.name,
        source=wanted.source if backfill is True else None,
        expression=backfill if isinstance(backfill, str) else None,
        nullable=nullable,
        if_exists=scope.is_optional(wanted.table),
    )


class DefaultOfNewColumnOp(ops.AlterColumnOp):
    """The default of a column that the same revision adds."""

    def reverse(self) -> NothingAlteredOp:
        """Nothing: it goes with the column."""
        return NothingAlteredOp(self.table_name, self.column_name, schema=self.schema)


def _default(
    table: ComparedTable,
    name: str,
    column: Column[Any],
    default: Any,
    kind: type[ops.AlterColumnOp] = ops.AlterColumnOp,
) -> ops.AlterColumnOp:
    return kind(
        table.name.name,
        name,
        schema=table.name.schema,
        existing_type=column.type,
        existing_nullable=column.nullable,
        existing_server_default=None,
        modify_server_default=default,
    )


def _keep(wanted: WantedColumn, table: ComparedTable, column: Column[Any], *, is_declared: bool) -> None:
    """Leave the column that is there, and give it the default that it lacks."""
    assert table.present is not None
    alterations = table.alterations
    present = table.present.columns[wanted.name]
    if not is_declared:
        kept = [
            op for op in alterations.ops if not (isinstance(op, ops.DropColumnOp) and op.column_name == wanted.name)
        ]
        if len(kept) < len(alterations.ops):
            log.info("%s: kept, the settings ask for it", wanted.label)
        alterations.ops[:] = kept
    changes = [op for op in alterations.ops if isinstance(op, ops.AlterColumnOp) and op.column_name == wanted.name]
    declared = table.declared.columns.get(wanted.name)
    if declared is not None and declared.server_default is not None:
        # The models say which default it has.
        return
    for change in changes:
        if change.modify_server_default is None:
            change.modify_server_default = False
    _forget_unchanged(alterations)
    if column.server_default is not None and present.server_default is None:
        log.info("Detected lifecycle column without a default: %s", wanted.label)
        alterations.ops.append(_default(table, wanted.name, present, column.server_default))


def _forbid_null(
    wanted: WantedColumn, table: ComparedTable, column: Column[Any], scope: Scope
) -> BackfillLifecycleColumnOp | None:
    """Fill the column that is there before it becomes NOT NULL, which Alembic's own operation would not."""
    assert table.present is not None
    if column.nullable or not table.present.columns[wanted.name].nullable or not scope.on_postgresql:
        return None
    alterations = table.alterations
    for change in alterations.ops:
        if isinstance(change, ops.AlterColumnOp) and change.column_name == wanted.name:
            change.modify_nullable = None
    _forget_unchanged(alterations)
    return _backfill(wanted, nullable=False, scope=scope)


def _forget_unchanged(alterations: ops.ModifyTableOps) -> None:
    alterations.ops[:] = [
        op for op in alterations.ops if not (isinstance(op, ops.AlterColumnOp) and not op.has_changes())
    ]


def nothing_writes(wanted: WantedColumn, table: ComparedTable) -> bool:
    """Whether nobody gives the column a value: no trigger, no default, no ``onupdate`` in the models."""
    if wanted.policy.has_trigger or wanted.policy.set_on is not None:
        return False
    declared = table.declared.columns.get(wanted.name)
    sides = (declared, table.present.columns.get(wanted.name) if table.present is not None else None)
    return not any(
        column is not None and any((column.server_default, column.default, column.onupdate, column.server_onupdate))
        for column in sides
    )
