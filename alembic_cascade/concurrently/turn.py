"""Only one migration of a schema runs concurrently at a time: the others wait for their turn."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING

from alembic.operations import AbstractOperations, Operations
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.steps import is_plain, keep_session
from alembic_cascade.concurrently.version import step_along
from alembic_cascade.dbapi_errors import message
from alembic_cascade.errors import AutocommitRequired, LockNotAcquired, MigratedMeanwhile, UnsupportedDialect
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.ops import BeginConcurrentlyOp
from alembic_cascade.running import asked_connection, execute, is_about_locks, located_table, make_functions
from alembic_cascade.sql.quoting import quote_literal, quote_table, verbatim

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

log = logging.getLogger("alembic.cascade")

LONGEST_WAIT = 300

# https://www.postgresql.org/docs/current/view-pg-locks.html: a lock on one bigint is shown in two halves.
HOLDER_OF_TURN = """
SELECT pg_catalog.format('pid %s (%s, %s)', holder.pid, coalesce(usename::text, '?'), coalesce(state, 'unknown'))
FROM pg_catalog.pg_locks AS holder LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = holder.pid
WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    AND classid::bigint = (({key} >> 32) & 4294967295) AND objid::bigint = ({key} & 4294967295)
"""
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
        key = key_of_turn(located_table(operations, _version_table(context)))
        taking = f"CALL pg_temp.cascade_take_turn({key}, {LONGEST_WAIT})"
        make_functions(operations, taking)
        execute(operations, taking)
    elif is_plain(operations):
        # Of this run alone: the block that follows would end with an AssertionError.
        vars(context)["autocommit_block"] = nullcontext
    else:
        turn = _Turn(context, connection, located_table(operations, _version_table(context)))
        turn.take()
        turn.compare_heads(operation.to_revision)


def _version_table(context: MigrationContext) -> TableName:
    return TableName(context.version_table_schema, context.version_table)


def key_of_turn(version: TableName) -> str:
    """What the lock is on, as an SQL expression: the version table, wherever it is."""
    schema = quote_literal(version.schema) if version.schema else "current_schema()"
    return f"pg_catalog.format('alembic_cascade %I %I', {schema}, {quote_literal(version.name)})"


@dataclass
class _Turn:
    """The turn of one migration, and what it finds of the others' when it has it."""

    context: MigrationContext
    connection: Connection
    version: TableName
    before: tuple[str, ...] = field(init=False, default=())

    def take(self) -> None:
        """Wait until no other migration runs, without a snapshot that would grow old meanwhile.

        Errors: :exc:`.LockNotAcquired`; :exc:`.AutocommitRequired` in a transaction of somebody else's.
        """
        self.before = self.context.get_current_heads()
        key = f"pg_catalog.hashtextextended({key_of_turn(self.version)}, 0)"
        try:
            with self.context.autocommit_block():
                self._wait(key)
        except AssertionError as error:
            raise AutocommitRequired(
                "op.begin_concurrently()",
                "the connection is in a transaction that Alembic did not begin: nothing can be committed step by step",
            ) from error
        _end_turn_with_revision(self.connection, f"SELECT pg_catalog.pg_advisory_unlock({key})")
        keep_session(self.context, self.connection)

    def _wait(self, key: str) -> None:
        started = reported = monotonic()
        waited = False
        while not self.connection.scalar(verbatim(f"SELECT pg_catalog.pg_try_advisory_lock({key})")):
            now = monotonic()
            if not waited or now - reported > SECONDS_BETWEEN_REPORTS:
                log.info(
                    "another migration is running, waiting for its end (%.0f s): %s", now - started, self._holder(key)
                )
                waited, reported = True, now
            if now - started > LONGEST_WAIT:
                raise LockNotAcquired(
                    str(self.version),
                    "op.begin_concurrently()",
                    f"another migration has been running for more than {LONGEST_WAIT} s: {self._holder(key)}",
                    "Nothing was changed. Run the migration again when it has ended; end that session where it runs "
                    "none, as after a pooler has kept it.",
                )
            sleep(0.5)

    def _holder(self, key: str) -> str:
        """The session whose turn it is, in words."""
        return self.connection.scalar(verbatim(HOLDER_OF_TURN.format(key=key))) or "it has just ended"

    def compare_heads(self, to_revision: object) -> None:
        """Go on where the other migration did nothing, or exactly this revision.

        Errors: :exc:`.MigratedMeanwhile` where it did something else; :exc:`.LockNotAcquired`.
        """
        # Nothing has been read in this transaction yet: what follows sees what the other one committed.
        _lock_version(self.version, self.connection)
        before, after = self.before, self.context.get_current_heads()
        done = () if to_revision is None else (to_revision,)
        if before == done:
            # Done between Alembic's look at the version and ours.
            raise MigratedMeanwhile(("another revision",), before)
        if after == before:
            return
        if after != done or len(before) > 1:
            raise MigratedMeanwhile(before, after)
        log.info("the other migration has brought the database from %s to %s", _heads(before), _heads(after))
        step_along(self.context, self.connection, self.version, before, after)


def _lock_version(version: TableName, connection: Connection) -> None:
    """Wait for the revision of another migration, which may be on the point of being committed.

    Errors: :exc:`.LockNotAcquired`.
    """
    table = quote_table(*version)
    started = reported = monotonic()
    connection.execute(verbatim("SET LOCAL lock_timeout TO '500ms'"))
    while True:
        try:
            with connection.begin_nested():
                connection.execute(verbatim(f"LOCK TABLE {table} IN SHARE MODE"))
        except DBAPIError as error:
            if not is_about_locks(error):
                raise
            now = monotonic()
            if now - started > LONGEST_WAIT:
                raise LockNotAcquired(table, "op.begin_concurrently()", message(error)) from error
            if reported == started or now - reported > SECONDS_BETWEEN_REPORTS:
                log.info("another session is writing %s, waiting for its end (%.0f s)", table, now - started)
                reported = now
            sleep(0.5)
        else:
            return


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
