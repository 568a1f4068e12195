"""What the audit reads of a PostgreSQL database: foreign keys, and the indexes, columns and triggers behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.reflected import keys_in_catalogue
from alembic_cascade.sql.audit_queries import columns_in_schema, indexes_in_schema, silent_triggers_in_schema

Named = TypeVar("Named")
Fact = TypeVar("Fact")


@dataclass(frozen=True)
class Index:
    """An index that is ready for use, by its key columns in order; None is an expression.

    ``predicate`` is its WHERE as PostgreSQL writes it.
    """

    columns: tuple[str | None, ...]
    unique: bool
    partial: bool
    method: str
    predicate: str | None = None


@dataclass(frozen=True)
class Column:
    """A column's type as SQL, and whether it takes NULL; ``base`` is the type below a domain, without its limits."""

    type: str
    nullable: bool
    base: str = ""


@dataclass(frozen=True)
class SilentTrigger:
    """A foreign key's own trigger that does not fire; ``table`` is quoted, with its schema where that is needed."""

    table: str
    name: str
    on_child: bool


@dataclass(frozen=True)
class Database:
    """The facts, by the names that models use: the schema is None for what the search path shows.

    ``inherited`` are the keys that a partition has of its partitioned table.
    """

    keys: Mapping[TableName, tuple[ForeignKey, ...]] = field(default_factory=dict)
    indexes: Mapping[TableName, tuple[Index, ...]] = field(default_factory=dict)
    columns: Mapping[TableName, Mapping[str, Column]] = field(default_factory=dict)
    inherited: Mapping[TableName, tuple[ForeignKey, ...]] = field(default_factory=dict)
    silent: Mapping[tuple[TableName, str | None], tuple[SilentTrigger, ...]] = field(default_factory=dict)

    def has(self, table: TableName) -> bool:
        """Whether the table exists."""
        return table in self.columns


def read_database(connection: Connection, schemas: Iterable[str | None]) -> Database:
    """The facts on these schemas, None being what the search path shows; four queries for each."""
    keys: dict[TableName, tuple[ForeignKey, ...]] = {}
    inherited: dict[TableName, tuple[ForeignKey, ...]] = {}
    indexes: dict[TableName, list[Index]] = {}
    columns: dict[TableName, dict[str, Column]] = {}
    silent: dict[tuple[TableName, str | None], list[SilentTrigger]] = {}
    for schema in schemas:
        reflected = keys_in_catalogue(connection, schema)
        keys.update((TableName(schema, name), tuple(own)) for name, own in reflected.own.items())
        inherited.update((TableName(schema, name), tuple(found)) for name, found in reflected.inherited.items())
        for row in connection.execute(indexes_in_schema(schema)):
            index = Index(tuple(row.columns), row.indisunique, row.partial, row.amname, row.predicate)
            indexes.setdefault(TableName(schema, row.relname), []).append(index)
        for row in connection.execute(columns_in_schema(schema)):
            column = Column(row.type, not row.attnotnull, row.base)
            columns.setdefault(TableName(schema, row.relname), {})[row.attname] = column
        for row in connection.execute(silent_triggers_in_schema(schema)):
            trigger = SilentTrigger(row.on_table, row.tgname, row.on_child)
            silent.setdefault((TableName(schema, row.relname), row.conname), []).append(trigger)
    return Database(keys, _frozen(indexes), columns, inherited, _frozen(silent))


def _frozen(lists: Mapping[Named, list[Fact]]) -> dict[Named, tuple[Fact, ...]]:
    return {name: tuple(found) for name, found in lists.items()}
