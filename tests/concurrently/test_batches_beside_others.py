"""Batches of orphans whose rows others hold, change or take away."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING, Any

import pytest
from orphans.settling import kept, rows
from project import cascade_log
from psql import run_script

from alembic_cascade import LockNotAcquired
from alembic_cascade.concurrently import steps
from concurrently.others import WAITING_FOR_A_ROW, Background, session, wait_until
from concurrently.settled_posts import KEY, POSTS, before_each_batch, block, meanwhile, settled

if TYPE_CHECKING:
    from project import Project


def test_a_row_that_somebody_holds_is_passed_over_and_settled_later(project: Project, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    """The others don't wait for it."""
    settled(project, *POSTS)
    with project.engine.connect() as holder:
        gone: list[Any] = []

        def let_go() -> None:
            gone.extend(project.fetch("SELECT id FROM posts WHERE user_id > 1"))
            holder.rollback()

        timer = Timer(2.5, let_go)

        def hold() -> None:
            holder.exec_driver_sql("SELECT FROM posts WHERE id = 3 FOR UPDATE")
            timer.start()

        meanwhile(project, 2, hold)
        timer.join()
    assert gone == [(3,)]
    assert len(kept(project)["alembic_cascade.r1_public_posts"]) == 7
    assert any("RowShareLock on posts" in line for line in cascade_log(caplog.records))


def test_a_row_that_somebody_never_lets_go_ends_the_upgrade(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done stays; run again, it goes on from there."""
    monkeypatch.setattr(steps, "TRIES", 2)
    settled(project, *POSTS)
    with project.engine.connect() as holder:
        with pytest.raises(LockNotAcquired, match="In the way: pid") as refused:
            meanwhile(project, 2, lambda: holder.exec_driver_sql("SELECT FROM posts WHERE id = 3 FOR UPDATE"))
        assert "What was done before stays" in str(refused.value)
        assert project.fetch("SELECT id FROM posts WHERE user_id > 1") == [(3,)]
    project.upgrade()
    assert len(kept(project)["alembic_cascade.r1_public_posts"]) == 7
    project.downgrade("base")
    assert len(rows(project)["posts"]) == 10


def test_a_row_that_changes_all_the_time_is_settled(project: Project) -> None:
    """It is never any more where it was when it was listed."""
    settled(project, *POSTS)

    def change(call: int) -> None:
        assert call < 20
        project.execute("UPDATE posts SET body = body || '.' WHERE id = 3")

    before_each_batch(project, change)
    assert project.fetch("SELECT id FROM posts ORDER BY 1") == [(1,), (9,), (10,)]
    assert project.fetch("SELECT body LIKE 'as it was....%' FROM alembic_cascade.r1_public_posts WHERE id = 3") == [
        (True,)
    ]


def test_a_script_waits_for_a_row_that_somebody_holds(project: Project) -> None:
    """It settles all others, says who is in the way, and settles that row when it is let go."""
    script = settled(project, *POSTS).upgrade_script()
    said: list[str] = []
    with session(project) as holder:
        holder.execute("SELECT FROM posts WHERE id = 3 FOR UPDATE")
        with Background(lambda: said.append(run_script(project.url, script))) as run:
            wait_until(project, WAITING_FOR_A_ROW)
            gone = project.fetch("SELECT id FROM posts WHERE user_id > 1")
            Timer(0.8, holder.commit).start()
    assert gone == [(3,)]
    assert run.problems == []
    assert "canceling statement due to lock timeout, try 1 of 12; in the way: pid " in said[0]
    assert "7 orphans quarantined" in said[0]
    assert project.fetch("SELECT id FROM posts ORDER BY 1") == [(1,), (9,), (10,)]


# What somebody does between the list of the orphans and the first batch; posts afterwards, and after the way back.
MEANWHILE = {
    "changed": ("UPDATE posts SET body = 'new' WHERE id = 3", {3}, set(), {3: "(3,103,new)"}),
    "given a parent": ("UPDATE posts SET user_id = 1 WHERE id = 3", {3}, {3}, {3: '(3,1,"as it was")'}),
    "emptied": ("UPDATE posts SET user_id = NULL WHERE id = 3", {3}, {3}, {3: '(3,,"as it was")'}),
    "a parent comes": ("INSERT INTO users VALUES (103)", {3}, {3}, {3: '(3,103,"as it was")'}),
    "deleted": ("DELETE FROM posts WHERE id = 3", {3}, set(), {3: None}),
    "moved in its table": ("UPDATE posts SET id = 33 WHERE id = 3", {3, 33}, set(), {3: None, 33: '(33,103,"as it was")'}),
    "another comes in its place": (
        "DELETE FROM posts WHERE id = 3; INSERT INTO posts VALUES (3, 1, 'another')", {3}, {3}, {3: "(3,1,another)"},
    ),
    "all are gone": ("DELETE FROM posts WHERE user_id > 1", {3, 8}, set(), {3: None, 8: None}),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "looked_at", "stay", "end"), MEANWHILE.values(), ids=MEANWHILE)
@pytest.mark.parametrize("size", [1, 5000])
def test_what_somebody_changes_in_between_is_not_undone(
    project: Project, size: int, statements: str, looked_at: set[int], stay: set[int], end: dict[int, str | None]
) -> None:
    """A row is settled as it is then, if it is an orphan then."""
    settled(project, *POSTS, size=size)
    meanwhile(project, 2, lambda: project.execute(*statements.split("; ")))
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'made'") == [(True,)]
    assert {n for (n,) in project.fetch("SELECT id FROM posts") if n in looked_at} == stay
    project.downgrade("base")
    found = dict(project.fetch("SELECT id, p::text FROM posts AS p"))
    assert {n: found.get(n) for n in end} == end
    assert kept(project) == {}


def test_rows_come_back_beside_a_writer_of_other_rows(project: Project) -> None:
    """A lock on rows alone is enough where no trigger and no key has to be put out of the way."""
    settled(project, *POSTS)
    project.upgrade()
    project.execute("ALTER TABLE posts DROP CONSTRAINT made")
    project.write_revision(block(f"op.restore_orphans({KEY}, revision='r1', concurrently=True)"))
    with project.engine.connect() as writer:
        writer.exec_driver_sql("UPDATE posts SET body = 'new' WHERE id = 1")
        project.upgrade()
        writer.commit()
    assert len(rows(project)["posts"]) == 10
