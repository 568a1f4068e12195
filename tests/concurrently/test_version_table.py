"""The table of versions is locked for a moment, and waited for no longer than any other."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING

import pytest
from models import models, reference

from alembic_cascade import CascadeConfig, LockNotAcquired, configure_options
from alembic_cascade.concurrently import turn

if TYPE_CHECKING:
    from project import Project


@pytest.mark.parametrize("lets_go", [True, False])
def test_a_session_that_holds_the_version_is_waited_for_a_while(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lets_go: bool
) -> None:
    """The log says so; then the upgrade goes on, or ends with nothing changed."""
    caplog.set_level("INFO", "alembic.cascade")
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    project.revision()
    project.upgrade()
    project.downgrade("base")
    monkeypatch.setattr(turn, "LONGEST_WAIT", 30 if lets_go else 1)
    with project.engine.connect() as holder:
        holder.exec_driver_sql("INSERT INTO alembic_version VALUES ('none')")
        timer = Timer(1.5, holder.rollback)
        if lets_go:
            timer.start()
            project.upgrade()
            timer.join()
        else:
            with pytest.raises(LockNotAcquired, match=r"alembic_version|begin_concurrently"):
                project.upgrade()
    assert any("another session is writing alembic_version, waiting" in message for message in caplog.messages)
    rule = "c" if lets_go else "a"
    assert project.fetch("SELECT confdeltype::text FROM pg_constraint WHERE contype = 'f'") == [(rule,)]
