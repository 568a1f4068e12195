"""``one-way-relationship``: a relationship with no way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade.audit.auditing import audit
from audit.models import findings_of, imported, message, subject, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "one-way-relationship"
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
info one-way-relationship User.posts
Post has no relationship back.
From a Post, its User can't be reached.
Give Post a relationship("User", back_populates="posts"), and name it here."""


def test_what_it_says(tmp_path: Path) -> None:
    """Where someone wants to know."""
    assert message(tmp_path, RULE, MODELS.format(arguments="", rule="")) == SAID


def test_nobody_is_told_unless_asked(tmp_path: Path) -> None:
    """Most are meant."""
    found = audit(subject(imported(tmp_path, MODELS.format(arguments="", rule=""))))
    assert findings_of(RULE, found) == []


@pytest.mark.parametrize("arguments", ["backref='user'", "viewonly=True"])
def test_the_near_miss(tmp_path: Path, arguments: str) -> None:
    """The other side is made by a backref; what only reads needs none."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule="")) == []


def test_two_sides(tmp_path: Path) -> None:
    """They name each other."""
    models = MODELS.format(arguments="back_populates='user'", rule="")
    models += "    user: Mapped[User] = relationship(back_populates='posts')\n"
    assert targets(tmp_path, RULE, models) == []
