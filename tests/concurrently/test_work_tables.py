"""What an interrupted run notes in its session is nothing to the next one, in a pool that hands the session on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from orphans.settling import kept
from sqlalchemy import QueuePool, create_engine, event

from alembic_cascade.concurrently import steps
from concurrently.settled_posts import POSTS, settled

if TYPE_CHECKING:
    from project import Project


@pytest.fixture
def pooled(project: Project) -> Any:
    """A project whose every command has the same session."""
    project.engine = create_engine(project.url, poolclass=QueuePool, pool_size=1, max_overflow=0)
    yield project
    project.engine.dispose()


@pytest.mark.parametrize(("direction", "function"), [("up", "cascade_clean_batch"), ("down", "cascade_restore_batch")])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_interrupted_run_leaves_nothing_that_misleads_another(
    pooled: Project, monkeypatch: pytest.MonkeyPatch, direction: str, function: str, at: int
) -> None:
    """Stamped and begun anew: each row is settled, and each comes back."""
    settled(pooled, *POSTS)
    before = pooled.fetch("SELECT posts::text FROM posts ORDER BY id")
    if direction == "down":
        pooled.upgrade()
    calls: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try(") and function in statement:
            calls.append(statement)

    def pause(_seconds: float) -> None:
        if len(calls) == at:
            raise KeyboardInterrupt

    event.listen(pooled.engine, "after_cursor_execute", note)
    monkeypatch.setattr(steps, "sleep", pause)
    with pytest.raises(KeyboardInterrupt):
        pooled.upgrade() if direction == "up" else pooled.downgrade("base")
    monkeypatch.undo()
    event.remove(pooled.engine, "after_cursor_execute", note)
    command.stamp(pooled.config, "base" if direction == "down" else "head")
    if direction == "up":
        pooled.downgrade("base")
    pooled.upgrade()
    assert pooled.fetch("SELECT 1 FROM posts WHERE user_id > 1") == []
    pooled.downgrade("base")
    assert pooled.fetch("SELECT posts::text FROM posts ORDER BY id") == before
    assert kept(pooled) == {}
