"""Work of which nothing stays in the database, whatever the connection does about transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from alembic_cascade.sql.quoting import verbatim

# Whether two statements are of one transaction: a setting that is local to it is gone after it.
_MARK = "SELECT pg_catalog.set_config('alembic_cascade.in_transaction', 'on', true)"
_MARKED = "SELECT pg_catalog.current_setting('alembic_cascade.in_transaction', true)"


@contextmanager
def rolled_back(connection: Connection) -> Iterator[None]:
    """Work of which nothing stays, whether env.py has begun a transaction or leaves each statement to itself."""
    connection.execute(verbatim(_MARK))
    if connection.scalar(verbatim(_MARKED)) == "on":
        with connection.begin_nested() as savepoint:
            try:
                yield
            finally:
                savepoint.rollback()
        return
    connection.execute(verbatim("BEGIN"))
    try:
        yield
    finally:
        connection.execute(verbatim("ROLLBACK"))
