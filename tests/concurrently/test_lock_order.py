"""Several locks in one step: their waits never add up to a deadlock, nor to a long queue."""

from __future__ import annotations

from contextlib import ExitStack
from textwrap import indent
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING

from models import models, reference
from sqlalchemy import event

from alembic_cascade import CascadeConfig, configure_options
from concurrently.others import Background, session, wait_until, waiting
from concurrently.settled_posts import POSTS, settled

if TYPE_CHECKING:
    from project import Project

# Whoever waits longer looks for a deadlock, and is ended where there is one.
DEADLOCK_TIMEOUT = 1
PARENTS = (
    "CREATE TABLE users (id int PRIMARY KEY, seen int)", "CREATE TABLE people (id int PRIMARY KEY, seen int)",
    "INSERT INTO users SELECT generate_series(1, 9)", "INSERT INTO people SELECT generate_series(1, 9)",
)  # fmt: skip
# A trigger that would change what comes back.
AUDITED = (
    "CREATE FUNCTION change_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id + 100; RETURN NEW; END $$",
    "CREATE TRIGGER audited BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION change_it()",
)
KEYS = "SELECT conname, confrelid::regclass::text, confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
REPOINT = "op.alter_foreign_key('posts_user_id_fkey', 'posts', 'people', ['user_id'], ['id'], existing_referent_table='users', concurrently=True)"
CASCADE = "op.alter_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE', existing_ondelete=None, concurrently=True)"


def write(project: Project, step: str) -> None:
    """A concurrent revision of one step."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.write_revision(
        f"op.begin_concurrently()\nwith op.get_context().autocommit_block():\n{indent(step, '    ')}"
    )


def test_three_locks_of_a_repoint_never_add_up_to_a_deadlock(project: Project) -> None:
    """Two parents are held one after the other, and who writes a child before its parent stands in the queue."""
    project.execute(
        *PARENTS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int CONSTRAINT posts_user_id_fkey REFERENCES users, title text)",
        "INSERT INTO posts SELECT n, n FROM generate_series(1, 9) AS n",
        "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey_beside FOREIGN KEY (user_id) REFERENCES people NOT VALID",
    )
    write(project, REPOINT)
    with session(project) as first, session(project) as second, session(project) as writer:
        first.execute("UPDATE users SET seen = 1 WHERE id = 1")
        second.execute("UPDATE people SET seen = 1 WHERE id = 1")
        writer.execute("UPDATE posts SET title = 'new' WHERE id = 2")
        with Background(project.upgrade) as upgrade:
            wait_until(project, waiting("users"))
            Timer(0.4, first.commit).start()
            Timer(0.8, second.commit).start()
            started = monotonic()
            writer.execute("UPDATE users SET seen = 2 WHERE id = 2")
            waited = monotonic() - started
            writer.commit()
    assert upgrade.problems == []
    assert waited < DEADLOCK_TIMEOUT
    assert project.fetch(KEYS) == [("posts_user_id_fkey", "people", "a", True)]


def test_locks_of_many_partitions_never_add_up_to_a_long_wait(project: Project) -> None:
    """Somebody holds each of six for a while, and readers and writers of the parent stand in the queue."""
    project.execute(
        *PARENTS,
        "CREATE TABLE posts (id int, user_id int CONSTRAINT posts_user_id_fkey REFERENCES users, title text) PARTITION BY RANGE (id)",
        *(f"CREATE TABLE posts_{n} PARTITION OF posts FOR VALUES FROM ({n * 10}) TO ({n * 10 + 10})" for n in range(6)),
        "INSERT INTO posts SELECT n, n % 9 + 1 FROM generate_series(0, 59) AS n",
    )
    write(project, CASCADE)
    waits: list[float] = []

    def queue(statement: bytes) -> None:
        with session(project, autocommit=True) as connection:
            while any(holder.info.transaction_status for holder in holders):
                started = monotonic()
                connection.execute(statement)
                waits.append(monotonic() - started)

    with ExitStack() as stack:
        holders = [stack.enter_context(session(project)) for _ in range(6)]
        writer = stack.enter_context(session(project))
        # The writer is the second one on the last partition. Each begins twice: the second time it need not look at the
        # partitioned table any more, and holds its partition alone.
        for _ in range(2):
            for n, holder in enumerate([*holders, writer]):
                holder.commit()
                part = min(n, 5)
                holder.execute(f"UPDATE posts_{part} SET title = 'held' WHERE id = {part * 10 + n // 6}".encode())
        upgrade = stack.enter_context(Background(project.upgrade))
        wait_until(project, waiting("posts_0"))
        reader = stack.enter_context(Background(lambda: queue(b"SELECT FROM users WHERE id = 1")))
        parent = stack.enter_context(Background(lambda: queue(b"UPDATE users SET seen = 1 WHERE id = 2")))
        for n, holder in enumerate(holders):
            Timer(0.2 * (n + 1), holder.commit).start()
        started = monotonic()
        writer.execute("UPDATE users SET seen = 2 WHERE id = 3")
        waits.append(monotonic() - started)
        writer.commit()
    assert [*upgrade.problems, *reader.problems, *parent.problems] == []
    assert max(waits) < DEADLOCK_TIMEOUT
    assert project.fetch(KEYS) == [("posts_user_id_fkey", "users", "c", True)]


def test_the_lock_of_a_parent_that_others_own_is_waited_for_but_a_moment(project: Project) -> None:
    """The owner of the child may refer to it, but not lock it: ALTER TABLE does, with the child in hand."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None, lock_timeout="900ms"))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    project.execute(
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)",
        "DROP ROLE IF EXISTS writer", "CREATE ROLE writer", "GRANT ALL ON SCHEMA public TO writer",
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)", "ALTER TABLE alembic_version OWNER TO writer",
        "ALTER TABLE posts OWNER TO writer", "GRANT SELECT, REFERENCES ON users TO writer",
    )  # fmt: skip
    project.revision()
    waits: list[float] = []

    def become(connection: object, _record: object) -> None:
        connection.cursor().execute("SET ROLE writer")  # type: ignore[attr-defined]

    def read() -> None:
        with session(project, autocommit=True) as reader:
            while holder.info.transaction_status:
                started = monotonic()
                reader.execute("SELECT FROM posts")
                waits.append(monotonic() - started)

    event.listen(project.engine, "connect", become)
    with session(project) as holder:
        holder.execute("SELECT FROM users")
        with Background(project.upgrade) as upgrade, Background(read):
            Timer(1.5, holder.commit).start()
    event.remove(project.engine, "connect", become)
    assert upgrade.problems == []
    # The longest moment is a quarter of deadlock_timeout, and not the lock_timeout.
    assert max(waits) < 0.7
    assert project.fetch(KEYS)[0][2:] == ("c", True)
    project.execute("REASSIGN OWNED BY writer TO CURRENT_USER", "DROP OWNED BY writer", "DROP ROLE writer")


def test_rows_come_back_between_writers_where_triggers_have_to_be_quiet(project: Project) -> None:
    """Their tables are locked like those of any other step, one after the other, and never for long."""
    settled(
        project, *POSTS, *AUDITED,
        "CREATE TABLE likes (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO likes SELECT n, n FROM generate_series(1, 10) AS n",
        "CREATE TRIGGER audited BEFORE INSERT ON likes FOR EACH ROW EXECUTE FUNCTION change_it()",
    )  # fmt: skip
    project.upgrade()
    with session(project) as first, session(project) as second, session(project) as writer:
        first.execute("UPDATE posts SET body = 'held' WHERE id = 1")
        second.execute("UPDATE likes SET post_id = 1 WHERE id = 1")
        writer.execute("UPDATE likes SET post_id = 1 WHERE id = 9")
        with Background(lambda: project.downgrade("base")) as downgrade:
            wait_until(project, waiting("posts", "likes"))
            Timer(0.4, first.commit).start()
            Timer(0.8, second.commit).start()
            started = monotonic()
            writer.execute("UPDATE posts SET body = 'new' WHERE id = 9")
            waited = monotonic() - started
            writer.commit()
    assert downgrade.problems == []
    # Until the first has ended, and a moment more; not half a second more.
    assert waited < 0.8
    assert project.fetch("SELECT id, body FROM posts WHERE body <> 'as it was' ORDER BY id") == [
        (1, "held"),
        (9, "new"),
    ]
    assert project.fetch("SELECT count(*) FROM posts JOIN likes ON posts.id = post_id") == [(10,)]
    assert project.fetch("SELECT tgenabled::text FROM pg_trigger WHERE NOT tgisinternal") == [("O",), ("O",)]


def test_a_table_that_inherits_is_not_locked(project: Project) -> None:
    """It has no part in its parent's keys."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.execute("CREATE TABLE old_posts () INHERITS (posts)")
    project.options["include_name"] = lambda name, kind, _: kind != "table" or name != "old_posts"
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    project.revision()
    with project.engine.connect() as reader:
        reader.exec_driver_sql("SELECT FROM old_posts")
        project.upgrade()
    assert project.fetch("SELECT confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f'") == [
        ("c", True)
    ]
