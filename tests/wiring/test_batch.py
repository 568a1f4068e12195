"""``render_as_batch``: outside of the block on PostgreSQL, inside of it on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from blog import CASCADE_ADDED, CASCADE_REMOVED, blog, blog_without_key
from project import Project
from scenario import run_scenario
from sqlalchemy import URL, Column, Integer, inspect

from alembic_cascade import UnsupportedDialect

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint


def test_on_postgresql_a_key_is_altered_outside_of_the_batch(project: Project) -> None:
    """PostgreSQL's ALTER TABLE needs no batch, and one statement never leaves the table without the key."""
    project.options = {"render_as_batch": True}
    run_scenario(
        project,
        before=blog(None),
        after=blog("CASCADE", Column("length", Integer)),
        upgrade=CASCADE_ADDED
        + """\
with op.batch_alter_table('posts', schema=None) as batch_op:
    batch_op.add_column(sa.Column('length', sa.Integer(), nullable=True))
""",
        downgrade="""\
with op.batch_alter_table('posts', schema=None) as batch_op:
    batch_op.drop_column('length')

"""
        + CASCADE_REMOVED,
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> Project:
    """A project on a SQLite file."""
    return Project(
        tmp_path / "project",
        URL.create("sqlite", database=str(tmp_path / "blog.db")),
        options={"render_as_batch": True},
    )


def keys(project: Project) -> list[ReflectedForeignKeyConstraint]:
    with project.engine.connect() as connection:
        return inspect(connection).get_foreign_keys("posts")


def fill(project: Project) -> list[tuple[int, int | None]]:
    project.execute("INSERT INTO users VALUES (1), (2)", "INSERT INTO posts VALUES (10, 1), (20, 2), (30, NULL)")
    return stored(project)


def stored(project: Project) -> list[tuple[int, int | None]]:
    return [(row[0], row[1]) for row in project.fetch("SELECT id, user_id FROM posts ORDER BY id")]


@pytest.mark.parametrize("name", [None, "posts_author"])
def test_on_sqlite_a_key_is_altered_inside_of_a_batch_and_back(sqlite: Project, name: str | None) -> None:
    """SQLite stores most keys without a name; the rows of the table are copied, none is lost."""
    sqlite.create(blog(None, name=name))
    sqlite.metadata = blog("CASCADE", name=name)
    before = fill(sqlite)
    revision = sqlite.revision()
    assert "with op.batch_alter_table('posts', schema=None" in revision.upgrade
    assert "batch_op.alter_foreign_key(" in revision.upgrade
    assert "None, 'users'" not in revision.text
    sqlite.upgrade()
    sqlite.check()
    assert [key["options"] for key in keys(sqlite)] == [{"ondelete": "CASCADE"}]
    assert stored(sqlite) == before
    sqlite.downgrade()
    assert [key["options"] for key in keys(sqlite)] == [{}]
    assert stored(sqlite) == before
    sqlite.upgrade()
    sqlite.check()


def test_on_sqlite_an_altered_key_and_a_new_column_share_the_revision(sqlite: Project) -> None:
    """Batches for one table may follow each other; each copies the table as the one before left it."""
    sqlite.create(blog(None))
    sqlite.metadata = blog("SET NULL", Column("length", Integer))
    before = fill(sqlite)
    sqlite.revision()
    sqlite.upgrade()
    sqlite.check()
    assert stored(sqlite) == before
    sqlite.downgrade()
    assert stored(sqlite) == before
    assert [key["options"] for key in keys(sqlite)] == [{}]


@pytest.mark.parametrize("name", [None, "posts_author"])
def test_on_sqlite_a_new_key_is_made_inside_of_a_batch_and_dropped_again(sqlite: Project, name: str | None) -> None:
    """The new key needs a name by which the downgrade finds it."""
    sqlite.create(blog_without_key())
    sqlite.metadata = blog("CASCADE", name=name)
    before = fill(sqlite)
    sqlite.revision()
    sqlite.upgrade()
    sqlite.check()
    assert [key["options"] for key in keys(sqlite)] == [{"ondelete": "CASCADE"}]
    assert stored(sqlite) == before
    sqlite.downgrade()
    assert keys(sqlite) == []
    assert stored(sqlite) == before


@pytest.mark.parametrize("name", [None, "posts_author"])
def test_on_sqlite_a_key_that_no_model_declares_is_dropped_inside_of_a_batch(sqlite: Project, name: str | None) -> None:
    """A nameless key can't be dropped by its name; the batch gives it one."""
    sqlite.create(blog("CASCADE", name=name))
    before = fill(sqlite)
    sqlite.metadata = blog_without_key()
    sqlite.revision()
    sqlite.upgrade()
    assert keys(sqlite) == []
    sqlite.check()
    sqlite.downgrade()
    assert [key["options"] for key in keys(sqlite)] == [{"ondelete": "CASCADE"}]
    assert stored(sqlite) == before


def test_on_sqlite_outside_of_a_batch_the_operation_is_refused_with_the_way_to_do_it(sqlite: Project) -> None:
    """SQLite has no ALTER TABLE for constraints; Alembic alone says so in a NotImplementedError with a traceback."""
    sqlite.options = {}
    sqlite.create(blog(None))
    sqlite.metadata = blog("CASCADE")
    before = fill(sqlite)
    sqlite.revision()
    with pytest.raises(UnsupportedDialect, match=r"sqlite.*render_as_batch=True"):
        sqlite.upgrade()
    assert [key["options"] for key in keys(sqlite)] == [{}]
    assert stored(sqlite) == before
