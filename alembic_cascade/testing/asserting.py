"""What becomes of rows when another one is deleted, asserted in people's own tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pytest
from sqlalchemy import Table, and_, delete, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstanceState, Mapper, object_session

from alembic_cascade.audit.relations import table_name
from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.proof.deleting import refusal_of
from alembic_cascade.proof.refusals import CannotMake, is_of_sqlalchemy
from alembic_cascade.sql.quoting import verbatim
from alembic_cascade.testing.database import CascadeDatabase

By = Literal["session", "sql"]
AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"


class AssertCascades:
    """Deletes a row, and looks what becomes of others."""

    def __init__(self, database: CascadeDatabase) -> None:
        self._database = database

    def __call__(
        self,
        parent: object,
        /,
        *,
        gone: Iterable[object] = (),
        nulled: Iterable[object] = (),
        refused: bool = False,
        by: By = "session",
    ) -> None:
        """Delete the parent, and assert that the rows of ``gone`` went with it, and those of ``nulled`` let go of it.

        ``gone`` may be rows that go with others of them. A row of ``nulled`` has to refer to the parent or to one that
        goes, and to have NULL there afterwards. With ``refused`` the delete itself is to be refused, with nothing
        changed. ``by="session"`` deletes as an application does, by ``session.delete()`` and ``flush()``; ``by="sql"``
        by a DELETE, so that foreign keys act alone. Deferred keys are checked at once.

        Fails the test, in words.
        """
        __tracebackhide__ = True
        doomed, *gone_rows = map(_row, (parent, *gone))
        nulled_rows = list(map(_row, nulled))
        if refused and (gone_rows or nulled_rows):
            pytest.fail("assert_cascades(): where the delete is refused, nothing is gone or nulled")
        if by not in get_args(By):
            pytest.fail(f"assert_cascades(): by is one of {get_args(By)}, and not {by!r}")
        rows = (doomed, *gone_rows, *nulled_rows)
        self._check_rows(rows)
        held = {row: self._references(row, [doomed, *gone_rows]) for row in nulled_rows}
        for row, keys in held.items():
            if not keys:
                pytest.fail(f"{row} refers neither to {doomed} nor to a row that is to go: nothing can be nulled there")
        refusal = self._refusal(doomed, by)
        what = f"The delete of {doomed} by {'session.delete()' if by == 'session' else 'SQL'}"
        if refused:
            if refusal is None:
                pytest.fail(f"{what} was to be refused, and was not.{self._rules(rows)}")
            return
        if refusal is not None:
            pytest.fail(f"{what} was refused: {refusal}{self._rules(rows)}")
        problems = [
            *(problem for row in (doomed, *gone_rows) for problem in self._not_gone(row)),
            *(problem for row, keys in held.items() for problem in self._not_nulled(row, keys)),
        ]
        self._let_go(rows)
        if problems:
            lines = "".join(f"\n  {problem}" for problem in problems)
            pytest.fail(f"{what} was not as asserted:{lines}{self._rules(rows)}")

    def _check_rows(self, rows: Iterable[_Row]) -> None:
        """Fails the test where the session has no such row; else all of its columns can be read afterwards."""
        __tracebackhide__ = True
        session = self._database.session
        session.flush()
        for row in rows:
            if object_session(row.state.object) is not session or row.state.identity is None:
                pytest.fail(f"{row} is no row of the session of cascade_database")
            session.refresh(row.state.object, row.mapper.column_attrs.keys())

    def _refusal(self, doomed: _Row, by: By) -> str | None:
        """Delete it; where that is refused, why."""
        session = self._database.session
        try:
            with session.begin_nested():
                connection = session.connection()
                connection.execute(verbatim(AT_ONCE))
                if by == "session":
                    session.delete(doomed.state.object)
                    session.flush()
                else:
                    table = doomed.mapper.base_mapper.local_table
                    assert isinstance(table, Table)
                    connection.execute(delete(table).where(doomed.is_it(table)))
        except DBAPIError as error:
            try:
                return refusal_of(error).words
            except CannotMake:
                raise error from None
        except Exception as error:
            # SQLAlchemy's own, as where it would have to set NULL in a primary key.
            if not is_of_sqlalchemy(error):
                raise
            return str(error)
        return None

    def _let_go(self, rows: Iterable[_Row]) -> None:
        """Let the session know what is gone; what is in such an object can be read all the same."""
        session = self._database.session
        for row in rows:
            if row.state.persistent and not any(self._count(row, table) for table in row.tables):
                session.expunge(row.state.object)
        session.expire_all()

    def _references(self, row: _Row, to: list[_Row]) -> list[_Reference]:
        """The keys by which a row refers to one of these."""
        return [
            reference
            for reference in _references_of(row.mapper)
            for other in to
            if reference.parent in other.tables and self._leads(row, reference, other)
        ]

    def _leads(self, row: _Row, reference: _Reference, other: _Row) -> bool:
        connection = self._database.connection
        ours = connection.execute(
            select(*(local for local, _ in reference.pairs)).where(row.is_it(reference.child))
        ).first()
        theirs = connection.execute(
            select(*(remote for _, remote in reference.pairs)).where(other.is_it(reference.parent))
        ).first()
        return ours is not None and theirs is not None and None not in ours and tuple(ours) == tuple(theirs)

    def _not_gone(self, row: _Row) -> Iterator[str]:
        tables = [table for table in row.tables if self._count(row, table)]
        if tables and len(tables) < len(row.tables):
            names = ", ".join(str(table_name(table)) for table in tables)
            yield f"{row} was to be gone, and its row of {names} is still there"
        elif tables:
            yield f"{row} was to be gone, and is still there"

    def _not_nulled(self, row: _Row, references: list[_Reference]) -> Iterator[str]:
        for reference in references:
            found = self._database.connection.execute(
                select(*(local for local, _ in reference.pairs)).where(row.is_it(reference.child))
            ).first()
            if found is None:
                yield f"{row} was to stay, with NULL in {reference.columns}, and is gone"
                return
            if all(value is not None for value in found):
                shown = ", ".join(map(repr, found))
                yield f"{row} was to have NULL in {reference.columns}, and has {shown}"

    def _count(self, row: _Row, table: Table) -> bool:
        return (
            self._database.connection.execute(select(1).select_from(table).where(row.is_it(table))).first() is not None
        )

    def _rules(self, rows: Iterable[_Row]) -> str:
        """What the database says of the keys between the rows."""
        catalogue = self._database.ground.catalogue
        names = {self._database.ground.table(table_name(table)): None for row in rows for table in row.tables}
        oids = {table.oid for table in names if table is not None}
        told = [
            f"\n  {column_list(TableName(None, catalogue.tables[key.child].label), key.columns)} -> "
            f"{catalogue.tables[key.parent].label} is ON DELETE {key.ondelete}"
            for oid in sorted(oids)
            for key in catalogue.tables[oid].keys
            if key.parent in oids and not key.is_clone
        ]
        return "".join(["\nIn the database," if told else "", *told])


@dataclass(frozen=True)
class _Reference:
    child: Table
    parent: Table
    pairs: tuple[tuple[Any, Any], ...]

    @property
    def columns(self) -> str:
        return column_list(table_name(self.child), tuple(str(local.name) for local, _ in self.pairs))


@dataclass(frozen=True, eq=False)
class _Row:
    """An object's rows."""

    state: InstanceState[Any]

    @property
    def mapper(self) -> Mapper[Any]:
        return self.state.mapper

    @property
    def tables(self) -> list[Table]:
        return [table for table in self.mapper.tables if isinstance(table, Table)]

    def is_it(self, table: Table) -> Any:
        """That a row of one of its tables is the one."""
        assert self.state.identity is not None
        values = dict(zip(self.mapper.primary_key, self.state.identity, strict=True))
        conditions = []
        for column, value in values.items():
            prop = self.mapper.get_property_by_column(column)
            conditions += [one == value for one in getattr(prop, "columns", [column]) if one.table is table]
        return and_(*conditions)

    def __str__(self) -> str:
        name = self.mapper.class_.__name__
        return name if self.state.identity is None else f"{name} {', '.join(map(str, self.state.identity))}"


def _row(one: object) -> _Row:
    __tracebackhide__ = True
    state = inspect(one, raiseerr=False)
    if not isinstance(state, InstanceState):
        pytest.fail(f"{one!r} is no object of a mapped class")
    return _Row(state)


def _references_of(mapper: Mapper[Any]) -> Iterator[_Reference]:
    for table in mapper.tables:
        if isinstance(table, Table):
            for constraint in table.foreign_key_constraints:
                pairs = tuple((element.parent, element.column) for element in constraint.elements)
                yield _Reference(table, constraint.referred_table, pairs)
