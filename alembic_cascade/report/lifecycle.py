"""The lifecycle columns that the settings want: what keeps each, and whether it is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from sqlalchemy import Dialect, Table

from alembic_cascade.audit.relations import table_name
from alembic_cascade.audit.subject import Subject
from alembic_cascade.config import CascadeConfig
from alembic_cascade.declared import DeclaredKey, column_named
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.reflected import PresentTrigger
from alembic_cascade.lifecycle.wanted import WantedColumn, wanted_columns
from alembic_cascade.report.columns import type_as_sql
from alembic_cascade.report.report import LifecycleFact


def lifecycle_of(
    subject: Subject, inheriting: Collection[TableName], triggers: Collection[PresentTrigger]
) -> dict[TableName, tuple[LifecycleFact, ...]]:
    """The facts on each table that is to have a lifecycle column.

    ``inheriting`` are tables that get theirs from another one, ``triggers`` what the database has.
    Errors: :exc:`.ConfigError` for settings that the models don't explain.
    """
    models = _Models(subject, inheriting)
    kept = {
        (trigger.schema, trigger.table, trigger.trigger.column)
        if trigger.trigger.source is None
        # It stands on the child, and writes to the parent.
        else (models.real_schema(trigger.trigger.table), trigger.trigger.table.name, trigger.trigger.column)
        for trigger in triggers
    }
    found = {}
    for table in subject.tables:
        name = subject.canonical(table_name(table))
        columns = {} if subject.database is None else subject.database.columns.get(name, {})
        wanted = wanted_columns(table, columns, models).columns
        facts = tuple(_fact(subject, models, table, column, kept) for column in wanted)
        if facts:
            found[name] = facts
    return found


class _Models:
    """The models as the settings are applied to them."""

    def __init__(self, subject: Subject, inheriting: Collection[TableName]) -> None:
        self._subject = subject
        self._inheriting = inheriting
        self.config: CascadeConfig = subject.config
        self.dialect: Dialect = subject.dialect
        self.default_schema: str | None = subject.default_schema

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        return {table.key: table for table in self._subject.tables}

    def declared_in(self, table: Table) -> list[DeclaredKey]:
        return self._subject.declared_on(table)

    def canonical(self, written: TableName) -> TableName:
        return self._subject.canonical(written)

    def actual_schema(self, written: TableName) -> str | None:
        return self._subject.actual(written).schema

    def inherits(self, table: TableName) -> bool:
        return self._subject.canonical(table) in self._inheriting

    def real_schema(self, table: TableName) -> str | None:
        return self.actual_schema(table) or self.default_schema


def _fact(
    subject: Subject,
    models: _Models,
    table: Table,
    wanted: WantedColumn,
    kept: Collection[tuple[str | None, str, str]],
) -> LifecycleFact:
    declared = column_named(table, wanted.name)
    type_ = wanted.policy.column_type if declared is None else declared.type
    place = (models.real_schema(wanted.table), wanted.table.name, wanted.name)
    return LifecycleFact(
        wanted.name,
        type_as_sql(type_, subject.dialect),
        _kept_by(wanted),
        _status(subject, wanted, is_declared=declared is not None, has_trigger=place in kept),
    )


def _kept_by(wanted: WantedColumn) -> str:
    if wanted.source is not None:
        return f"a trigger, from {wanted.source.table}.{wanted.source.column}"
    match wanted.policy.set_on:
        case "insert":
            return "a default"
        case "update":
            return "a trigger"
        case _:
            return "the application"


def _status(subject: Subject, wanted: WantedColumn, *, is_declared: bool, has_trigger: bool) -> str:
    name = subject.canonical(wanted.table)
    if subject.database is None:
        return "declared" if is_declared else "missing in the model"
    if wanted.name not in subject.database.columns.get(name, {}):
        return "missing"
    if wanted.trigger is not None and not has_trigger:
        return "its trigger is missing"
    return "present" if is_declared else "present, missing in the model"
