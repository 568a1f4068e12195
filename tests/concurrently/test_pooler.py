"""A pooler in transaction mode gives each statement to another session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from models import models, reference
from project import cascade_log
from sqlalchemy import event
from sqlalchemy.exc import PendingRollbackError

from alembic_cascade import CascadeConfig, LockNotAcquired, SessionLost, configure_options
from alembic_cascade.concurrently import steps, turn
from concurrently.others import session

if TYPE_CHECKING:
    from alembic.migration import MigrationContext
    from project import Project
    from sqlalchemy import Connection, MetaData


def posts_to_users(**rule: Any) -> MetaData:
    """Posts that refer to users."""
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def test_a_session_that_is_not_kept_is_named(project: Project) -> None:
    """What the functions are gone with: to the server it is as if the next statement came from somebody else."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(posts_to_users())
    project.metadata = posts_to_users(ondelete="CASCADE")
    project.revision()

    def lose(connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try"):
            connection.connection.cursor().execute("DISCARD ALL")

    event.listen(project.engine, "before_cursor_execute", lose)
    with pytest.raises(SessionLost, match=r"A statement went to another session than the one before\. A pooler"):
        project.upgrade()
    event.remove(project.engine, "before_cursor_execute", lose)
    project.upgrade()
    assert project.fetch("SELECT confdeltype::text FROM pg_constraint WHERE contype = 'f'") == [("c",)]


def test_another_session_than_that_of_the_turn_is_noticed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of the turn would stay behind in the first one; nothing is done without it."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(posts_to_users())
    project.metadata = posts_to_users(ondelete="CASCADE")
    project.revision()
    keep = turn.keep_session
    with session(project) as other:

        def keep_other(context: MigrationContext, connection: Connection) -> None:
            keep(context, connection)
            steps._sessions[context] = other.info.backend_pid

        monkeypatch.setattr(turn, "keep_session", keep_other)
        with pytest.raises(SessionLost):
            project.upgrade()
    assert project.fetch("SELECT confdeltype::text FROM pg_constraint WHERE contype = 'f'") == [("a",)]
    assert project.fetch("SELECT pid FROM pg_locks WHERE locktype = 'advisory'") == []


def test_whose_turn_it_is_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be a session that a pooler has kept, and nobody uses any more."""
    caplog.set_level("INFO", "alembic.cascade")
    monkeypatch.setattr(turn, "LONGEST_WAIT", 0)
    project.write_revision("op.begin_concurrently(revision)")
    with session(project) as kept:
        kept.execute(
            "SELECT pg_advisory_lock(hashtextextended(format('alembic_cascade %I %I', current_schema(), 'alembic_version'), 0))"
        )
        holder = rf"pid {kept.info.backend_pid} \(postgres, idle in transaction\)"
        with pytest.raises(LockNotAcquired, match=f"more than 0 s: {holder}.*end that session"):
            project.upgrade()
    (told,) = [words for words in cascade_log(caplog.records) if "another migration is running" in words]
    assert re.search(holder, told)


def test_a_session_that_is_ended_says_so_before_alembic_complains(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Alembic's own last word is that a transaction has to be rolled back."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(posts_to_users())
    project.metadata = posts_to_users(ondelete="CASCADE")
    project.revision()

    def end(connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try"):
            pid = connection.connection.driver_connection.info.backend_pid
            project.execute(f"SELECT pg_terminate_backend({pid}, 5000)")

    event.listen(project.engine, "before_cursor_execute", end)
    with pytest.raises(PendingRollbackError):
        project.upgrade()
    event.remove(project.engine, "before_cursor_execute", end)
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told.startswith("posts.user_id -> users.id: ")
    assert told.endswith("What was done before stays, and the migration goes on from there when it is run again.")
    project.upgrade()
    assert project.fetch("SELECT confdeltype::text FROM pg_constraint WHERE contype = 'f'") == [("c",)]
