"""``association-object-as-secondary``: rows that have two writers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.models import imported, message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

RULE = "association-object-as-secondary"
MODELS = """\
class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    tags: Mapped[list[Tag]] = relationship(secondary="tagging"{arguments})

class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)

{tagging}
"""
MODEL = """\
class Tagging(Base):
    __tablename__ = "tagging"
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"), primary_key=True)
"""
TABLE = """\
tagging = Table(
    "tagging",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)
"""
SAID = """\
warning association-object-as-secondary Post.tags
its secondary tagging is the table of Tagging, too.
A row that is added or removed here and as a Tagging in one flush is inserted or deleted twice, which fails.
-     tags: Mapped[list[Tag]] = relationship(secondary="tagging")
+     tags: Mapped[list[Tag]] = relationship(secondary="tagging", viewonly=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """SQLAlchemy's own documentation warns of it, but the mapper does not."""
    assert message(tmp_path, RULE, MODELS.format(arguments="", tagging=MODEL)) == SAID


@pytest.mark.parametrize(
    ("arguments", "tagging"), [("", TABLE), (", viewonly=True", MODEL), (", viewonly=True", TABLE)]
)
def test_the_near_miss(tmp_path: Path, arguments: str, tagging: str) -> None:
    """One writer."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, tagging=tagging)) == []


def test_it_fails_as_told(tmp_path: Path, engine: Engine) -> None:
    """Both write the same row."""
    module = imported(tmp_path, MODELS.format(arguments="", tagging=MODEL))
    module.Base.metadata.create_all(engine)
    with Session(engine) as session:
        post, tag = module.Post(id=1), module.Tag(id=1)
        post.tags.append(tag)
        session.add_all([post, tag, module.Tagging(post_id=1, tag_id=1)])
        with pytest.raises(IntegrityError):
            session.flush()
