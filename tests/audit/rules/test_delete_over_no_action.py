"""``delete-over-no-action``: children that only the session deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "delete-over-no-action"
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
info delete-over-no-action User.posts
it deletes Post, but its key says NO ACTION.
session.delete() of a User deletes its children; a delete in SQL, or by a query, is refused.
-     posts: Mapped[list[Post]] = relationship(cascade='all, delete-orphan')
+     posts: Mapped[list[Post]] = relationship(cascade='all, delete-orphan', passive_deletes=True)
-     user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
+     user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
Then the next autogenerate settles the key."""


def test_what_it_says(tmp_path: Path) -> None:
    """It is how SQLAlchemy's tutorial begins."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all, delete-orphan'", rule="")) == SAID


@pytest.mark.parametrize(
    "arguments", ["cascade='all'", "cascade='all', lazy='joined'", "cascade='save-update, delete'"]
)
def test_it_fires(tmp_path: Path, arguments: str) -> None:
    """Whatever else it cascades."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=", ondelete='NO ACTION'")) == ["User.posts"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("cascade='all'", "CASCADE"),
        ("cascade='all'", "RESTRICT"),
        ("cascade='all', passive_deletes=True", "NO ACTION"),
        ("", "NO ACTION"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """Other rules tell of RESTRICT, of what is left to the database, and of what is not deleted."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []
