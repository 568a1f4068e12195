"""Tables that are renamed, and generated columns that go, under triggers that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Column, Computed, DateTime, ForeignKey, Integer, MetaData, Table, Text

from alembic_cascade import LifecycleColumn
from lifecycle.channels import configured, moment, tables
from lifecycle.test_trigger_drift import state
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project

FUNCTIONS = "SELECT proname FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'"
TRIGGERS = "SELECT tgrelid::regclass::text, tgfoid::regproc::text FROM pg_trigger WHERE NOT tgisinternal"
UPDATED = LifecycleColumn("updated_at", tables=["channels", "rooms"], set_on="update")


def newest(parent: str, child: str = "messages") -> LifecycleColumn:
    """What sets the parent's column from the child."""
    return LifecycleColumn("last_message_at", tables=parent, set_from=f"{child}.sent_at")


def renamed(parent: str, child: str = "messages") -> MetaData:
    """The models, with tables of other names."""
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True, autoincrement=False), Column("name", Text))
    Table(parent, metadata, Column("id", Integer, primary_key=True, autoincrement=False), Column("title", Text))
    Table(
        child,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column(
            "channel_id", ForeignKey(f"{parent}.id", ondelete="CASCADE", name="messages_channel_id_fkey"),
        ),
        Column("sent_at", DateTime(timezone=True)),
    )  # fmt: skip
    return metadata


def started(project: Project, *policies: LifecycleColumn) -> None:
    """Triggers, before anything is renamed."""
    project.create(tables())
    configured(project, *policies)
    project.revision()
    project.upgrade()


def works(project: Project, parent: str, child: str) -> None:
    """The trigger does what it is for."""
    project.execute(f"INSERT INTO {parent} VALUES (1)", f"INSERT INTO {child} VALUES (1, 1, '2020-01-01')")
    assert str(moment(project, "last_message_at::date", parent)) == "2020-01-01"


def test_the_function_of_a_table_that_is_renamed_is_not_left_behind(project: Project) -> None:
    """It is dropped with the trigger that called it, and both come back on the way down."""
    started(project, UPDATED)
    project.execute("ALTER TABLE channels RENAME TO rooms")
    configured(project, UPDATED, metadata=renamed("rooms"))
    project.revision()
    run_there_and_back(project, [])
    assert len(project.fetch(FUNCTIONS)) == 1
    assert len(project.fetch(TRIGGERS)) == 1
    assert project.revision().upgrade == "pass\n"
    project.execute("INSERT INTO rooms VALUES (1)", "UPDATE rooms SET title = 'a'")
    assert moment(project, "updated_at", "rooms") is not None


def test_a_parent_that_is_renamed_gets_a_trigger_of_its_name(project: Project) -> None:
    """The one of the old name would refuse every insert; the downgrade brings it back as it was."""
    started(project, newest("channels"))
    project.execute("ALTER TABLE channels RENAME TO rooms")
    configured(project, newest("rooms"), metadata=renamed("rooms"))
    revision = project.revision()
    assert "definition=" in revision.downgrade
    run_there_and_back(project, [])
    assert len(project.fetch(FUNCTIONS)) == 1
    works(project, "rooms", "messages")
    assert project.revision().upgrade == "pass\n"


def test_a_child_that_is_renamed_keeps_one_trigger(project: Project) -> None:
    """Its function has the child's name in it, too."""
    started(project, newest("channels"))
    project.execute("ALTER TABLE messages RENAME TO letters")
    configured(project, newest("channels", "letters"), metadata=renamed("channels", "letters"))
    project.revision()
    run_there_and_back(project, [])
    assert len(project.fetch(FUNCTIONS)) == 1
    works(project, "channels", "letters")
    assert project.revision().upgrade == "pass\n"


def test_a_rename_in_a_revision_goes_up_and_down(project: Project) -> None:
    """By hand, with the triggers of the old name dropped before it and made of the new one after it."""
    started(project, UPDATED, newest("channels"))
    before = state(project)
    key = "local_cols=['channel_id'], remote_cols=['id']"

    def triggers(action: str, parent: str) -> str:
        return (
            f"op.{action}_lifecycle_trigger('{parent}', 'updated_at', set_on='update')\n"
            f"op.{action}_lifecycle_trigger('{parent}', 'last_message_at', set_from='messages.sent_at', {key})\n"
        )

    project.write_revision(
        triggers("drop", "channels") + "op.rename_table('channels', 'rooms')\n" + triggers("create", "rooms"),
        triggers("drop", "rooms") + "op.rename_table('rooms', 'channels')\n" + triggers("create", "channels"),
    )
    project.upgrade()
    works(project, "rooms", "messages")
    configured(project, UPDATED, newest("rooms"), metadata=renamed("rooms"))
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("-2")
    assert state(project) == before


@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_a_generated_column_that_is_dropped_by_hand_stops_no_update(project: Project, kind: str) -> None:
    """Nor does one that is renamed; the function knows it by its name."""
    if kind == "VIRTUAL" and project.fetch("SELECT current_setting('server_version_num')::int < 180000") == [(True,)]:
        pytest.skip("the server has no virtual columns")
    columns = [Column(name, Text, Computed("upper(title)", persisted=kind == "STORED")) for name in ("loud", "louder")]
    project.create(tables(*columns))
    configured(project, UPDATED, metadata=tables(*(column._copy() for column in columns)))
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO channels (id, title) VALUES (1, 'a')", "ALTER TABLE channels DROP loud")
    project.execute("UPDATE channels SET title = 'a'")
    assert moment(project, "updated_at", "channels") is None
    project.execute("ALTER TABLE channels DROP louder", "UPDATE channels SET title = 'b'")
    assert moment(project, "updated_at", "channels") is not None


def test_a_generated_column_that_a_revision_drops_takes_its_part_of_the_function_along(project: Project) -> None:
    """And one that it adds brings it."""
    project.create(tables(Column("loud", Text, Computed("upper(title)", persisted=True))))
    configured(project, UPDATED, metadata=tables(Column("loud", Text, Computed("upper(title)", persisted=True))))
    project.revision()
    project.upgrade()
    configured(project, UPDATED, metadata=tables(Column("low", Text, Computed("lower(title)", persisted=True))))
    assert "op.create_lifecycle_trigger('channels', 'updated_at', set_on='update')" in project.revision().upgrade
    run_there_and_back(project, [])
    project.execute("INSERT INTO channels (id, title) VALUES (1, 'a')")
    project.execute("UPDATE channels SET title = 'a'")
    assert moment(project, "updated_at", "channels") is None
