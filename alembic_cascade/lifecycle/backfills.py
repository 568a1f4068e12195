"""The order in which columns are filled: what others are filled from comes first."""

from __future__ import annotations

from collections.abc import Sequence

from alembic_cascade.errors import ConfigError
from alembic_cascade.ops import BackfillLifecycleColumnOp


def in_filling_order(backfills: Sequence[BackfillLifecycleColumnOp]) -> list[BackfillLifecycleColumnOp]:
    """``backfills`` with each after that of its source, and otherwise as they are.

    Errors: :exc:`.ConfigError` where columns are to be filled from each other.
    """
    pending, ordered = list(backfills), []
    while pending:
        ready = next((op for op in pending if not any(_fills_source(other, op) for other in pending)), None)
        if ready is None:
            raise ConfigError(
                "lifecycle", f"{' and '.join(op.label for op in pending)} are to be filled from each other"
            )
        pending.remove(ready)
        ordered.append(ready)
    return ordered


def _fills_source(other: BackfillLifecycleColumnOp, op: BackfillLifecycleColumnOp) -> bool:
    return op.source is not None and (op.source.table, op.source.column) == (other.table, other.column)
