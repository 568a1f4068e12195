"""What all operations need where they run: the connection, the tables really meant, one way to execute."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from alembic.operations import AbstractOperations
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.statements import concurrent_function_statements
from alembic_cascade.dbapi_errors import message, sqlstate
from alembic_cascade.errors import SessionLost, TableNotFound
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.lifecycle.server_functions import lifecycle_function_statements
from alembic_cascade.orphans.statements import function_statements
from alembic_cascade.sql.catalogue import regclass
from alembic_cascade.sql.functions import functions_called, make_in_session
from alembic_cascade.sql.lock_timeout import END_OF_LIMIT, limit_waiting
from alembic_cascade.sql.quoting import verbatim
from alembic_cascade.sql.translation_block import translation_functions

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

log = logging.getLogger("alembic.cascade")

# What was done with the orphans of a key, for the line of the operation that makes it in the same run.
_settled: WeakKeyDictionary[MigrationContext, dict[str, str]] = WeakKeyDictionary()

# The names of the functions that a script has already: it is one session.
_written: WeakKeyDictionary[MigrationContext, frozenset[str]] = WeakKeyDictionary()

UNDEFINED_FUNCTION = "42883"

# Too many rows, data exceptions, violated constraints, what others depend on, what is unknown, doubled or forbidden,
# what a trigger refuses or a limit:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
ABOUT_INPUT = ("0A", "21", "22", "23", "27", "2B", "38", "39", "42", "44", "54", "55000", "55006", "P0")


def asked_connection(operations: AbstractOperations) -> Connection | None:
    """The connection to ask, None where a script is written."""
    context = operations.migration_context
    return None if context.as_sql else context.connection


def located(operations: AbstractOperations, key: ForeignKey) -> ForeignKey:
    """``key`` with its tables in the schemas really meant."""
    return replace(
        key,
        source=located_table(operations, key.source),
        referent=located_table(operations, key.referent),
    )


def located_table(operations: AbstractOperations, table: TableName) -> TableName:
    """``table`` with the connection's schema_translate_map applied, as Alembic's own operations have it."""
    connection = asked_connection(operations)
    translated = connection.get_execution_options().get("schema_translate_map") if connection is not None else None
    return TableName((translated or {}).get(table.schema, table.schema), table.name)


def ready(operations: AbstractOperations, label: str, tables: Iterable[TableName], *, if_exists: bool) -> bool:
    """Whether the tables are there; a script asks this when it runs.

    Errors: :exc:`.TableNotFound`, unless ``if_exists``.
    """
    connection = asked_connection(operations)
    if connection is None:
        return True
    for table in tables:
        if connection.scalar(select(regclass(table))) is None:
            if not if_exists:
                raise TableNotFound(str(table), label)
            log.info("%s: skipped, the table %s does not exist", label, table)
            return False
    return True


def is_about_input(error: DBAPIError) -> bool:
    """Whether the server refuses what the operation says, rather than being out of order itself."""
    return (sqlstate(error) or "").startswith(ABOUT_INPUT)


def is_about_locks(error: DBAPIError) -> bool:
    """Whether another session was in the way: a deadlock, a lock_timeout, or a serialization failure."""
    return sqlstate(error) in {"40001", "40P01", "55P03"}


def execute(operations: AbstractOperations, statement: str) -> None:
    """Run the statement, or write it into the script exactly as it is."""
    context = operations.migration_context
    if context.as_sql:
        context.impl.static_output(f"{statement}{context.impl.command_terminator}")
    else:
        with _one_session():
            context.impl.execute(verbatim(statement))


@contextmanager
def _one_session() -> Iterator[None]:
    """Say it where the session has not what was made in it.

    Errors: :exc:`.SessionLost`.
    """
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) == UNDEFINED_FUNCTION and "pg_temp.cascade_" in message(error):
            raise SessionLost from error
        raise


def make_functions(operations: AbstractOperations, *statements: str) -> None:
    """Make the functions that the statements call, each once in a session, which they live as long as."""
    connection = asked_connection(operations)
    if connection is not None:
        make_in_session(connection, statements, all_functions())
        return
    called = functions_called(statements, all_functions())
    context = operations.migration_context
    written = _written.get(context, frozenset())
    for name, statement in called.items():
        if name not in written:
            execute(operations, statement)
    _written[context] = written | called.keys()


def leave_functions_out(context: MigrationContext) -> None:
    """Write none of them into the script: somebody else makes them."""
    _written[context] = frozenset(functions_called(all_functions(), all_functions()))


def all_functions() -> tuple[str, ...]:
    """The statements that make them, for this session only."""
    return (
        *function_statements(),
        *translation_functions(),
        *concurrent_function_statements(),
        *lifecycle_function_statements(),
    )


@contextmanager
def waiting(operations: AbstractOperations, milliseconds: int | None) -> Iterator[None]:
    """Let a statement wait no longer than that for a lock; None is as long as the session says."""
    if milliseconds is None:
        yield
        return
    # A shorter one of the session's stays; the transaction goes on with what it had.
    query(operations, limit_waiting(milliseconds))
    yield
    query(operations, END_OF_LIMIT)


def query(operations: AbstractOperations, statement: str) -> list[tuple[str, ...]]:
    """Run the statement and return its rows, or write it into the script, which has none."""
    connection = asked_connection(operations)
    if connection is None:
        execute(operations, statement)
        return []
    with _one_session():
        return [tuple(row) for row in connection.execute(verbatim(statement))]


def settled(operations: AbstractOperations, key: str, words: str | None = None) -> str:
    """What was done with the orphans of the key with that label, ready to follow it in a line; ``words`` say it."""
    told = _settled.setdefault(operations.migration_context, {})
    if words is not None:
        told[key] = words
    return f", {told[key]}" if key in told else ""
