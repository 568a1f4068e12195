"""``one-sided-secondary``: rows that an association table holds."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.models import imported, message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

RULE = "one-sided-secondary"
MODELS = """\
tagging = Table(
    "tagging",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"{rule}), primary_key=True),
)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    tags: Mapped[list[Tag]] = relationship(secondary=tagging{arguments})

class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    {other}
"""
PLAIN = {"rule": "", "arguments": "", "other": ""}
OTHER = "posts: Mapped[list[Post]] = relationship(secondary=tagging, {})"
SAID = """\
warning one-sided-secondary Post.tags
only Post knows it, and the key on tagging.tag_id says NO ACTION.
A Tag that a Post has can't be deleted: IntegrityError.
-     Column("tag_id", ForeignKey("tags.id"), primary_key=True),
+     Column("tag_id", ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True),
Then the next autogenerate settles the key."""


def test_what_it_says(tmp_path: Path) -> None:
    """The post's side takes its rows out itself."""
    assert message(tmp_path, RULE, MODELS.format(**PLAIN)) == SAID


@pytest.mark.parametrize(
    "written",
    [
        {"rule": ", ondelete='RESTRICT'"},
        {"other": OTHER.format("viewonly=True")},
        {"arguments": ", back_populates='posts'", "other": OTHER.format("back_populates='tags', passive_deletes=True")},
    ],
)
def test_it_fires(tmp_path: Path, written: dict[str, str]) -> None:
    """What only reads, or leaves the rows to the database, does not take them out."""
    assert "Post.tags" in targets(tmp_path, RULE, MODELS.format(**PLAIN | written))


@pytest.mark.parametrize(
    "written",
    [
        {"rule": ", ondelete='CASCADE'"},
        {"arguments": ", viewonly=True"},
        {"arguments": ", back_populates='posts'", "other": OTHER.format("back_populates='tags'")},
        {"arguments": ", backref='posts'"},
    ],
)
def test_the_near_miss(tmp_path: Path, written: dict[str, str]) -> None:
    """The database takes the rows out, or the tag's side does."""
    assert targets(tmp_path, RULE, MODELS.format(**PLAIN | written)) == []


def test_a_relationship_to_the_rows_themselves_takes_them_out(tmp_path: Path) -> None:
    """An association object."""
    models = MODELS.format(
        **PLAIN | {"other": "tagging: Mapped[list[Tagging]] = relationship(cascade='all', overlaps='tags')"}
    )
    models += "\nclass Tagging(Base):\n    __table__ = tagging\n"
    assert targets(tmp_path, RULE, models) == []


def test_a_table_of_pairs_of_one_table_has_two_sides(tmp_path: Path, engine: Engine) -> None:
    """Who is followed can't be deleted, unless the followers are known."""
    models = """\
following = Table(
    "following",
    Base.metadata,
    Column("follower_id", ForeignKey("users.id"), primary_key=True),
    Column("followed_id", ForeignKey("users.id"), primary_key=True),
)

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    followed: Mapped[list[User]] = relationship(
        secondary=following,
        primaryjoin=id == following.c.follower_id,
        secondaryjoin=id == following.c.followed_id{back},
    )
"""
    known = ", backref='followers'"
    assert targets(tmp_path, RULE, models.format(back="")) == ["User.followed"]
    assert targets(tmp_path, RULE, models.format(back=known)) == []
    for back, refused in (("", pytest.raises(IntegrityError)), (known, nullcontext())):
        module = imported(tmp_path, models.format(back=back))
        module.Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(module.User(id=1, followed=[module.User(id=2)]))
            session.flush()
            session.expire_all()
            session.delete(session.get_one(module.User, 2))
            with refused:
                session.flush()
