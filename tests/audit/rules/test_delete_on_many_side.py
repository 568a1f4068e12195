"""``delete-on-many-side``: a delete that takes away what others refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "delete-on-many-side"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"){column})
    user: Mapped[User] = relationship({arguments})
"""
TAGS = """\
tagging = Table(
    "tagging",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True{column}),
)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    tags: Mapped[list[Tag]] = relationship(secondary=tagging{arguments})

class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
SAID = """\
error delete-on-many-side Post.user
it deletes User, to which other rows of Post may lead, too, by posts.user_id.
session.delete() of one Post takes from the others what they refer to, or fails because of them.
-     user: Mapped[User] = relationship(cascade='all')
+     user: Mapped[User] = relationship()"""


def test_what_it_says(tmp_path: Path) -> None:
    """The cascade was meant for the other side."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all'", column="")) == SAID


def test_many_to_many(tmp_path: Path) -> None:
    """A tag goes with the first post that does."""
    assert targets(tmp_path, RULE, TAGS.format(arguments=", cascade='all, delete'", column="")) == ["Post.tags"]


@pytest.mark.parametrize(
    ("arguments", "column"),
    [
        ("", ""),
        ("cascade='all', single_parent=True", ""),
        ("cascade='all, delete-orphan', single_parent=True", ""),
        ("cascade='all'", ", unique=True"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, column: str) -> None:
    """Each user has one post, by SQLAlchemy's own check or the database's."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, column=column)) == []


@pytest.mark.parametrize(("arguments", "column"), [("", ""), (", cascade='all'", ", unique=True")])
def test_the_near_miss_of_many_to_many(tmp_path: Path, arguments: str, column: str) -> None:
    """Tags are left alone, or are each of one post."""
    assert targets(tmp_path, RULE, TAGS.format(arguments=arguments, column=column)) == []
