"""Batches whose rows others hold, change or take away."""

from __future__ import annotations

from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from concurrently.others import WAITING_FOR_A_ROW, Background, session, wait_until

from alembic_cascade import CascadeConfig, LifecycleRefused, LockNotAcquired, configure_options
from alembic_cascade.concurrently import steps
from lifecycle.batches import BY_EXPRESSION, FROM_MESSAGES, before_each_batch, in_batches, meanwhile
from lifecycle.channels import moment
from lifecycle.test_backfill import is_filled, with_messages

if TYPE_CHECKING:
    from project import Project

# Channel 8 leaves its place to a row that has no message.
PLACE_TAKEN = (
    "DELETE FROM messages WHERE channel_id = 8", "DELETE FROM channels WHERE id = 8", "VACUUM channels",
    "INSERT INTO channels VALUES (11, 'new')",
)  # fmt: skip


@pytest.mark.parametrize("call", [2, 3, 6])
def test_a_row_that_took_the_place_of_another_gets_nothing_of_it(project: Project, call: int) -> None:
    """A place is used again as soon as VACUUM has been there."""
    with_messages(project, 10)
    in_batches(project)
    places: list[object] = []

    def take() -> None:
        with session(project, autocommit=True) as other:
            places.extend(other.execute("SELECT ctid::text FROM channels WHERE id = 8").fetchall())
            for statement in PLACE_TAKEN:
                other.execute(statement.encode())
            places.extend(other.execute("SELECT ctid::text FROM channels WHERE id = 11").fetchall())

    meanwhile(project, call, take)
    assert places[0] == places[1]
    assert moment(project, "last_message_at", "channels", 11) is None
    assert is_filled(project)


def test_a_row_that_took_the_place_of_another_has_its_own_expression(project: Project) -> None:
    """It is listed again, and filled from itself."""
    with_messages(project)
    in_batches(project, BY_EXPRESSION, "batch_size=4")

    def take() -> None:
        with session(project, autocommit=True) as other:
            for statement in PLACE_TAKEN:
                other.execute(statement.encode())

    meanwhile(project, 2, take)
    assert project.fetch("SELECT id FROM channels WHERE last_message_at::date <> '2020-01-01'::date + id") == []
    assert project.fetch("SELECT count(last_message_at), count(*) FROM channels") == [(10, 10)]


@pytest.mark.parametrize("how", [FROM_MESSAGES, BY_EXPRESSION])
def test_a_row_that_is_changed_before_its_batch_is_listed_again(project: Project, how: str) -> None:
    """With the value that it has to get by then."""
    with_messages(project)
    in_batches(project, how, "batch_size=3")
    changed = (
        "UPDATE channels SET title = 'b'", "INSERT INTO messages VALUES (100, 2, '2030-01-01'), (101, 10, '2030-01-01')",
    )  # fmt: skip
    calls = meanwhile(project, 2, lambda: project.execute(*changed))
    # Four batches found other rows than those listed.
    assert calls >= 1 + 4 + 1 + 4 + 1
    if how == FROM_MESSAGES:
        assert is_filled(project)
    assert project.fetch("SELECT count(*) FROM channels WHERE last_message_at IS NULL") == [(0,)]
    assert project.fetch("SELECT DISTINCT title FROM channels") == [("b",)]


def test_an_insert_into_the_child_stops_nothing(project: Project) -> None:
    """The key's own lock on the parent lets an UPDATE of no key pass."""
    with_messages(project)
    in_batches(project, more="batch_size=3")
    with session(project) as writer:
        writer.execute("INSERT INTO messages VALUES (100, 5, '2019-01-01')")
        calls = before_each_batch(project, lambda _: None)
        assert moment(project, "last_message_at", "channels", 5) is not None
        writer.commit()
    assert calls <= 6
    assert is_filled(project)


def test_a_row_that_somebody_holds_is_passed_over_and_waited_for_in_the_end(project: Project) -> None:
    """Nobody asks in a circle meanwhile, each time looking at all messages again."""
    with_messages(project)
    in_batches(project, more="batch_size=3, lock_timeout='2s'")
    calls: list[int] = []
    with session(project) as holder:
        holder.execute("SELECT FROM channels WHERE id = 5 FOR UPDATE")
        with Background(lambda: calls.append(before_each_batch(project, lambda _: None))) as upgrade:
            wait_until(project, WAITING_FOR_A_ROW)
            assert project.fetch("SELECT id FROM channels WHERE last_message_at IS NULL ORDER BY id") == [(5,), (10,)]
            Timer(1, holder.commit).start()
    assert upgrade.problems == []
    assert calls[0] < 15
    assert is_filled(project)


def test_a_row_that_is_never_let_go_ends_the_upgrade(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was filled stays, the one who holds it is named, and the next run goes on."""
    monkeypatch.setattr(steps, "TRIES", 2)
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    with_messages(project)
    in_batches(project, more="batch_size=3, lock_timeout='200ms'")
    with session(project) as holder:
        holder.execute("SELECT FROM channels WHERE id = 5 FOR UPDATE")
        started = monotonic()
        with pytest.raises(LockNotAcquired, match=f"In the way: pid {holder.info.backend_pid}") as refused:
            project.upgrade()
        assert monotonic() - started < 10
    assert "What was done before stays" in str(refused.value)
    assert refused.value.key == "channels.last_message_at"
    assert project.fetch("SELECT id FROM channels WHERE last_message_at IS NULL ORDER BY id") == [(5,), (10,)]
    project.upgrade()
    assert is_filled(project)


@pytest.mark.parametrize("how", [FROM_MESSAGES, BY_EXPRESSION])
def test_rows_that_a_rule_keeps_as_they_are_end_the_upgrade(project: Project, how: str) -> None:
    """There is no end to filling them."""
    with_messages(project)
    in_batches(project, how, "batch_size=3")
    project.execute(
        "CREATE RULE keep AS ON UPDATE TO channels WHERE OLD.id = 4 DO INSTEAD NOTHING",
        "ALTER TABLE channels ENABLE ALWAYS RULE keep",
    )
    with pytest.raises(LifecycleRefused, match="a rule or a trigger of channels keeps its rows as they are") as refused:
        project.upgrade()
    assert "What was done before stays" in str(refused.value)
    assert project.fetch("SELECT 1 FROM channels WHERE id = 4 AND last_message_at IS NOT NULL") == []
    project.execute("DROP RULE keep ON channels")
    project.upgrade()
    assert project.fetch("SELECT id FROM channels WHERE id < 10 AND last_message_at IS NULL") == []
