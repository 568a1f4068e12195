"""Databases other than PostgreSQL: what they can't do is refused, what they can is Alembic's own operations."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from models import models, reference
from project import Project
from sqlalchemy import create_engine, inspect, make_url, text

from alembic_cascade import ReferencesNotTranslatable, UnsupportedDialect
from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.reflected import comparable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def connection() -> Iterator[Connection]:
    """SQLite with two tables and a key between them."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE users (id INTEGER PRIMARY KEY)"))
        connection.execute(
            text(
                "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, "
                "CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users (id))"
            )
        )
        yield connection
    engine.dispose()


@pytest.fixture
def operations(connection: Connection) -> Operations:
    """Operations on it."""
    return Operations(MigrationContext.configure(connection))


KEY = ("posts_user", "posts", "users", ["user_id"], ["id"])


@pytest.mark.parametrize("operation", ["alter_foreign_key", "add_foreign_key", "drop_foreign_key"])
def test_sqlite_alters_keys_in_a_batch_only(operations: Operations, operation: str) -> None:
    """It has no ALTER TABLE for constraints."""
    with pytest.raises(UnsupportedDialect, match=rf"op\.{operation} outside of a batch can't be done on sqlite"):
        getattr(operations, operation)(*KEY)


def test_references_are_translated_on_postgresql_only(operations: Operations) -> None:
    """The checks are PostgreSQL's."""
    with pytest.raises(UnsupportedDialect, match="translate_references can't be done on sqlite"):
        operations.translate_references("posts", "users", ["user_id"], from_cols=["id"], to_cols=["id"])


def test_a_batch_alters_a_key(operations: Operations, connection: Connection) -> None:
    """By copying the table."""
    with operations.batch_alter_table("posts") as batch:
        batch.alter_foreign_key("posts_user", "users", ["user_id"], ["id"], ondelete="CASCADE")
    (key,) = inspect(connection).get_foreign_keys("posts")
    assert (key["name"], key["options"]) == ("posts_user", {"ondelete": "CASCADE"})


def script(dialect: str, operation: str, *arguments: object, **keywords: object) -> str:
    """What an operation writes for a database that is not here."""
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name=dialect, opts={"as_sql": True, "output_buffer": buffer})
    getattr(Operations(context), operation)(*arguments, **keywords)
    return " ".join(buffer.getvalue().split())


def test_mysql_drops_and_creates() -> None:
    """It has no other way."""
    assert script("mysql", "alter_foreign_key", *KEY, ondelete="CASCADE", existing_ondelete=None) == (
        "ALTER TABLE posts DROP FOREIGN KEY posts_user; "
        "ALTER TABLE posts ADD CONSTRAINT posts_user FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE;"
    )
    assert script("mysql", "drop_foreign_key", *KEY) == "ALTER TABLE posts DROP FOREIGN KEY posts_user;"
    assert script("mysql", "add_foreign_key", *KEY, ondelete="SET NULL") == (
        "ALTER TABLE posts ADD CONSTRAINT posts_user FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL;"
    )


def test_not_enforced_is_postgresqls() -> None:
    """Left out, the key would be enforced without a word."""
    with pytest.raises(
        UnsupportedDialect, match=r"NOT ENFORCED for posts\.user_id -> users\.id can't be done on mysql"
    ):
        script("mysql", "add_foreign_key", *KEY, enforced=False)


def test_nothing_is_compared_that_reflection_does_not_tell() -> None:
    """Else it would be drift for ever."""
    key = ForeignKey(
        "k", TableName(None, "c"), TableName(None, "p"), (("a", "id"),),
        Action("RESTRICT"), Action("CASCADE"), deferrable=True, deferred=True, match="FULL", validated=False,
    )  # fmt: skip
    assert comparable(key, "sqlite").deferred
    assert comparable(key, "sqlite").match is None
    assert comparable(key, "mysql").ondelete == Action()
    assert comparable(key, "mssql").ondelete == Action("RESTRICT")
    assert comparable(key, "oracle").onupdate == Action()
    assert not comparable(key, "mysql").deferrable


def test_an_error_can_be_raised_with_its_fields() -> None:
    """Who catches it can ask."""
    error = ReferencesNotTranslatable("posts", "posts.a", "no", "Do so.")
    assert (error.table, error.key, str(error)) == (
        "posts",
        "posts.a",
        "The references posts.a can't be translated: no. Do so.",
    )


def test_sqlite_gets_new_tables(tmp_path: Path) -> None:
    """Autogenerate makes them, alters their keys in a batch, and drops them again."""
    project = Project(tmp_path / "project", make_url(f"sqlite:///{tmp_path}/database"))
    project.options = {"render_as_batch": True}
    project.metadata = models(users=[], posts=[reference("user_id", "users.id")])
    project.revision()
    project.upgrade()
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")], notes=[])
    project.revision()
    project.upgrade()
    (key,) = inspect(project.engine).get_foreign_keys("posts")
    assert key["options"] == {"ondelete": "CASCADE"}
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("base")
    assert inspect(project.engine).get_table_names() == ["alembic_version"]
    project.engine.dispose()
