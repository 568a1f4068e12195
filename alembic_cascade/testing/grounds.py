"""Where rows are made for tests: what the models say of a row that the database does not ask of it."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Connection, Index, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.orm import Mapper

from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.relations import table_name
from alembic_cascade.proof import catalogue, claims
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.making import Maker
from alembic_cascade.proof.shapes import Shapes


def ground_of_objects(connection: Connection, metadatas: Sequence[MetaData]) -> Ground:
    """Where rows are made that SQLAlchemy can load: one that nobody asked for is of a class that its table is of."""
    ground = Ground.of(connection, metadatas, claims(metadatas))
    _hint(ground, metadatas)
    return ground


def ground_of_data(connection: Connection, metadatas: Sequence[MetaData], first_number: int, *, filled: bool) -> Ground:
    """Where rows are made that last through the project's revisions, with all columns ``filled``, or what has to be.

    Values are counted from ``first_number`` on. What the models want unique or NOT NULL, which are those of the head,
    is so already.
    """
    known = Ground.of(connection, metadatas, claims(metadatas))
    tables = dict(known.catalogue.tables)
    for declared in (table for metadata in metadatas for table in metadata.tables.values()):
        found = known.table(table_name(declared))
        if found is not None:
            tables[found.oid] = _as_declared(found, declared)
    if filled:
        tables = {oid: _filled(table) for oid, table in tables.items()}
    asked = replace(known.catalogue, tables=tables)
    maker = Maker(connection, asked, Shapes(connection, asked), _number=first_number)
    ground = Ground(connection, metadatas, asked, known.deferred, maker)
    _hint(ground, metadatas)
    return ground


def _as_declared(table: catalogue.Table, declared: Table) -> catalogue.Table:
    """The table with what the model asks of its columns as well."""
    columns = {
        name: replace(column, not_null=column.not_null or not declared.columns[name].nullable)
        if name in declared.columns
        else column
        for name, column in table.columns.items()
    }
    asked = [*declared.constraints, *(index for index in declared.indexes if index.unique)]
    wanted = [
        tuple(str(column.name) for column in one.columns)
        for one in asked
        if isinstance(one, UniqueConstraint | PrimaryKeyConstraint | Index)
    ]
    uniques = [
        catalogue.Unique("", names, is_primary=False, is_plain=False)
        for names in wanted
        if names and set(names) <= set(columns)
    ]
    return replace(table, columns=columns, uniques=(*table.uniques, *uniques))


def _filled(table: catalogue.Table) -> catalogue.Table:
    """The table as if no column but those of keys could be NULL."""
    columns = {
        name: column if name in table.key_columns else replace(column, not_null=True)
        for name, column in table.columns.items()
    }
    return replace(table, columns=columns)


def _hint(ground: Ground, metadatas: Sequence[MetaData]) -> None:
    """Let rows of a table that several classes share be of one that has no other table besides."""
    hints = dict(ground.hints())
    for mapper in mapped_models(metadatas).mappers:
        column = mapper.polymorphic_on
        if isinstance(column, Column) and isinstance(column.table, Table):
            table = ground.table(table_name(column.table))
            identities = tuple(_identities(mapper, column.table))
            if table is not None and identities:
                hints[table.oid, column.name] = identities
    ground.maker.shapes.hints = hints


def _identities(mapper: Mapper[Any], table: Table) -> Iterator[str]:
    for one in mapper.base_mapper.self_and_descendants:
        identity = one.polymorphic_identity
        if identity is not None and set(one.tables) == {table}:
            yield identity.name if isinstance(identity, enum.Enum) else str(identity)
