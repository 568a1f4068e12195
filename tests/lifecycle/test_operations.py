"""The operations by hand: their arguments, scripts, absent tables, other databases."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from alembic import command
from project import Project
from psql import run_script

from alembic_cascade import ConfigError, LifecycleRefused, LockNotAcquired, TableNotFound, UnsupportedDialect
from lifecycle.channels import ACTIVE, CREATED, NEWEST, UPDATED, configured, tables
from lifecycle.test_backfill import FILLED, is_filled, with_messages
from lifecycle.test_trigger_drift import state

if TYPE_CHECKING:
    from pathlib import Path

WRONG: dict[str, tuple[str, str]] = {
    "no event": ("op.create_lifecycle_trigger('users', 'a')", "set_on: must be 'update', or set_from be given"),
    "two events": (
        "op.create_lifecycle_trigger('users', 'a', set_on='update', set_from='m.b', local_cols=['c'], remote_cols=['id'])",
        "set_on: must be 'update', or set_from be given",
    ),
    "an insert": ("op.create_lifecycle_trigger('users', 'a', set_on='insert')", "set_on: must be 'update'"),
    "a source without a table": (
        "op.create_lifecycle_trigger('users', 'a', set_from='b', local_cols=['c'], remote_cols=['id'])",
        "set_from: must be 'child_table.column' or [child_table, column], not 'b'",
    ),
    "no columns": ("op.create_lifecycle_trigger('users', 'a', set_from='m.b')", "local_cols: must be a list"),
    "columns of nothing": (
        "op.drop_lifecycle_trigger('users', 'a', set_on='update', local_cols=['c'])", "local_cols: is about set_from",
    ),
    "another security": (
        "op.create_lifecycle_trigger('users', 'a', set_on='update', security='root')", "security: must be 'invoker'",
    ),
    "a definition that is no list": (
        "op.create_lifecycle_trigger('users', 'a', set_on='update', definition='x')", "definition: must be a list",
    ),
    "no table": ("op.create_lifecycle_trigger('', 'a', set_on='update')", "table_name: must be the name"),
    "a bad timeout": (
        "op.create_lifecycle_trigger('users', 'a', set_on='update', lock_timeout=5)", "lock_timeout: must be a duration",
    ),
    "nothing to fill": ("op.backfill_lifecycle_column('users', 'a')", "set_from: nothing is to be done"),
    "two values": (
        "op.backfill_lifecycle_column('users', 'a', set_from='m.b', expression='c')", "expression: contradicts set_from",
    ),
    "an empty expression": (
        "op.backfill_lifecycle_column('users', 'a', expression=' ')", "expression: must be an SQL expression",
    ),
    "a size of nothing": (
        "op.backfill_lifecycle_column('users', 'a', expression='c', batch_size=0)", "batch_size: must be a number",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "problem"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_named(project: Project, operation: str, problem: str) -> None:
    """Before anything runs."""
    project.create(tables())
    project.write_revision(operation)
    with pytest.raises(ConfigError) as refusal:
        project.upgrade()
    assert problem in str(refusal.value)


REFUSED: dict[str, tuple[str, type[Exception], str]] = {
    "an absent table": (
        "op.create_lifecycle_trigger('files', 'a', set_on='update')", TableNotFound, "the table files does not exist",
    ),
    "an absent child": (
        "op.create_lifecycle_trigger('users', 'a', set_from='m.b', local_cols=['c'], remote_cols=['id'])",
        TableNotFound, "the table m does not exist",
    ),
    "an absent table to fill": (
        "op.backfill_lifecycle_column('files', 'a', expression='b')", TableNotFound, "the table files does not exist",
    ),
    "an absent column to fill": (
        "op.backfill_lifecycle_column('users', 'a', expression='name')", LifecycleRefused, "users has no column a",
    ),
    "an absent column": (
        "op.create_lifecycle_trigger('users', 'a', set_on='update')", LifecycleRefused, "users has no column a",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "error", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_there_is_named(project: Project, operation: str, error: type[Exception], problem: str) -> None:
    """The database is as it was."""
    project.create(tables())
    before = state(project)
    project.write_revision(operation)
    with pytest.raises(error, match=problem):
        project.upgrade()
    assert state(project) == before


@pytest.mark.parametrize(
    "operation",
    [
        "op.create_lifecycle_trigger('files', 'a', set_on='update', if_exists=True)",
        "op.drop_lifecycle_trigger('files', 'a', set_on='update', if_exists=True)",
        "op.backfill_lifecycle_column('files', 'a', expression='b', if_exists=True)",
    ],
)
def test_an_absent_table_is_skipped_where_it_may_be(
    project: Project, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so."""
    caplog.set_level(logging.INFO, "alembic.cascade")
    project.write_revision(operation)
    project.upgrade()
    assert any("skipped, the table files does not exist" in message for message in caplog.messages)


def test_a_trigger_that_is_gone_is_passed_over(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A downgrade has nothing to complain of."""
    project.create(tables())
    project.write_revision("op.drop_lifecycle_trigger('users', 'updated_at', set_on='update')")
    project.upgrade()
    assert caplog.messages == ["users.updated_at: its trigger is gone already, 0.00 s"] or "gone already" in caplog.text


def test_a_lock_that_cannot_be_had_ends_it(project: Project) -> None:
    """As with every operation."""
    project.create(tables())
    project.write_revision(
        "op.add_column('users', sa.Column('updated_at', sa.DateTime(timezone=True)))\n"
        "op.create_lifecycle_trigger('users', 'updated_at', set_from='messages.sent_at', local_cols=['channel_id'], "
        "remote_cols=['id'], lock_timeout='50ms')"
    )
    with project.engine.connect() as other:
        other.exec_driver_sql("LOCK TABLE messages IN ROW EXCLUSIVE MODE")
        with pytest.raises(LockNotAcquired, match=r"users\.updated_at"):
            project.upgrade()


@pytest.mark.parametrize("concurrently", [False, True])
def test_a_script_does_what_the_upgrade_and_the_downgrade_do(project: Project, concurrently: bool) -> None:
    """Through psql."""
    with_messages(project)
    before = state(project)
    configured(project, CREATED, UPDATED, ACTIVE, FILLED, concurrently=concurrently)
    project.revisions()
    run_up(project)
    assert is_filled(project)
    after = state(project)
    configured(project, CREATED, UPDATED, ACTIVE, NEWEST)
    assert project.revision().upgrade == "pass\n"
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == before
    run_up(project)
    assert state(project) == after


def run_up(project: Project) -> None:
    """Run the script; the table of versions is there since the first autogenerate."""
    script = project.upgrade_script()
    run_script(
        project.url, script.replace("CREATE TABLE alembic_version", "CREATE TABLE IF NOT EXISTS alembic_version")
    )


def test_elsewhere_columns_are_added_and_a_warning_given(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Triggers are PostgreSQL's."""
    from sqlalchemy import make_url  # noqa: PLC0415

    project = Project(tmp_path / "sqlite", make_url(f"sqlite:///{tmp_path}/a.db"))
    project.create(tables())
    configured(project, CREATED, UPDATED, FILLED, metadata=tables(more={"files": []}))
    revision = project.revision()
    assert "lifecycle_trigger" not in revision.text
    assert "backfill" not in revision.text
    (warning,) = [message for message in caplog.messages if "only PostgreSQL" in message]
    assert "channels.last_message_at" in warning
    project.upgrade()
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("base")
    project.engine.dispose()


@pytest.mark.parametrize(
    "operation",
    [
        "op.create_lifecycle_trigger('users', 'a', set_on='update')",
        "op.drop_lifecycle_trigger('users', 'a', set_on='update')",
        "op.backfill_lifecycle_column('users', 'a', expression='b')",
    ],
)
def test_elsewhere_the_operations_are_refused(tmp_path: Path, operation: str) -> None:
    """With what to do."""
    from sqlalchemy import make_url  # noqa: PLC0415

    project = Project(tmp_path / "sqlite", make_url(f"sqlite:///{tmp_path}/a.db"))
    project.write_revision(operation)
    with pytest.raises(UnsupportedDialect, match="can't be done on sqlite"):
        command.upgrade(project.config, "head")
    project.engine.dispose()
