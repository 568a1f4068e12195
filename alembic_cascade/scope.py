"""What one autogenerate run compares: declared tables, reflected keys read once a schema, settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

from alembic_cascade.config import CascadeConfig, config_of
from alembic_cascade.declared import DeclaredKey, declared_keys
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.reflected import ReflectedKeys, keys_in_catalogue, keys_in_reflection
from alembic_cascade.sorting import ranks
from alembic_cascade.sql.catalogue import names_in_schema, table_places

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

log = logging.getLogger("alembic.cascade")

# Where a run's Inspector keeps what was read, beside Alembic's own entries; it lives as long as the run.
_CACHE = "alembic_cascade.scope"


class Scope:
    """The view that the comparators of one run share; get it by :meth:`of`."""

    def __init__(self, autogen_context: AutogenContext, connection: Connection) -> None:
        self._context = autogen_context
        self._connection = connection
        self._reflected: dict[str | None, ReflectedKeys] = {}
        self._names: dict[str | None, set[str]] = {}
        self._declared: dict[str, list[DeclaredKey]] = {}
        # Both sides of the tables compared, by schema and name as Alembic has them; None is a table to be made.
        self.compared: dict[tuple[str | None, str], tuple[Table, Table | None]] = {}
        self.tables: Mapping[str, Table] = autogen_context.table_key_to_table
        self.config: CascadeConfig = config_of(autogen_context.opts)
        self.dialect = autogen_context.dialect
        self.default_schema = self.dialect.default_schema_name

    @classmethod
    def of(cls, autogen_context: AutogenContext) -> Scope:
        """The scope of this run, made when first asked for."""
        cache = autogen_context.inspector.info_cache
        if _CACHE not in cache:
            assert autogen_context.connection is not None  # the Inspector above needs one, too
            cache[_CACHE] = cls(autogen_context, autogen_context.connection)
        scope: Scope = cache[_CACHE]
        return scope

    @property
    def on_postgresql(self) -> bool:
        return self.dialect.name == "postgresql"

    def declared_in(self, table: Table) -> list[DeclaredKey]:
        """The keys that ``table`` declares, as far as this database can have them."""
        if table.key not in self._declared:
            self._declared[table.key] = declared_keys(table, self.canonical, self.dialect)
        return self._declared[table.key]

    def reflected_in(self, schema: str | None, table: str) -> ReflectedKeys:
        """The keys of the schema of ``table``: one query for all its tables on PostgreSQL."""
        if not self.on_postgresql:
            return keys_in_reflection(self._context.inspector, table, schema)
        if schema not in self._reflected:
            self._reflected[schema] = keys_in_catalogue(self._connection, schema)
        return self._reflected[schema]

    @property
    def reflected_keys(self) -> list[ForeignKey]:
        """All keys that this run has read so far."""
        return [key for keys in self._reflected.values() for own in keys.own.values() for key in own]

    def names_in(self, schema: str | None) -> set[str]:
        """The names that a new index in the schema must not take; names chosen in this run are added to it."""
        if schema not in self._names:
            self._names[schema] = set(self._connection.scalars(names_in_schema(schema)))
        return self._names[schema]

    def canonical(self, written: TableName) -> TableName:
        """The name to compare by: the schema_translate_map applied, no schema where the search path shows the table.

        A table without a schema stays one: autogenerate looks for it by the search path, whatever the map.
        """
        schema = self.actual_schema(written) if written.schema else None
        shown = any(TableName(schema, written.name) in reflected.shown for reflected in self._reflected.values())
        return TableName(None if shown or schema == self.default_schema else schema, written.name)

    def actual_schema(self, written: TableName) -> str | None:
        """The schema in which a declared table is looked for; None means by the search path."""
        translated: Mapping[str | None, str | None] = (
            self._connection.get_execution_options().get("schema_translate_map") or {}
        )
        return translated.get(written.schema, written.schema)

    def real_schema(self, table: TableName) -> str | None:
        """The schema that a declared table is in, or will be made in; None on a database that has no schemas."""
        return self.actual_schema(table) or self._shown.get(table.name) or self.default_schema

    def inherits(self, table: TableName) -> bool:
        """Whether the table is a partition, or inherits from another one."""
        return (self.real_schema(table), table.name) in self._inheriting

    @cached_property
    def _places(self) -> list[tuple[str, str, bool, bool]]:
        if not self.on_postgresql:
            return []
        return [(row.nspname, row.relname, row.shown, row.inherits) for row in self._connection.execute(table_places())]

    @cached_property
    def _shown(self) -> dict[str, str]:
        """The schemas of the tables that the search path shows."""
        return {name: schema for schema, name, shown, _ in self._places if shown}

    @cached_property
    def _inheriting(self) -> set[tuple[str | None, str]]:
        return {(schema, name) for schema, name, _, inherits in self._places if inherits}

    def is_optional(self, table: TableName) -> bool:
        """Whether a deployment may lack the table, by the settings."""
        return self.config.is_optional(self.actual_schema(table) or self.default_schema, table.name)

    def exists(self, table: TableName) -> bool:
        """Whether the database has the table."""
        schema = self.actual_schema(table)
        return table.name in self._context.inspector.get_table_names(
            schema=None if schema == self.default_schema else schema
        )

    def declared_table(self, name: TableName) -> Table:
        """The declared table that a declared key refers to."""
        return self.tables[str(name)]

    def reflected_type(self, table: TableName, column: str) -> str:
        """The type of a column in the database, as SQL."""
        schema = self.actual_schema(table)
        columns = self._context.inspector.get_columns(
            table.name, schema=None if schema == self.default_schema else schema
        )
        found = next(known for known in columns if known["name"] == column)
        return str(found["type"].compile(dialect=self.dialect))

    def waits_for_referent(self, key: ForeignKey) -> bool:
        """Whether the referent is an optional table that this database lacks; the log says so."""
        waits = self.is_optional(key.referent) and not self.exists(key.referent)
        if waits:
            log.info("%s: skipped, the optional table %s does not exist here", key.label, key.referent)
        return waits

    @cached_property
    def declared_ranks(self) -> dict[TableName, int]:
        """The places of all declared tables, parents before children."""
        named = {self.canonical(TableName(table.schema, table.name)): table for table in self.tables.values()}
        return ranks(
            {
                name: sorted(
                    {key.key.parent for key in self.declared_in(named[name])}, key=lambda parent: parent.sort_key
                )
                for name in sorted(named, key=lambda name: name.sort_key)
            }
        )
