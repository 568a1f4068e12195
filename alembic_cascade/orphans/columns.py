"""The columns of relations, and the form in which values of different tables are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Numeric,
    Text,
    case,
    cast,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import sqlstate
from alembic_cascade.sql.quoting import quote_literal, verbatim
from alembic_cascade.sql.system_tables import pg_attribute

# What JSON has a type of its own for.
INTEGERS = ("smallint", "integer", "bigint")

# Data exceptions, checks of domains, and casts that do not exist:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
NOT_OF_THE_TYPE = ("22", "23", "42")


@dataclass(frozen=True)
class Column:
    """A column of a relation.

    ``type`` is what it was in the table that it comes from; ``input_type`` reads a value of it, and is text
    where a type of the user's is gone by now.
    """

    name: str
    type: str
    input_type: str

    @property
    def is_number(self) -> bool:
        return self.input_type in {*INTEGERS, "numeric", "real", "double precision"}

    @property
    def is_numeric(self) -> bool:
        return self.input_type == "numeric"

    @property
    def is_case_insensitive(self) -> bool:
        # The extension may be in any schema.
        return self.type.rpartition(".")[2] == "citext"


def columns_of(connection: Connection, relations: Iterable[int], *, kept: bool) -> dict[int, tuple[Column, ...]]:
    """The columns of relations in their order; in ``kept`` ones a remark names the type of a value that is text."""
    attribute = pg_attribute
    # Without the modifier, which would silently cut what is cast to varchar(10).
    plain = func.format_type(attribute.c.atttypid, -1)
    shown = func.format_type(attribute.c.atttypid, attribute.c.atttypmod)
    remark = func.col_description(attribute.c.attrelid, attribute.c.attnum) if kept else cast(None, Text)
    query = (
        select(
            attribute.c.attrelid,
            attribute.c.attname,
            func.coalesce(remark, shown),
            case((remark.is_not(None), func.coalesce(cast(func.to_regtype(remark), Text), "text")), else_=plain),
        )
        .where(attribute.c.attrelid.in_(list(relations)), attribute.c.attnum > 0, ~attribute.c.attisdropped)
        .order_by(attribute.c.attrelid, attribute.c.attnum)
    )
    found = [tuple(row) for row in connection.execute(query)]
    return {oid: tuple(Column(*rest) for _, *rest in rows) for oid, rows in groupby(found, key=lambda row: row[0])}


def comparable(value: ColumnElement[Any], kind: Column) -> ColumnElement[str]:
    """``value`` as a text that is the same for equal values of ``kind``."""
    if kind.is_numeric:
        return cast(func.trim_scale(cast(value, Numeric)), Text)
    if kind.is_case_insensitive:
        return func.lower(cast(value, Text), type_=Text())
    return cast(value, Text)


def equal(
    value: ColumnElement[Any], kind: Column, other: ColumnElement[Any], other_kind: Column
) -> ColumnElement[bool]:
    """That values of two tables are equal; case makes no difference where it makes none in one of them."""
    mine, theirs = comparable(value, kind), comparable(other, other_kind)
    if kind.is_case_insensitive is other_kind.is_case_insensitive:
        return mine == theirs
    return func.lower(mine) == func.lower(theirs)


def read_value(connection: Connection, kind: Column, text: str) -> str | None:
    """``text`` as PostgreSQL writes a value of the column's type, None where it can't be read as one."""
    try:
        with connection.begin_nested():
            written = connection.scalar(verbatim(f"SELECT CAST({quote_literal(text)} AS {kind.input_type})::text"))
    except DBAPIError as error:
        if not (sqlstate(error) or "").startswith(NOT_OF_THE_TYPE):
            raise
        return None
    return str(written)
