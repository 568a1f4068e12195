"""What the logger ``alembic.cascade`` says: a line for each key, a line for each skip and why."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from project import cascade_log
from sqlalchemy import MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "alembic.cascade")


def test_a_line_for_each_key(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """What was, what is, how long it took."""
    project.options = configure_options(CascadeConfig(orphans=None))
    key = UniqueConstraint("number", name="users_number")
    project.create(
        models(users=[number("number"), key], posts=[reference("user_id", "users.id"), reference("by", "users.id")])
    )
    project.metadata = models(
        users=[number("number"), UniqueConstraint("number", name="users_number")],
        posts=[reference("user_id", "users.id", ondelete="CASCADE", deferrable=True), reference("by", "users.number")],
    )
    project.revision()
    assert cascade_log(caplog.records) == [
        "Detected altered foreign key posts.user_id -> users.id: NO ACTION -> CASCADE, not deferrable -> deferrable",
        "Detected altered foreign key posts.by -> users.id: from users.id to users.number",
    ]
    caplog.clear()
    project.upgrade()
    assert cascade_log(caplog.records) == [
        "posts.user_id -> users.id: NO ACTION -> CASCADE, not deferrable -> deferrable, N s",
        "posts.by: users.id -> users.number, N s",
    ]


def test_another_name_in_this_deployment(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It is found by its column pairs, and keeps its name."""
    project.options = configure_options(CascadeConfig(orphans=None))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    project.revision()
    project.execute("ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO other")
    caplog.clear()
    project.upgrade()
    assert cascade_log(caplog.records) == [
        "posts.user_id -> users.id: the key is named other here, not posts_user_id_fkey",
        "posts.user_id -> users.id: NO ACTION -> CASCADE, N s",
    ]
    assert project.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f'") == [("other",)]


def test_an_optional_table(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Never proposed for creation, nor keys to it; skipped where it is absent."""
    project.options = configure_options(CascadeConfig(optional_tables=["old_*"], orphans=None))
    project.create(models(users=[], old_notes=[reference("user_id", "users.id")], posts=[number("old_id")]))
    project.metadata = models(
        users=[],
        old_notes=[reference("user_id", "users.id", ondelete="CASCADE")],
        old_logs=[],
        posts=[reference("old_id", "old_logs.id")],
        drafts=[reference("old_id", "old_logs.id")],
    )
    revision = project.revision()
    assert "old_logs" not in revision.text
    assert "if_exists=True" in revision.upgrade
    assert cascade_log(caplog.records) == [
        "Detected altered foreign key old_notes.user_id -> users.id: NO ACTION -> CASCADE",
        "posts.old_id -> old_logs.id: skipped, the optional table old_logs does not exist here",
        "old_logs: not proposed for creation, the table is optional",
        "drafts.old_id -> old_logs.id: skipped, the optional table old_logs does not exist here",
    ]
    project.execute("DROP TABLE old_notes")
    caplog.clear()
    project.upgrade()
    project.downgrade()
    skipped = "old_notes.user_id -> users.id: {}: skipped, the table old_notes does not exist"
    assert cascade_log(caplog.records) == [
        skipped.format("NO ACTION -> CASCADE"), skipped.format("CASCADE -> NO ACTION")
    ]  # fmt: skip


def test_keys_of_an_optional_table_that_come_and_go(project: Project) -> None:
    """Alembic's own operations would fail in a deployment that lacks the table."""
    project.options = configure_options(CascadeConfig(optional_tables=["legacy"], orphans=None))
    project.create(models(users=[], legacy=[reference("a", "users.id"), number("b")]))
    project.metadata = models(users=[], legacy=[number("a"), reference("b", "users.id")])
    revision = project.revision()
    assert revision.upgrade == (
        "op.drop_foreign_key('legacy_a_fkey', 'legacy', 'users', ['a'], ['id'], if_exists=True)\n"
        "op.add_foreign_key('legacy_b_fkey', 'legacy', 'users', ['b'], ['id'], if_exists=True)\n"
    )
    project.upgrade()
    project.check()
    project.downgrade()
    assert project.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f'") == [("legacy_a_fkey",)]
    project.execute("DROP TABLE legacy")
    project.upgrade()
    project.downgrade()


def test_an_absent_optional_parent_takes_its_keys_along(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Where the key could not be made, there is none to drop."""
    project.options = configure_options(CascadeConfig(optional_tables=["legacy"], orphans=None))
    project.create(models(legacy=[], posts=[number("a"), reference("b", "legacy.id"), reference("c", "legacy.id")]))
    project.metadata = models(
        legacy=[number("note")],
        posts=[reference("a", "legacy.id"), number("b"), reference("c", "legacy.id", ondelete="CASCADE")],
    )
    revision = project.revision()
    assert revision.upgrade.count("if_exists=True") == 3
    assert "legacy: only operations on keys skip an optional table; guard the others by hand" in cascade_log(
        caplog.records
    )
    project.execute("DROP TABLE legacy CASCADE")
    project.metadata = MetaData()
    text = (project.path / "versions").glob("*.py").__next__()
    text.write_text(
        "".join(line for line in text.read_text().splitlines(keepends=True) if "column('legacy'" not in line)
    )
    project.upgrade()
    project.downgrade()
    assert project.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f'") == []
