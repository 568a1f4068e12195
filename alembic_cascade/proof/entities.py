"""Rows that SQLAlchemy loads as an object of a class, in however many tables that has its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, Text, bindparam, cast, literal_column, select
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression

from alembic_cascade.audit.relations import table_name
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.proof.rows import Row
from alembic_cascade.sql.quoting import quote_literal

Held = Mapping[Column[Any], str | None]


@dataclass(frozen=True)
class Entity:
    """An object's rows by the models' tables; the first is the one that an object of every class has."""

    mapper: Mapper[Any]
    rows: Mapping[Table, Row]

    def value(self, column: Column[Any]) -> str | None:
        """What the object has in a column."""
        return self.rows[column.table].values[column.name]

    @property
    def first(self) -> Row:
        return next(iter(self.rows.values()))

    def loaded(self, session: Session) -> Any:
        """The object.

        Errors: :exc:`.CannotMake` where SQLAlchemy does not find it.
        """
        conditions = [
            column == literal_column(quote_literal(str(self.value(column)))) for column in _identifying(self.mapper)
        ]
        found = session.scalars(select(self.mapper.class_).where(*conditions)).unique().all()
        if len(found) != 1:
            raise CannotMake(f"SQLAlchemy does not load the row made for {self.mapper.class_.__name__}")
        return found[0]


def entity(ground: Ground, mapper: Mapper[Any], given: Held | None = None) -> Entity:
    """A new object of the class, or of the first below it that has any, with the ``given`` values.

    Errors: :exc:`.CannotMake`.
    """
    concrete = next(filter(_has_objects, sorted(mapper.self_and_descendants, key=lambda one: _rank(one, mapper))), None)
    if concrete is None:
        raise CannotMake(f"no class below {mapper.class_.__name__} has objects of its own")
    held = dict(given or {})
    held.update(_discriminator(ground, concrete))
    rows: dict[Table, Row] = {}
    for one in reversed(list(concrete.iterate_to_root())):
        table = one.local_table
        if not isinstance(table, Table) or table in rows or table not in concrete.tables:
            continue
        for own, inherited in _joined(one):
            if own.table is table and inherited.table in rows:
                held[own] = rows[inherited.table].values[inherited.name]
        found = ground.table(table_name(table))
        if found is None:
            raise CannotMake(f"the database has no table {table_name(table)}")
        rows[table] = ground.maker.row(
            found, {str(column.name): value for column, value in held.items() if column.table is table}
        )
    return Entity(concrete, rows)


def _rank(one: Mapper[Any], wanted: Mapper[Any]) -> tuple[bool, str]:
    return (one is not wanted, one.class_.__name__)


def _has_objects(mapper: Mapper[Any]) -> bool:
    return mapper.polymorphic_on is None or mapper.polymorphic_identity is not None


def _identifying(mapper: Mapper[Any]) -> Iterator[Column[Any]]:
    for column in mapper.primary_key:
        if not isinstance(column, Column) or not isinstance(column.table, Table):
            raise CannotMake(f"{mapper.class_.__name__} is mapped to something that is no table")
        yield column


def _discriminator(ground: Ground, mapper: Mapper[Any]) -> Iterator[tuple[Column[Any], str | None]]:
    column = mapper.polymorphic_on
    if isinstance(column, Column) and mapper.polymorphic_identity is not None:
        named = bindparam("identity", mapper.polymorphic_identity, type_=column.type)
        yield column, ground.connection.scalar(select(cast(named, Text)))


def _joined(mapper: Mapper[Any]) -> Iterator[tuple[Column[Any], Column[Any]]]:
    """The columns of a subclass's table, each with the one of a table above that it equals."""
    if mapper.inherit_condition is None:
        return
    for term in visitors.iterate(mapper.inherit_condition):
        if isinstance(term, BinaryExpression) and term.operator is operators.eq:
            left, right = term.left, term.right
            if isinstance(left, Column) and isinstance(right, Column):
                yield left, right
                yield right, left
