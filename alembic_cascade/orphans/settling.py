"""Settles what was found, in the way of ``op.clean_orphans``, or says what that would do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection

from alembic_cascade.config import CascadeConfig
from alembic_cascade.errors import CascadeError, LockNotAcquired, OrphansRemain, TooManyOrphans
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.locking import Locking
from alembic_cascade.ops import CleanOrphansOp
from alembic_cascade.orphans.implementations import settle_orphans, settling_errors
from alembic_cascade.orphans.planning import Plan
from alembic_cascade.orphans.statements import foresee_statement
from alembic_cascade.orphans.stores import FIX
from alembic_cascade.running import make_functions
from alembic_cascade.sql.quoting import verbatim

# In the place of what the operation says, which a revision could be given.
TOO_MANY = "Nothing was changed. Say --max-orphans none, or a number, if it is meant."
BUSY = (
    "Nothing was changed. Run it again, at a time when fewer sessions write to {table} and the table that it refers to."
)


@dataclass(frozen=True)
class Effect:
    """Rows that a settling removes, or whose ``columns`` lose their values, and why.

    ``constraint`` is the key by which they are reached, None for the orphans themselves.
    """

    table: TableName
    removed: bool
    columns: tuple[str, ...]
    constraint: str | None
    reason: str
    number: int
    orphans: bool


@dataclass(frozen=True)
class Foreseen:
    """What a settling would do, or why it would be refused."""

    plan: Plan
    effects: tuple[Effect, ...] = ()
    refused: str | None = None


@dataclass(frozen=True)
class Settled:
    """What was done about one link, in words."""

    plan: Plan
    words: str


@dataclass(frozen=True)
class Hands:
    """What works on one database: its connection, the settings, where the version table is."""

    connection: Connection
    config: CascadeConfig
    version_table_schema: str | None

    def operations(self) -> Operations:
        """Alembic's, on names that are those of the database."""
        options = {"version_table_schema": self.version_table_schema}
        return Operations(MigrationContext.configure(connection=self.connection, opts=options))


def new_revision() -> str:
    """What the rows of one run are filed under; no revision of Alembic's can be called so."""
    return f"{FIX}{datetime.now(UTC):%Y%m%d-%H%M%S}"


def foresee(hands: Hands, plans: Iterable[Plan], step: Callable[[str], None]) -> list[Foreseen]:
    """What a settling of each by itself would do; nothing is changed, no user trigger fires, no table is locked.

    What the server needs for it is made in the session, and goes with the savepoint.
    """
    found = []
    with hands.connection.begin_nested() as whole:
        operations = hands.operations()
        for plan in plans:
            step(plan.label)
            operation = _operation(plan, hands.config, f"{FIX}dry-run")
            asked = foresee_statement(operation, hands.version_table_schema)
            make_functions(operations, asked)
            found.append(_foreseen(hands, plan, operation, asked))
        whole.rollback()
    return found


def _foreseen(hands: Hands, plan: Plan, operation: CleanOrphansOp, asked: str) -> Foreseen:
    try:
        with hands.connection.begin_nested() as part:
            with settling_errors(operation):
                rows = hands.connection.execute(verbatim(asked)).all()
            part.rollback()
    except LockNotAcquired:
        raise
    except CascadeError as error:
        return Foreseen(plan, refused=_refusal(error))
    return Foreseen(plan, tuple(_effect(row) for row in rows))


def _effect(row: Any) -> Effect:
    return Effect(
        TableName(row.schema_name, row.table_name),
        row.removed,
        tuple(row.columns or ()),
        row.key_name,
        row.reason,
        row.number,
        row.orphans,
    )


def settle(hands: Hands, plans: Iterable[Plan], revision: str, step: Callable[[str], None]) -> list[Settled]:
    """Settle the orphans of each in turn; what is removed or changed is filed under ``revision``.

    Errors: :exc:`.OrphansRemain`, :exc:`.TooManyOrphans`, :exc:`.OrphansNotSettled`, :exc:`.LockNotAcquired`; the
    transaction is the caller's to roll back.
    """
    done: list[Settled] = []
    for plan in plans:
        step(plan.label)
        try:
            told = settle_orphans(hands.operations(), _operation(plan, hands.config, revision))
        except (OrphansRemain, TooManyOrphans) as error:
            raise CascadeError(_refusal(error)) from error
        except LockNotAcquired as error:
            raise LockNotAcquired(error.table, error.key, error.problem, BUSY.format(table=error.table)) from error
        done.extend(Settled(plan, words) for words in told)
    return done


def _refusal(error: CascadeError) -> str:
    """The error without advice that is for the author of a revision."""
    return f"{error.problem}. {TOO_MANY}" if isinstance(error, TooManyOrphans) else str(error)


def _operation(plan: Plan, config: CascadeConfig, revision: str) -> CleanOrphansOp:
    located, decision = plan.looked.located, plan.decision
    assert decision is not None
    return CleanOrphansOp(
        located.child,
        located.parent,
        located.key.local_columns,
        located.key.remote_columns,
        strategy=decision.strategy,
        revision=revision,
        columns=decision.columns or None,
        match=located.key.match,
        to_cols=located.filled or None,
        max_orphans=decision.max_orphans,
        # What was looked at is looked at again.
        trust_valid_keys=False,
        quarantine_schema=config.quarantine_schema,
        locking=Locking.configured(config.lock_timeout),
    )
