"""Concurrent revisions inside of a transaction: refused, or run plainly where that is asked for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from project import catalogue, rows

from alembic_cascade import AutocommitRequired, CascadeError
from concurrently.dirty_project import TABLES, schema, write_dirty_project

if TYPE_CHECKING:
    from alembic.config import Config
    from project import Project
    from sqlalchemy import Connection

STORES = ("alembic_cascade.r1_public_comments", "alembic_cascade.r1_public_posts")


@pytest.fixture
def dirty(project: Project) -> Project:
    """Dirty tables, and a concurrent revision."""
    write_dirty_project(project)
    return project


def config_within(project: Project, connection: Connection, *, plainly: bool) -> Config:
    """The configuration of a test that runs migrations inside of its own transaction."""
    config = project.config
    config.attributes["connect"] = lambda: nullcontext(connection)
    if plainly:
        config.attributes["cascade_plainly"] = True
    return config


def seen(connection: Connection) -> tuple[Any, ...]:
    """The catalogue and all rows, as this session sees them; of the quarantine without ids and times."""
    found = catalogue(connection)
    stores = [row[2] for row in found if row[1] == "alembic_cascade" and row[3] == "cascade_id"]
    kept = [
        sorted(
            str(row[0])
            for row in connection.exec_driver_sql(
                f"SELECT to_jsonb(t) - 'cascade_id' - 'cascade_at' FROM alembic_cascade.{store} t"
            )
        )
        for store in dict.fromkeys(stores)
    ]
    return found, dict(rows(connection, TABLES)), kept


def seen_from_outside(project: Project) -> tuple[Any, ...]:
    """The same, in a session of its own."""
    with project.engine.connect() as connection:
        return seen(connection)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_somebody_elses_transaction_is_refused(dirty: Project, direction: str) -> None:
    """One clear error that names the way out, before anything is changed; the transaction can go on."""
    if direction == "down":
        dirty.upgrade()
    start = seen_from_outside(dirty)
    with dirty.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("INSERT INTO users VALUES (101)")
        config = config_within(dirty, connection, plainly=False)
        with pytest.raises(AutocommitRequired, match=r"config\.attributes\['cascade_plainly'\] = True") as raised:
            command.upgrade(config, "head") if direction == "up" else command.downgrade(config, "base")
        assert isinstance(raised.value, CascadeError)
        assert "transaction" in str(raised.value)
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 101
        assert connection.exec_driver_sql("SELECT FROM pg_locks WHERE locktype = 'advisory'").all() == []
        connection.exec_driver_sql("DELETE FROM users WHERE id = 101")
    assert seen_from_outside(dirty) == start
    dirty.upgrade() if direction == "up" else dirty.downgrade("base")


def test_a_plain_run_does_the_same_inside_of_a_transaction(dirty: Project) -> None:
    """Up and down, as in sessions of their own; a rollback then leaves nothing."""
    start = seen_from_outside(dirty)
    dirty.upgrade()
    upgraded = seen_from_outside(dirty)
    dirty.downgrade("base")
    assert seen_from_outside(dirty) == start
    with dirty.engine.connect() as connection:
        transaction = connection.begin()
        config = config_within(dirty, connection, plainly=True)
        command.upgrade(config, "head")
        assert seen(connection) == upgraded
        command.downgrade(config, "base")
        assert seen(connection) == start
        command.upgrade(config, "head")
        assert seen(connection) == upgraded
        # Nobody else has seen anything of it.
        transaction.rollback()
    assert seen_from_outside(dirty) == start
    assert dirty.fetch("SELECT version_num FROM alembic_version") == []


def test_a_plain_run_can_be_committed(dirty: Project) -> None:
    """What others see then is what a concurrent run would have done, and can be taken back by one."""
    start = schema(dirty)
    dirty.upgrade()
    upgraded = seen_from_outside(dirty)
    dirty.downgrade("base")
    with dirty.engine.begin() as connection:
        command.upgrade(config_within(dirty, connection, plainly=True), "head")
    assert seen_from_outside(dirty) == upgraded
    dirty.check()
    dirty.downgrade("base")
    assert schema(dirty) == start


def test_a_plain_run_leaves_the_settings_of_the_transaction_as_they_were(dirty: Project) -> None:
    """What runs after it in the same transaction waits as before, and is nobody's concurrent step."""
    dirty.write_revision(
        "op.execute(\"CREATE TABLE after_it AS SELECT current_setting('lock_timeout') AS waits, "
        "current_setting('alembic_cascade.concurrently', true) AS concurrently, "
        "current_setting('session_replication_role') AS role\")"
    )
    with dirty.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '7s'")
        command.upgrade(config_within(dirty, connection, plainly=True), "head")
        assert connection.exec_driver_sql("TABLE after_it").all() == [("7s", "off", "origin")]
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "7s"
        assert connection.exec_driver_sql("SELECT current_setting('alembic_cascade.concurrently')").scalar() == "off"
        transaction.rollback()


def test_keys_that_are_checked_at_the_end_still_are_after_a_plain_run(dirty: Project) -> None:
    """A child may be written before its parent in the same transaction, as before."""
    dirty.execute(
        "CREATE TABLE orders (id int PRIMARY KEY)",
        "CREATE TABLE lines (order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED)",
    )
    with dirty.engine.begin() as connection:
        command.upgrade(config_within(dirty, connection, plainly=True), "head")
        connection.exec_driver_sql("INSERT INTO lines VALUES (1)")
        connection.exec_driver_sql("INSERT INTO orders VALUES (1)")
    assert dirty.fetch("TABLE lines") == [(1,)]


KEY = "'posts', 'users', ['author_id'], ['id']"
STEPS = {
    "clean": f"op.clean_orphans({KEY}, strategy='quarantine', revision=revision, concurrently=True)",
    "check": f"op.clean_orphans({KEY}, strategy='quarantine', revision=revision, check_only=True, concurrently=True)",
    "restore": f"op.restore_orphans({KEY}, revision=revision, concurrently=True)",
    "add": f"op.add_foreign_key('k', {KEY}, not_valid=True, concurrently=True)",
    "alter": "op.alter_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE', "
    "existing_ondelete=None, concurrently=True)",
    "drop": "op.drop_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], concurrently=True)",
}


@pytest.mark.parametrize("begun", ["", "op.begin_concurrently()\n"], ids=["", "begun"])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_outside_of_the_block_is_refused(project: Project, step: str, begun: str) -> None:
    """Written by hand, it says what it lacks, and nothing is changed."""
    write_dirty_project(project)
    (path,) = (project.path / "versions").glob("r1*.py")
    path.unlink()
    project.write_revision(begun + step)
    start = seen_from_outside(project)
    with pytest.raises(AutocommitRequired, match=r'"with op.get_context\(\).autocommit_block\(\):"'):
        project.upgrade()
    assert seen_from_outside(project) == start
    project.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)")
    assert project.fetch("TABLE alembic_version") == []
