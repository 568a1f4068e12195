"""Seed 000: ``User.last_active`` and ``Channel.last_message_at`` in one revision with every cascade, over dirty rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import pytest
from lifecycle.whole import run_there_and_back, whole
from sqlalchemy import DateTime, delete, func, update
from sqlalchemy.orm import Session, mapped_column

from alembic_cascade import CascadeConfig, LifecycleColumn, configure_options
from seeds.examples import make_first_tables, undated_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import ModuleType

    from project import Project

# As DESIGN writes it, and old channels get what their messages say.
POLICIES = [
    LifecycleColumn("created_at", tables="*", exclude=["*_members"], set_on="insert"),
    LifecycleColumn("updated_at", tables="*", exclude=["*_members"], set_on="update"),
    LifecycleColumn("last_active", tables="users"),
    LifecycleColumn("last_message_at", tables="channels", set_from="chat_messages.created_at", backfill=True),
]
TABLES = [
    "companies", "users", "channels", "channel_members", "chat_messages", "reactions", "meetings", "meeting_participants",
]  # fmt: skip
# Channel 3 is nobody's, user 99 is gone: message 4, with its reaction 1, reaction 2 and the caller of meeting 2.
ROWS = [
    "INSERT INTO companies VALUES (1, 'One'), (2, 'Two')",
    "INSERT INTO users VALUES (1, 1, '1@example.com', 'A'), (2, 2, '2@example.com', 'B')",
    "INSERT INTO channels VALUES (1, 1, 'all'), (2, 2, 'all'), (3, 9, 'lost'), (4, 1, 'silent')",
    "INSERT INTO channel_members VALUES (1, 1), (2, 2), (3, 1)",
    "INSERT INTO chat_messages (id, company_id, channel_id, user_id, reply_to_id, body, sent_at) VALUES"
    " (1, 1, 1, 1, NULL, 'a', '2024-01-01 00:00Z'), (2, 1, 1, 1, 1, 'b', '2024-01-03 00:00Z'),"
    " (3, 1, 1, 1, 4, 'c', '2024-01-02 00:00Z'), (4, 2, 2, 99, NULL, 'd', '2024-01-05 00:00Z'),"
    " (5, 2, 2, 2, NULL, 'e', '2024-01-04 00:00Z'), (6, 1, 3, 1, NULL, 'f', '2024-01-06 00:00Z')",
    "INSERT INTO reactions VALUES (1, 4, 1, '+1'), (2, 1, 99, '+1'), (3, 1, 1, '+1')",
    "INSERT INTO meetings VALUES (1, 1, 1, 'A', '2024-01-01Z'), (2, 1, 99, 'B', '2024-01-01Z')",
    "INSERT INTO meeting_participants VALUES (1, 1), (2, 1)",
]
# The application keeps the time of a message under the name that the settings know.
DATED = [
    "ALTER TABLE chat_messages ADD created_at timestamptz DEFAULT now()",
    "UPDATE chat_messages SET created_at = sent_at",
]
NEWEST_MESSAGES = "SELECT id, last_message_at::date::text FROM channels ORDER BY id"


def declaring_models() -> ModuleType:
    """The example's models with the columns of the settings in them."""
    models = undated_models("example_collaboration_dated_by_the_tests")
    if not hasattr(models.User, "last_active"):
        moment = DateTime(timezone=True)
        for mapper in models.Base.registry.mappers:
            if mapper.class_ is not models.ChannelMember:
                mapper.class_.created_at = mapped_column(moment, nullable=True, server_default=func.now())
                mapper.class_.updated_at = mapped_column(moment, nullable=True, onupdate=func.now())
        models.User.last_active = mapped_column(moment, nullable=True)
        models.Channel.last_message_at = mapped_column(moment, nullable=True)
    return models


MODELS = {"the settings alone": undated_models(), "the models as well": declaring_models()}


def write_revision(project: Project, models: ModuleType, *setup: str, policies: list[LifecycleColumn]) -> str:
    """The application with dirty rows, and its one revision."""
    make_first_tables(project)
    project.execute(*ROWS)
    project.execute(*setup)
    project.metadata = models.Base.metadata
    project.options = configure_options(CascadeConfig(lifecycle=policies))
    return project.revision().upgrade


ADDED = {
    "channels": ["created_at", "updated_at", "last_message_at"],
    "chat_messages": ["updated_at"],
    "companies": ["created_at", "updated_at"],
    "meeting_participants": ["created_at", "updated_at"],
    "meetings": ["created_at", "updated_at"],
    "reactions": ["created_at", "updated_at"],
    "users": ["created_at", "updated_at", "last_active"],
}
BY_TRIGGER = [
    ("channels", "updated_at"), ("channels", "last_message_at"), *((table, "updated_at") for table in list(ADDED)[1:]),
]  # fmt: skip


def operations(body: str) -> list[str]:
    """The names of the operations, in their order."""
    return re.findall(r"^op\.(\w+)\(", body, re.MULTILINE)


@pytest.mark.parametrize("declaring", MODELS)
def test_one_revision_has_columns_triggers_and_keys(project: Project, declaring: str) -> None:
    """Triggers come last: what is cleaned away before is no news of any row."""
    upgrade = write_revision(project, MODELS[declaring], *DATED, policies=POLICIES)
    columns = re.findall(r"^op\.add_column\('(\w+)', sa\.Column\('(\w+)'", upgrade, re.MULTILINE)
    assert sorted(columns) == sorted((table, column) for table, names in ADDED.items() for column in names)
    triggers = re.findall(r"^op\.create_lifecycle_trigger\(\s*'(\w+)', '(\w+)'", upgrade, re.MULTILINE)
    assert triggers == BY_TRIGGER
    kinds = operations(upgrade)
    assert kinds.count("alter_foreign_key") == 10
    assert kinds.count("create_foreign_key") == 4
    assert kinds[-9:] == ["create_lifecycle_trigger"] * 8 + ["backfill_lifecycle_column"]


@pytest.mark.parametrize("declaring", MODELS)
def test_it_runs_up_and_down_and_up_over_dirty_rows(project: Project, declaring: str) -> None:
    """Old channels have the time of their newest message that is left, old rows no time at all."""
    write_revision(project, MODELS[declaring], *DATED, policies=POLICIES)
    run_there_and_back(project, TABLES)
    assert project.fetch(NEWEST_MESSAGES) == [(1, "2024-01-03"), (2, "2024-01-04"), (4, None)]
    for table in ADDED:
        moved = f"updated_at IS NOT NULL{'' if table == 'chat_messages' else ' OR created_at IS NOT NULL'}"
        assert project.fetch(f"SELECT * FROM {table} WHERE {moved}") == [], table
    assert project.fetch("SELECT id FROM chat_messages ORDER BY id") == [(1,), (2,), (3,), (5,)]
    assert project.fetch("SELECT id FROM reactions") == [(3,)]
    assert project.fetch("SELECT id, organizer_id FROM meetings ORDER BY id") == [(1, 1), (2, None)]


def test_the_models_may_get_the_columns_before_or_after_the_revision(project: Project) -> None:
    """The warning asks for it; then there is nothing left to find."""
    write_revision(project, MODELS["the settings alone"], *DATED, policies=POLICIES)
    project.upgrade()
    for models in MODELS.values():
        project.metadata = models.Base.metadata
        assert project.revision().upgrade == "pass\n"
        project.upgrade()


def test_a_source_that_the_same_revision_fills_is_filled_first(project: Project) -> None:
    """The example's messages say when they were sent by another name than the settings do."""
    everywhere, *others = POLICIES
    policies = [
        LifecycleColumn("created_at", exclude=["*_members", "chat_messages"], set_on="insert"),
        LifecycleColumn("created_at", tables="chat_messages", set_on="insert", backfill="sent_at"),
        *others,
    ]
    assert everywhere.name == "created_at"
    write_revision(project, MODELS["the settings alone"], policies=policies)
    run_there_and_back(project, TABLES)
    assert project.fetch(NEWEST_MESSAGES) == [(1, "2024-01-03"), (2, "2024-01-04"), (4, None)]


class Application:
    """The upgraded application, which writes through its models or by SQL."""

    def __init__(self, project: Project, models: ModuleType, by: str) -> None:
        self.project = project
        self.models = models
        self.by = by

    def run(self, *statements: str, orm: Callable[[Session], object]) -> datetime:
        """Write in one transaction; returns a moment before it."""
        ((before,),) = self.project.fetch("SELECT clock_timestamp()")
        if self.by == "SQL":
            self.project.execute(*statements)
        else:
            with Session(self.project.engine) as session, session.begin():
                orm(session)
        return cast("datetime", before)

    def moments(self, table: str, column: str) -> dict[int, datetime | None]:
        """The column of each row."""
        return {row: moment for row, moment in self.project.fetch(f"SELECT id, {column} FROM {table}")}  # noqa: C416

    def moved(self, before: datetime) -> set[tuple[str, int]]:
        """The rows whose ``updated_at`` is not older than ``before``."""
        return {
            (table, row)
            for table in ("companies", "users", "channels", "chat_messages", "reactions", "meetings")
            for row, moment in self.moments(table, "updated_at").items()
            if moment is not None and moment >= before
        }


@pytest.fixture(params=[(declaring, by) for declaring in MODELS for by in ("SQL", "ORM")], ids=", ".join)
def application(project: Project, request: pytest.FixtureRequest) -> Application:
    """Upgraded."""
    declaring, by = request.param
    write_revision(project, MODELS[declaring], *DATED, policies=POLICIES)
    project.upgrade()
    return Application(project, MODELS[declaring], by)


def new_rows(models: ModuleType) -> list[Any]:
    """A user, a channel, and a message in it and in an old one."""
    return [
        models.User(id=10, company_id=1, email="10@example.com", display_name="N"),
        models.Channel(id=10, company_id=1, name="new"),
        models.ChatMessage(id=10, company_id=1, channel_id=10, user_id=10, body="first"),
        models.ChatMessage(id=11, company_id=1, channel_id=1, user_id=10, body="news"),
    ]


NEW_ROWS = [
    "INSERT INTO users (id, company_id, email, display_name) VALUES (10, 1, '10@example.com', 'N')",
    "INSERT INTO channels (id, company_id, name) VALUES (10, 1, 'new')",
    "INSERT INTO chat_messages (id, company_id, channel_id, user_id, body) VALUES (10, 1, 10, 10, 'first'), (11, 1, 1, 10, 'news')",
]
# As from an import of another application's archive.
OLD_MESSAGES = """
INSERT INTO chat_messages (id, company_id, channel_id, user_id, body, created_at)
SELECT 100 + n, 1, CASE n % 2 WHEN 0 THEN 1 ELSE 4 END, 1, 'old', timestamptz '2020-01-01 00:00Z' + n * interval '1 day'
FROM generate_series(0, 9) AS n
"""


def test_new_rows_have_their_times(application: Application) -> None:
    """A channel has the time of its newest message, whatever order they come in."""
    old = application.moments("channels", "last_message_at")
    before = application.run(*NEW_ROWS, orm=lambda session: session.add_all(new_rows(application.models)))
    for table in ("users", "channels", "chat_messages"):
        created = application.moments(table, "created_at")[10]
        assert created is not None, table
        assert created >= before, table
    assert application.moments("users", "updated_at")[10] is None
    assert application.moments("users", "last_active")[10] is None
    newest = application.moments("channels", "last_message_at")
    sent = application.moments("chat_messages", "created_at")
    assert newest == {**old, 10: sent[10], 1: sent[11]}
    # Only the channels that got news.
    assert application.moved(before) == {("channels", 1), ("channels", 10)}
    application.project.execute(OLD_MESSAGES)
    silent = application.moments("chat_messages", "created_at")[109]
    assert application.moments("channels", "last_message_at") == {**newest, 4: silent}


def test_updated_at_moves_for_the_rows_that_change(application: Application) -> None:
    """By a statement for many rows, too; the value that was there before is no change."""
    models = application.models

    def rename(session: Session) -> None:
        session.get_one(models.User, 1).display_name = "New"

    def rename_all(session: Session) -> None:
        session.execute(update(models.Meeting).where(models.Meeting.title != "B").values(title="B"))

    before = application.run("UPDATE users SET display_name = 'New' WHERE id = 1", orm=rename)
    assert application.moved(before) == {("users", 1)}
    # The models may say onupdate, which writes the time into whatever a statement finds.
    before = application.run("UPDATE meetings SET title = 'B'", orm=rename_all)
    assert application.moved(before) == {("meetings", 1)}
    before = application.run("UPDATE users SET display_name = 'New' WHERE id = 1", orm=rename)
    application.project.execute("UPDATE users SET display_name = display_name", "UPDATE meetings SET title = 'B'")
    assert application.moved(before) == set()


def test_what_the_application_writes_itself_is_kept(application: Application) -> None:
    """``last_active`` is its own; so is a time that a statement gives."""
    project = application.project
    before = application.run(
        "UPDATE users SET last_active = '2024-02-02 00:00Z' WHERE id = 1",
        orm=lambda session: session.connection().exec_driver_sql(
            "UPDATE users SET last_active = '2024-02-02 00:00Z' WHERE id = 1"
        ),
    )
    assert application.moved(before) == {("users", 1)}
    project.execute("UPDATE users SET display_name = 'C', updated_at = '2001-01-01 00:00Z' WHERE id = 1")
    assert project.fetch("SELECT updated_at = '2001-01-01 00:00Z' FROM users WHERE id = 1") == [(True,)]
    if hasattr(application.models.User, "last_active"):
        with Session(project.engine) as session:
            user = session.get_one(application.models.User, 1)
            assert (user.last_active.year, user.updated_at.year) == (2024, 2001)


def test_a_deleted_message_moves_nothing(application: Application) -> None:
    """The time is that of the newest message there ever was; what goes with a channel is nobody's news."""
    models = application.models
    before_all = application.moments("channels", "last_message_at")
    before = application.run(
        "DELETE FROM chat_messages WHERE id = 2",
        orm=lambda session: session.execute(delete(models.ChatMessage).where(models.ChatMessage.id == 2)),
    )
    assert application.moments("channels", "last_message_at") == before_all
    assert application.moved(before) == set()
    before = application.run(
        "DELETE FROM channels WHERE id = 1",
        orm=lambda session: session.delete(session.get_one(models.Channel, 1)),
    )
    assert application.project.fetch("SELECT id FROM chat_messages") == [(5,)]
    assert application.moved(before) == set()
    before = application.run(
        "DELETE FROM users WHERE id = 1",
        orm=lambda session: session.delete(session.get_one(models.User, 1)),
    )
    # The meeting outlives the user who called it, and is another one for that.
    assert application.moved(before) == {("meetings", 1)}


def test_after_some_life_the_way_down_takes_the_columns_alone(project: Project) -> None:
    """Rows that came and went, and values that are again what they were, leave no trace."""
    write_revision(project, MODELS["the models as well"], *DATED, policies=POLICIES)
    start = run_there_and_back(project, TABLES)
    project.execute(*NEW_ROWS, OLD_MESSAGES, "UPDATE users SET display_name = 'X'")
    project.execute(
        "UPDATE users SET display_name = CASE id WHEN 1 THEN 'A' ELSE 'B' END",
        *(f"DELETE FROM {table} WHERE id >= 10" for table in ("chat_messages", "channels", "users")),
    )
    project.downgrade()
    assert whole(project, TABLES) == start
