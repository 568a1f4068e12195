"""Rows for people's own tests: values of all kinds, what they refer to, and what can't be made."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    JSON,
    CheckConstraint,
    Connection,
    DateTime,
    Engine,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    String,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from alembic_cascade.testing import CascadeDatabase, MakeRow

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(DeclarativeBase):
    """Models of a shop with staff."""


class Colour(enum.Enum):
    """Stored by its names."""

    RED = 1
    BLUE = 2


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(String(8), CheckConstraint("length(name) > 2"), unique=True)
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012 - as in SQLAlchemy's manual


class Employee(Person):
    __tablename__ = "employees"
    id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    boss_id: Mapped[int | None] = mapped_column(ForeignKey("employees.id"))
    boss: Mapped[Employee | None] = relationship(foreign_keys=boss_id, remote_side="Employee.id")
    __mapper_args__ = {  # noqa: RUF012 - likewise
        "polymorphic_identity": "employee",
        "inherit_condition": id == Person.id,  # noqa: A003 - the column
    }


class Order(Base):
    __tablename__ = "orders"
    shop: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    person: Mapped[Person] = relationship()
    lines: Mapped[list[Line]] = relationship(back_populates="order")


class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str]
    order_number: Mapped[int] = mapped_column("number")
    colour: Mapped[Colour | None] = mapped_column(Enum(Colour))
    on: Mapped[date | None]
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    data: Mapped[Any | None] = mapped_column(JSON)
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    raw: Mapped[bytes | None]
    order: Mapped[Order] = relationship(back_populates="lines")
    __table_args__ = (ForeignKeyConstraint(["shop", "number"], ["orders.shop", "orders.number"], ondelete="CASCADE"),)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """The tables, in a transaction that is not committed."""
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        yield connection


@pytest.fixture
def make_row(connection: Connection) -> Iterator[MakeRow]:
    """As the plugin gives it."""
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        yield MakeRow(CascadeDatabase(connection, session, (Base.metadata,)))


def test_values_are_those_of_attributes_in_their_own_types(make_row: MakeRow) -> None:
    """What goes in comes out, whatever a column is called and however its type is written."""
    values = {
        "order_number": 7,
        "colour": Colour.BLUE,
        "on": date(2026, 2, 3),
        "at": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        "data": {"a": [1, None]},
        "tags": ["x", "y'z"],
        "raw": b"\x00\\",
    }
    line = make_row(Line, **values)
    assert {name: getattr(line, name) for name in values} == values
    assert (line.order.number, line.order.shop, len(line.order.person.name) > 2) == (7, line.shop, True)


def test_what_nobody_asked_for_is_made_once_in_a_test(make_row: MakeRow, connection: Connection) -> None:
    """Two rows need not have two parents; a parent that was given is taken."""
    one, other = make_row(Line), make_row(Line)
    assert (one.id != other.id, one.order is other.order) == (True, True)
    order = make_row(Order, person=make_row(Person, name="Ann"))
    assert make_row(Line, order=order).order.person.name == "Ann"
    assert connection.scalar(select(func.count()).select_from(Order)) == 2


def test_an_object_of_a_subclass_has_a_row_in_each_of_its_tables(make_row: MakeRow) -> None:
    """Its values may be of either."""
    boss = make_row(Employee, name="Eve")
    employee = make_row(Employee, boss=boss, name="Bob")
    assert (employee.kind, employee.boss_id, employee.boss) == ("employee", boss.id, boss)
    assert make_row(Employee, boss=None).boss is None


def test_rows_outlast_what_the_session_rolls_back(make_row: MakeRow) -> None:
    """They are there as if somebody else had committed them; what was pending before, too."""
    session = make_row.database.session
    session.add(Person(kind="person", name="Pending"))
    person = make_row(Person, name="Made")
    session.rollback()
    assert set(session.scalars(select(Person.name))) == {"Pending", person.name}


@pytest.mark.parametrize(
    ("model", "values", "said"),
    [
        (Line, {"titel": 1}, "make_row(Line): it has no titel, but id, shop, order_number, colour, on, at, data, tags, raw, order"),
        (Order, {"lines": []}, "make_row(Order): lines is not on the side that refers. Make the rows of the other side, with this one."),
        (Line, {"order_number": "x"}, "make_row(Line): order_number can't be 'x': invalid input syntax for type integer"),
        (Line, {"data": int}, "make_row(Line): data can't be <class 'int'>: Object of type type is not JSON serializable"),
        (Line, {"order": 3}, "make_row(Line): order takes an object of Order, and not 3"),
        (Person, {"name": "x"}, "make_row(Person, name='x'): "),
        (Order.__table__, {}, "Table('orders', "),
        (int, {}, "<class 'int'> is no mapped class"),
    ],
)  # fmt: skip
def test_what_can_not_be_made_is_said_in_words(
    make_row: MakeRow, model: Any, values: dict[str, Any], said: str
) -> None:
    """It is the test that fails, at its own line."""
    with pytest.raises(pytest.fail.Exception) as failed:
        make_row(model, **values)
    assert str(failed.value).startswith(said)
    # Nothing of how it came to that is shown, and the test can go on.
    assert failed.value.__context__ is None
    assert make_row(Person).kind == "person"
