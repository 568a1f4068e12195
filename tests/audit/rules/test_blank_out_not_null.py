"""``blank-out-not-null``: children whose reference takes no NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "blank-out-not-null"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship({arguments})

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"{rule}))
"""
SAID = """\
error blank-out-not-null User.posts
it does not delete Post, whose user_id takes no NULL.
session.delete() of a User with children fails: IntegrityError, posts.user_id is set to NULL.
-     posts: Mapped[list[Post]] = relationship()
+     posts: Mapped[list[Post]] = relationship(cascade="all, delete-orphan", passive_deletes=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """A child without its parent can't be, and SQLAlchemy tries it all the same."""
    assert message(tmp_path, RULE, MODELS.format(arguments="", rule=", ondelete='CASCADE'")) == SAID


def test_the_database_would_know_what_to_do(tmp_path: Path) -> None:
    """A key with a default reference is left to it."""
    models = MODELS.format(arguments="", rule=", ondelete='SET DEFAULT'").replace(
        "'SET DEFAULT')", "'SET DEFAULT'), server_default='0'"
    )
    assert message(tmp_path, RULE, models).splitlines()[-1] == (
        '+     posts: Mapped[list[Post]] = relationship(passive_deletes="all")'
    )


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("", ""),
        ("", "CASCADE"),
        ("", "SET NULL"),
        ("lazy='joined'", "CASCADE"),
        ("cascade='save-update'", "NO ACTION"),
        ("passive_deletes=True", "CASCADE"),
    ],
)
def test_it_fires(tmp_path: Path, arguments: str, rule: str) -> None:
    """With ``passive_deletes=True`` once the children are loaded."""
    written = f", ondelete={rule!r}" if rule else ""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=written)) == ["User.posts"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("", "RESTRICT"),
        ("passive_deletes=True", "NO ACTION"),
        ("passive_deletes=True", "RESTRICT"),
        ("passive_deletes='all'", "CASCADE"),
        ("cascade='all'", "CASCADE"),
        ("viewonly=True", "CASCADE"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """RESTRICT says that a user with posts is not to be deleted; elsewhere SQLAlchemy does not set the NULL."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []


def test_a_key_in_the_primary_key_is_another_matter(tmp_path: Path) -> None:
    """SQLAlchemy refuses it by itself: ``blank-out-primary-key``."""
    models = MODELS.format(arguments="", rule=", ondelete='CASCADE'").replace(
        "'CASCADE')", "'CASCADE'), primary_key=True"
    )
    assert targets(tmp_path, RULE, models) == []


def test_what_another_relationship_deletes_is_left_to_it(tmp_path: Path) -> None:
    """The second one only sorts."""
    second = "newest: Mapped[list[Post]] = relationship(order_by='Post.id', overlaps='posts')"
    models = MODELS.format(arguments="cascade='all'", rule="").replace(
        "\n\nclass Post", f"\n    {second}\n\nclass Post"
    )
    assert targets(tmp_path, RULE, models) == []
