"""Orphans settled a few at a time, and put back in the order in which that is possible."""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from orphans.posts import warnings_of
from orphans.settling import kept, rows, state, there_and_back
from project import cascade_log

from alembic_cascade import CascadeConfig, configure_options
from alembic_cascade.concurrently import steps
from concurrently.settled_posts import LABEL, POSTS, USERS, block, moments, settled

if TYPE_CHECKING:
    from project import Project


@pytest.mark.parametrize(("size", "batches"), [(1, 7), (2, 4), (3, 3), (7, 1), (5000, 1)])
@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_each_batch_is_kept_for_itself_and_all_come_back(
    project: Project, caplog: pytest.LogCaptureFixture, rule: str, size: int, batches: int
) -> None:
    """In a transaction of its own, at a moment of its own."""
    caplog.set_level("INFO", "alembic.cascade")
    settled(project, *POSTS, size=size, rule=rule, strategy="quarantine" if rule == "CASCADE" else "set_null")
    start = state(project)
    project.upgrade()
    assert moments(project) == batches
    assert project.fetch("SELECT id FROM posts WHERE user_id = 1 ORDER BY id") == [(1,), (9,), (10,)]
    assert len(rows(project)["posts"]) == (3 if rule == "CASCADE" else 10)
    done = "quarantined" if rule == "CASCADE" else "set to NULL"
    assert any(re.match(f"{LABEL}: 7 orphans {done}", line) for line in cascade_log(caplog.records))
    project.downgrade("base")
    assert state(project) == start
    project.upgrade()


def test_what_two_orphans_take_along_goes_with_the_first_and_comes_with_the_last(project: Project) -> None:
    """They are in batches of their own; some of what depends on both is removed, some loses two values."""
    settled(
        project, *POSTS,
        "CREATE TABLE pairs (id int PRIMARY KEY, a int REFERENCES posts ON DELETE CASCADE, b int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO pairs VALUES (1, 2, 3), (2, 3, 2), (3, 1, 2), (4, 1, 9), (5, 8, 8)",
        "CREATE TABLE marks (id int PRIMARY KEY, a int REFERENCES posts ON DELETE SET NULL, b int DEFAULT 1 REFERENCES posts ON DELETE SET DEFAULT, pair int REFERENCES pairs ON DELETE SET NULL)",
        "INSERT INTO marks VALUES (1, 2, 3, 1), (2, 3, 2, 4), (3, 8, 8, 5), (4, 9, 9, 3)",
        size=1,
    )  # fmt: skip
    upgraded = there_and_back(project)
    assert upgraded["pairs"] == ["(4,1,9)"]
    assert upgraded["marks"] == ["(1,,1,)", "(2,,1,4)", "(3,,1,)", "(4,9,9,)"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_orphans_that_depend_on_each_other(project: Project, size: int) -> None:
    """A chain of answers by nobody, one to itself, and a circle of two."""
    settled(
        project, *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int, up int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO posts VALUES (1, 1, NULL), (2, 9, 1), (3, 9, 2), (4, 9, 3), (5, 1, 4), (6, 9, 6), (7, 9, 8), (8, 9, 7), (9, 1, 1)",
        size=size,
    )  # fmt: skip
    assert there_and_back(project)["posts"] == ["(1,1,)", "(9,1,1)"]


@pytest.mark.parametrize("size", [1, 2, 5000])
def test_the_key_of_a_tree_itself(project: Project, size: int) -> None:
    """Who hangs on an orphan is none, but goes with it by the key that has just come."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute("CREATE TABLE posts (id int PRIMARY KEY, up int)", "INSERT INTO posts VALUES (1, NULL), (2, 1), (3, 99), (4, 3), (5, 4), (6, 98), (7, 98), (8, 8)")  # fmt: skip
    key = "'posts', 'posts', ['up'], ['id']"
    project.write_revision(
        block(
            f"op.add_foreign_key('made', {key}, ondelete='CASCADE', not_valid=True, concurrently=True)",
            f"op.clean_orphans({key}, strategy='quarantine', revision=revision, concurrently=True, batch_size={size})",
        ),
        block(f"op.drop_foreign_key('made', {key}, concurrently=True)", f"op.restore_orphans({key}, revision=revision, concurrently=True)"),
    )  # fmt: skip
    assert there_and_back(project)["posts"] == ["(1,)", "(2,1)", "(8,8)"]


def test_a_long_step_says_how_far_it_has_come(
    project: Project, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done, total, rows in a second, time left."""
    monkeypatch.setattr(steps, "SECONDS_BETWEEN_REPORTS", 0)
    caplog.set_level("INFO", "alembic.cascade")
    settled(project, *POSTS).upgrade()
    said = [re.fullmatch(rf"{LABEL}: (\d+) of 7, \d+/s, \d+ s left", line) for line in cascade_log(caplog.records)]
    assert [found[1] for found in said if found] == ["2", "4", "6", "7"]


def test_a_pause_is_made_between_two_batches(project: Project) -> None:
    """For replicas that lag behind."""
    settled(project, *POSTS, more=", batch_pause=0.3")
    started = monotonic()
    project.upgrade()
    assert monotonic() - started > 4 * 0.3


def test_what_is_in_the_way_of_a_batch_stays_and_is_reported(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """All others come back, those of its own batch as well."""
    settled(project, *POSTS)
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (3, 1, 'new'), (6, 1, 'new')")
    caplog.clear()
    project.downgrade("base")
    assert warnings_of(caplog)
    assert all("stay in the quarantine" in line for line in warnings_of(caplog))
    assert [row for row in rows(project)["posts"] if "new" in row] == ["(3,1,new)", "(6,1,new)"]
    assert len(rows(project)["posts"]) == 10
    assert [len(entries) for entries in kept(project).values()] == [2]
