"""``delete-loads-children``: children that are loaded to be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from audit.models import imported, message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

RULE = "delete-loads-children"
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
info delete-loads-children User.posts
it loads Post to delete it, which its key does by itself.
session.delete() of a User reads its children before, and theirs, by a query each.
-     posts: Mapped[list[Post]] = relationship(cascade='all')
+     posts: Mapped[list[Post]] = relationship(cascade='all', passive_deletes=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """The key is there, and isn't made use of."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all'", rule=", ondelete='CASCADE'")) == SAID


@pytest.mark.parametrize(
    "arguments", ["cascade='all, delete-orphan'", "cascade='all', lazy='raise'", "cascade='all', lazy='dynamic'"]
)
def test_it_fires(tmp_path: Path, arguments: str) -> None:
    """Even where loading is forbidden: a delete may."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=", ondelete='CASCADE'")) == ["User.posts"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("cascade='all', passive_deletes=True", "CASCADE"),
        ("cascade='all', lazy='joined'", "CASCADE"),
        ("cascade='all', lazy='selectin'", "CASCADE"),
        ("cascade='all'", "NO ACTION"),
        ("", "CASCADE"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """They are not loaded for it, are there anyway, or the database would not delete them."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []


@pytest.mark.parametrize(("arguments", "statements"), [("", 6), (", passive_deletes=True", 1)])
def test_how_many_statements_it_saves(tmp_path: Path, engine: Engine, arguments: str, statements: int) -> None:
    """One query for the posts, and one for the comments of each; then the deletes, of which those of the posts are one."""
    models = (
        MODELS.format(arguments=f"cascade='all'{arguments}", rule=", ondelete='CASCADE'")
        + f"""\
    comments: Mapped[list[Comment]] = relationship(cascade='all'{arguments})

class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
"""
    )
    module = imported(tmp_path, models)
    module.Base.metadata.create_all(engine)
    seen: list[str] = []
    with Session(engine) as session:
        session.add(module.User(id=1, posts=[module.Post(id=number) for number in range(3)]))
        session.commit()
        user = session.get_one(module.User, 1)
        event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
        session.delete(user)
        session.flush()
    assert len(seen) == statements
