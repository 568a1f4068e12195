"""Values that the models allow in columns: of what a model reads, the database's type says too little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Dialect, Enum, MetaData, Table
from sqlalchemy.orm import Mapper
from sqlalchemy.types import TypeDecorator

from alembic_cascade.audit.mapped import Mapped
from alembic_cascade.audit.relations import table_name
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.proof.catalogue import Table as Reflected

Hints = Mapping[tuple[int, str], tuple[str, ...]]


def hints_of(
    metadatas: Sequence[MetaData],
    mapped: Mapped,
    reflected: Callable[[TableName], Reflected | None],
    dialect: Dialect,
) -> Hints:
    """The values by table and column, as far as the database has the table; each is one that SQLAlchemy can load.

    Those of an Enum; of a column that tells classes apart (``polymorphic_on``), those of the classes that have no other
    table besides: a row that nobody asked for is an object of one of them.
    """
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for column, values in (*_of_types(metadatas), *_of_classes(mapped, dialect)):
        table = reflected(table_name(column.table))
        if table is not None and values:
            found[table.oid, column.name] = values
    return found


def _of_types(metadatas: Sequence[MetaData]) -> Iterator[tuple[Column[Any], tuple[str, ...]]]:
    for metadata in metadatas:
        for declared in metadata.tables.values():
            for column in declared.columns:
                type_ = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
                if isinstance(type_, Enum):
                    yield column, tuple(type_.enums)


def _of_classes(mapped: Mapped, dialect: Dialect) -> Iterator[tuple[Column[Any], tuple[str, ...]]]:
    for mapper in mapped.mappers:
        column = mapper.polymorphic_on
        if mapper.inherits is None and isinstance(column, Column) and isinstance(column.table, Table):
            yield column, tuple(sorted(_identities(mapper, column, dialect)))


def _identities(base: Mapper[Any], column: Column[Any], dialect: Dialect) -> Iterator[str]:
    written = column.type.dialect_impl(dialect).bind_processor(dialect)
    for one in base.self_and_descendants:
        identity = one.polymorphic_identity
        if identity is not None and set(one.tables) == {column.table}:
            yield str(identity if written is None else written(identity))
