"""Channels that are filled a few at a time, and what others do between two batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from concurrently.settled_posts import block
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project

FROM_MESSAGES = "set_from='messages.sent_at', local_cols=['channel_id'], remote_cols=['id']"
BY_EXPRESSION = "expression=\"'2020-01-01'::date + id\""


def in_batches(project: Project, how: str = FROM_MESSAGES, more: str = "batch_size=1") -> None:
    """A column, and a revision that fills it."""
    project.execute("ALTER TABLE channels ADD last_message_at timestamptz")
    project.write_revision(
        block(f"op.backfill_lifecycle_column('channels', 'last_message_at', {how}, concurrently=True, {more})")
    )


def before_each_batch(project: Project, do: Callable[[int], object]) -> int:
    """Upgrade, and do something before each call by which rows are listed or filled; returns how many there were."""
    calls: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "cascade_backfill_batch" in statement and statement.startswith("SELECT * FROM pg_temp.cascade_try("):
            calls.append(statement)
            do(len(calls))

    event.listen(project.engine, "before_cursor_execute", look)
    try:
        project.upgrade()
    finally:
        event.remove(project.engine, "before_cursor_execute", look)
    return len(calls)


def meanwhile(project: Project, number: int, do: Callable[[], object]) -> int:
    """Upgrade, and do something before the call of that number: the first one lists the rows."""
    calls = before_each_batch(project, lambda call: do() if call == number else None)
    assert calls >= number
    return calls
