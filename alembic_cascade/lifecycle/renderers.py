"""How the operations on lifecycle columns are written into a revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate.render import renderers

from alembic_cascade.calls import call, prefix
from alembic_cascade.lifecycle.triggers import Source
from alembic_cascade.ops import (
    BackfillLifecycleColumnOp,
    CreateLifecycleTriggerOp,
    DropLifecycleTriggerOp,
    NothingAlteredOp,
    NothingOps,
)

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


@renderers.dispatch_for(CreateLifecycleTriggerOp)
def render_create_lifecycle_trigger(autogen_context: AutogenContext, op: CreateLifecycleTriggerOp) -> list[str]:
    """The call."""
    return _trigger_call(autogen_context, "create_lifecycle_trigger", op)


@renderers.dispatch_for(DropLifecycleTriggerOp)
def render_drop_lifecycle_trigger(autogen_context: AutogenContext, op: DropLifecycleTriggerOp) -> list[str]:
    """The call."""
    return _trigger_call(autogen_context, "drop_lifecycle_trigger", op)


@renderers.dispatch_for(BackfillLifecycleColumnOp)
def render_backfill_lifecycle_column(autogen_context: AutogenContext, op: BackfillLifecycleColumnOp) -> list[str]:
    """The call."""
    keywords = _source(op.source)
    if op.expression is not None:
        keywords["expression"] = op.expression
    if not op.nullable:
        keywords["nullable"] = False
    if op.takes_null_again:
        keywords |= {"nullable": True, "existing_nullable": False}
    if op.table.schema:
        keywords["schema"] = op.table.schema
    if op.if_exists:
        keywords["if_exists"] = True
    return call(
        f"{prefix(autogen_context)}backfill_lifecycle_column",
        [repr(op.table.name), repr(op.column)],
        {**keywords, **op.locking.keywords, **op.pace.keywords},
    )


@renderers.dispatch_for(NothingOps)
@renderers.dispatch_for(NothingAlteredOp)
def render_nothing(autogen_context: AutogenContext, op: NothingOps | NothingAlteredOp) -> list[str]:
    """No line."""
    del autogen_context, op
    return []


def _trigger_call(
    autogen_context: AutogenContext, name: str, op: CreateLifecycleTriggerOp | DropLifecycleTriggerOp
) -> list[str]:
    trigger = op.trigger
    keywords: dict[str, object] = {"set_on": "update"} if trigger.source is None else _source(trigger.source)
    if trigger.table.schema:
        keywords["schema"] = trigger.table.schema
    if trigger.security != "invoker":
        keywords["security"] = trigger.security
    if op.definition:
        keywords["definition"] = list(op.definition)
    if op.if_exists:
        keywords["if_exists"] = True
    return call(
        f"{prefix(autogen_context)}{name}",
        [repr(trigger.table.name), repr(trigger.column)],
        {**keywords, **op.locking.keywords},
    )


def _source(source: Source | None) -> dict[str, object]:
    if source is None:
        return {}
    names = [source.table.name, source.column]
    keywords: dict[str, object] = {
        "set_from": names if "." in "".join(names) else ".".join(names),
        "local_cols": [local for local, _ in source.pairs],
        "remote_cols": [remote for _, remote in source.pairs],
    }
    if source.table.schema:
        keywords["source_schema"] = source.table.schema
    return keywords
