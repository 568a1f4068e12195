"""``unknown-referent``: a key to a table that nobody imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "unknown-referent"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("{target}"))
"""
SAID = """\
error unknown-referent posts.user_id -> people.id
SQLAlchemy says: Foreign key associated with column 'posts.user_id' could not find table 'people' with which to generate a foreign key to target column 'id'.
Neither the models nor autogenerate can be used; nothing else is said of the key here.
Correct the name, or let env.py import the module that has this table."""


def test_what_it_says(tmp_path: Path) -> None:
    """SQLAlchemy's own words."""
    assert message(tmp_path, RULE, MODELS.format(target="people.id")) == SAID


def test_an_unknown_column(tmp_path: Path) -> None:
    """The table is there."""
    assert targets(tmp_path, RULE, MODELS.format(target="users.number")) == ["posts.user_id -> users.number"]


@pytest.mark.parametrize("target", ["users.id"])
def test_the_near_miss(tmp_path: Path, target: str) -> None:
    """Both are there."""
    assert targets(tmp_path, RULE, MODELS.format(target=target)) == []


def test_other_rules_leave_the_key_out(tmp_path: Path) -> None:
    """And find what is wrong with others."""
    models = MODELS.format(target="people.id") + '    editor_id: Mapped[int] = mapped_column(ForeignKey("users.id"))\n'
    assert targets(tmp_path, "unindexed-foreign-key", models) == ["posts.editor_id -> users.id"]
