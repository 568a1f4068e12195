"""The same errors and the same rows by every driver; by databases that are not PostgreSQL, a refusal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from project import Project
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from alembic_cascade import OrphansNotSettled, OrphansRemain, TableNotFound, TooManyOrphans, UnsupportedDialect
from alembic_cascade.errors import CascadeError
from orphans.settling import kept, rows, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DRIVERS = ("psycopg", "psycopg2", "asyncpg", "psycopg_async")
ROWS = (
    'CREATE TABLE "us%ers:all" (id int PRIMARY KEY)', 'INSERT INTO "us%ers:all" VALUES (1)',
    "CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL, note text)",
    "INSERT INTO posts VALUES (1, 1, ''), (2, 9, '%s :x \\')",
)  # fmt: skip
KEY = ("posts", "us%ers:all", ["user_id"], ["id"])


def run(url: URL, driver: str, operations: Callable[[Any], None]) -> None:
    """Run operations in one transaction of that driver."""

    def within(connection: Connection) -> None:
        operations(Operations(MigrationContext.configure(connection)))

    if driver in {"asyncpg", "psycopg_async"}:

        async def asynchronously() -> None:
            engine = create_async_engine(url.set(drivername=f"postgresql+{driver}"), poolclass=NullPool)
            try:
                async with engine.begin() as connection:
                    await connection.run_sync(within)
            finally:
                await engine.dispose()

        asyncio.run(asynchronously())
    else:
        with create_engine(url.set(drivername=f"postgresql+{driver}"), poolclass=NullPool).begin() as connection:
            within(connection)


REFUSED = {
    "OrphansRemain": (OrphansRemain, {"strategy": "fail"}, (), "1 row of posts by posts.user_id -> us%ers:all.id has no parent: user_id = 9. Nothing was changed"),
    "blocked": (
        OrphansRemain, {"strategy": "quarantine"}, ("CREATE TABLE x (id int, p int CONSTRAINT ke%y REFERENCES posts)".replace("ke%y", '"ke%y"'), "INSERT INTO x VALUES (1, 2)"),
        "1 row of x refer",
    ),
    "TooManyOrphans": (TooManyOrphans, {"strategy": "quarantine", "max_orphans": 0}, (), "1 row of posts has no parent"),
    "OrphansNotSettled": (OrphansNotSettled, {"strategy": "set_null"}, (), "posts.user_id can't be set to NULL"),
    "a trigger": (
        OrphansNotSettled, {"strategy": "quarantine"},
        ("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'for %', 'ever'; END $$", "CREATE TRIGGER no BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION no()"),
        "can't be settled: for ever",
    ),
    "TableNotFound": (TableNotFound, {"strategy": "fail"}, ("DROP TABLE posts",), "the table posts does not exist"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "settling", "statements", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_refusal_is_the_same_by_every_driver(
    project: Project,
    driver: str,
    error: type[CascadeError],
    settling: dict[str, Any],
    statements: tuple[str, ...],
    message: str,
) -> None:
    """Each keeps the server's message, hint and state in a place of its own."""
    project.execute(*ROWS, *statements)
    start = state(project)
    with pytest.raises(CascadeError) as raised:
        run(project.url, driver, lambda op: op.clean_orphans(*KEY, revision="r", **settling))
    assert type(raised.value) is error
    assert message in str(raised.value)
    assert str(raised.value).count("\n") == 0
    if isinstance(raised.value, OrphansRemain):
        assert raised.value.count == 1
        assert raised.value.constraint == ("ke%y" if statements else None)
    assert state(project) == start
    assert project.fetch("SELECT to_regnamespace('alembic_cascade')") == [(None,)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_rows_go_and_come_back_by_every_driver(project: Project, driver: str, caplog: pytest.LogCaptureFixture) -> None:
    """Twice in one session, for drivers that prepare their statements; by what they said, too."""
    project.execute(*ROWS)
    start = state(project)
    caplog.set_level("INFO", "alembic.cascade")

    def twice(op: Any) -> None:
        for _ in range(2):
            op.clean_orphans(*KEY, strategy="quarantine", revision="r")
            op.restore_orphans(*KEY, revision="r")
        op.clean_orphans(*KEY, strategy="quarantine", revision="r")

    run(project.url, driver, twice)
    assert rows(project)["posts"] == ['(1,1,"")']
    assert len(kept(project)["alembic_cascade.r_public_posts"]) == 1
    run(project.url, driver, lambda op: op.restore_orphans(*KEY, revision="r"))
    assert state(project) == start
    assert sum("1 orphan quarantined" in record.getMessage() for record in caplog.records) == 3
    assert sum("restored 1 row of posts" in record.getMessage() for record in caplog.records) == 3


@pytest.mark.parametrize("operation", ["clean_orphans", "restore_orphans"])
def test_another_database_refuses(tmp_path: Path, operation: str) -> None:
    """Their foreign keys are settled by statements of the project's own."""
    project = Project(tmp_path / "project", URL.create("sqlite", database=str(tmp_path / "blog.db")))
    strategy = "strategy='quarantine', " if operation == "clean_orphans" else ""
    project.write_revision(f"op.{operation}('posts', 'users', ['user_id'], ['id'], {strategy}revision=revision)")
    with pytest.raises(UnsupportedDialect, match=rf"op\.{operation} can't be done on sqlite"):
        project.upgrade()
    with pytest.raises(UnsupportedDialect, match="sqlite"):
        project.upgrade_script()
