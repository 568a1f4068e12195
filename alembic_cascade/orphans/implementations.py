"""What the operations on orphans do when a revision runs, or is written out as a script."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from time import monotonic
from typing import TypeVar

from alembic.operations import AbstractOperations, Operations
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.orphans import clean_in_batches, restore_in_batches
from alembic_cascade.dbapi_errors import constraint, detail, hint, message, sqlstate
from alembic_cascade.errors import (
    NOTHING_CHANGED,
    STEPS_STAY,
    LockNotAcquired,
    OrphansNotRestored,
    OrphansNotSettled,
    OrphansRemain,
    TooManyOrphans,
    UnsupportedDialect,
)
from alembic_cascade.ops import CleanOrphansOp, RestoreOrphansOp
from alembic_cascade.orphans.statements import clean_statement, restore_statement
from alembic_cascade.running import (
    is_about_input,
    is_about_locks,
    located_table,
    make_functions,
    query,
    ready,
    settled,
    waiting,
)

log = logging.getLogger("alembic.cascade")


@Operations.implementation_for(CleanOrphansOp)
def clean_orphans(operations: AbstractOperations, operation: CleanOrphansOp) -> None:
    """One call of a function on the server, which does all of it."""
    for words in settle_orphans(operations, operation):
        if words[:1].isdigit():
            settled(operations, _located(operations, operation).label, words.partition(",")[0])


def settle_orphans(operations: AbstractOperations, operation: CleanOrphansOp) -> list[str]:
    """Do it, and say in words what was done.

    Errors: those of :func:`op.clean_orphans`.
    """
    _check_dialect(operations, "op.clean_orphans", "Settle the rows by statements of your own.")
    with settling_errors(operation):
        return _run(operations, _located(operations, operation), clean_statement, clean_in_batches)


@Operations.implementation_for(RestoreOrphansOp)
def restore_orphans(operations: AbstractOperations, operation: RestoreOrphansOp) -> None:
    """One call of a function on the server, which does all of it."""
    _check_dialect(operations, "op.restore_orphans", "Put the rows back by statements of your own.")
    with _typed_errors(operation, OrphansNotRestored):
        _run(operations, _located(operations, operation), restore_statement, restore_in_batches)


Op = TypeVar("Op", CleanOrphansOp, RestoreOrphansOp)


def _check_dialect(operations: AbstractOperations, operation: str, instead: str) -> None:
    dialect = operations.migration_context.dialect.name
    if dialect != "postgresql":
        raise UnsupportedDialect(dialect, operation, instead)


def _located(operations: AbstractOperations, operation: Op) -> Op:
    """``operation`` with its tables in the schemas really meant."""
    located = copy(operation)
    located.source = located_table(operations, operation.source)
    located.referent = located_table(operations, operation.referent)
    return located


def _run(
    operations: AbstractOperations,
    operation: Op,
    statement: Callable[[Op, str | None], str],
    in_batches: Callable[[AbstractOperations, Op], list[str]],
) -> list[str]:
    """Run the statement, or the batches, log what it says, and return it."""
    tables = (operation.source, operation.referent)
    if not ready(operations, operation.label, tables, if_exists=operation.if_exists):
        return []
    if operation.locking.concurrently:
        return in_batches(operations, operation)
    settling = statement(operation, operations.migration_context.version_table_schema)
    make_functions(operations, settling)
    started = monotonic()
    with waiting(operations, operation.locking.waiting):
        said = query(operations, settling)
    for level, words in said:
        log.log(logging.getLevelName(level.upper()), "%s: %s, %.2f s", operation.label, words, monotonic() - started)
    return [words for _, words in said]


def settling_errors(operation: CleanOrphansOp) -> AbstractContextManager[None]:
    """What the server refuses of a settling, or of a look at what it would do, as the operation's errors."""
    return _typed_errors(operation, OrphansNotSettled)


@contextmanager
def _typed_errors(
    operation: CleanOrphansOp | RestoreOrphansOp, refused: type[OrphansNotSettled | OrphansNotRestored]
) -> Iterator[None]:
    """Say what the server refuses in the terms of the operation.

    Errors: :exc:`.OrphansRemain`, :exc:`.TooManyOrphans`, :exc:`.LockNotAcquired`, and ``refused`` for everything else
    about the input.
    """
    try:
        yield
    except DBAPIError as error:
        table, key, problem = str(operation.source), operation.label, message(error)
        in_steps = operation.locking.concurrently and not (
            isinstance(operation, CleanOrphansOp) and operation.check_only
        )
        kept = STEPS_STAY if in_steps else NOTHING_CHANGED
        advice = hint(error).replace(NOTHING_CHANGED, kept)
        # The functions refuse by SQLSTATEs of a class that PostgreSQL does not have.
        match sqlstate(error):
            case "CA002":
                raise OrphansRemain(
                    table,
                    key,
                    problem,
                    advice,
                    constraint=constraint(error) or None,
                    count=_count(problem),
                    samples=_samples(detail(error)),
                ) from error
            case "CA003":
                raise TooManyOrphans(table, key, problem, advice) from error
            case "CA004":
                raise refused(table, key, problem, advice) from error
            case "42501":  # insufficient_privilege
                advice = (
                    f"{kept} Grant the migration's role what is missing; where row security hides rows "
                    "from it, it needs BYPASSRLS."
                )
                raise refused(table, key, problem, advice) from error
        if is_about_locks(error):
            raise LockNotAcquired(table, key, problem) from error
        if is_about_input(error):
            raise refused(table, key, problem, f"{kept} {hint(error)}".rstrip()) from error
        raise


def _count(problem: str) -> int | None:
    found = re.match(r"(\d+) rows? of ", problem)
    return int(found.group(1)) if found else None


def _samples(listed: str) -> tuple[str, ...]:
    """The values that the detail lists, as a JSON array."""
    return tuple(json.loads(listed)) if listed.startswith("[") else ()
