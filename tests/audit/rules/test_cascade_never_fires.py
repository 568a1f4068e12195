"""``cascade-never-fires``: children that survive a CASCADE without their reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "cascade-never-fires"
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
error cascade-never-fires User.posts
it sets posts.user_id to NULL before its key's CASCADE is asked.
session.delete() of a User leaves its children without a reference; by a delete in SQL they are deleted.
-     posts: Mapped[list[Post]] = relationship()
+     posts: Mapped[list[Post]] = relationship(cascade="all, delete-orphan", passive_deletes=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """The rows stay, and nobody finds them any more."""
    assert message(tmp_path, RULE, MODELS.format(arguments="", rule=", ondelete='CASCADE'")) == SAID


@pytest.mark.parametrize("arguments", ["", "passive_deletes=True", "cascade='save-update'", "lazy='joined'"])
def test_it_fires(tmp_path: Path, arguments: str) -> None:
    """With ``passive_deletes=True`` once the children are loaded."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=", ondelete='CASCADE'")) == ["User.posts"]


def test_a_default_reference_never_comes_to_pass_either(tmp_path: Path) -> None:
    """The key is left alone by the fix."""
    models = MODELS.format(arguments="", rule=", ondelete='SET DEFAULT'").replace(
        "DEFAULT')", "DEFAULT'), server_default='0'"
    )
    assert message(tmp_path, RULE, models).splitlines()[-1] == (
        '+     posts: Mapped[list[Post]] = relationship(passive_deletes="all")'
    )


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("", "SET NULL"),
        ("", "SET DEFAULT"),
        ("", "NO ACTION"),
        ("cascade='all'", "CASCADE"),
        ("passive_deletes='all'", "CASCADE"),
        ("viewonly=True", "CASCADE"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """The key sets NULL as well, as SET DEFAULT does without a default; or SQLAlchemy sets none."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []


def test_a_reference_that_takes_no_null_is_another_matter(tmp_path: Path) -> None:
    """It is refused: ``blank-out-not-null``."""
    models = MODELS.format(arguments="", rule=", ondelete='CASCADE'").replace("Mapped[int | None]", "Mapped[int]")
    assert targets(tmp_path, RULE, models) == []
