"""Where rows are made that last through revisions: what the models ask of them, and the database not yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Index, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint

from alembic_cascade.audit.relations import table_name
from alembic_cascade.proof import catalogue
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.making import Maker
from alembic_cascade.proof.shapes import Shapes


def ground_of_data(connection: Connection, metadatas: Sequence[MetaData], first_number: int, *, filled: bool) -> Ground:
    """Where rows are made that last through the project's revisions, with all columns ``filled``, or what has to be.

    Values are counted from ``first_number`` on. What the models want unique or NOT NULL, which are those of the head,
    is so already.
    """
    known = Ground.of(connection, metadatas)
    tables = dict(known.catalogue.tables)
    for declared in (table for metadata in metadatas for table in metadata.tables.values()):
        found = known.table(table_name(declared))
        if found is not None:
            tables[found.oid] = _as_declared(found, declared)
    if filled:
        tables = {oid: _filled(table) for oid, table in tables.items()}
    asked = replace(known.catalogue, tables=tables)
    maker = Maker(connection, asked, Shapes(connection, asked, known.maker.shapes.hints), number=first_number)
    return Ground(connection, metadatas, asked, known.deferred, maker, known.declared)


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
