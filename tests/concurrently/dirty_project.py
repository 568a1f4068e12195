"""Dirty tables and the revision that settles them in many small steps; what must hold after it, and after its downgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from project import catalogue
from sqlalchemy import Column, ForeignKey, Integer, MetaData, NullPool, Table, Text, create_engine

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project

# What a session that migrates calls itself.
SESSION = "migration"

POSTS = 2000
ORPHANS = 125
TABLES = ("users", "posts", "comments")
KEYS = [("comments_post_id_fkey", True), ("posts_author_id_fkey", True), ("posts_user_id_fkey", True)]

INI = """\
[alembic]
script_location = %(here)s/alone
version_locations = %(here)s/versions
path_separator = os
"""

# What a user's own env.py does, in a process of its own.
ENV = """\
import logging
from alembic import context
from sqlalchemy import create_engine
from alembic_cascade import CascadeConfig, configure_options

logging.basicConfig(level="INFO", format="%(name)s: %(message)s")
with create_engine(URL, connect_args={"application_name": SESSION}).connect() as connection:
    context.configure(connection=connection, **configure_options(CascadeConfig(concurrently=True)))
    with context.begin_transaction():
        context.run_migrations()
"""


def models(*, after: bool) -> MetaData:
    """Users with posts, posts with comments; afterwards a post's author is a user, and goes with its user."""
    metadata = MetaData()
    user = ForeignKey("users.id", ondelete="CASCADE" if after else None)
    author = ForeignKey("users.id", ondelete="CASCADE") if after else Integer
    Table("users", metadata, Column("id", Integer, primary_key=True))
    Table(
        "posts", metadata, Column("id", Integer, primary_key=True), Column("user_id", user, index=True),
        Column("author_id", author, index=True), Column("body", Text),
    )  # fmt: skip
    Table(
        "comments", metadata, Column("id", Integer, primary_key=True),
        Column("post_id", ForeignKey("posts.id", ondelete="CASCADE"), index=True), Column("body", Text),
    )  # fmt: skip
    return metadata


def write_dirty_project(project: Project, *, batch_size: int = 50, batch_pause: float = 0) -> None:
    """Tables with orphans, a copy of them in the schema "archive", and the revision r1 in many small steps."""
    project.engine = create_engine(project.url, poolclass=NullPool, connect_args={"application_name": SESSION})
    project.create(models(after=False))
    project.execute(
        "INSERT INTO users SELECT * FROM generate_series(1, 100)",
        f"INSERT INTO posts SELECT i, i % 100 + 1, CASE i % {POSTS // ORPHANS} WHEN 0 THEN 1000 + i ELSE i % 100 + 1 END, 'post ' || i "
        f"FROM generate_series(1, {POSTS}) AS i",
        f"INSERT INTO comments SELECT i, i % {POSTS} + 1, 'comment ' || i FROM generate_series(1, {POSTS * 3 // 2}) AS i",
        "CREATE SCHEMA archive",
        *(f"CREATE TABLE archive.{table} AS TABLE {table}" for table in TABLES),
    )
    project.metadata = models(after=True)
    project.options = configure_options(CascadeConfig(concurrently=True))
    revision = project.revision(rev_id="r1")
    (path,) = (project.path / "versions").glob("r1*.py")
    pace = f"revision=revision, batch_size={batch_size}, batch_pause={batch_pause},"
    path.write_text(
        revision.text.replace("strategy='quarantine', revision=revision,", f"strategy='quarantine', {pace}")
    )
    (project.path / "alone").mkdir()
    (project.path / "alone" / "env.py").write_text(
        ENV.replace("URL", repr(project.url.render_as_string(hide_password=False))).replace("SESSION", repr(SESSION))
    )
    (project.path / "alembic.ini").write_text(INI)


def schema(project: Project) -> list[tuple[Any, ...]]:
    """The catalogue, and what it does not list: functions, and indexes that are not valid."""
    with project.engine.connect() as connection:
        return [*catalogue(connection), *map(tuple, connection.exec_driver_sql(_MORE_OF_THE_SCHEMA))]


_MORE_OF_THE_SCHEMA = """
SELECT 'function', proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace
WHERE n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
UNION ALL SELECT 'index not valid', indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
ORDER BY 1, 2
"""


def assert_upgraded(project: Project, upgraded: list[tuple[Any, ...]]) -> None:
    """Valid keys, no orphans, every row in its table or in the quarantine, nothing left behind."""
    assert project.fetch("SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1") == KEYS
    for column in ("user_id", "author_id"):
        assert project.fetch(f"SELECT id FROM posts WHERE {column} NOT IN (SELECT id FROM users) LIMIT 3") == []
    assert schema(project) == upgraded
    assert_nothing_is_lost(project, quarantined=True)
    assert project.fetch("SELECT version_num FROM alembic_version") == [("r1",)]
    assert_nobody_has_the_turn(project)
    project.check()


def assert_as_at_the_start(project: Project, start: list[tuple[Any, ...]]) -> None:
    """The schema, the rows with those that were written meanwhile; no quarantine, no revision."""
    assert schema(project) == start
    assert_nothing_is_lost(project, quarantined=False)
    assert project.fetch("SELECT FROM pg_namespace WHERE nspname = 'alembic_cascade'") == []
    assert project.fetch("SELECT version_num FROM alembic_version") == []
    assert_nobody_has_the_turn(project)


def assert_nothing_is_lost(project: Project, *, quarantined: bool) -> None:
    """Each row of "archive" is in its table or in the quarantine, once, and there are no others; at any moment."""
    columns = {"users": "id", "posts": "id, user_id, author_id, body", "comments": "id, post_id, body"}
    for table, names in columns.items():
        known, found = f"SELECT {names} FROM archive.{table}", f"SELECT {names} FROM {table}"
        if quarantined and table != "users":
            found = f"({found} UNION ALL SELECT {names} FROM alembic_cascade.r1_public_{table})"
        assert project.fetch(f"SELECT 'lost', * FROM ({known} EXCEPT ALL {found}) AS lost LIMIT 5") == []
        assert project.fetch(f"SELECT 'new', * FROM ({found} EXCEPT ALL {known}) AS new LIMIT 5") == []


def assert_nobody_has_the_turn(project: Project) -> None:
    """No advisory lock is held in this database."""
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    assert project.fetch(f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND {here}") == []
