"""Which indexes that are there already are enough for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, number
from orphans.settling import state
from project import cascade_log
from scenario import run_up_down_up
from sqlalchemy import ForeignKeyConstraint, MetaData, UniqueConstraint

from concurrently.indexed_posts import ADD, DROP, INDEXES, MADE, by_hand, indexing, posts

if TYPE_CHECKING:
    from project import Project


# Indexes of posts, and whether the key needs no other.
ENOUGH = {
    "another name": "CREATE INDEX other ON posts (user_id)",
    "more columns": "CREATE INDEX other ON posts (user_id, length)",
    "descending": "CREATE INDEX other ON posts (user_id DESC)",
    "NULLs left out": "CREATE INDEX other ON posts (user_id) WHERE user_id IS NOT NULL",
    "a hash": "CREATE INDEX other ON posts USING hash (user_id)",
    "unique": "ALTER TABLE posts ADD CONSTRAINT other UNIQUE (user_id, id)",
    "covering": "CREATE INDEX other ON posts (user_id) INCLUDE (length)",
    "primary": "ALTER TABLE posts DROP CONSTRAINT posts_pkey, ADD CONSTRAINT other PRIMARY KEY (user_id, id)",
}
NOT_ENOUGH = {
    "columns before": "CREATE INDEX other ON posts (length, user_id)",
    "rows left out": "CREATE INDEX other ON posts (user_id) WHERE length > 1",
    "another column's NULLs left out": "CREATE INDEX other ON posts (user_id) WHERE length IS NOT NULL",
    "an expression": "CREATE INDEX other ON posts ((user_id + 0))",
    "blocks": "CREATE INDEX other ON posts USING brin (user_id)",
    "covered only": "CREATE INDEX other ON posts (length) INCLUDE (user_id)",
    "not valid": "CREATE INDEX other ON posts (user_id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other'::regclass",
}


@pytest.mark.parametrize(
    ("index", "enough"),
    [*((index, True) for index in ENOUGH.values()), *((index, False) for index in NOT_ENOUGH.values())],
    ids=[*ENOUGH, *NOT_ENOUGH],
)
def test_what_serves_the_key_is_enough(
    project: Project, caplog: pytest.LogCaptureFixture, index: str, enough: bool
) -> None:
    """Where the revision is written, and where it runs in a deployment that has one already."""
    caplog.set_level("INFO", "alembic.cascade")
    indexing(project, "DELETE FROM posts", *index.split("; "))
    project.options["include_object"] = lambda _item, _name, kind, *_: (
        kind not in {"index", "unique_constraint", "column"}
    )
    assert ("add_foreign_key_index" not in project.revision().upgrade) is enough
    before = project.fetch(INDEXES)
    by_hand(project, ADD, DROP)
    start = state(project)
    caplog.clear()
    project.upgrade()
    assert len(project.fetch(INDEXES)) - len(before) == (0 if enough else 1)
    assert ("posts.user_id: the index other is there, N s" in cascade_log(caplog.records)) is enough
    project.downgrade("base")
    assert state(project) == start


@pytest.mark.parametrize(("columns", "enough"), [("b, a", True), ("a, b, id", True), ("a", False), ("a, id, b", False)])
def test_the_columns_of_a_key_may_stand_in_another_order(project: Project, columns: str, enough: bool) -> None:
    """All of them have to come first."""

    def pairs(*items: Any) -> MetaData:
        unique = UniqueConstraint("a", "b", name="both")
        return models(users=[number("a"), number("b"), unique], posts=[number("a"), number("b"), *items])

    indexing(project, "DROP TABLE posts, users")
    project.create(pairs())
    project.execute(f"CREATE INDEX other ON posts ({columns})")
    project.options["include_object"] = lambda _item, _name, kind, *_: kind != "index"
    project.metadata = pairs(ForeignKeyConstraint(["a", "b"], ["users.a", "users.b"]))
    written = project.revision().upgrade
    assert ("op.add_foreign_key_index('ix_posts_a', 'posts', ['a', 'b'], revision=revision)" not in written) is enough
    project.upgrade()
    assert len(project.fetch(INDEXES)) == (1 if enough else 2)


def test_an_index_that_the_model_brings_is_not_built_twice(project: Project) -> None:
    """It comes with the ordinary revision, which runs before."""
    indexing(project).metadata = posts(index=True)
    ordinary, concurrent = project.revisions()
    assert ordinary.upgrade == "op.create_index(op.f('ix_posts_user_id'), 'posts', ['user_id'], unique=False)\n"
    assert "index" not in concurrent.text
    project.upgrade()
    project.check()
    assert project.fetch(INDEXES) == MADE


def test_one_index_serves_two_keys(project: Project) -> None:
    """On the same columns to two tables."""
    indexing(project, "CREATE TABLE people (id int PRIMARY KEY)", "INSERT INTO people VALUES (1)")
    keys = [ForeignKeyConstraint(["user_id"], [f"{table}.id"]) for table in ("users", "people")]
    project.metadata = models(users=[], people=[], posts=[number("user_id"), number("length"), *keys])
    assert project.revision().text.count("_foreign_key_index(") == 2
    run_up_down_up(project)
    assert project.fetch(INDEXES) == MADE


@pytest.mark.parametrize(
    "kept", ["CREATE INDEX ix_posts_user_id ON posts (user_id)", "COMMENT ON INDEX ix_posts_user_id IS 'ours'"]
)
def test_an_index_that_is_somebody_elses_stays(project: Project, kept: str) -> None:
    """It was there before, or somebody has made it his own since."""
    indexing(project)
    by_hand(project, ADD, DROP)
    statements = [kept] if kept.startswith("CREATE") else []
    project.execute(*statements)
    project.upgrade()
    project.execute(*([] if statements else [kept]))
    project.downgrade("base")
