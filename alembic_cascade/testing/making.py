"""Rows for people's own tests: what they say of them, and what the schema asks for besides."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
from sqlalchemy import Column, Text, bindparam, cast, inspect, select
from sqlalchemy.exc import DBAPIError, NoInspectionAvailable, StatementError
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty

from alembic_cascade.dbapi_errors import message
from alembic_cascade.proof.entities import entity
from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.testing.database import CascadeDatabase

Model = TypeVar("Model")


class MakeRow:
    """Makes rows that are there as if somebody had committed them."""

    def __init__(self, database: CascadeDatabase) -> None:
        self.database = database

    def __call__(self, model: type[Model], /, **values: Any) -> Model:
        """Make a row of the model, with these values of its attributes, and return it as an object of the session.

        A value can be given for a column, or an object for a relationship to one. What else the row can't be without is
        made up from types and constraints; what it has to refer to, and nobody gave, is made once in a test. All else
        is left to defaults, or NULL.

        Fails the test, in words, where the constraints let no such row be, or the model has no such attribute.
        """
        __tracebackhide__ = True
        mapper = mapper_of(model)
        session = self.database.session
        session.flush()
        given = self._given(mapper, values)
        # Rows are made beside the session's own savepoint, so that what it rolls back later does not take them.
        session.commit()
        try:
            found: Model = entity(self.database.ground, mapper, given).loaded(session)
        except CannotMake as error:
            refusal = str(error)
        else:
            session.expire_all()
            return found
        # Not in the except clause: pytest would show how it came to the refusal.
        said = ", ".join(f"{name}={value!r}" for name, value in values.items())
        pytest.fail(f"make_row({model.__name__}{said and ', '}{said}): {refusal}")

    def _given(self, mapper: Mapper[Any], values: dict[str, Any]) -> dict[Column[Any], str | None]:
        __tracebackhide__ = True
        found: dict[Column[Any], str | None] = {}
        for name, value in values.items():
            if name in mapper.relationships:
                found.update(self._reference(mapper, mapper.relationships[name], value))
            elif name in mapper.column_attrs and isinstance(mapper.column_attrs[name].columns[0], Column):
                for column in mapper.column_attrs[name].columns:
                    if isinstance(column, Column):
                        found[column] = self._written(mapper, column, value)
            else:
                known = ", ".join([*mapper.column_attrs.keys(), *_to_one(mapper)])
                pytest.fail(f"make_row({mapper.class_.__name__}): it has no {name}, but {known}")
        return found

    def _reference(
        self, mapper: Mapper[Any], relationship: RelationshipProperty[Any], value: Any
    ) -> dict[Column[Any], str | None]:
        __tracebackhide__ = True
        what = f"make_row({mapper.class_.__name__}): {relationship.key}"
        if relationship.key not in _to_one(mapper):
            pytest.fail(f"{what} is not on the side that refers. Make the rows of the other side, with this one.")
        pairs = relationship.local_remote_pairs or ()
        if value is None:
            return {local: None for local, _ in pairs if isinstance(local, Column)}
        if not isinstance(value, relationship.mapper.class_):
            pytest.fail(f"{what} takes an object of {relationship.mapper.class_.__name__}, and not {value!r}")
        held = inspect(value).mapper
        return {
            local: self._written(mapper, local, getattr(value, held.get_property_by_column(remote).key))
            for local, remote in pairs
            if isinstance(local, Column) and isinstance(remote, Column)
        }

    def _written(self, mapper: Mapper[Any], column: Column[Any], value: Any) -> str | None:
        """A value as PostgreSQL writes it."""
        __tracebackhide__ = True
        if value is None:
            return None
        bound = bindparam("value", value, type_=column.type)
        try:
            with self.database.connection.begin_nested():
                written = self.database.connection.scalar(select(cast(bound, Text)))
        except DBAPIError as error:
            problem = message(error)
        except (StatementError, TypeError, ValueError) as error:
            # SQLAlchemy's type refuses it, or the driver.
            problem = str(getattr(error, "orig", error))
        else:
            return None if written is None else str(written)
        name = mapper.get_property_by_column(column).key
        pytest.fail(f"make_row({mapper.class_.__name__}): {name} can't be {value!r}: {problem}")


def mapper_of(model: object) -> Mapper[Any]:
    """The mapper of a class.

    Fails the test where it has none.
    """
    __tracebackhide__ = True
    try:
        found = inspect(model, raiseerr=True)
    except NoInspectionAvailable:
        found = None
    if not isinstance(found, Mapper):
        pytest.fail(f"{model!r} is no mapped class")
    return found


def _to_one(mapper: Mapper[Any]) -> list[str]:
    """The relationships by which a row itself refers to another one."""
    return [
        name
        for name, relationship in mapper.relationships.items()
        if relationship.direction is RelationshipDirection.MANYTOONE
    ]
