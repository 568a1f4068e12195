"""A rehearsal on the database itself, in one transaction that is rolled back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NoReturn

from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.exc import DBAPIError

from alembic_cascade.errors import CascadeError, RehearsalRefused
from alembic_cascade.orphans.statements import function_statements
from alembic_cascade.rehearsal.environments import Environment, Plan, planned, postgresql
from alembic_cascade.rehearsal.guard import guard, is_refused_commit
from alembic_cascade.rehearsal.listeners import listening
from alembic_cascade.rehearsal.observed import Observed, changed_rows
from alembic_cascade.rehearsal.outcome import Failure
from alembic_cascade.rehearsal.promises import proved
from alembic_cascade.rehearsal.rows import Step
from alembic_cascade.rehearsal.running import AGAIN, DOWNGRADE, UPGRADE, Way, in_words
from alembic_cascade.rehearsal.sequences import Sequence, SetBack, put_back, sequences_of
from alembic_cascade.rehearsal.states import first_state_of, state_of, wanted_keys
from alembic_cascade.rehearsal.watching import TRANSACTION, Watch
from alembic_cascade.signals import not_ended_by_signals
from alembic_cascade.sql.functions import make_in_session
from alembic_cascade.sql.quoting import quote_literal, verbatim

log = logging.getLogger("alembic.cascade")

ON_A_COPY = "Rehearse on a copy, without --rollback."

# Where each statement is a transaction of its own, the second one begins later than the first.
BEGUN = "SELECT CAST(pg_catalog.transaction_timestamp() AS text), pg_catalog.current_setting('transaction_isolation')"

# As operations do that had to check at once what is INITIALLY DEFERRED.
PUT_OFF = "SELECT pg_temp.cascade_put_off()"


def observed_in_transaction(environment: Environment, revision: str, step: Step) -> Observed | None:
    """Rehearse in a transaction of env.py, which is rolled back; None where there is nothing to upgrade.

    What others commit meanwhile is not seen (REPEATABLE READ), so that it is not taken for what a migration did.
    Errors: :exc:`.RehearsalRefused` where something would be committed, :exc:`.CascadeError`.
    """
    plan = environment.look(lambda context, script: planned(context, script, revision))
    if not plan.revisions:
        return None
    stage = _Stage(plan, step)
    try:
        refusal = _rehearse(environment, stage)
    finally:
        with not_ended_by_signals():
            _put_back(environment, stage)
    _check_rolled_back(environment, stage.transaction)
    if refusal is not None:
        # Somebody caught it, and went on.
        raise refusal
    return stage.seen


def _rehearse(environment: Environment, stage: _Stage) -> RehearsalRefused | None:
    """Let it be done, and what refused it meanwhile."""
    with ExitStack() as meanwhile:
        others = meanwhile.enter_context(_single_connection())

        def steps(context: MigrationContext, script: ScriptDirectory) -> Iterator[RevisionStep]:
            others.connection = postgresql(context)
            watch = meanwhile.enter_context(Watch(postgresql(context), None))
            stage.watch = watch
            yield from stage.steps(context, script, watch)
            raise _Over

        try:
            environment.migrate(steps)
        except _Over:
            pass
        except RehearsalRefused:
            raise
        except Exception as error:
            if stage.watch is not None and is_refused_commit(error):
                stage.watch.refuse()
            if stage.seen is None or stage.seen.ways[-1].failure is None:
                raise
        return None if stage.watch is None else stage.watch.refusal


class _Over(Exception):  # noqa: N818 - it is no error: it ends the transaction
    """All was rehearsed."""


class _Others:
    """Connections beside the one of the rehearsal, once there is one."""

    def __init__(self) -> None:
        self.connection: Connection | None = None

    def connect(self, connection: Connection) -> None:
        """Let it see one state of the database; what commits each statement stays so, and is found."""
        # An engine may have been told so, which no option of its connections says, but the driver's own.
        commits_each = getattr(connection.connection.dbapi_connection, "autocommit", False)
        if connection.dialect.name != "postgresql" or commits_each:
            return
        connection.execution_options(isolation_level="REPEATABLE READ")

    def check_out(self, *_connection: object) -> None:
        """Refuse what a pool hands out, also to those who ask for the driver's own connection."""
        if self.connection is not None:
            self._refuse()

    def use(self, connection: Connection, *_statement: object) -> None:
        """Refuse one that was there before."""
        if self.connection is not None and connection.connection.dbapi_connection is not self._own:
            self._refuse()

    @property
    def _own(self) -> object:
        return None if self.connection is None else self.connection.connection.dbapi_connection

    def _refuse(self) -> NoReturn:
        raise RehearsalRefused(
            "A revision makes a connection of its own, on which nothing would be rolled back", ON_A_COPY
        )


@contextmanager
def _single_connection() -> Iterator[_Others]:
    """Let connections see one state of the database, and refuse all others once the rehearsal has begun."""
    others = _Others()
    listeners = (
        (Engine, "engine_connect", others.connect),
        (Pool, "checkout", others.check_out),
        (Engine, "before_cursor_execute", others.use),
    )
    with listening(*listeners):
        yield others


class _Stage:
    """The transaction, and what was seen in it."""

    def __init__(self, plan: Plan, step: Step) -> None:
        self._plan = plan
        self._step = step
        self.seen: Observed | None = None
        self.watch: Watch | None = None
        self.transaction: str | None = None
        self.sequences: tuple[Sequence, ...] = ()

    def steps(self, context: MigrationContext, script: ScriptDirectory, watch: Watch) -> Iterator[RevisionStep]:
        """The steps up, down and up again, with what is looked at between them."""
        connection, plan, step = postgresql(context), self._plan, self._step
        self._begin(connection)
        self.sequences = tuple(sequences_of(connection).values())
        start, kept = first_state_of(connection, plan.version_table, step)
        seen = self.seen = Observed(plan, start)
        yield from self._go(UPGRADE, connection, script, watch)
        seen.upgraded = state_of(connection, plan.version_table, step)
        self._verify(seen, context, connection)
        yield from self._go(DOWNGRADE, connection, script, watch)
        seen.downgraded = state_of(connection, plan.version_table, step, as_of=start)
        seen.differences = changed_rows(connection, seen, kept, step)
        yield from self._go(AGAIN, connection, script, watch)
        seen.again = state_of(connection, plan.version_table, step)

    def _begin(self, connection: Connection) -> None:
        """Errors: :exc:`.RehearsalRefused` where there is no transaction, or one that sees what others do."""
        (first, isolation), (second, _) = (connection.execute(verbatim(BEGUN)).one() for _ in range(2))
        if first != second or isolation not in {"repeatable read", "serializable"}:
            raise RehearsalRefused(
                "env.py lets its connection commit each statement, or sees what others commit",
                ON_A_COPY,
            )
        self.transaction = connection.scalar(verbatim(TRANSACTION))
        guard(connection)

    def _go(self, name: str, connection: Connection, script: ScriptDirectory, watch: Watch) -> Iterator[RevisionStep]:
        assert self.seen is not None
        way = Way(name, self._plan, self._step)
        self.seen.ways.append(way)
        yield from way.steps(script, watch)
        if connection.scalar(verbatim(TRANSACTION)) != self.transaction:
            watch.refuse()
        try:
            # What the end of a transaction looks at.
            connection.execute(verbatim("SET CONSTRAINTS ALL IMMEDIATE"))
            # The next transaction would put off again.
            make_in_session(connection, [PUT_OFF], function_statements())
            connection.execute(verbatim(PUT_OFF))
        except DBAPIError as error:
            way.failure = Failure(None, in_words(error))
            raise
        way.end()

    def _verify(self, seen: Observed, context: MigrationContext, connection: Connection) -> None:
        if seen.is_verifiable:
            plan = self._plan
            seen.wanted = wanted_keys(plan.metadatas, context.dialect, plan.default_schema, plan.translated)
            seen.proofs = proved(connection, plan.metadatas, plan.config, self._step)


def _put_back(environment: Environment, stage: _Stage) -> None:
    """Put back the sequences that were set to where they had been."""
    if not stage.sequences:
        return

    def put(context: MigrationContext, _script: ScriptDirectory) -> tuple[SetBack, ...]:
        # Nothing of it waits for a commit.
        return put_back(postgresql(context), stage.sequences)

    found = environment.look(put)
    for one in found:
        log.warning("the rehearsal set %s to %s; it is at %s again", one.label, one.found, one.was)
    if stage.seen is not None:
        stage.seen.set_back = found


def _check_rolled_back(environment: Environment, transaction: str | None) -> None:
    """Errors: :exc:`.CascadeError` where env.py has committed it."""
    if transaction is None:
        return
    # https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
    status = verbatim(f"SELECT pg_catalog.pg_xact_status(CAST({quote_literal(transaction)} AS xid8))")
    found = environment.look(lambda context, _script: postgresql(context).scalar(status))
    if found != "aborted":
        raise CascadeError(f"The transaction of the rehearsal is {found}, and should have been rolled back.")
