"""Lifecycle columns that a table lacks, in each state that models and database can be in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from models import reference
from project import Project
from sqlalchemy import Column, DateTime, Integer, Text, func, text

from alembic_cascade import ConfigError, LifecycleColumn
from lifecycle.channels import ACTIVE, CREATED, NEWEST, UPDATED, configured, made, moment, tables


def stamp(name: str, **options: Any) -> Column[Any]:
    """A column of the models."""
    return Column(name, DateTime(timezone=True), **options)


def empty_again(project: Project) -> bool:
    """Whether the next autogenerate finds nothing."""
    revision = project.revision()
    project.upgrade()
    return revision.upgrade == "pass\n"


def moves() -> dict[str, list[Any]]:
    """A table with two keys to channels."""
    return {"moves": [reference("came_from", "channels.id"), reference("went_to", "channels.id"), stamp("at")]}


def test_a_column_that_the_model_lacks_is_added_and_the_line_for_the_model_printed(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """It is never proposed for dropping afterwards."""
    project.create(tables())
    project.execute("INSERT INTO users VALUES (1)")
    configured(project, ACTIVE)
    revision = project.revision()
    assert (
        "op.add_column('users', sa.Column('last_active', sa.DateTime(timezone=True), nullable=True))" in revision.text
    )
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.endswith("last_active: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))")
    project.upgrade()
    assert moment(project, "last_active", "users") is None
    assert empty_again(project)
    configured(project, ACTIVE, metadata=tables(stamp("last_active"), of="users"))
    assert empty_again(project)


@pytest.mark.parametrize("where", ["settings", "model", "model with its default"])
def test_old_rows_are_not_given_the_time_of_the_migration(project: Project, where: str) -> None:
    """The default comes after the column; new rows have it."""
    project.create(tables())
    project.execute("INSERT INTO users VALUES (1)")
    columns = {
        "settings": [],
        "model": [stamp("created_at")],
        "model with its default": [stamp("created_at", server_default=func.now())],
    }[where]
    configured(
        project, LifecycleColumn("created_at", tables="users", set_on="insert"), metadata=tables(*columns, of="users")
    )
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO users VALUES (2)")
    assert moment(project, "created_at", "users", 1) is None
    assert moment(project, "created_at", "users", 2) is not None
    assert empty_again(project)
    project.downgrade("base")
    assert project.fetch("SELECT * FROM users ORDER BY id") == [(1, None), (2, None)]


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("compared", [False, True])
def test_a_column_that_is_there_gets_the_default_that_it_lacks(
    project: Project, declared: bool, compared: bool
) -> None:
    """And keeps it, where the model says nothing of defaults, though defaults are compared."""
    project.create(tables(stamp("created_at"), of="users"))
    project.options = {"compare_server_default": compared}
    columns = [stamp("created_at")] if declared else []
    configured(
        project, LifecycleColumn("created_at", tables="users", set_on="insert"), metadata=tables(*columns, of="users")
    )
    assert "server_default=sa.text('now()')" in project.revision().upgrade
    project.upgrade()
    assert empty_again(project)
    project.downgrade("base")
    ((default,),) = project.fetch(
        "SELECT column_default FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'created_at'"
    )
    assert default is None


def test_another_default_is_left_alone(project: Project) -> None:
    """Of the model's or of the database's."""
    own = text("'2000-01-01'")
    project.create(tables(stamp("created_at", server_default=own), of="users"))
    configured(project, LifecycleColumn("created_at", tables="users", set_on="insert"))
    assert empty_again(project)
    configured(
        project,
        LifecycleColumn("created_at", tables="users", set_on="insert"),
        metadata=tables(stamp("created_at", server_default=own), of="users"),
    )
    assert empty_again(project)


@pytest.mark.parametrize("declared", [False, True])
def test_a_new_table_is_made_with_its_columns(project: Project, declared: bool) -> None:
    """With the default, and with the trigger after it."""
    project.create(tables())
    columns = [stamp("created_at"), stamp("updated_at")] if declared else []
    metadata = tables(more={"files": [Column("name", Text), *columns]})
    configured(
        project,
        LifecycleColumn("created_at", tables="files", set_on="insert"),
        LifecycleColumn("updated_at", tables="files", set_on="update"),
        metadata=metadata,
    )
    revision = project.revision()
    assert "op.add_column" not in revision.text
    # The models are as they were.
    assert set(metadata.tables["files"].columns.keys()) >= {"id", "name"}
    assert all(column.server_default is None for column in metadata.tables["files"].columns)
    project.upgrade()
    project.execute("INSERT INTO files (id, name) VALUES (1, 'a')")
    assert moment(project, "created_at", "files") is not None
    assert moment(project, "updated_at", "files") is None
    project.execute("UPDATE files SET name = 'b'")
    assert moment(project, "updated_at", "files") is not None
    assert empty_again(project)
    project.downgrade("base")
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []


def test_a_column_that_takes_no_null_is_filled_first(project: Project) -> None:
    """NOT NULL comes after values for all."""
    project.create(tables(stamp("joined"), of="users"))
    project.execute("INSERT INTO users VALUES (1, 'a', '2020-01-01')")
    policy = LifecycleColumn("created_at", tables="users", set_on="insert", nullable=False, backfill="joined")
    configured(project, policy, metadata=tables(stamp("joined"), of="users"))
    revision = project.revision()
    assert "op.backfill_lifecycle_column('users', 'created_at', expression='joined', nullable=False)" in revision.text
    project.upgrade()
    assert moment(project, "created_at = joined", "users") is True
    assert empty_again(project)
    project.downgrade("base")


def test_a_table_says_no_for_itself(project: Project) -> None:
    """By its info."""
    project.create(tables())
    configured(project, CREATED, UPDATED)
    for name in ("users", "channels"):
        project.metadata.tables[name].info["alembic_cascade"] = {"lifecycle": False}
    tables_of = set(re.findall(r"add_column\('(\w+)'", project.revision().upgrade))
    assert tables_of == {"messages"}


@pytest.mark.parametrize("info", [{"lifecycle": None}, {"orphans": None}, "no"])
def test_what_a_table_says_has_to_be_known(project: Project, info: object) -> None:
    """A misspelled word would be no word."""
    project.create(tables())
    configured(project, CREATED)
    project.metadata.tables["users"].info["alembic_cascade"] = info
    with pytest.raises(ConfigError, match=r"info\['alembic_cascade'\] of the table users"):
        project.revision()


def test_an_unchanged_database_gives_an_empty_revision(project: Project) -> None:
    """Whatever of all settings was used."""
    made(project, CREATED, UPDATED, ACTIVE, NEWEST)
    assert empty_again(project)
    assert empty_again(project)


def test_a_column_that_the_project_leaves_out_is_left_out(project: Project) -> None:
    """``include_object`` is asked for a column that the models lack, too."""
    project.create(tables())
    project.options = {"include_object": lambda item, name, kind, *_: (kind, name) != ("column", "last_active")}
    configured(project, ACTIVE)
    assert empty_again(project)


def test_two_settings_of_one_column_are_refused(project: Project) -> None:
    """Neither can be what is meant."""
    project.create(tables())
    configured(project, CREATED, LifecycleColumn("created_at", tables="users"))
    with pytest.raises(ConfigError, match=r"says two things of users\.created_at"):
        project.revision()


EXPLAINED: dict[str, tuple[dict[str, Any], str]] = {
    "no table": ({"set_from": "letters.sent_at"}, "the models have no table letters"),
    "no column": ({"set_from": "messages.written_at"}, "messages has no column 'written_at'"),
    "no key": ({"set_from": "users.name"}, "users has no foreign key to channels"),
    "no such key": ({"set_from": "messages.sent_at", "via": "user_id"}, r"by user_id; there is: via=\['channel_id'\]"),
    "two keys": (
        {"set_from": "moves.at"},
        r"several foreign keys; say which one: via=\['came_from'\], via=\['went_to'\]",
    ),
}


@pytest.mark.parametrize(("arguments", "problem"), EXPLAINED.values(), ids=EXPLAINED)
def test_a_source_that_the_models_do_not_explain_is_refused(
    project: Project, arguments: dict[str, Any], problem: str
) -> None:
    """With what is missing."""
    project.create(tables(more=moves()))
    configured(project, LifecycleColumn("last_at", tables="channels", **arguments), metadata=tables(more=moves()))
    with pytest.raises(ConfigError, match=problem):
        project.revision()


def test_the_way_is_chosen_where_there_are_several(project: Project) -> None:
    """By the columns of the key."""
    project.create(tables(more=moves()))
    policy = LifecycleColumn("last_at", tables="channels", set_from="moves.at", via="went_to")
    configured(project, policy, metadata=tables(more=moves()))
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO channels VALUES (1), (2)", "INSERT INTO moves VALUES (1, 1, 2, '2020-01-01')")
    assert moment(project, "last_at", "channels", 1) is None
    assert str(moment(project, "last_at::date", "channels", 2)) == "2020-01-01"


def test_a_type_of_ones_own(project: Project) -> None:
    """Any type that can be compared, for what is set from a child."""

    def more() -> dict[str, list[Any]]:
        return {"parts": [reference("channel_id", "channels.id"), Column("number", Integer)]}

    project.create(tables(more=more()))
    policy = LifecycleColumn("last_number", tables="channels", set_from="parts.number", type_=Integer)
    configured(project, policy, metadata=tables(more=more()))
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO channels VALUES (1)", "INSERT INTO parts VALUES (1, 1, 7), (2, 1, 9), (3, 1, 8)")
    assert moment(project, "last_number", "channels") == 9


def test_what_nothing_writes_is_told(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """No trigger, no default, no ``onupdate`` in the models."""
    caplog.set_level("INFO", "alembic.cascade")
    made(project, ACTIVE)
    assert any("users.last_active: nothing" in record.getMessage() for record in caplog.records)
    caplog.clear()
    configured(project, ACTIVE, metadata=tables(stamp("last_active", onupdate=func.now()), of="users"))
    assert empty_again(project)
    assert not any("nothing" in record.getMessage() for record in caplog.records)


def test_a_source_that_a_trigger_keeps_is_refused(project: Project) -> None:
    """What a trigger writes is an UPDATE, which the next one does not see."""

    def more() -> dict[str, list[Any]]:
        return {"threads": [reference("channel_id", "channels.id")], "rooms": [reference("thread_id", "threads.id")]}

    metadata = tables(reference("room_id", "rooms.id", use_alter=True, name="fk_room"), more=more())
    project.create(metadata)
    chain = [
        LifecycleColumn("at", tables="channels", set_from="threads.at", backfill=True),
        LifecycleColumn("at", tables="threads", set_from="rooms.at", backfill=True),
    ]
    configured(project, *chain, metadata=metadata)
    with pytest.raises(ConfigError, match=r"threads\.at is kept by a trigger itself"):
        project.revision()
