"""What the operations on lifecycle columns do when a revision runs, or is written out as a script."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from time import monotonic

from alembic.operations import AbstractOperations, Operations
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.statements import Step
from alembic_cascade.concurrently.steps import run_step
from alembic_cascade.dbapi_errors import hint, message, sqlstate
from alembic_cascade.errors import (
    NOTHING_CHANGED,
    STEPS_STAY,
    LifecycleRefused,
    LockNotAcquired,
    TableNotFound,
    UnsupportedDialect,
)
from alembic_cascade.lifecycle.statements import (
    backfill_batch_statement,
    backfill_statement,
    create_statement,
    drop_statement,
)
from alembic_cascade.lifecycle.triggers import LifecycleTrigger, Source
from alembic_cascade.ops import BackfillLifecycleColumnOp, CreateLifecycleTriggerOp, DropLifecycleTriggerOp
from alembic_cascade.running import is_about_input, is_about_locks, located_table, make_functions, query, waiting
from alembic_cascade.sql.quoting import quote_table

log = logging.getLogger("alembic.cascade")

UNDEFINED_TABLE = "42P01"

LifecycleOp = CreateLifecycleTriggerOp | DropLifecycleTriggerOp | BackfillLifecycleColumnOp


@Operations.implementation_for(CreateLifecycleTriggerOp)
def create_lifecycle_trigger(operations: AbstractOperations, operation: CreateLifecycleTriggerOp) -> None:
    """One call of a function on the server."""
    _check_dialect(operations, "op.create_lifecycle_trigger")
    _run(operations, operation, create_statement(operation, _located(operations, operation.trigger)))


@Operations.implementation_for(DropLifecycleTriggerOp)
def drop_lifecycle_trigger(operations: AbstractOperations, operation: DropLifecycleTriggerOp) -> None:
    """One call of a function on the server."""
    _check_dialect(operations, "op.drop_lifecycle_trigger")
    _run(operations, operation, drop_statement(operation, _located(operations, operation.trigger)))


@Operations.implementation_for(BackfillLifecycleColumnOp)
def backfill_lifecycle_column(operations: AbstractOperations, operation: BackfillLifecycleColumnOp) -> None:
    """One call of a function on the server, or one for each batch."""
    _check_dialect(operations, "op.backfill_lifecycle_column")
    located = copy(operation)
    located.table = located_table(operations, operation.table)
    located.source = _located_source(operations, operation.source)
    if not operation.locking.concurrently:
        _run(operations, operation, backfill_statement(located))
        return
    tables = [located.table, *([located.source.table] if located.source else [])]
    step = Step(
        operation.label,
        backfill_batch_statement(located),
        tuple(quote_table(*table) for table in tables),
        operation.locking.waiting,
        operation.pace.batch_pause,
    )
    with _typed_errors(operation, STEPS_STAY):
        run_step(operations, step)


def _check_dialect(operations: AbstractOperations, operation: str) -> None:
    dialect = operations.migration_context.dialect.name
    if dialect != "postgresql":
        raise UnsupportedDialect(dialect, operation, "Take it out of the revision: triggers are PostgreSQL's.")


def _run(operations: AbstractOperations, operation: LifecycleOp, statement: str) -> None:
    started = monotonic()
    with _typed_errors(operation, NOTHING_CHANGED):
        make_functions(operations, statement)
        with waiting(operations, operation.locking.waiting):
            told = query(operations, statement)
    for level, words in told:
        log.log(logging.getLevelName(level.upper()), "%s: %s, %.2f s", operation.label, words, monotonic() - started)


def _located(operations: AbstractOperations, trigger: LifecycleTrigger) -> LifecycleTrigger:
    return replace(
        trigger,
        table=located_table(operations, trigger.table),
        source=_located_source(operations, trigger.source),
    )


def _located_source(operations: AbstractOperations, source: Source | None) -> Source | None:
    return source and replace(source, table=located_table(operations, source.table))


@contextmanager
def _typed_errors(operation: LifecycleOp, kept: str) -> Iterator[None]:
    """Say what the server refuses; ``kept`` is what it leaves.

    Errors: :exc:`.LockNotAcquired`, :exc:`.TableNotFound`, :exc:`.LifecycleRefused`.
    """
    try:
        yield
    except DBAPIError as error:
        trigger = operation.table if isinstance(operation, BackfillLifecycleColumnOp) else operation.trigger.on
        if is_about_locks(error):
            raise LockNotAcquired(str(trigger), operation.label, message(error)) from error
        absent = re.fullmatch(rf"{re.escape(operation.label)}: the table (.*) does not exist", message(error))
        if sqlstate(error) == UNDEFINED_TABLE and absent is not None:
            raise TableNotFound(absent[1], operation.label) from error
        if sqlstate(error) == "CA004" or is_about_input(error):
            raise LifecycleRefused(
                str(trigger), operation.label, message(error), " ".join(filter(None, [kept, hint(error)]))
            ) from error
        raise
