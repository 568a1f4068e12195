"""``evades-restrict``: a RESTRICT that SQLAlchemy goes round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "evades-restrict"
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
warning evades-restrict User.posts
it sets posts.user_id to NULL before its key's RESTRICT is asked.
session.delete() of a User with children is never refused; a delete in SQL is.
-     posts: Mapped[list[Post]] = relationship()
+     posts: Mapped[list[Post]] = relationship(passive_deletes="all")"""


def test_what_it_says(tmp_path: Path) -> None:
    """There is nothing left to refuse when the database is asked."""
    assert message(tmp_path, RULE, MODELS.format(arguments="", rule=", ondelete='RESTRICT'")) == SAID


def test_a_delete_cascade_goes_round_it_as_well(tmp_path: Path) -> None:
    """It can't be had together with ``passive_deletes="all"``."""
    said = message(tmp_path, RULE, MODELS.format(arguments="cascade='all'", rule=", ondelete='RESTRICT'")).splitlines()
    assert said[1] == "it deletes Post before its key's RESTRICT is asked."
    assert said[-1] == '+     posts: Mapped[list[Post]] = relationship(passive_deletes="all")'


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("passive_deletes='all'", "RESTRICT"),
        ("passive_deletes=True", "RESTRICT"),
        ("viewonly=True", "RESTRICT"),
        ("", "NO ACTION"),
        ("cascade='all'", "NO ACTION"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """NO ACTION is what a key says that nobody thought of; ``passive-deletes-without-rule`` tells of what isn't loaded."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []


def test_a_reference_that_takes_no_null_is_refused_anyway(tmp_path: Path) -> None:
    """As RESTRICT asks for, if in other words."""
    models = MODELS.format(arguments="", rule=", ondelete='RESTRICT'").replace("Mapped[int | None]", "Mapped[int]")
    assert targets(tmp_path, RULE, models) == []
