"""What the operations on lifecycle columns run: calls of functions that live in the session."""

from __future__ import annotations

from alembic_cascade.lifecycle.triggers import SEARCH_PATH, LifecycleTrigger
from alembic_cascade.ops import BackfillLifecycleColumnOp, CreateLifecycleTriggerOp, DropLifecycleTriggerOp
from alembic_cascade.orphans.statements import function_call
from alembic_cascade.sql.quoting import quote_literal, quote_table, quote_text_array


def create_statement(op: CreateLifecycleTriggerOp, trigger: LifecycleTrigger) -> str:
    """Make the trigger; ``trigger`` has its tables in the schemas really meant.

    Its names and its comment go by the tables that the models name: they are the same in every deployment.
    """
    return function_call(
        "cascade_create_lifecycle_trigger",
        quote_literal(op.label),
        quote_literal(quote_table(*trigger.on)),
        quote_text_array(trigger.source_columns),
        quote_literal(quote_table(*trigger.table)),
        quote_text_array(trigger.columns),
        quote_literal(op.trigger.name),
        quote_literal(op.trigger.function),
        quote_literal(trigger.template()),
        quote_literal(trigger.events()),
        quote_literal(trigger.rows()),
        _boolean(trigger.security == "definer"),
        quote_literal(SEARCH_PATH),
        quote_literal(op.trigger.remark),
        quote_text_array(op.definition),
        _boolean(op.if_exists),
    )


def drop_statement(op: DropLifecycleTriggerOp, trigger: LifecycleTrigger) -> str:
    """Drop the trigger; ``trigger`` has its tables in the schemas really meant."""
    return function_call(
        "cascade_drop_lifecycle_trigger",
        quote_literal(op.label),
        quote_literal(quote_table(*trigger.on)),
        quote_literal(op.trigger.name),
        quote_literal(op.trigger.function),
        _boolean(op.if_exists),
    )


def backfill_statement(op: BackfillLifecycleColumnOp) -> str:
    """Fill the column at once, in the tables really meant."""
    return function_call(
        "cascade_backfill", *_backfill_arguments(op), _boolean(not op.nullable), _boolean(op.if_exists)
    )


def backfill_batch_statement(op: BackfillLifecycleColumnOp) -> str:
    """Fill the next rows."""
    return function_call(
        "cascade_backfill_batch",
        *_backfill_arguments(op),
        _boolean(not op.nullable),
        _boolean(op.takes_null_again),
        _boolean(op.if_exists),
        str(op.pace.batch_size),
    )


def _backfill_arguments(op: BackfillLifecycleColumnOp) -> list[str]:
    source = op.source
    return [
        quote_literal(op.label),
        quote_literal(quote_table(*op.table)),
        quote_literal(op.column),
        quote_literal(quote_table(*source.table)) if source else "NULL",
        quote_literal(source.column) if source else "NULL",
        quote_text_array(tuple(local for local, _ in source.pairs)) if source else "NULL",
        quote_text_array(tuple(remote for _, remote in source.pairs)) if source else "NULL",
        quote_literal(op.expression) if op.expression is not None else "NULL",
    ]


def _boolean(value: bool) -> str:  # noqa: FBT001 - it is what is written
    return str(value).lower()
