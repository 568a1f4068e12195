"""Writers beside the swap of a key: none finds a deadlock, none waits long; who holds a lock is named."""

from __future__ import annotations

import random
from contextlib import contextmanager
from threading import Event, Thread, Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from alembic_cascade import LockNotAcquired
from alembic_cascade.concurrently import steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from project import Project

ROUNDS = 200
# The default lock_timeout of the concurrent form: nobody queues behind one of our locks for longer.
LOCK_TIMEOUT = 0.5
# What a busy machine may add to it.
SLACK = 0.4

KEY = ("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"])
ALTER = f"op.alter_foreign_key({', '.join(map(repr, KEY))}, %s, concurrently=True)"
UP, DOWN = "ondelete='CASCADE', existing_ondelete=None", "ondelete=None, existing_ondelete='CASCADE'"
RULE = "SELECT confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f'"
HELD = "UPDATE posts SET title = 'held' WHERE id = 1"

PARENT = "UPDATE users SET seen = seen + 1 WHERE id = {number}"
CHANGE = "UPDATE posts SET title = title || '.' WHERE id = {number}"
INSERT = "INSERT INTO posts (user_id, title) VALUES ({number}, 'new')"
DELETE = "DELETE FROM posts WHERE user_id = {number} AND title = 'new'"
READ_PARENT = "SELECT seen FROM users WHERE id = {number}"
READ_CHILD = "SELECT title FROM posts WHERE user_id = {number}"

# What the threads do, each on rows of its own, so that they are never in each other's way.
PARENT_FIRST = (PARENT, CHANGE), (PARENT, INSERT), (PARENT, DELETE)
CHILD_FIRST = (CHANGE, PARENT), (INSERT, PARENT), (DELETE, PARENT)
READS = (READ_PARENT, READ_CHILD), (READ_CHILD, READ_PARENT)


@pytest.fixture
def posts(project: Project) -> Project:
    """Users and their posts, with a key that has no rule yet."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0)",
        "INSERT INTO users SELECT generate_series(1, 100)",
        "CREATE TABLE posts (id serial PRIMARY KEY, user_id int CONSTRAINT posts_user_id_fkey REFERENCES users, title text)",
        "INSERT INTO posts (user_id, title) SELECT number, 'title' FROM generate_series(1, 100) AS number",
        "CREATE INDEX ON posts (user_id)",
        # Else it comes at some time, when enough rows were updated, and has to be waited for.
        "ALTER TABLE users SET (autovacuum_enabled = off)", "ALTER TABLE posts SET (autovacuum_enabled = off)",
    )  # fmt: skip
    return project


class Load:
    """Threads that each run transactions of two statements, and how long those waited."""

    def __init__(self, project: Project, threads: Sequence[tuple[tuple[str, str], ...]]) -> None:
        self.waits: list[float] = []
        self.errors: list[str] = []
        self.committed = 0
        self._conninfo = project.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._over = Event()
        self._threads = [
            Thread(target=self._run, args=(number, transactions), daemon=True)
            for number, transactions in enumerate(threads, 2)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self._threads)

    def _run(self, number: int, transactions: tuple[tuple[str, str], ...]) -> None:
        rng = random.Random(number)
        with psycopg.connect(self._conninfo) as connection:
            while not self._over.is_set():
                try:
                    for statement in rng.choice(transactions):
                        started = monotonic()
                        try:
                            connection.execute(statement.format(number=number).encode())
                        finally:
                            self.waits.append(monotonic() - started)
                        # So that the locks of one statement are held while another session takes its own.
                        sleep(rng.uniform(0, 0.001))
                    connection.commit()
                    self.committed += 1
                except psycopg.Error as error:
                    self.errors.append(f"{error.sqlstate}: {error}")
                    connection.rollback()
                sleep(rng.uniform(0.02, 0.04))


def test_no_deadlock_reaches_a_writer(posts: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever table a writer begins with, 200 rules change under it, and no statement waits for long."""
    with (
        posts.engine.connect() as connection,
        Load(posts, [PARENT_FIRST, CHILD_FIRST, PARENT_FIRST, CHILD_FIRST]) as load,
    ):
        context = MigrationContext.configure(connection)
        op = Operations(context)
        with context.begin_transaction(_per_migration=True), context.autocommit_block():
            for number in range(ROUNDS):
                before, after = (None, "CASCADE") if number % 2 == 0 else ("CASCADE", None)
                op.alter_foreign_key(*KEY, ondelete=after, existing_ondelete=before, concurrently=True)
                assert connection.exec_driver_sql(RULE).all() == [("a" if after is None else "c", True)]
    assert load.errors == []
    assert max(load.waits) < LOCK_TIMEOUT + SLACK
    # They did meet: somebody held the child and wanted the parent, and the swap made way.
    assert "canceling statement due to lock timeout, try 1 of 12" in caplog.text
    assert load.committed > ROUNDS


def test_a_lock_is_waited_for_in_turns(posts: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A session that holds one for two seconds is named, the upgrade tries again, and nobody queues for two seconds."""
    write_rule_change(posts)
    with holder(posts) as (connection, pid), Load(posts, [PARENT_FIRST, CHILD_FIRST, READS]) as load:
        end = Timer(2, connection.commit)
        end.start()
        started = monotonic()
        posts.upgrade()
        seconds = monotonic() - started
        end.join()
    assert rule_of(posts) == [("c", True)]
    assert 1.9 < seconds < 8
    named = [record.getMessage() for record in caplog.records if f"in the way: pid {pid} (" in record.getMessage()]
    assert named
    assert all("idle in transaction" in words and HELD in words for words in named)
    assert "RowExclusiveLock on posts" in named[0]
    assert load.errors == []
    assert max(load.waits) < LOCK_TIMEOUT + SLACK
    assert load.committed > 20


def test_a_lock_that_is_never_given_up_ends_the_upgrade(posts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the session and what to do; others go on meanwhile, and afterwards the upgrade does, too."""
    monkeypatch.setattr(steps, "TRIES", 4)
    monkeypatch.setattr(steps, "LONGEST_PAUSE", 0.2)
    write_rule_change(posts)
    with holder(posts) as (_, pid):
        with Load(posts, [PARENT_FIRST, CHILD_FIRST, READS]) as load:
            started = monotonic()
            with pytest.raises(LockNotAcquired) as caught:
                posts.upgrade()
            seconds = monotonic() - started
        assert rule_of(posts) == [("a", True)]
    # Four times the wait for a lock, and three pauses.
    assert seconds < 4 * LOCK_TIMEOUT + 2
    words = str(caught.value)
    assert words.startswith(
        "posts.user_id -> users.id: canceling statement due to lock timeout, 4 times over. In the way: "
    )
    assert f"pid {pid} (" in words
    assert HELD in words
    assert "End these sessions" in words
    assert "run the migration again" in words
    assert load.errors == []
    assert max(load.waits) < LOCK_TIMEOUT + SLACK
    assert load.committed > 20
    posts.upgrade()
    assert rule_of(posts) == [("c", True)]


def write_rule_change(project: Project) -> None:
    """A revision that changes the rule of the key, concurrently."""
    project.options = {"transaction_per_migration": True}
    project.write_revision(
        *(
            f"op.begin_concurrently()\nwith op.get_context().autocommit_block():\n    {ALTER % rules}"
            for rules in (UP, DOWN)
        )
    )


@contextmanager
def holder(project: Project) -> Iterator[tuple[psycopg.Connection[Any], int]]:
    """A session that has written to the child, and sits idle in its transaction."""
    conninfo = project.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo) as connection:
        connection.execute(HELD.encode())
        yield connection, connection.info.backend_pid


def rule_of(project: Project) -> list[tuple[Any, ...]]:
    """The letter of the ON DELETE rule of each key, and whether it is valid."""
    return project.fetch(RULE)
