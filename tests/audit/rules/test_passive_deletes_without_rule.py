"""``passive-deletes-without-rule``: children left to a database that only refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "passive-deletes-without-rule"
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
error passive-deletes-without-rule User.posts
it leaves Post to the database (passive_deletes=True), whose key says NO ACTION.
Children of a User that are not loaded stop the delete: IntegrityError.
-     user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
+     user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
Then the next autogenerate settles the key."""


def test_what_it_says(tmp_path: Path) -> None:
    """It works in a test that has just made the children, and fails later."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all', passive_deletes=True", rule="")) == SAID


@pytest.mark.parametrize(
    ("arguments", "rule", "nullable"),
    [
        ("cascade='all', passive_deletes=True", "RESTRICT", False),
        ("cascade='all', passive_deletes=True, lazy='write_only'", "RESTRICT", False),
        ("passive_deletes=True", "NO ACTION", False),
        ("passive_deletes=True", "NO ACTION", True),
        ("passive_deletes=True", "RESTRICT", True),
    ],
)
def test_it_fires(tmp_path: Path, arguments: str, rule: str, nullable: bool) -> None:
    """Children that aren't loaded stop the delete; those that are would be deleted or set to NULL."""
    models = MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")
    models = (
        models.replace("Mapped[int] = mapped_column(F", "Mapped[int | None] = mapped_column(F") if nullable else models
    )
    assert targets(tmp_path, RULE, models) == ["User.posts"]


def test_without_a_key_the_children_refer_to_nothing(tmp_path: Path) -> None:
    """The fix is a key."""
    models = MODELS.format(
        arguments="passive_deletes=True, primaryjoin='User.id == foreign(Post.user_id)'", rule=""
    ).replace('mapped_column(ForeignKey("users.id"))', "mapped_column()")
    assert message(tmp_path, RULE, models).splitlines()[1:] == [
        "it leaves Post to the database (passive_deletes=True), which has no foreign key for it.",
        "Children of a User that are not loaded keep a reference to nothing.",
        'Declare a foreign key with ondelete="CASCADE" on posts (user_id).',
    ]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("cascade='all', passive_deletes=True", "CASCADE"),
        ("cascade='all', passive_deletes=True", "SET NULL"),
        ("passive_deletes=True", "RESTRICT"),
        ("passive_deletes='all'", "NO ACTION"),
        ("cascade='all'", "NO ACTION"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """The key has a rule; or the delete is refused whatever is loaded, as RESTRICT asks for."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []


def test_a_key_in_the_primary_key_is_told_of_by_another_rule(tmp_path: Path) -> None:
    """``blank-out-primary-key`` has the same fix."""
    models = MODELS.format(arguments="passive_deletes=True", rule="").replace('.id"))', '.id"), primary_key=True)')
    assert targets(tmp_path, RULE, models) == []


def test_a_key_over_a_part_of_the_join_is_not_judged(tmp_path: Path) -> None:
    """What it does to the children is more than the relationship tells."""
    join = "and_(User.id == foreign(Post.user_id), User.id == foreign(Post.id))"
    models = MODELS.format(arguments=f"passive_deletes=True, primaryjoin={join!r}", rule="")
    assert targets(tmp_path, RULE, models) == []
