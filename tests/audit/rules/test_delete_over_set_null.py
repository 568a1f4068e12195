"""``delete-over-set-null``: a relationship that deletes what its key keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "delete-over-set-null"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship({arguments})

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"{rule}))
"""
SAID = """\
error delete-over-set-null User.posts
it deletes Post, but its key says SET NULL.
session.delete() of a User deletes children; a delete in SQL keeps them.
If the children are to go with their parent:
-     user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete='SET NULL'))
+     user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
Then the next autogenerate settles the key.
If they are to stay:
-     posts: Mapped[list[Post]] = relationship(cascade='all')
+     posts: Mapped[list[Post]] = relationship(passive_deletes="all")"""


def test_what_it_says(tmp_path: Path) -> None:
    """Nobody can tell which of the two is meant."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all'", rule=", ondelete='SET NULL'")) == SAID


@pytest.mark.parametrize("rule", ["SET NULL", "SET DEFAULT", "set null (user_id)"])
@pytest.mark.parametrize("arguments", ["cascade='all, delete-orphan'", "cascade='all', passive_deletes=True"])
def test_it_fires(tmp_path: Path, arguments: str, rule: str) -> None:
    """With ``passive_deletes=True`` it depends on what is loaded."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == ["User.posts"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("", "SET NULL"),
        ("passive_deletes=True", "SET NULL"),
        ("cascade='all'", "CASCADE"),
        ("cascade='all'", "NO ACTION"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """Both keep the children, or the key says nothing of them."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []
