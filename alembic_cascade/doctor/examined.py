"""A database as the checks see it: the session, the tables of the models, their keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, MetaData, Row

from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.mapped import Mapped
from alembic_cascade.audit.relations import table_name
from alembic_cascade.audit.subject import Subject, schemas_of
from alembic_cascade.config import CascadeConfig
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.sql.preflight_queries import session, tables_in_schema


@dataclass(frozen=True)
class Examined:
    """A PostgreSQL database, and what the project says of it.

    ``version_table`` is Alembic's, ``revisions`` are those that the project's scripts have.
    """

    connection: Connection
    config: CascadeConfig
    metadatas: tuple[MetaData, ...]
    version_table: TableName
    revisions: Collection[str]

    @cached_property
    def session(self) -> Row[Any]:
        """The role, the database, and the settings of the session."""
        return self.connection.execute(session()).one()

    @property
    def role(self) -> str:
        return str(self.session.role)

    @cached_property
    def schemas(self) -> tuple[str | None, ...]:
        """Those that the models name; None is what the search path shows."""
        return tuple(schemas_of(self.metadatas, self._default))

    @property
    def _default(self) -> str:
        return self.connection.dialect.default_schema_name or "public"

    @cached_property
    def tables(self) -> tuple[Row[Any], ...]:
        """The tables of the models that the database has, with the role's rights, by name."""
        declared = {self.subject.canonical(table_name(table)) for table in self.subject.tables}
        return tuple(
            row
            for schema in self.schemas
            for row in self.connection.execute(tables_in_schema(schema))
            if TableName(schema, row.relname) in declared
        )

    @cached_property
    def subject(self) -> Subject:
        """What the audit's rules look at; relationships are not looked at here."""
        return Subject(
            self.metadatas,
            Mapped(),
            self.config,
            read_database(self.connection, self.schemas),
            self._default,
            self.connection.dialect,
        )
