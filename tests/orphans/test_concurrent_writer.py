"""Writers beside an upgrade: they wait, then go on or are refused; the upgrade is done whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from alembic_cascade.errors import CascadeError
from orphans.settling import State, kept, rows, state, write_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from project import Project
    from sqlalchemy import Connection

KEY = ("posts", "users", ["user_id"], ["id"])


@pytest.fixture
def dirty(project: Project) -> Project:
    """Posts, an orphan among them, comments of theirs, and a revision that stops in its middle while "gate" is locked."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1), (2)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 1), (2, 9), (3, 2)",
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)", "INSERT INTO comments VALUES (1, 1), (2, 2)",
        "CREATE TABLE gate (id int)",
    )  # fmt: skip
    # Who waits for ever fails instead.
    project.execute(f"ALTER DATABASE \"{project.url.database}\" SET statement_timeout = '20s'")
    write_key(project, *KEY, rule="ondelete='CASCADE'")
    path = project.path / "versions" / "r1.py"
    path.write_text(
        path.read_text().replace("    op.add_foreign_key", "    op.execute('LOCK TABLE gate')\n    op.add_foreign_key")
    )
    return project


class Task:
    """Something that runs beside the test, and what came of it."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._run = run
        self._thread = Thread(target=self._catch, daemon=True)
        self._thread.start()

    def _catch(self) -> None:
        try:
            self._run()
        except (CascadeError, DBAPIError) as error:
            self.error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> BaseException | None:
        """Wait for its end; its error, or None."""
        self._thread.join(30)
        assert not self.running
        return self.error


@contextmanager
def stopped_in_its_middle(project: Project) -> Iterator[Task]:
    """An upgrade that has settled the orphans and not yet made the key; it goes on at the end of the block."""
    with project.engine.connect() as gatekeeper:
        gatekeeper.exec_driver_sql("LOCK TABLE gate")
        upgrade = Task(project.upgrade)
        wait_for_lock(project, "LOCK TABLE gate")
        yield upgrade
        gatekeeper.rollback()


def wait_for_lock(project: Project, statement: str) -> None:
    """Until a session waits with that statement."""
    limit = monotonic() + 20
    query = f"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{statement}%' AND pid <> pg_backend_pid()"
    while not project.fetch(query):
        assert monotonic() < limit, f"nobody waits with {statement}"
        sleep(0.02)


WRITERS = {
    "an orphan is inserted": ("INSERT INTO posts VALUES (4, 77)", "23503"),
    "a child is inserted": ("INSERT INTO posts VALUES (4, 1)", None),
    "a child becomes an orphan": ("UPDATE posts SET user_id = 77 WHERE id = 1", "23503"),
    "a parent is deleted": ("DELETE FROM users WHERE id = 2", None),
    "a parent gets another value": ("UPDATE users SET id = 3 WHERE id = 2", "23503"),
    "a removed row gets a dependent": ("INSERT INTO comments VALUES (3, 2)", "23503"),
}


@pytest.mark.parametrize(("statement", "sqlstate"), WRITERS.values(), ids=WRITERS)
def test_a_writer_waits_for_the_key_and_obeys_it(dirty: Project, statement: str, sqlstate: str | None) -> None:
    """What it may not do by the new key, it can't do between the settling and the key either."""
    with stopped_in_its_middle(dirty) as upgrade:
        writer = Task(lambda: dirty.execute(statement))
        wait_for_lock(dirty, statement)
        assert writer.running
    assert upgrade.end() is None
    error = writer.end()
    assert getattr(getattr(error, "orig", None), "sqlstate", None) == sqlstate
    found = rows(dirty)
    assert "(2,9)" not in found["posts"]
    if "DELETE FROM users" in statement:
        assert found["posts"] == ["(1,1)"]
    assert dirty.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'coming'") == [(True,)]
    orphans = (
        "SELECT 1 FROM posts WHERE user_id IS NOT NULL AND NOT EXISTS (SELECT FROM users WHERE users.id = user_id)"
    )
    assert dirty.fetch(orphans) == []


def test_a_reader_does_not_wait_while_rows_are_settled(dirty: Project) -> None:
    """Only the key itself, at the end, keeps readers away for a moment."""
    with stopped_in_its_middle(dirty) as upgrade:
        assert dirty.fetch("SELECT * FROM posts ORDER BY id") == [(1, 1), (2, 9), (3, 2)]
        assert dirty.fetch("SELECT * FROM users ORDER BY id") == [(1,), (2,)]
    assert upgrade.end() is None


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO posts VALUES (4, 77)", "DELETE FROM users WHERE id = 2", "INSERT INTO comments VALUES (3, 2)"],
)
def test_what_an_open_transaction_wrote_is_settled_after_it(dirty: Project, statement: str) -> None:
    """The upgrade waits for writers who were there first, and sees what they did."""
    with dirty.engine.connect() as writer:
        writer.exec_driver_sql(statement)
        upgrade = Task(dirty.upgrade)
        wait_for_lock(dirty, "cascade_clean_orphans")
        writer.commit()
    assert upgrade.end() is None
    start = rows(dirty)
    assert start["posts"] == (["(1,1)"] if "users" in statement else ["(1,1)", "(3,2)"])
    assert start["comments"] == ["(1,1)"]
    if "comments" in statement:
        assert len(kept(dirty)["alembic_cascade.r1_public_comments"]) == 2
    dirty.downgrade()
    assert len(rows(dirty)["posts"]) == (4 if "posts" in statement else 3)


def parent_then_child(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO users VALUES (5)")
    sleep(0.3)
    connection.exec_driver_sql("INSERT INTO posts VALUES (5, 5)")


def child_then_parent(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE posts SET user_id = 2 WHERE id = 1")
    sleep(0.3)
    connection.exec_driver_sql("INSERT INTO users VALUES (5)")


def reader_then_writer(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT * FROM posts").all()
    sleep(0.3)
    connection.exec_driver_sql("INSERT INTO posts VALUES (5, 1)")


def grandchild_then_child(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE comments SET id = 7 WHERE id = 1")
    sleep(0.3)
    connection.exec_driver_sql("UPDATE posts SET user_id = 2 WHERE id = 1")


@pytest.mark.parametrize("patient", ["upgrade", "writer"])
@pytest.mark.parametrize("work", [parent_then_child, child_then_parent, reader_then_writer, grandchild_then_child])
def test_a_deadlock_ends_with_one_of_both_undone(
    dirty: Project, work: Callable[[Connection], None], patient: str
) -> None:
    """The upgrade is done whole, or says what was in its way and has changed nothing."""
    start = state(dirty)

    def write() -> None:
        with dirty.engine.begin() as connection:
            connection.exec_driver_sql(f"SET deadlock_timeout = '{400 if patient == 'upgrade' else 10000}ms'")
            work(connection)

    writer = Task(write)
    sleep(0.1)
    upgrade = Task(dirty.upgrade)
    problem, failed = upgrade.end(), writer.end()
    end = state(dirty)
    assert not (problem and failed)
    if problem is None:
        assert "(2,9)" not in end.rows["posts"]
        assert dirty.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'coming'") == [(True,)]
    else:
        assert isinstance(problem, CascadeError), repr(problem)
        assert_untouched(start, end)
        dirty.upgrade()


def assert_untouched(start: State, end: State) -> None:
    """The orphan, its comment and the schema are as they were."""
    assert end.schema == start.schema
    assert "(2,9)" in end.rows["posts"]
    assert "(2,2)" in end.rows["comments"]


def test_an_upgrade_that_is_cancelled_in_its_middle_has_changed_nothing(dirty: Project) -> None:
    """The administrator may always say no."""
    start = state(dirty)
    with stopped_in_its_middle(dirty) as upgrade:
        dirty.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE gate%' AND wait_event_type = 'Lock'"
        )
        assert upgrade.end() is not None
    assert state(dirty) == start
    dirty.upgrade()
    dirty.downgrade()
    assert state(dirty) == start


def test_an_upgrade_that_sees_an_old_snapshot_is_done_right_or_refused(dirty: Project) -> None:
    """Under REPEATABLE READ it does not see what was committed while it waited for its locks."""
    dirty.engine = dirty.engine.execution_options(isolation_level="REPEATABLE READ")
    with dirty.engine.connect() as writer:
        writer.exec_driver_sql("INSERT INTO posts VALUES (4, 77)")
        writer.exec_driver_sql("INSERT INTO comments VALUES (3, 2)")
        upgrade = Task(dirty.upgrade)
        wait_for_lock(dirty, "cascade_clean_orphans")
        writer.commit()
    problem = upgrade.end()
    found = rows(dirty)
    if problem is None:
        dirty.downgrade()
        found = rows(dirty)
    assert found["posts"] == ["(1,1)", "(2,9)", "(3,2)", "(4,77)"]
    assert found["comments"] == ["(1,1)", "(2,2)", "(3,2)"]


def test_a_lock_that_is_not_to_be_had_in_time_is_one_clear_error(dirty: Project) -> None:
    """The message names the key, and the run can simply be repeated."""
    dirty.execute(f"ALTER DATABASE \"{dirty.url.database}\" SET lock_timeout = '200ms'")
    start = state(dirty)
    with dirty.engine.connect() as writer:
        writer.exec_driver_sql("INSERT INTO posts VALUES (4, 1)")
        with pytest.raises(Exception, match="lock timeout") as raised:
            dirty.upgrade()
    assert isinstance(raised.value, CascadeError), repr(raised.value)
    assert "posts.user_id -> users.id" in str(raised.value)
    assert state(dirty) == start
