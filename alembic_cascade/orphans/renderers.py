"""How the operations on orphans are written into a revision."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from alembic.autogenerate.render import renderers

from alembic_cascade.calls import LINE_LENGTH, Code, call, prefix
from alembic_cascade.config import MAX_ORPHANS, QUARANTINE_SCHEMA
from alembic_cascade.ops import CleanOrphansOp, RestoreOrphansOp

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


@renderers.dispatch_for(CleanOrphansOp)
def render_clean_orphans(autogen_context: AutogenContext, op: CleanOrphansOp) -> list[str]:
    """The call, under a line that says in words what happens and why."""
    keywords: dict[str, object] = {"strategy": op.strategy, "revision": _revision(op)}
    if op.columns is not None:
        keywords["columns"] = list(op.columns)
    if op.match is not None:
        keywords["match"] = op.match
    if op.to_cols is not None:
        keywords["to_cols"] = list(op.to_cols)
    # A count of 0 is no share of 0.0, nor 1 one of 1.0.
    if repr(op.max_orphans) != repr(MAX_ORPHANS):
        keywords["max_orphans"] = op.max_orphans
    if not op.trust_valid_keys:
        keywords["trust_valid_keys"] = False
    if op.check_only:
        keywords["check_only"] = True
    written = call(f"{prefix(autogen_context)}clean_orphans", _arguments(op), {**keywords, **_place(op)})
    remark = [f"# {line}" for line in wrap(op.remark, LINE_LENGTH - 2, break_long_words=False, break_on_hyphens=False)]
    return [*remark, *written]


@renderers.dispatch_for(RestoreOrphansOp)
def render_restore_orphans(autogen_context: AutogenContext, op: RestoreOrphansOp) -> list[str]:
    """The call."""
    keywords = {"revision": _revision(op), **_place(op)}
    return call(f"{prefix(autogen_context)}restore_orphans", _arguments(op), keywords)


def _revision(op: CleanOrphansOp | RestoreOrphansOp) -> str:
    return Code("revision") if op.revision is None else op.revision


def _arguments(op: CleanOrphansOp | RestoreOrphansOp) -> list[str]:
    return [
        repr(op.source.name),
        repr(op.referent.name),
        repr(list(op.local_cols)),
        repr(list(op.remote_cols)),
    ]


def _place(op: CleanOrphansOp | RestoreOrphansOp) -> dict[str, object]:
    keywords: dict[str, object] = {}
    if op.quarantine_schema != QUARANTINE_SCHEMA:
        keywords["quarantine_schema"] = op.quarantine_schema
    if op.source.schema:
        keywords["source_schema"] = op.source.schema
    if op.referent.schema:
        keywords["referent_schema"] = op.referent.schema
    if op.if_exists:
        keywords["if_exists"] = True
    return {**keywords, **op.locking.keywords, **op.pace.keywords}
