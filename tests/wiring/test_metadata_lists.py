"""Models in several MetaData collections, and models that SQLModel makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blog import CASCADE_ADDED, CASCADE_REMOVED, blog
from scenario import run_scenario
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlmodel import Field, SQLModel

if TYPE_CHECKING:
    from project import Project


def accounts_and_content(ondelete: str | None) -> list[MetaData]:
    """Two collections, with a key from the second into the first."""
    accounts, content = MetaData(), MetaData()
    users = Table("users", accounts, Column("id", Integer, primary_key=True))
    Table(
        "posts",
        content,
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey(users.c.id, ondelete=ondelete)),
    )
    return [accounts, content]


def test_a_key_from_one_collection_into_another_is_altered(project: Project) -> None:
    """The referent is found in the list, not in the collection of the key's own table."""
    run_scenario(
        project,
        before=blog(None),
        after=accounts_and_content("CASCADE"),
        upgrade=CASCADE_ADDED,
        downgrade=CASCADE_REMOVED,
    )


def test_tables_of_two_collections_are_made_parents_first(project: Project) -> None:
    """Each collection is sorted by itself: in the other order, CREATE TABLE lacks the table that it refers to."""
    project.metadata = accounts_and_content("CASCADE")[::-1]
    revision = project.revision()
    assert revision.upgrade.index("create_table('users'") < revision.upgrade.index("create_table('posts'")
    project.upgrade()
    project.check()
    project.downgrade()


def test_models_of_sqlmodel_are_compared_like_any_other(project: Project) -> None:
    """SQLModel's ``Field(ondelete=...)`` ends in an ordinary foreign key."""

    class Models(SQLModel):
        metadata = MetaData()

    class User(Models, table=True):
        __tablename__ = "users"
        id: int | None = Field(default=None, primary_key=True)

    class Post(Models, table=True):
        __tablename__ = "posts"
        id: int | None = Field(default=None, primary_key=True)
        user_id: int | None = Field(default=None, foreign_key="users.id", ondelete="CASCADE")

    run_scenario(project, before=blog(None), after=Models.metadata, upgrade=CASCADE_ADDED, downgrade=CASCADE_REMOVED)
