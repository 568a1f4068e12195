"""``write-only-without-passive-deletes``: a collection that is never loaded, and has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "write-only-without-passive-deletes"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: WriteOnlyMapped[Post] = relationship({arguments})

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"{rule}))
"""
SAID = """\
error write-only-without-passive-deletes User.posts
it never loads Post (write_only), and does not leave it to the database.
session.delete() of a User fails: InvalidRequestError, can't load the existing state from the database for this operation.
-     posts: WriteOnlyMapped[Post] = relationship(cascade='all')
+     posts: WriteOnlyMapped[Post] = relationship(cascade='all', passive_deletes=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """SQLAlchemy says so when it is too late."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all'", rule=", ondelete='CASCADE'")) == SAID


@pytest.mark.parametrize(
    ("rule", "fix"),
    [
        ("", ["passive_deletes=True)", 'ondelete="SET NULL"))', "Then the next autogenerate settles the key."]),
        (", ondelete='SET NULL'", ["passive_deletes=True)"]),
        (", ondelete='CASCADE'", ["passive_deletes=True)"]),
    ],
)
def test_the_fix_keeps_to_what_there_is(tmp_path: Path, rule: str, fix: list[str]) -> None:
    """Children that may lose their reference are not deleted for it, unless the key says so."""
    lines = message(tmp_path, RULE, MODELS.format(arguments="", rule=rule)).splitlines()[3:]
    changed = [line for line in lines if not line.startswith("-")]
    assert [line.endswith(end) for line, end in zip(changed, fix, strict=True)] == [True] * len(fix)


@pytest.mark.parametrize(
    "arguments", ["passive_deletes=True", "cascade='all', passive_deletes=True", "passive_deletes='all'"]
)
def test_the_near_miss(tmp_path: Path, arguments: str) -> None:
    """The database does what there is to do."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=", ondelete='CASCADE'")) == []


def test_a_dynamic_relationship_is_iterated_by_sqlalchemy(tmp_path: Path) -> None:
    """It has a query as well, but one that a delete may run."""
    models = MODELS.format(arguments="", rule="").replace("WriteOnlyMapped", "DynamicMapped")
    assert targets(tmp_path, RULE, models) == []
