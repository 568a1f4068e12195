"""Does a step to its end: tries it again where locks can't be had, and says in the log how far it has come."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from alembic.operations import AbstractOperations
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.statements import FORGET_RUNS, TRIES, Step
from alembic_cascade.dbapi_errors import message, sqlstate
from alembic_cascade.errors import STEPS_STAY, AutocommitRequired, LockNotAcquired, SessionLost, StatementCanceled
from alembic_cascade.running import asked_connection, execute, is_about_locks, make_functions, query
from alembic_cascade.sql.quoting import verbatim

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

log = logging.getLogger("alembic.cascade")

PLAINLY = "cascade_plainly"

BACKEND = "SELECT pg_catalog.pg_backend_pid()"

# By the migration that has its turn.
_sessions: WeakKeyDictionary[MigrationContext, int] = WeakKeyDictionary()

QUERY_CANCELED = "57014"
# By transaction_timeout, idle_in_transaction_session_timeout, or somebody who ends sessions or the server.
SESSION_ENDED = ("25P04", "25P03", "57P01", "57P02")

LONGEST_PAUSE = 5.0
SECONDS_BETWEEN_REPORTS = 5.0


def run_step(operations: AbstractOperations, step: Step) -> list[str]:
    """Do the step to its end, log what it says, and return that; in a script, write it.

    Errors: :exc:`.LockNotAcquired` where the locks can't be had, after half a minute; :exc:`.AutocommitRequired`.
    """
    needs_autocommit(operations, step.label)
    if asked_connection(operations) is None:
        make_functions(operations, step.repeat())
        execute(operations, step.repeat())
        return []
    make_functions(operations, step.try_once(patient=True), step.in_the_way(), FORGET_RUNS)
    _check_session(operations)
    query(operations, FORGET_RUNS)
    return _Run(operations, step).to_the_end()


def keep_session(context: MigrationContext, connection: Connection) -> None:
    """Note the session in which the migration has its turn."""
    _sessions[context] = connection.scalar(verbatim(BACKEND))


def _check_session(operations: AbstractOperations) -> None:
    """Refuse to go on in another session than that of the turn.

    Errors: :exc:`.SessionLost`.
    """
    connection = asked_connection(operations)
    kept = _sessions.get(operations.migration_context)
    if connection is not None and kept is not None and connection.scalar(verbatim(BACKEND)) != kept:
        raise SessionLost


def needs_autocommit(operations: AbstractOperations, label: str) -> None:
    """Refuse a transaction, whose locks would last to its end.

    Errors: :exc:`.AutocommitRequired`.
    """
    if asked_connection(operations) is not None and not (is_plain(operations) or is_autocommit(operations)):
        raise AutocommitRequired(
            label,
            "concurrently=True stands in a transaction; put it into "
            '"with op.get_context().autocommit_block():" in the revision, after op.begin_concurrently()',
        )


def is_plain(operations: AbstractOperations) -> bool:
    """Whether the operations are to run inside of somebody's transaction, as a test asks for it."""
    config = operations.migration_context.config
    return config is not None and bool(config.attributes.get(PLAINLY))


def is_autocommit(operations: AbstractOperations) -> bool:
    """Whether each statement is a transaction of its own, as in an ``autocommit_block``."""
    connection = operations.migration_context.connection
    return connection is not None and connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


@dataclass
class _Run:
    """One step on its way."""

    operations: AbstractOperations
    step: Step
    failures: int = 0
    patient: bool = False
    said: list[str] = field(default_factory=list)
    started: float = field(default_factory=monotonic)
    reported: float = field(default_factory=monotonic)
    spoken: float = field(default_factory=monotonic)

    def to_the_end(self) -> list[str]:
        while True:
            try:
                told = query(self.operations, self.step.try_once(patient=self.patient))
            except DBAPIError as error:
                self._explain(error)
                if not is_about_locks(error):
                    raise
                self._wait(error)
                continue
            self.failures, self.patient = 0, False
            for level, words, _, done, total in told:
                if words is not None:
                    self._say(level, words)
                elif total:
                    self._report(int(done), int(total))
            if not any(again for _, _, again, _, _ in told):
                return self.said
            sleep(self.step.pause)

    def _explain(self, error: DBAPIError) -> None:
        """Say in our words what PostgreSQL's don't explain.

        Errors: :exc:`.StatementCanceled`.
        """
        if sqlstate(error) == QUERY_CANCELED:
            raise StatementCanceled(self.step.label, message(error)) from error
        if error.connection_invalidated or sqlstate(error) in SESSION_ENDED:
            # What Alembic ends with says only that nothing can be done on this connection any more.
            log.error("%s: %s. %s", self.step.label, message(error), STEPS_STAY)

    def _say(self, level: str, words: str) -> None:
        """What was done, with the time since the last line."""
        now = monotonic()
        self.said.append(words)
        log.log(logging.getLevelName(level.upper()), "%s: %s, %.2f s", self.step.label, words, now - self.spoken)
        self.spoken = now

    def _report(self, done: int, total: int) -> None:
        """How far a long step has come: done, total, rows in a second, time left."""
        now = monotonic()
        if now - self.reported < SECONDS_BETWEEN_REPORTS or not done:
            return
        self.reported = now
        rate = done / (now - self.started)
        log.info("%s: %d of %d, %.0f/s, %.0f s left", self.step.label, done, total, rate, (total - done) / rate)

    def _wait(self, error: DBAPIError) -> None:
        """Say who is in the way, and let some time pass.

        Errors: :exc:`.LockNotAcquired` where it was tried often enough, or where the transaction is over.
        """
        self.failures += 1
        step, problem = self.step, message(error)
        if is_plain(self.operations):
            raise LockNotAcquired(step.tables[0], step.label, problem) from error
        blocking = query(self.operations, step.in_the_way())
        listed = "; ".join(str(words) for _, words in blocking) or "nobody any more"
        if self.failures == TRIES:
            raise LockNotAcquired(
                step.tables[0],
                step.label,
                f"{problem}, {TRIES} times over. In the way: {listed}",
                "What was done before stays. End these sessions, or choose a quieter time, then run the migration "
                "again: it goes on from here.",
            ) from error
        # Drawn anew each time, so that two that wait for each other don't meet again.
        pause = min(0.1 * 2**self.failures, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        log.warning(
            "%s: %s, try %d of %d, again in %.1f s; in the way: %s",
            step.label, problem, self.failures, TRIES, pause, listed,
        )  # fmt: skip
        # None is a reader or a writer, who does not stand in the way of what autovacuum makes way for.
        kinds: set[object] = {autovacuum for autovacuum, _ in blocking}
        self.patient = kinds - {None} == {True}
        sleep(pause)
