"""Orphans settled, and put back, while other sessions go on."""

from __future__ import annotations

from alembic.operations import AbstractOperations

from alembic_cascade.concurrently.statements import Step, batch_statement, restore_batch_statement
from alembic_cascade.concurrently.steps import run_step
from alembic_cascade.ops import CleanOrphansOp, RestoreOrphansOp
from alembic_cascade.sql.quoting import quote_table


def clean_in_batches(operations: AbstractOperations, op: CleanOrphansOp) -> list[str]:
    """Settle the orphans of a key that stands NOT VALID; returns what was done, in words."""
    schema = operations.migration_context.version_table_schema
    statement = batch_statement(op, schema, op.pace.batch_size, check_only=op.check_only)
    return _run(operations, op, statement)


def restore_in_batches(operations: AbstractOperations, op: RestoreOrphansOp) -> list[str]:
    """Put back what was taken, one settling after the other; returns what was done, in words."""
    statement = restore_batch_statement(op, operations.migration_context.version_table_schema)
    return _run(operations, op, statement)


def _run(operations: AbstractOperations, op: CleanOrphansOp | RestoreOrphansOp, statement: str) -> list[str]:
    tables = (quote_table(*op.source), quote_table(*op.referent))
    return run_step(operations, Step(op.label, statement, tables, op.locking.waiting, op.pace.batch_pause))
