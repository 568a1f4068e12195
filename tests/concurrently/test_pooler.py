"""A pooler in transaction mode gives each statement to another session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, reference
from sqlalchemy import event

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
