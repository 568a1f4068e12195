"""What the project's own filters leave out, what a deployment may lack, what has no say of its own: left alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from models import reference
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text

from alembic_cascade import LifecycleColumn
from lifecycle.channels import CREATED, NEWEST, UPDATED, configured, made, tables
from lifecycle.test_trigger_drift import state
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project

FILLED = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", backfill=True)
CHANNELS = LifecycleColumn("updated_at", tables="channels", set_on="update")


def leaving_out(project: Project, *left_out: tuple[str, str]) -> None:
    """Filter the tables and columns by kind and name."""
    project.options["include_object"] = lambda item, name, kind, *_: (kind, name) not in left_out


def stamped(*names: str) -> MetaData:
    """The models, with these columns in channels."""
    return tables(*(Column(name, DateTime(timezone=True)) for name in names))


@pytest.mark.parametrize("there", ["nowhere", "in the database", "everywhere"])
def test_a_column_that_is_left_out_gets_nothing(project: Project, there: str) -> None:
    """No default, no trigger, no value and no NOT NULL."""
    names = ["created_at", "updated_at", "last_message_at"]
    project.create(stamped(*([] if there == "nowhere" else names)))
    leaving_out(project, *(("column", name) for name in names))
    created = LifecycleColumn("created_at", tables="channels", set_on="insert", nullable=False, backfill="now()")
    metadata = stamped(*(names if there == "everywhere" else []))
    configured(project, created, CHANNELS, FILLED, metadata=metadata)
    assert project.revision().upgrade == "pass\n"


def test_a_column_that_is_left_out_later_keeps_its_default(project: Project) -> None:
    """What is not looked at is not changed; its trigger is a left-over."""
    made(project, CREATED)
    leaving_out(project, ("column", "created_at"))
    configured(project, CREATED)
    assert project.revision().upgrade == "pass\n"


def test_a_filter_sees_the_column_with_its_table(project: Project) -> None:
    """As it does for columns of the models."""
    seen: list[tuple[str, str, bool, bool]] = []

    def look(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        if kind == "column" and name == "updated_at":
            seen.append((item.table.name, str(item.type), reflected, other is not None))
        return True

    project.create(stamped("updated_at"))
    project.options["include_object"] = look
    configured(project, CHANNELS)
    project.revision()
    assert ("channels", "DATETIME", False, True) in seen


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("table", ["channels", "messages"])
def test_a_table_that_is_left_out_keeps_what_it_has(project: Project, table: str, there: bool) -> None:
    """The parent's column and the child's trigger belong together: neither is made, and neither is dropped."""
    if there:
        made(project, NEWEST)
    else:
        project.create(stamped("last_message_at"))
    before = state(project)
    leaving_out(project, ("table", table))
    for policies in ([NEWEST], []):
        configured(project, *policies, metadata=stamped("last_message_at"))
        assert "lifecycle_trigger" not in project.revision().upgrade
        project.upgrade()
    assert state(project) == before


def test_a_name_that_is_left_out_is_left_alone(project: Project) -> None:
    """``include_name`` says it of what the database has."""
    made(project, FILLED)
    project.options["include_name"] = lambda name, kind, _: (kind, name) != ("table", "channels")
    configured(project)
    metadata = tables()
    metadata.remove(metadata.tables["messages"])
    metadata.remove(metadata.tables["channels"])
    project.metadata = metadata
    # The child goes with its trigger; the function would stay otherwise.
    project.revision()
    project.upgrade()
    assert project.fetch("SELECT 1 FROM pg_tables WHERE tablename = 'channels'") == [(1,)]


def family(parent: str, child: str, **options: Any) -> MetaData:
    """A table and one that is part of it, each declared with all columns."""
    metadata = MetaData()
    Table(parent, metadata, Column("id", Integer, primary_key=True), Column("title", Text), **options.get("above", {}))
    Table(child, metadata, Column("id", Integer, primary_key=True), Column("title", Text), **options.get("below", {}))
    return metadata


FAMILIES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "a partition": (
        [
            "CREATE TABLE events (id int PRIMARY KEY, title text) PARTITION BY RANGE (id)",
            "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100)",
        ],
        {"above": {"postgresql_partition_by": "RANGE (id)"}},
    ),
    "a table that inherits": (
        [
            "CREATE TABLE events (id int PRIMARY KEY, title text)",
            "CREATE TABLE events_1 (PRIMARY KEY (id)) INHERITS (events)",
        ],
        {"below": {"postgresql_inherits": "events"}},
    ),
}


@pytest.mark.parametrize(("setup", "options"), FAMILIES.values(), ids=FAMILIES)
def test_a_table_that_is_part_of_another_takes_no_part(
    project: Project, setup: list[str], options: dict[str, Any]
) -> None:
    """It has its columns from there, and a partition its triggers, too."""
    project.execute(*setup)
    configured(project, CREATED, UPDATED, metadata=family("events", "events_1", **options))
    revision = project.revision()
    assert "'events'" in revision.upgrade
    assert "'events_1'" not in revision.upgrade
    # The models of the part name no such column: Alembic would drop it.
    project.options["include_object"] = lambda item, name, kind, *_: kind != "column" or item.table.name != "events_1"
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"


def legacy() -> MetaData:
    """The models, with messages of old and a table for itself."""
    return tables(
        more={
            "letters": [reference("channel_id", "channels.id"), Column("sent_at", DateTime(timezone=True))],
            "legacy": [Column("title", Text)],
        }
    )


def test_what_a_deployment_lacks_is_no_drift(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the optional table itself, nor an optional child that a column is set from."""
    caplog.set_level(logging.INFO, "alembic.cascade")
    project.create(tables())
    policies = [
        CREATED,
        UPDATED,
        LifecycleColumn("last_letter_at", tables="channels", set_from="letters.sent_at", backfill=True),
    ]
    configured(project, *policies, metadata=legacy(), optional_tables=["letters", "legacy"])
    project.revision()
    project.upgrade()
    for _ in range(2):
        revision = project.revision()
        project.upgrade()
        assert revision.upgrade == "pass\n"


def test_what_a_deployment_may_lack_is_skipped_where_it_does(project: Project) -> None:
    """The revision is written where all tables are there, and runs where they are not."""
    project.create(legacy())
    policies = [
        LifecycleColumn("updated_at", tables="legacy", set_on="update"),
        LifecycleColumn("last_letter_at", tables="channels", set_from="letters.sent_at", backfill=True),
    ]
    metadata = legacy()
    metadata.tables["legacy"].append_column(Column("updated_at", DateTime(timezone=True)))
    project.execute("ALTER TABLE legacy ADD updated_at timestamptz")
    configured(project, *policies, metadata=metadata, optional_tables=["letters", "legacy"])
    revision = project.revision()
    assert revision.upgrade.count("if_exists=True") == 3
    run_there_and_back(project, [])
    project.downgrade("base")
    project.execute("DROP TABLE letters", "DROP TABLE legacy")
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"


def test_a_pattern_that_means_no_table_is_told(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It is misspelled, or the table is gone."""
    project.create(tables())
    configured(project, LifecycleColumn("seen_at", tables="user"), LifecycleColumn("seen_at", tables="public.users"))
    project.revision()
    assert [message for message in caplog.messages if "mean no table" in message] == [
        "lifecycle['seen_at']: its patterns mean no table of the models"
    ]
    caplog.clear()
    project.upgrade()
    configured(project, LifecycleColumn("seen_at", tables="users", exclude="us*"))
    project.revision()
    assert "lifecycle['seen_at']: its patterns mean no table of the models" in caplog.messages


def test_an_alias_that_only_the_database_has_is_never_dropped(project: Project) -> None:
    """It is why the table is satisfied."""
    project.create(stamped("inserted_at"))
    policy = LifecycleColumn("created_at", tables="channels", aliases=["inserted_at"], set_on="insert")
    configured(project, policy)
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    command.check(project.config)
    configured(project)
    assert project.revision().upgrade == "op.drop_column('channels', 'inserted_at')\n"


def test_values_that_go_with_a_column_are_told(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A setting that is renamed, or taken out, means the column of another name no more."""
    made(project, UPDATED, NEWEST)
    caplog.clear()
    configured(project, LifecycleColumn("modified_at", tables="users", set_on="update"))
    assert "op.drop_column('users', 'updated_at')" in project.revision().upgrade
    told = [message for message in caplog.messages if "dropped with all of its values" in message]
    assert {message.partition(" ")[0] for message in told} == {
        "users.updated_at", "channels.updated_at", "messages.updated_at", "channels.last_message_at",
    }  # fmt: skip
    assert "op.alter_column(..., new_column_name=...)" in told[0]


def test_values_of_a_column_that_the_model_has_stay(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Only its trigger goes."""
    made(project, CHANNELS)
    configured(project, metadata=stamped("updated_at"))
    assert project.revision().upgrade == "op.drop_lifecycle_trigger('channels', 'updated_at', set_on='update')\n"
    assert "dropped with all of its values" not in caplog.text
