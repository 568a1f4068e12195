"""The columns of a table, as the models declare them, else as the database has them."""

from __future__ import annotations

from sqlalchemy import Dialect, Table
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeEngine

from alembic_cascade.audit.subject import Subject
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.report import ReportedColumn


def columns_of(subject: Subject, name: TableName, declared: Table | None) -> tuple[ReportedColumn, ...]:
    """The table's columns in their order; none of a table that neither side has."""
    if declared is not None:
        return tuple(
            ReportedColumn(
                column.name, type_as_sql(column.type, subject.dialect), bool(column.nullable), column.primary_key
            )
            for column in declared.columns
        )
    present = {} if subject.database is None else subject.database.columns.get(name, {})
    return tuple(
        ReportedColumn(column, facts.type, facts.nullable, primary_key=False) for column, facts in present.items()
    )


def type_as_sql(type_: TypeEngine[object], dialect: Dialect) -> str:
    """A type as SQL; its name in SQLAlchemy where the dialect has no word for it."""
    try:
        return type_.compile(dialect=dialect)
    except CompileError:
        return repr(type_)
