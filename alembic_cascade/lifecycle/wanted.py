"""Which lifecycle columns the settings want of a declared table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Dialect, Table
from sqlalchemy.types import TypeEngine

from alembic_cascade.config import CascadeConfig
from alembic_cascade.declared import INFO_KEY, DeclaredKey, column_named
from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.lifecycle.policy import LifecycleColumn, is_known, takes_time
from alembic_cascade.lifecycle.triggers import LifecycleTrigger, Source


class Models(Protocol):
    """What the settings are read against: the declared tables and their keys, and what their names mean."""

    @property
    def config(self) -> CascadeConfig: ...

    @property
    def dialect(self) -> Dialect: ...

    @property
    def default_schema(self) -> str | None: ...

    @property
    def tables(self) -> Mapping[str, Table]: ...

    def declared_in(self, table: Table) -> list[DeclaredKey]:
        """The keys that ``table`` declares."""

    def canonical(self, written: TableName) -> TableName:
        """The name to compare by."""

    def actual_schema(self, written: TableName) -> str | None:
        """The schema in which a declared table is looked for; None means by the search path."""

    def inherits(self, table: TableName) -> bool:
        """Whether the table is a partition, or inherits from another one."""


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


@dataclass(frozen=True)
class Wanted:
    """What the settings want of a table; ``kept`` are the aliases by which it has a column already."""

    columns: list[WantedColumn] = field(default_factory=list)
    kept: frozenset[str] = frozenset()


def wanted_columns(table: Table, present: Iterable[str], models: Models) -> Wanted:
    """What the settings want of ``table``; ``present`` are the columns that the database has of it.

    Errors: :exc:`.ConfigError` for two settings of one column, for a column that takes no time, for a ``set_from`` that
    the models don't explain, and for an ``info["alembic_cascade"]`` that can't be read.
    """
    found: list[WantedColumn] = []
    kept: set[str] = set()
    columns = {column.name for column in table.columns} | set(present)
    for policy in _policies(table, models):
        aliases = columns & set(policy.aliases)
        if aliases and policy.name not in columns:
            kept |= aliases
        else:
            found += _wanted(policy, table, models)
    return Wanted(found, frozenset(kept))


def _policies(table: Table, models: Models) -> Iterable[LifecycleColumn]:
    """The settings that mean the table, by column.

    Errors: :exc:`.ConfigError` for two of one column.
    """
    if not models.config.lifecycle or not _takes_part(table) or models.inherits(_name(table)):
        return []
    schema = _schema(table, models)
    association = _is_association(table, models.config.lifecycle)
    found: dict[str, LifecycleColumn] = {}
    for policy in models.config.lifecycle:
        if not policy.means(schema, table.name) or (association and not policy.names(schema, table.name)):
            continue
        if found.setdefault(policy.name, policy) != policy:
            raise ConfigError(
                "lifecycle", f"says two things of {_name(table)}.{policy.name}; let one of them exclude the table"
            )
    return found.values()


def _name(table: Table) -> TableName:
    return TableName(table.schema, table.name)


def _schema(table: Table, models: Models) -> str | None:
    return models.actual_schema(_name(table)) or models.default_schema


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


def _wanted(policy: LifecycleColumn, table: Table, models: Models) -> Iterator[WantedColumn]:
    declared = column_named(table, policy.name)
    type_ = policy.column_type if declared is None else declared.type
    if policy.set_from is None:
        if policy.set_on is not None and is_known(type_) and not takes_time(type_):
            raise ConfigError(
                f"lifecycle[{policy.name!r}].set_on", f"{_name(table)}.{policy.name} is {type_!r}, and takes no time"
            )
        yield WantedColumn(policy, _name(table), None)
        return
    field = f"lifecycle[{policy.name!r}].set_from"
    child = _child(policy, field, models)
    column = policy.set_from.rpartition(".")[2]
    keys = [key.key for key in models.declared_in(child) if key.key.parent == models.canonical(_name(table))]
    meant = [key for key in keys if policy.via is None or set(key.local_columns) == set(policy.via)]
    # A pattern means tables that the child does not refer to as well.
    if meant or policy.names(_schema(table, models), table.name):
        pairs = _only(meant, keys, policy, field, table, child).pairs
        _check_source(column, child, type_, field, models)
        yield WantedColumn(policy, _name(table), Source(_name(child), column, pairs))


def _child(policy: LifecycleColumn, field: str, models: Models) -> Table:
    """The table that a column is set from.

    Errors: :exc:`.ConfigError` where the models have none of that name.
    """
    path = str(policy.set_from).rpartition(".")[0]
    schema, _, name = path.rpartition(".")
    meant = (TableName(None, path), TableName(schema or None, name))
    for table in sorted(models.tables.values(), key=lambda table: table.key):
        if models.canonical(_name(table)) in map(models.canonical, meant):
            return table
    raise ConfigError(field, f"the models have no table {path}")


def _check_source(column: str, child: Table, type_: TypeEngine[Any], field: str, models: Models) -> None:
    """Refuse a column that the child has not, that is of another type, or whose values come by no INSERT.

    Errors: :exc:`.ConfigError`.
    """
    declared = column_named(child, column)
    names = {column.name for column in child.columns}
    policies = (policy for policy in _policies(child, models) if policy.name == column)
    policy = next((policy for policy in policies if column in names or names.isdisjoint(policy.aliases)), None)
    if policy is not None and policy.has_trigger:
        raise ConfigError(
            field, f"{child.name}.{column} is kept by a trigger itself, and what it writes is no INSERT that is noticed"
        )
    if declared is None and policy is None:
        raise ConfigError(field, f"{child.name} has no column {column!r}")
    source = (
        policy.column_type
        if declared is None and policy is not None
        else declared.type
        if declared is not None
        else type_
    )
    types = [_sql(known, models) for known in (type_, source) if is_known(known)]
    if len(set(types)) > 1:
        raise ConfigError(field, f"is {types[1]}, the column itself {types[0]}: give it type_= of that type")


def _sql(type_: TypeEngine[Any], models: Models) -> str:
    """A type as SQL, without a precision."""
    return re.sub(r"\(\d+\)", "", type_.compile(dialect=models.dialect))


def _only(
    meant: list[ForeignKey], keys: list[ForeignKey], policy: LifecycleColumn, field: str, table: Table, child: Table
) -> ForeignKey:
    """The key by which a row of the table is found, of all ``keys`` that the child has to it.

    Errors: :exc:`.ConfigError` where there is none, or several.
    """
    if not keys:
        raise ConfigError(
            field, f"{_name(child)} has no foreign key to {_name(table)} by which a row of it could be found"
        )
    listed = ", ".join(dict.fromkeys(f"via={list(key.local_columns)!r}" for key in keys))
    if not meant:
        raise ConfigError(
            f"lifecycle[{policy.name!r}].via",
            f"{_name(child)} does not refer to {_name(table)} by {', '.join(policy.via or ())}; there is: {listed}",
        )
    if len({frozenset(key.pairs) for key in meant}) > 1:
        raise ConfigError(
            field, f"{_name(child)} refers to {_name(table)} by several foreign keys; say which one: {listed}"
        )
    return meant[0]
