"""Old rows get what there is evidence for, and NOT NULL comes after values for all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, DateTime, Text, event

from alembic_cascade import LifecycleColumn, LifecycleRefused
from lifecycle.channels import NEWEST, UPDATED, configured, made, moment, tables

if TYPE_CHECKING:
    from project import Project

FILLED = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", backfill=True)


def with_messages(project: Project, number: int = 30) -> None:
    """Ten channels, of which one has no message."""
    project.create(tables())
    project.execute(
        "INSERT INTO channels SELECT g, 'a' FROM generate_series(1, 10) AS g",
        f"INSERT INTO messages SELECT g, 1 + g % 9, '2020-01-01'::date + g FROM generate_series(1, {number}) AS g",
    )


def is_filled(project: Project) -> bool:
    """Whether each channel has the time of its newest message."""
    return (
        project.fetch(
            "SELECT 1 FROM channels AS c WHERE last_message_at IS DISTINCT FROM "
            "(SELECT max(sent_at) FROM messages WHERE channel_id = c.id)"
        )
        == []
    )


@pytest.mark.parametrize("concurrently", [False, True])
def test_a_parent_gets_the_newest_value_of_its_child(project: Project, concurrently: bool) -> None:
    """In batches where the table is one of ``concurrently``."""
    with_messages(project)
    configured(project, FILLED, concurrently=concurrently)
    revisions = project.revisions()
    assert len(revisions) == 1 + concurrently
    assert ("concurrently=True" in revisions[-1].upgrade) == concurrently
    project.upgrade()
    assert is_filled(project)
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("base")
    project.upgrade()
    assert is_filled(project)


@pytest.mark.parametrize("size", [1, 3, 5000])
def test_batches_of_any_size_fill_all(project: Project, size: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each is a transaction of its own."""
    caplog.set_level(logging.INFO, "alembic.cascade")
    with_messages(project)
    project.execute("ALTER TABLE channels ADD last_message_at timestamptz")
    project.write_revision(
        "op.begin_concurrently(revision)\nwith op.get_context().autocommit_block():\n"
        "    op.backfill_lifecycle_column('channels', 'last_message_at', set_from='messages.sent_at', "
        f"local_cols=['channel_id'], remote_cols=['id'], concurrently=True, batch_size={size})"
    )
    project.upgrade()
    assert is_filled(project)
    assert any("filled in 9 rows of channels" in message for message in caplog.messages)


def test_a_row_that_is_written_meanwhile_is_filled_too(project: Project) -> None:
    """Between two batches it gets another place, a message comes, and a channel."""
    with_messages(project)
    configured(project, FILLED, concurrently=True)
    project.revisions()
    calls: list[str] = []

    def write(connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "cascade_backfill_batch" in statement and statement.startswith("SELECT * FROM pg_temp.cascade_try("):
            calls.append(statement)
            if len(calls) == 2:
                project.execute(
                    "UPDATE channels SET title = 'b' WHERE id < 5",
                    "INSERT INTO messages VALUES (100, 2, '2030-01-01'), (101, 10, '2030-01-01')",
                    "INSERT INTO channels VALUES (11, 'c')",
                )

    event.listen(project.engine, "before_cursor_execute", write)
    project.upgrade()
    event.remove(project.engine, "before_cursor_execute", write)
    assert len(calls) > 2
    assert is_filled(project)


def test_an_expression_fills_where_there_is_nothing(project: Project) -> None:
    """Of the row's own columns."""
    metadata = tables(Column("opened", Text))
    project.create(metadata)
    project.execute("INSERT INTO channels VALUES (1, 'a', '2020-01-01'), (2, 'b', NULL)")
    policy = LifecycleColumn("created_at", tables="channels", set_on="insert", backfill="opened::timestamptz")
    configured(project, policy, metadata=tables(Column("opened", Text)))
    project.revision()
    project.upgrade()
    assert str(moment(project, "created_at::date", "channels", 1)) == "2020-01-01"
    assert moment(project, "created_at", "channels", 2) is None


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize("backfill", [None, "NULL"])
def test_a_row_without_a_value_refuses_not_null(project: Project, concurrently: bool, backfill: str | None) -> None:
    """Nothing is changed, or the step before stays; what to do is said."""
    project.create(tables())
    project.execute("INSERT INTO users VALUES (1), (2)")
    policy = LifecycleColumn("created_at", tables="users", set_on="insert", nullable=False, backfill=backfill)
    configured(project, policy, concurrently=concurrently)
    project.revisions()
    with pytest.raises(LifecycleRefused, match="2 rows of users have no value, and NULL is not to be taken") as refused:
        project.upgrade()
    assert "backfill=" in str(refused.value)
    assert refused.value.table == "users"
    if not concurrently:
        assert project.fetch("SELECT 1 FROM information_schema.columns WHERE column_name = 'created_at'") == []
    project.execute("DELETE FROM users")
    project.upgrade()
    ((nullable,),) = project.fetch(
        "SELECT is_nullable FROM information_schema.columns WHERE column_name = 'created_at'"
    )
    assert nullable == "NO"
    assert project.fetch("SELECT 1 FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype = 'c'") == []
    project.downgrade("base")


@pytest.mark.parametrize("declared", [False, True])
def test_a_column_that_is_there_is_filled_before_it_takes_no_null(project: Project, declared: bool) -> None:
    """Whoever says so, the settings or the model."""

    def metadata(*, nullable: bool) -> Any:
        return tables(Column("created_at", DateTime(timezone=True), nullable=nullable), of="users")

    project.create(metadata(nullable=True))
    project.execute("INSERT INTO users VALUES (1, '2020-01-01', NULL), (2, 'b', '2021-01-01')")
    policy = LifecycleColumn("created_at", tables="users", nullable=False, backfill="name::date")
    configured(project, policy, metadata=metadata(nullable=False) if declared else tables())
    assert project.revision().upgrade.strip() == (
        "op.backfill_lifecycle_column('users', 'created_at', expression='name::date', nullable=False)"
    )
    project.upgrade()
    assert str(moment(project, "created_at::date", "users")) == "2020-01-01"
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("base")
    ((nullable,),) = project.fetch(
        "SELECT is_nullable FROM information_schema.columns WHERE column_name = 'created_at'"
    )
    assert nullable == "YES"


@pytest.mark.parametrize("concurrently", [False, True])
def test_users_triggers_do_not_fire(project: Project, concurrently: bool) -> None:
    """Nobody has changed the row."""
    with_messages(project)
    project.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'",
        "CREATE TRIGGER refuse BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    configured(project, FILLED, UPDATED, concurrently=concurrently)
    project.revisions()
    project.upgrade()
    assert is_filled(project)
    assert project.fetch("SELECT count(updated_at) FROM channels") == [(0,)]
    assert project.fetch("SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'refuse'") == [("O",)]


def test_a_trigger_that_was_missing_is_followed_by_a_backfill(project: Project) -> None:
    """What was inserted without it counts."""
    made(project, NEWEST)
    ((trigger,),) = project.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    project.execute(f"DROP TRIGGER {trigger} ON messages")
    project.execute("INSERT INTO channels VALUES (1, 'a')", "INSERT INTO messages VALUES (1, 1, '2020-01-01')")
    configured(project, FILLED)
    assert "op.backfill_lifecycle_column(" in project.revision().upgrade
    project.upgrade()
    assert is_filled(project)


def test_what_cannot_be_computed_is_refused(project: Project) -> None:
    """In the server's words, with nothing changed."""
    project.create(tables())
    project.execute("INSERT INTO users VALUES (1, 'a')")
    configured(project, LifecycleColumn("created_at", tables="users", backfill="name::timestamptz"))
    project.revision()
    with pytest.raises(LifecycleRefused, match=r"users\.created_at: invalid input syntax .* Nothing was changed"):
        project.upgrade()
    assert project.fetch("SELECT * FROM users") == [(1, "a")]


def test_a_column_that_is_there_keeps_its_values(project: Project) -> None:
    """Only what is newer replaces them."""
    project.create(tables(Column("last_message_at", DateTime(timezone=True))))
    project.execute(
        "INSERT INTO channels VALUES (1, 'a', '2030-01-01'), (2, 'b', '2010-01-01')",
        "INSERT INTO messages VALUES (1, 1, '2020-01-01'), (2, 2, '2020-01-01')",
    )
    configured(project, FILLED)
    project.revision()
    project.upgrade()
    assert project.fetch("SELECT last_message_at::date::text FROM channels ORDER BY id") == [
        ("2030-01-01",),
        ("2020-01-01",),
    ]
