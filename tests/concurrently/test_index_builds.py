"""An index that is built beside others: interrupted, run again, partition by partition."""

from __future__ import annotations

import re
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from models import add_table, models, reference
from orphans.settling import state
from project import cascade_log
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from alembic_cascade import CascadeConfig, ForeignKeyRefused, LockNotAcquired, StatementCanceled, configure_options
from alembic_cascade.concurrently import steps
from concurrently.indexed_posts import ADD, DROP, INDEXES, MADE, by_hand, indexing
from concurrently.others import Background, session, wait_until, waiting

if TYPE_CHECKING:
    from project import Project


def test_a_name_that_is_taken_is_refused_before_anything_is_built(project: Project) -> None:
    """The next run builds it, when the name is free."""
    indexing(project, "CREATE INDEX ix_posts_user_id ON posts (length)")
    by_hand(project, ADD, DROP)
    before = project.fetch(INDEXES)
    with pytest.raises(ForeignKeyRefused, match="something else is named ix_posts_user_id already"):
        project.upgrade()
    assert project.fetch(INDEXES) == before
    project.execute("DROP INDEX ix_posts_user_id")
    project.upgrade()
    assert len(project.fetch(INDEXES)) == len(before)


def test_an_invalid_index_of_the_name_is_built_anew(project: Project) -> None:
    """As somebody's interrupted CREATE INDEX CONCURRENTLY leaves it."""
    indexing(project, "CREATE INDEX ix_posts_user_id ON posts (user_id)")
    project.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_posts_user_id'::regclass")
    by_hand(project, ADD, DROP)
    project.upgrade()
    assert project.fetch("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_posts_user_id'::regclass") == [(True,)]


def test_a_build_that_takes_too_long_is_named(project: Project) -> None:
    """A statement_timeout ends it."""
    indexing(project)
    by_hand(project, ADD, DROP)
    with project.engine.connect() as older:
        older.exec_driver_sql("INSERT INTO posts VALUES (3, 1, 1)")
        project.execute("ALTER ROLE CURRENT_USER SET statement_timeout TO '700ms'")
        with pytest.raises(StatementCanceled, match="statement timeout"):
            project.upgrade()
        project.execute("ALTER ROLE CURRENT_USER RESET statement_timeout")
    project.upgrade()
    assert project.fetch("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_posts_user_id'::regclass") == [(True,)]


@pytest.mark.parametrize("holding", ["INSERT INTO posts VALUES (3, 1, 1)", "SELECT FROM users"])
def test_whom_a_build_waits_for_is_named(project: Project, caplog: pytest.LogCaptureFixture, holding: str) -> None:
    """A writer of the table, or whoever has an older snapshot: at each try, and in the error."""
    indexing(project)
    by_hand(project, ADD.replace(")", ", lock_timeout='100ms')"), DROP)
    with project.engine.connect().execution_options(isolation_level="REPEATABLE READ") as older:
        older.exec_driver_sql(holding)
        pid = older.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        named = rf"in the way: pid {pid} \(\w+, idle in transaction, [0-9.]+ s\): SELECT pg_backend_pid\(\)"
        with pytest.raises(LockNotAcquired, match=f"timeout, 3 times over. {named.replace('in', 'In', 1)}"):
            project.upgrade()
    tries = [words for words in cascade_log(caplog.records) if "try" in words]
    assert [words for words in tries if not re.search(named, words)] == []
    assert len(tries) == 2
    project.upgrade()
    assert project.fetch(INDEXES) == MADE


@pytest.mark.parametrize("ended_by", ["pg_cancel_backend", "pg_terminate_backend"])
def test_what_an_interrupted_build_left_is_built_anew(project: Project, ended_by: str) -> None:
    """It stands in the database, not valid, and serves nobody."""
    indexing(project).revision()
    with project.engine.connect() as older:
        older.exec_driver_sql("INSERT INTO posts VALUES (3, 1, 1)")
        building = (
            "FROM pg_stat_activity WHERE datname = current_database() "
            "AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
        )
        with Background(project.upgrade) as upgrade:
            wait_until(project, f"SELECT pid {building}")
            project.fetch(f"SELECT {ended_by}(pid) {building}")
            upgrade.wait()
        older.rollback()
    # Alembic meets the lost connection once more when it leaves the block.
    assert isinstance(upgrade.problems[0], SQLAlchemyError | StatementCanceled)
    ((left_over, valid),) = project.fetch(INDEXES)
    assert left_over.startswith("alembic_cascade_building_")
    assert not valid
    project.upgrade()
    assert project.fetch(INDEXES) == MADE
    project.check()


@pytest.mark.parametrize("way", ["upgrade", "downgrade"])
def test_a_left_over_is_dropped_on_the_way_down(project: Project, way: str) -> None:
    """Of a build that never came to its end."""
    indexing(project)
    by_hand(project, ADD, DROP)
    start = state(project)
    project.upgrade()
    if way == "upgrade":
        name = project.fetch(
            "SELECT 'alembic_cascade_building_' || substr(md5('posts'::regclass::oid::text || '{user_id}'), 1, 12)"
        )[0][0]
        project.execute(
            "DROP INDEX ix_posts_user_id",
            f"CREATE INDEX {name} ON posts (user_id)",
            f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass",
        )
    project.downgrade("base")
    assert state(project) == start


def test_partitions_are_indexed_one_by_one(project: Project) -> None:
    """Then the table takes over what they have."""
    project.options |= configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
    project.options["include_object"] = lambda _item, name, kind, *_: kind != "table" or not name.startswith("posts_")
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (20)",
        "INSERT INTO posts VALUES (1, 1), (11, 1)",
    )  # fmt: skip
    metadata = models(users=[])
    add_table(metadata, "posts", reference("user_id", "users.id"), postgresql_partition_by="RANGE (id)")
    project.metadata = metadata
    assert ADD in project.revision().upgrade
    project.upgrade()
    assert project.fetch(INDEXES) == [
        ("ix_posts_user_id", True), ("posts_high_user_id_idx", True), ("posts_low_user_id_idx", True),
    ]  # fmt: skip
    project.check()
    plan = project.fetch(
        "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = 'posts_low_user_id_idx'::regclass"
    )
    assert plan == [("ix_posts_user_id",)]
    project.downgrade()
    assert project.fetch(INDEXES) == []


def test_nobody_waits_long_for_the_index_of_a_partitioned_table_to_go(project: Project) -> None:
    """A long report holds the table, and other readers queue for half a second at most."""
    project.execute(
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
    )
    by_hand(project, ADD, DROP)
    project.upgrade()
    with session(project) as report, session(project, autocommit=True) as reader:
        report.execute("SELECT FROM posts")
        with Background(lambda: project.downgrade("base")) as downgrade:
            wait_until(project, waiting("posts"))
            Timer(1.5, report.commit).start()
            started = monotonic()
            reader.execute("SELECT FROM posts")
            waited = monotonic() - started
    assert waited < 1
    assert downgrade.problems == []
    assert project.fetch(INDEXES) == []


def test_a_partition_keeps_an_index_of_its_own(project: Project) -> None:
    """As a part of the table's it would go with it on the way down: the others get theirs one by one."""
    project.execute(
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (20)",
        "CREATE INDEX by_hand ON posts_high (user_id)",
    )
    by_hand(project, ADD, DROP)
    for _ in range(2):
        project.upgrade()
        assert project.fetch(INDEXES) == [("by_hand", True), ("posts_low_user_id_idx", True)]
        project.downgrade("base")
        assert project.fetch(INDEXES) == [("by_hand", True)]


def test_a_partition_that_comes_meanwhile_is_indexed_as_well(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the others are built, and before the table takes over what they have."""
    monkeypatch.setattr(steps, "TRIES", 2)
    project.options |= configure_options(CascadeConfig(concurrently=True))
    project.execute(
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
    )
    by_hand(project, ADD, DROP)
    statements: list[str] = []

    def come(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try(") and "cascade_finish_index(" in statement:
            statements.append(statement)
            if len(statements) == 1:
                project.execute("CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (20)")

    event.listen(project.engine, "before_cursor_execute", come)
    project.upgrade()
    assert [name for name, valid in project.fetch(INDEXES) if valid] == [
        "ix_posts_user_id", "posts_high_user_id_idx", "posts_low_user_id_idx",
    ]  # fmt: skip
