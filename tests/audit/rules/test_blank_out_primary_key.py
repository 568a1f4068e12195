"""``blank-out-primary-key``: what seed 003 calls "tried to blank-out primary key column"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "blank-out-primary-key"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    goals: Mapped[list[Goal]] = relationship({arguments})

class Goal(Base):
    __tablename__ = "goals"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
"""
SAID = """\
error blank-out-primary-key User.goals
it does not delete Goal, whose primary key holds user_id.
session.delete() of a User with children fails: Dependency rule tried to blank-out primary key column goals.user_id.
-     goals: Mapped[list[Goal]] = relationship()
+     goals: Mapped[list[Goal]] = relationship(cascade="all, delete-orphan", passive_deletes=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """The key's own CASCADE does not help: SQLAlchemy never lets it come to that."""
    assert message(tmp_path, RULE, MODELS.format(arguments="")) == SAID


@pytest.mark.parametrize("arguments", ["", "passive_deletes=True", "lazy='joined'", "cascade='save-update'"])
def test_it_fires(tmp_path: Path, arguments: str) -> None:
    """With ``passive_deletes=True`` once the children are loaded."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments)) == ["User.goals"]


@pytest.mark.parametrize(
    "arguments",
    ["cascade='all, delete-orphan'", "cascade='all', passive_deletes=True", "passive_deletes='all'", "viewonly=True"],
)
def test_the_near_miss(tmp_path: Path, arguments: str) -> None:
    """SQLAlchemy deletes the children, or leaves them alone."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments)) == []


def test_a_key_beside_the_primary_key_is_another_matter(tmp_path: Path) -> None:
    """It can be set to NULL."""
    models = MODELS.format(arguments="").replace("), primary_key=True)\n    number", "))\n    number")
    assert targets(tmp_path, RULE, models) == []
