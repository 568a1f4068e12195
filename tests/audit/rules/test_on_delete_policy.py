"""``on-delete-policy``: rules that are the project's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import CascadeConfig, OnDeleteRule
from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "on-delete-policy"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    editor_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
"""
SAID = """\
warning on-delete-policy posts.user_id -> users.id
it has NO ACTION, and OnDeleteRule('*.user_id') wants CASCADE.
The reason given: what belongs to a user goes with him.
-     user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
+     user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
Then the next autogenerate settles the key."""
SAID_OF_NOTHING = """\
warning on-delete-policy *.owner_id
OnDeleteRule('*.owner_id', 'CASCADE') is about no key of the models.
What it was written for has another name by now, or none: it keeps nothing.
Correct the pattern, or take the rule away."""


def policy(*rules: tuple[str, str]) -> CascadeConfig:
    """Settings with these patterns and rules."""
    return CascadeConfig(on_delete=[OnDeleteRule(*rule, "what belongs to a user goes with him") for rule in rules])


def test_what_it_says(tmp_path: Path) -> None:
    """The reason is the project's."""
    assert message(tmp_path, RULE, MODELS, config=policy(("*.user_id", "CASCADE"))) == SAID


def test_what_it_says_of_a_pattern_without_a_key(tmp_path: Path) -> None:
    """A policy that watches nothing looks like one that is kept."""
    assert message(tmp_path, RULE, MODELS, config=policy(("*.owner_id", "CASCADE"))) == SAID_OF_NOTHING


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("*.*_id", "CASCADE")], ["posts.editor_id -> users.id", "posts.user_id -> users.id"]),
        ([("*.*_id", "CASCADE"), ("posts.editor_id", "RESTRICT")], ["posts.user_id -> users.id"]),
        ([("posts.editor_id", "RESTRICT"), ("*.editor_id", "NO ACTION")], ["posts.editor_id -> users.id"]),
        ([("public.posts.user_id", "RESTRICT")], ["posts.user_id -> users.id"]),
    ],
)
def test_it_fires(tmp_path: Path, rules: list[tuple[str, str]], expected: list[str]) -> None:
    """The last pattern that means a key counts."""
    assert targets(tmp_path, RULE, MODELS, config=policy(*rules)) == expected


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [("*.user_id", "NO ACTION")],
        [("*.user_id", "CASCADE"), ("posts.user_id", "NO ACTION")],
        [("*.editor_id", "RESTRICT"), ("posts.user_id", "NO ACTION")],
    ],
)
def test_the_near_miss(tmp_path: Path, rules: list[tuple[str, str]]) -> None:
    """Each key has the rule that is meant for it, and each pattern means a key."""
    assert targets(tmp_path, RULE, MODELS, config=policy(*rules)) == []


def test_no_action_is_written_by_taking_the_rule_away(tmp_path: Path) -> None:
    """It is the default."""
    said = message(tmp_path, RULE, MODELS, config=policy(("*.editor_id", "NO ACTION")))
    assert '+     editor_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)' in said


def test_a_key_of_the_table(tmp_path: Path) -> None:
    """It is found by any of its columns, and changed where it is written."""
    models = MODELS.replace('mapped_column(ForeignKey("users.id"), index=True)', "mapped_column(index=True)") + (
        '    __table_args__ = (ForeignKeyConstraint(["user_id"], ["users.id"]),)\n'
    )
    said = message(tmp_path, RULE, models, config=policy(("*.user_id", "CASCADE")))
    assert '+     __table_args__ = (ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),)' in said
