"""A pooler in transaction mode gives each statement to another session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, reference
from sqlalchemy import event
from sqlalchemy.exc import PendingRollbackError

from alembic_cascade import CascadeConfig, SessionLost, configure_options

if TYPE_CHECKING:
    from project import Project
    from sqlalchemy import MetaData


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
    with pytest.raises(
        SessionLost, match=r"posts.user_id -> users.id: the next statement went to another session. A pooler"
    ):
        project.upgrade()
    event.remove(project.engine, "before_cursor_execute", lose)
    project.upgrade()
    assert project.fetch("SELECT confdeltype::text FROM pg_constraint WHERE contype = 'f'") == [("c",)]


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
