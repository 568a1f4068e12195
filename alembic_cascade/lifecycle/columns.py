"""Lifecycle columns that tables lack, or have without a default: found, and put into Alembic's own operations."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Column, DefaultClause, MetaData, Table, text

from alembic_cascade.declared import column_named
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.policy import LifecycleColumn, python_name
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


def is_left_out(wanted: WantedColumn, table: ComparedTable, autogen_context: AutogenContext) -> bool:
    """Whether the project's own ``include_object`` leaves the column out."""
    declared = column_named(table.declared, wanted.name)
    present = None if table.present is None else column_named(table.present, wanted.name)
    column = _column_of(wanted.policy, table.name) if declared is None else declared
    return not autogen_context.run_object_filters(column, wanted.name, "column", reflected=False, compare_to=present)


def settle_column(wanted: WantedColumn, table: ComparedTable, scope: Scope) -> BackfillLifecycleColumnOp | None:
    """Let the table get the column, or keep it, with its default; return what fills it in rows that are there."""
    declared = column_named(table.declared, wanted.name)
    column = _column_of(wanted.policy, table.name) if declared is None else _copy(declared)
    wants_default = scope.on_postgresql and _wants_default(wanted.policy, column)
    if declared is None:
        _tell_of_column(wanted)
    elif wants_default and declared.server_default is None and declared.default is None:
        _tell_of_default(wanted, declared)
    if wants_default and not isinstance(column.server_default, DefaultClause):
        column.server_default = DefaultClause(text("now()"))
    if table.present is None:
        _put_into_creation(table, column, declared)
        return None
    if wanted.name not in table.columns:
        return _add(wanted, table, column, scope=scope)
    _keep(wanted, table, column, wants_default=wants_default)
    return _forbid_null(wanted, table, column, scope)


def _copy(column: Column[Any]) -> Column[Any]:
    """What may be changed without changing the models."""
    return column._copy()  # noqa: SLF001 - as Alembic itself copies columns


def _column_of(policy: LifecycleColumn, table: TableName) -> Column[Any]:
    """The column that the settings describe, in a table of its own, as filters ask for one."""
    column: Column[Any] = Column(policy.name, policy.column_type, nullable=policy.nullable)
    Table(table.name, MetaData(), column, schema=table.schema)
    return column


def _wants_default(policy: LifecycleColumn, column: Column[Any]) -> bool:
    """Whether a new row needs a time from the database."""
    if column.computed is not None:
        return False
    return policy.set_on == "insert" or (policy.set_on == "update" and not column.nullable)


def _tell_of_column(wanted: WantedColumn) -> None:
    """Print what the model lacks."""
    policy = wanted.policy
    python_type = python_name(policy.column_type)
    mapped = python_type if not policy.nullable else f"{python_type} | None"
    arguments = [repr(policy.column_type)]
    if policy.set_on == "insert" or (policy.set_on == "update" and not policy.nullable):
        arguments.append("server_default=func.now()")
    if policy.has_trigger:
        arguments.append("server_onupdate=FetchedValue()")
    log.warning(
        "%s: the settings ask for it, the model lacks it. Write into the model: %s: Mapped[%s] = mapped_column(%s)",
        wanted.label, policy.name, mapped, ", ".join(arguments),
    )  # fmt: skip


def _tell_of_default(wanted: WantedColumn, declared: Column[Any]) -> None:
    """Print what keeps SQLAlchemy from writing NULL over the default."""
    log.warning(
        "%s: the database gives a new row its time, but a model without server_default inserts %s. "
        "Write into the model: mapped_column(..., server_default=func.now())",
        wanted.label, "NULL over it" if declared.nullable else "no value that it takes",
    )  # fmt: skip


def _put_into_creation(table: ComparedTable, column: Column[Any], declared: Column[Any] | None) -> None:
    creation = table.creation
    if creation is None:
        return
    if declared is None:
        last = max(place for place, item in enumerate(creation.columns) if isinstance(item, Column))
        creation.columns = [*creation.columns[: last + 1], column, *creation.columns[last + 1 :]]
    elif isinstance(declared.server_default, DefaultClause) != isinstance(column.server_default, DefaultClause):
        creation.columns = [column if item is declared else item for item in creation.columns]


def _add(
    wanted: WantedColumn, table: ComparedTable, column: Column[Any], *, scope: Scope
) -> BackfillLifecycleColumnOp | None:
    """Add the column without a lie about old rows: its default comes after it, and NOT NULL after values."""
    alterations = table.alterations
    default = column.server_default
    nullable, filled = bool(column.nullable), backfill_of(wanted, nullable=bool(column.nullable), scope=scope)
    honest = scope.on_postgresql and (wanted.policy.set_on is not None or default is None)
    if honest:
        column.nullable, column.server_default = True, None
    added = ops.AddColumnOp(table.name.name, column, schema=table.name.schema)
    places = [
        place
        for place, op in enumerate(alterations.ops)
        if isinstance(op, ops.AddColumnOp) and op.column.name == wanted.name
    ]
    place = places[0] if places else sum(isinstance(op, ops.AddColumnOp) for op in alterations.ops)
    if not places:
        log.info("Detected missing lifecycle column %s", wanted.label)
        alterations.ops.insert(place, added)
    elif honest:
        alterations.ops[place] = added
    if honest and isinstance(default, DefaultClause):
        alterations.ops.insert(place + 1, _default(table, wanted.name, column, default, DefaultOfNewColumnOp))
    if not scope.on_postgresql:
        return None
    return filled if honest or nullable else backfill_of(wanted, nullable=True, scope=scope)


def backfill_of(wanted: WantedColumn, *, nullable: bool, scope: Scope) -> BackfillLifecycleColumnOp | None:
    """What fills the column in rows that are there; None where nothing has to."""
    backfill = wanted.policy.backfill
    if backfill is None and nullable:
        return None
    source = wanted.source if backfill is True else None
    return BackfillLifecycleColumnOp(
        wanted.table,
        wanted.name,
        source=source,
        expression=backfill if isinstance(backfill, str) else None,
        nullable=nullable,
        if_exists=scope.is_optional(wanted.table) or (source is not None and scope.is_optional(source.table)),
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


def _keep(wanted: WantedColumn, table: ComparedTable, column: Column[Any], *, wants_default: bool) -> None:
    """Leave the column that is there, and give it the default that it lacks."""
    declared = column_named(table.declared, wanted.name)
    if declared is None:
        keep_column(wanted.name, table)
    if not wants_default or (declared is not None and isinstance(declared.server_default, DefaultClause)):
        # The models say which default it has, if any.
        return
    alterations = table.alterations
    for change in alterations.ops:
        if (
            isinstance(change, ops.AlterColumnOp)
            and change.column_name == wanted.name
            and change.modify_server_default is None
        ):
            change.modify_server_default = False
    _forget_unchanged(alterations)
    present = _present(table, wanted.name)
    if present.server_default is None:
        log.info("Detected lifecycle column without a default: %s", wanted.label)
        alterations.ops.append(_default(table, wanted.name, present, column.server_default))


def keep_column(name: str, table: ComparedTable) -> None:
    """Leave a column that the models lack."""
    alterations = table.alterations
    kept = [op for op in alterations.ops if not (isinstance(op, ops.DropColumnOp) and op.column_name == name)]
    if len(kept) < len(alterations.ops):
        log.info("%s.%s: kept, the settings ask for it", table.name, name)
    alterations.ops[:] = kept


def _present(table: ComparedTable, name: str) -> Column[Any]:
    assert table.present is not None
    found = column_named(table.present, name)
    assert found is not None
    return found


def _forbid_null(
    wanted: WantedColumn, table: ComparedTable, column: Column[Any], scope: Scope
) -> BackfillLifecycleColumnOp | None:
    """Fill the column that is there before it becomes NOT NULL, which Alembic's own operation would not."""
    if column.nullable or not _present(table, wanted.name).nullable or not scope.on_postgresql:
        return None
    alterations = table.alterations
    for change in alterations.ops:
        if isinstance(change, ops.AlterColumnOp) and change.column_name == wanted.name:
            change.modify_nullable = None
    _forget_unchanged(alterations)
    return backfill_of(wanted, nullable=False, scope=scope)


def _forget_unchanged(alterations: ops.ModifyTableOps) -> None:
    alterations.ops[:] = [
        op for op in alterations.ops if not (isinstance(op, ops.AlterColumnOp) and not op.has_changes())
    ]


def nothing_writes(wanted: WantedColumn, table: ComparedTable) -> bool:
    """Whether nobody gives the column a value: no trigger, no default, no ``onupdate`` in the models."""
    if wanted.policy.has_trigger or wanted.policy.set_on is not None:
        return False
    sides = (table.declared, table.present)
    columns = [column_named(side, wanted.name) for side in sides if side is not None]
    return not any(
        column is not None and any((column.server_default, column.default, column.onupdate, column.server_onupdate))
        for column in columns
    )
