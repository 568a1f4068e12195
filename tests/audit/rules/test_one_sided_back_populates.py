"""``one-sided-back-populates``: two sides that don't know each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "one-sided-back-populates"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship({posts})

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User | None] = relationship({user})
    {more}
"""
TAGS = """\
tagging = Table(
    "tagging",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    tags: Mapped[list[Tag]] = relationship(secondary=tagging{arguments})

class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship(secondary=tagging{arguments})
"""
SAID = """\
warning one-sided-back-populates User.posts
it names Post.user as its other side, which names nothing.
What is set on Post.user does not show on User.posts before it is read again.
-     user: Mapped[User | None] = relationship()
+     user: Mapped[User | None] = relationship(back_populates="posts")"""
NEITHER = """\
warning one-sided-back-populates Post.user
it and User.posts are two sides of one relationship, and neither names the other.
Both write posts; what is set on one does not show on the other.
-     user: Mapped[User | None] = relationship()
+     user: Mapped[User | None] = relationship(back_populates="posts")
-     posts: Mapped[list[Post]] = relationship()
+     posts: Mapped[list[Post]] = relationship(back_populates="user")"""
# SQLAlchemy warns of it, too, when a mapper is used for the first time.
copies = pytest.mark.filterwarnings("ignore:.*will copy column")


def test_what_it_says_of_one(tmp_path: Path) -> None:
    """SQLAlchemy itself does not warn of it."""
    assert message(tmp_path, RULE, MODELS.format(posts="back_populates='user'", user="", more="")) == SAID


@copies
def test_what_it_says_of_neither(tmp_path: Path) -> None:
    """Both at once."""
    assert message(tmp_path, RULE, MODELS.format(posts="", user="", more="")) == NEITHER


def test_it_fires_where_another_is_named(tmp_path: Path) -> None:
    """Two that name the same one: it can name only one of them."""
    more = "author: Mapped[User | None] = relationship(back_populates='posts', overlaps='user')"
    models = MODELS.format(posts="back_populates='user'", user="back_populates='posts'", more=more)
    assert message(tmp_path, RULE, models).splitlines()[:2] == [
        "warning one-sided-back-populates Post.author",
        "it names User.posts as its other side, which names Post.user.",
    ]


@copies
def test_many_to_many(tmp_path: Path) -> None:
    """Each side writes the rows."""
    assert targets(tmp_path, RULE, TAGS.format(arguments="")) == ["Post.tags"]
    assert targets(tmp_path, RULE, TAGS.format(arguments=", viewonly=True")) == []


@pytest.mark.parametrize(
    ("posts", "user"),
    [
        ("back_populates='user'", "back_populates='posts'"),
        ("viewonly=True", ""),
        ("", "viewonly=True"),
        ("overlaps='user'", ""),
        ("", "overlaps='posts'"),
        ("primaryjoin='and_(User.id == Post.user_id, Post.id > 5)', overlaps='user'", ""),
    ],
)
def test_the_near_miss(tmp_path: Path, posts: str, user: str) -> None:
    """Both name each other, one writes nothing, or says that they are not to be linked."""
    assert targets(tmp_path, RULE, MODELS.format(posts=posts, user=user, more="")) == []


@copies
def test_of_three_no_one_knows_which_belong_together(tmp_path: Path) -> None:
    """The second one of the post might as well be the other side."""
    more = "author: Mapped[User | None] = relationship()"
    assert targets(tmp_path, RULE, MODELS.format(posts="", user="", more=more)) == []


def test_a_backref_names_both(tmp_path: Path) -> None:
    """It makes the other side itself."""
    models = MODELS.format(posts="", user="backref='posts'", more="").replace(
        "    posts: Mapped[list[Post]] = relationship()\n", ""
    )
    assert targets(tmp_path, RULE, models) == []
