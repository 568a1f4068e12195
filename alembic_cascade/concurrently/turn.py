"""Only one migration of a schema runs concurrently at a time: the others wait for their turn."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from time import monotonic, sleep
from typing import TYPE_CHECKING

from alembic.operations import AbstractOperations, Operations
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.steps import is_plain
from alembic_cascade.concurrently.version import step_along
from alembic_cascade.dbapi_errors import message
from alembic_cascade.errors import AutocommitRequired, LockNotAcquired, MigratedMeanwhile, UnsupportedDialect
from alembic_cascade.ops import BeginConcurrentlyOp
from alembic_cascade.running import asked_connection, execute, is_about_locks, make_functions
from alembic_cascade.sql.quoting import quote_literal, quote_table, verbatim

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

log = logging.getLogger("alembic.cascade")

LONGEST_WAIT = 300
SECONDS_BETWEEN_REPORTS = 10


@Operations.implementation_for(BeginConcurrentlyOp)
def begin_concurrently(operations: AbstractOperations, operation: BeginConcurrentlyOp) -> None:
    """Refuse somebody else's transaction, and take the turn of this migration."""
    context = operations.migration_context
    if context.dialect.name != "postgresql":
        raise UnsupportedDialect(
            context.dialect.name, "op.begin_concurrently", "Write the revision again without concurrently."
        )
    connection = asked_connection(operations)
    if connection is None:
        # Otherwise psql would go on after a step that failed, and write the revision's number.
        context.impl.static_output("\\set ON_ERROR_STOP on")
        make_functions(operations)
        execute(operations, f"CALL pg_temp.cascade_take_turn({_turn(context)}, {LONGEST_WAIT})")
    elif is_plain(operations):
        # Of this run alone: the block that follows would end with an AssertionError.
        vars(context)["autocommit_block"] = nullcontext
    else:
        _check_block(context)
        _take_turn(context, connection, operation.to_revision)


def _check_block(context: MigrationContext) -> None:
    """Make sure that an ``autocommit_block`` can follow.

    Errors: :exc:`.AutocommitRequired`.
    """
    try:
        with context.autocommit_block():
            pass
    except AssertionError as error:
        raise AutocommitRequired(
            "op.begin_concurrently()",
            "the connection is in a transaction that Alembic did not begin: nothing can be committed step by step",
        ) from error


def _turn(context: MigrationContext) -> str:
    """What the lock is on, as an SQL expression: the schema of the version table."""
    schema = quote_literal(context.version_table_schema) if context.version_table_schema else "current_schema()"
    return f"pg_catalog.format('alembic_cascade %I %I', {schema}, {quote_literal(context.version_table)})"


def _take_turn(context: MigrationContext, connection: Connection, to_revision: object) -> None:
    """Wait until no other migration runs.

    Errors: :exc:`.LockNotAcquired`, :exc:`.MigratedMeanwhile`.
    """
    key = f"pg_catalog.hashtextextended({_turn(context)}, 0)"
    before = context.get_current_heads()
    started = reported = monotonic()
    waited = False
    while not connection.scalar(verbatim(f"SELECT pg_catalog.pg_try_advisory_lock({key})")):
        now = monotonic()
        if not waited or now - reported > SECONDS_BETWEEN_REPORTS:
            log.info("another migration is running, waiting for its end (%.0f s)", now - started)
            waited, reported = True, now
        if now - started > LONGEST_WAIT:
            raise LockNotAcquired(
                context.version_table,
                "op.begin_concurrently()",
                f"another migration has been running for more than {LONGEST_WAIT} s",
                "Nothing was changed. Run the migration again when it has ended.",
            )
        sleep(0.5)
    _end_turn_with_revision(connection, f"SELECT pg_catalog.pg_advisory_unlock({key})")
    _lock_version(context, connection)
    _compare_heads(context, connection, before, to_revision)


def _lock_version(context: MigrationContext, connection: Connection) -> None:
    """Wait for the revision of another migration, which may be on the point of being committed.

    Errors: :exc:`.LockNotAcquired`.
    """
    version = quote_table(context.version_table_schema, context.version_table)
    started = reported = monotonic()
    connection.execute(verbatim("SET LOCAL lock_timeout TO '500ms'"))
    while True:
        try:
            with connection.begin_nested():
                connection.execute(verbatim(f"LOCK TABLE {version} IN SHARE MODE"))
        except DBAPIError as error:
            if not is_about_locks(error):
                raise
            now = monotonic()
            if now - started > LONGEST_WAIT:
                raise LockNotAcquired(context.version_table, "op.begin_concurrently()", message(error)) from error
            if reported == started or now - reported > SECONDS_BETWEEN_REPORTS:
                log.info("another session is writing %s, waiting for its end (%.0f s)", version, now - started)
                reported = now
            sleep(0.5)
        else:
            return


def _compare_heads(
    context: MigrationContext, connection: Connection, before: tuple[str, ...], to_revision: object
) -> None:
    """Go on where the other migration did nothing, or exactly this revision.

    Errors: :exc:`.MigratedMeanwhile` where it did something else.
    """
    after = context.get_current_heads()
    done = () if to_revision is None else (to_revision,)
    if before == done:
        # Done between Alembic's look at the version and ours.
        raise MigratedMeanwhile(("another revision",), before)
    if after == before:
        return
    if after != done or len(before) > 1:
        raise MigratedMeanwhile(before, after)
    log.info("the other migration has brought the database from %s to %s", _heads(before), _heads(after))
    step_along(context, connection, before, after)


def _heads(heads: tuple[str, ...]) -> str:
    return ", ".join(heads) or "the base"


def _end_turn_with_revision(connection: Connection, unlock: str) -> None:
    """Give the turn away with the commit that follows the ``autocommit_block``, that of the revision's number.

    Or with a rollback, whatever the reason: the session may live on in a pool.
    """
    state = {"held": True, "in_block": False}

    def on_commit(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            state["in_block"] = True
        elif state["held"] and state["in_block"]:
            state["held"] = False
            connection.execute(verbatim(unlock))

    def on_rollback(connection: Connection) -> None:
        if state["held"] and not connection.invalidated:
            state["held"] = False
            raw = connection.connection
            # A transaction in which a statement failed would refuse this one, too.
            raw.rollback()
            raw.cursor().execute(unlock)

    event.listen(connection, "commit", on_commit)
    event.listen(connection, "rollback", on_rollback)
