"""A database at one moment of a rehearsal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Dialect, MetaData, Text, cast, func, select

from alembic_cascade.declared import declared_keys
from alembic_cascade.foreign_keys import ForeignKey, Identity, TableName
from alembic_cascade.reflected import keys_in_catalogue
from alembic_cascade.rehearsal.rows import Checksum, Kept, Step, Stored, checksums, keep_digests, stored_tables
from alembic_cascade.rehearsal.schemas import Schema, exact_text, schema_of

# A key is known by its table, the referent and the columns of both.
Place = tuple[TableName, Identity]


@dataclass(frozen=True)
class State:
    """Schema, checksums of the tables that may be read, and foreign keys."""

    schema: Schema
    tables: tuple[Stored, ...]
    checksums: Mapping[TableName, Checksum]
    keys: frozenset[Place]

    @property
    def rows(self) -> int:
        return sum(checksum.rows for checksum in self.checksums.values())

    def rows_of(self, label: str) -> int | None:
        """A table's number of rows; None where it is not known, as of a partitioned one; 0 where it is not there."""
        for table in self.tables:
            if table.label == label and table.name in self.checksums:
                return self.checksums[table.name].rows
        return None if ("table", label) in self.schema else 0


def state_of(connection: Connection, version_table: TableName, step: Step, *, as_of: State | None = None) -> State:
    """The database as it is now; with ``as_of``, columns that are new since then don't count in the rows."""
    with exact_text(connection):
        return _state(connection, version_table, step, as_of)


def first_state_of(connection: Connection, version_table: TableName, step: Step) -> tuple[State, list[Kept]]:
    """The same, with digests of all rows kept by the session."""
    with exact_text(connection):
        state = _state(connection, version_table, step, None)
        return state, keep_digests(connection, state.tables, step)


def _state(connection: Connection, version_table: TableName, step: Step, as_of: State | None) -> State:
    step("reading the catalogue")
    schema = schema_of(connection, version_table)
    columns = {} if as_of is None else {table.name: table.columns for table in as_of.tables}
    tables = tuple(
        table.with_columns(columns.get(table.name, table.columns)) for table in stored_tables(connection, version_table)
    )
    return State(schema, tables, checksums(connection, tables, step), _keys(connection, tables))


def _keys(connection: Connection, tables: Sequence[Stored]) -> frozenset[Place]:
    schemas = dict.fromkeys(table.name.schema for table in tables)
    found = [key for schema in schemas for keys in keys_in_catalogue(connection, schema).own.values() for key in keys]
    return frozenset((key.source, key.identity) for key in found)


def wanted_keys(
    metadatas: Sequence[MetaData], dialect: Dialect, default_schema: str, translated: Mapping[str | None, str | None]
) -> dict[Place, ForeignKey]:
    """The keys that the models declare, by where they are in the database."""

    def canonical(name: TableName) -> TableName:
        return TableName(translated.get(name.schema, name.schema) or default_schema, name.name)

    tables = [table for metadata in metadatas for table in metadata.tables.values()]
    found = [declared.key for table in tables for declared in declared_keys(table, canonical, dialect)]
    return {(canonical(key.source), key.identity): key for key in found}


def current_schema(connection: Connection) -> str:
    """Where names without a schema are made."""
    return str(connection.scalar(select(cast(func.current_schema(), Text))) or "public")
