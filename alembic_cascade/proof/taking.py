"""Rows that exist, where none can be made: copied, or taken as they are, for what is undone."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.proof.catalogue import Catalogue, Table
from alembic_cascade.proof.statements import Values, all_equal, change_of_first, copy, nobody_refers, selection
from alembic_cascade.sql.quoting import verbatim

# So many rows are tried as originals.
ORIGINALS = 3


def some_row(connection: Connection, table: Table, known: Values | None = None) -> Values | None:
    """The first row, or the one with these values; None where there is none."""
    return _row(connection, table, selection(table, all_equal(known or {})))


def copy_of_a_row(connection: Connection, table: Table, given: Values, others: Values) -> Values | None:
    """A copy of a row but for the ``given`` values and ``others``; None where it is refused, or there is no row.

    Where a copy is refused, the first row is given the values.
    """
    for original in range(ORIGINALS):
        copied = _row(connection, table, copy(table, {**others, **given}, original))
        if copied is not None:
            return copied
    return _row(connection, table, change_of_first(table, given)) if given and not table.partitioned else None


def row_that_nobody_needs(connection: Connection, table: Table, catalogue: Catalogue) -> Values | None:
    """The first row that no other one refers to: it can be deleted as one that was made."""
    keys = catalogue.keys_to.get(table.oid, ())
    conditions = [nobody_refers(key, catalogue.tables[key.child], table) for key in keys]
    return _row(connection, table, selection(table, " AND ".join(conditions) or "true"))


def _row(connection: Connection, table: Table, statement: str) -> Values | None:
    try:
        with connection.begin_nested():
            found = connection.execute(verbatim(statement)).first()
    except DBAPIError:
        return None
    return None if found is None else dict(zip(table.columns, found[0], strict=True))
