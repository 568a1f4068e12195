"""What is tried on the rows of a story that are needed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that is never committed."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
