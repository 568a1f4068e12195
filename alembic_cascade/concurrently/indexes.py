"""Indexes on the columns of keys, built and dropped while other sessions go on."""

from __future__ import annotations

import logging
from time import monotonic
from typing import NoReturn

from alembic.operations import AbstractOperations, Operations
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.statements import (
    END_OF_PATIENCE,
    Step,
    before_build,
    drop_partitioned_index,
    finish_index_statement,
    index_drop_statements,
    index_statements,
    patient,
)
from alembic_cascade.concurrently.steps import QUERY_CANCELED, is_plain, needs_autocommit, run_step
from alembic_cascade.dbapi_errors import message, sqlstate
from alembic_cascade.errors import STEPS_STAY, ForeignKeyRefused, LockNotAcquired, StatementCanceled, UnsupportedDialect
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.locking import SHORT
from alembic_cascade.ops import AddForeignKeyIndexOp, DropForeignKeyIndexOp
from alembic_cascade.running import (
    asked_connection,
    execute,
    is_about_input,
    is_about_locks,
    located_table,
    make_functions,
    query,
    ready,
)
from alembic_cascade.sql.quoting import quote_table

log = logging.getLogger("alembic.cascade")

# A build waits for transactions that are older than itself, and stands in nobody's way meanwhile.
BUILDS = 3

# What the server says of one that has no index yet.
NEW_PARTITION = "a partition came meanwhile"


@Operations.implementation_for(AddForeignKeyIndexOp)
def add_foreign_key_index(operations: AbstractOperations, operation: AddForeignKeyIndexOp) -> None:
    """Build under another name, then rename: what was interrupted is known by it."""
    source = _located(operations, operation)
    if source is None:
        return
    statement = finish_index_statement(
        operation.label, operation.index_name, source, operation.local_cols, str(operation.revision),
        if_exists=operation.if_exists,
    )  # fmt: skip
    step = Step(operation.label, statement, (quote_table(*source),), operation.locking.waiting)
    building = index_statements(operation.index_name, source, operation.local_cols, plainly=is_plain(operations))
    said = [NEW_PARTITION]
    while NEW_PARTITION in said:
        _run_each(operations, operation, building)
        try:
            said = run_step(operations, step)
        except DBAPIError as error:
            _refuse(operation, error)


@Operations.implementation_for(DropForeignKeyIndexOp)
def drop_foreign_key_index(operations: AbstractOperations, operation: DropForeignKeyIndexOp) -> None:
    """Drop what the revision made, and what it left unfinished."""
    source = _located(operations, operation)
    if source is None:
        return
    revision, plainly = str(operation.revision), is_plain(operations)
    statement = drop_partitioned_index(source, revision)
    run_step(operations, Step(operation.label, statement, (quote_table(*source),), operation.locking.waiting))
    _run_each(
        operations,
        operation,
        index_drop_statements(source, operation.local_cols, revision, plainly=plainly),
    )


def _located(
    operations: AbstractOperations, operation: AddForeignKeyIndexOp | DropForeignKeyIndexOp
) -> TableName | None:
    """The table really meant, None where it is absent and may be."""
    dialect = operations.migration_context.dialect.name
    if dialect != "postgresql":
        raise UnsupportedDialect(dialect, "op.add_foreign_key_index", "Use op.create_index.")
    needs_autocommit(operations, operation.label)
    source = located_table(operations, operation.source)
    if not ready(operations, operation.label, [source], if_exists=operation.if_exists):
        return None
    return source


def _run_each(
    operations: AbstractOperations, operation: AddForeignKeyIndexOp | DropForeignKeyIndexOp, listing: str
) -> None:
    """Run the statements that the query returns, and ask again until it returns none; in a script psql does it.

    Errors: :exc:`.LockNotAcquired`, :exc:`.ForeignKeyRefused`.
    """
    make_functions(operations, listing, before_build(located_table(operations, operation.source)))
    said = operation.locking.waiting
    patience = patient(None if said == SHORT else said)
    if asked_connection(operations) is None:
        execute(operations, patience)
        operations.migration_context.impl.static_output(f"{listing} \\gexec")
        execute(operations, END_OF_PATIENCE)
        return
    plainly = is_plain(operations)
    for number in range(1, BUILDS + 1):
        statements = _listed(operations, operation, listing)
        try:
            if not plainly:
                query(operations, patience)
            for statement in statements:
                started = monotonic()
                execute(operations, statement)
                log.info("%s: %s, %.2f s", operation.label, statement, monotonic() - started)
        except DBAPIError as error:
            if plainly or not is_about_locks(error):
                _refuse(operation, error)
            waited_for = _waited_for(operations, operation)
            if number == BUILDS:
                _refuse(operation, error, waited_for)
            log.warning(
                "%s: %s, try %d of %d; in the way: %s", operation.label, message(error), number, BUILDS, waited_for
            )
        else:
            return
        finally:
            connection = asked_connection(operations)
            if not plainly and connection is not None and not connection.invalidated:
                query(operations, END_OF_PATIENCE)


def _listed(
    operations: AbstractOperations, operation: AddForeignKeyIndexOp | DropForeignKeyIndexOp, listing: str
) -> list[str]:
    try:
        return [statement for (statement,) in query(operations, listing)]
    except DBAPIError as error:
        _refuse(operation, error)


def _waited_for(operations: AbstractOperations, operation: AddForeignKeyIndexOp | DropForeignKeyIndexOp) -> str:
    """The sessions whose end it waited for, in words."""
    listed = query(operations, before_build(located_table(operations, operation.source)))
    return "; ".join(words for (words,) in listed) or "nobody any more"


def _refuse(
    operation: AddForeignKeyIndexOp | DropForeignKeyIndexOp, error: DBAPIError, waited_for: str | None = None
) -> NoReturn:
    """Say what the server refuses in the terms of the operation.

    Errors: :exc:`.LockNotAcquired`, :exc:`.StatementCanceled`, :exc:`.ForeignKeyRefused`; what is neither as it is.
    """
    if sqlstate(error) == QUERY_CANCELED:
        raise StatementCanceled(operation.label, message(error)) from error
    if is_about_locks(error):
        raise LockNotAcquired(
            str(operation.source),
            operation.label,
            message(error)
            if waited_for is None
            else f"{message(error)}, {BUILDS} times over. In the way: {waited_for}",
            "An index that is not finished stays, unused; run the migration again: it is built anew.",
        ) from error
    if is_about_input(error):
        raise ForeignKeyRefused(
            str(operation.source),
            operation.index_name,
            f"index on {operation.label}",
            message(error),
            kept=STEPS_STAY,
        ) from error
    raise error
