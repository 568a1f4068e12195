"""Which lifecycle columns the settings want of a declared table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Table

from alembic_cascade.declared import INFO_KEY
from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.lifecycle.policy import LifecycleColumn
from alembic_cascade.lifecycle.triggers import LifecycleTrigger, Source
from alembic_cascade.scope import Scope


@dataclass(frozen=True)
class WantedColumn:
    """A column that a table is to have; ``source`` is what it is set from."""

    policy: LifecycleColumn
    table: TableName
    source: Source | None

    @property
    def name(self) -> str:
        return self.policy.name

    @property
    def label(self) -> str:
        """The column in words: ``posts.updated_at``."""
        return f"{self.table}.{self.name}"

    @property
    def trigger(self) -> LifecycleTrigger | None:
        """The trigger that keeps it."""
        if not self.policy.has_trigger:
            return None
        return LifecycleTrigger(self.table, self.name, self.source, self.policy.security)


def wanted_columns(table: Table, present: Iterable[str], scope: Scope) -> list[WantedColumn]:
    """What the settings want of ``table``; ``present`` are the columns that the database has of it.

    Errors: :exc:`.ConfigError` for two settings of one column, for a ``set_from`` that the models don't explain, and
    for an ``info["alembic_cascade"]`` that can't be read.
    """
    if not scope.config.lifecycle or not _takes_part(table):
        return []
    name = TableName(table.schema, table.name)
    schema = scope.actual_schema(name) or scope.default_schema
    columns = {column.name for column in table.columns} | set(present)
    association = _is_association(table, scope.config.lifecycle)
    found: dict[str, LifecycleColumn] = {}
    for policy in scope.config.lifecycle:
        if not policy.means(schema, table.name) or (association and not policy.names(schema, table.name)):
            continue
        if found.setdefault(policy.name, policy) != policy:
            raise ConfigError(
                "lifecycle", f"says two things of {name}.{policy.name}; let one of them exclude the table"
            )
    return [
        wanted
        for policy in found.values()
        if policy.name in columns or columns.isdisjoint(policy.aliases)
        for wanted in _wanted(policy, name, policy.names(schema, table.name), scope)
    ]


def _takes_part(table: Table) -> bool:
    """Whether the table says nothing against it."""
    settings = table.info.get(INFO_KEY, {})
    place = f"info[{INFO_KEY!r}] of the table {table.key}"
    if not isinstance(settings, dict) or set(settings) - {"lifecycle"}:
        raise ConfigError(place, f"must be {{'lifecycle': False}}, not {settings!r}")
    takes_part = settings.get("lifecycle", True)
    if not isinstance(takes_part, bool):
        raise ConfigError(place, f"'lifecycle' must be True or False, not {takes_part!r}")
    return takes_part


def _is_association(table: Table, policies: Iterable[LifecycleColumn]) -> bool:
    """Whether all columns are in foreign keys, lifecycle columns left aside."""
    lifecycle = {name for policy in policies for name in (policy.name, *policy.aliases)}
    return all(column.foreign_keys or column.name in lifecycle for column in table.columns)


def _wanted(policy: LifecycleColumn, table: TableName, named: bool, scope: Scope) -> Iterator[WantedColumn]:  # noqa: FBT001
    if policy.set_from is None:
        yield WantedColumn(policy, table, None)
        return
    path, _, column = policy.set_from.rpartition(".")
    schema, _, name = path.rpartition(".")
    field = f"lifecycle[{policy.name!r}].set_from"
    child = scope.tables.get(path) if schema else scope.tables.get(name)
    if child is None:
        raise ConfigError(field, f"the models have no table {path}")
    lifecycle_names = {other.name for other in scope.config.lifecycle if other.means(child.schema, child.name)}
    if column not in child.columns and column not in lifecycle_names:
        raise ConfigError(field, f"{path} has no column {column!r}")
    keys = [key.key for key in scope.declared_in(child) if key.key.parent == scope.canonical(table)]
    if policy.via is not None:
        keys = [key for key in keys if set(key.local_columns) == set(policy.via)]
    if not keys and not named:
        # A pattern means tables that the child does not refer to as well.
        return
    yield WantedColumn(
        policy, table, Source(TableName(child.schema, child.name), column, _only(keys, field, path, table).pairs)
    )


def _only(keys: list[ForeignKey], field: str, child: str, table: TableName) -> ForeignKey:
    if not keys:
        raise ConfigError(field, f"{child} has no foreign key to {table} by which a row of it could be found")
    if len({frozenset(key.pairs) for key in keys}) > 1:
        listed = ", ".join(f"via={list(key.local_columns)!r}" for key in keys)
        raise ConfigError(field, f"{child} refers to {table} by several foreign keys; say which one: {listed}")
    return keys[0]
