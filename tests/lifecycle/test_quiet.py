"""What a migration puts in order is no news: it moves neither ``updated_at`` nor what is set from a child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Table, Text, func

from alembic_cascade import CascadeConfig, LifecycleColumn, configure_options
from lifecycle.whole import whole

if TYPE_CHECKING:
    from project import Project

POLICIES = [
    LifecycleColumn("updated_at", set_on="update"),
    LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at"),
]
TABLES = ["users", "channels", "messages", "reactions"]
OLD = "'2020-01-01 00:00Z'"
MOVED = " UNION ALL ".join(f"SELECT '{table}', id FROM {table} WHERE updated_at <> {OLD}" for table in TABLES)
NEWEST = "SELECT id, last_message_at::date::text FROM channels ORDER BY id"
# Somebody's trigger that fires whatever the session says: then triggers are switched off one by one.
ALWAYS = [
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    *(f"CREATE TRIGGER nothing BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION nothing()" for table in TABLES),
    *(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER nothing" for table in TABLES),
]


def chat(rule: str | None = None, parent: str = "users.id", more: Column[Any] | None = None) -> MetaData:
    """Messages, with a key to their users where it has a rule; replies lose what they answer, reactions go along."""
    metadata = MetaData()
    user = [ForeignKey(parent, ondelete=rule)] if rule else []
    columns: dict[str, list[Column[Any]]] = {
        "users": [Column("code", Integer, unique=True)],
        "channels": [Column("title", Text), *([more] if more is not None else [])],
        "messages": [
            Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE")),
            Column("user_id", Integer, *user),
            Column("reply_to", ForeignKey("messages.id", ondelete="SET NULL")),
            Column("sent_at", DateTime(timezone=True), server_default=func.now()),
        ],
        "reactions": [Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"))],
    }
    for table, items in columns.items():
        Table(table, metadata, Column("id", Integer, primary_key=True, autoincrement=False), *items)
    return metadata


# Message 2 and its reaction are of a user who is gone; message 3 answers it.
ROWS = [
    "INSERT INTO users VALUES (1, 11)",
    "INSERT INTO channels VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO messages VALUES (1, 1, 1, NULL, '2024-01-01Z'), (2, 1, 9, 1, '2024-01-03Z'), (3, 1, 1, 2, '2024-01-02Z')",
    "INSERT INTO reactions VALUES (1, 2), (2, 1)",
]
AGED = [f"UPDATE {table} SET updated_at = {OLD} WHERE updated_at IS DISTINCT FROM {OLD}" for table in TABLES]
# A time that any message would move.
AGED_CHANNELS = "UPDATE channels SET last_message_at = '2001-01-01Z'"


def settings(**options: Any) -> dict[str, Any]:
    return configure_options(CascadeConfig(**{"lifecycle": POLICIES, **options}))


def started(project: Project, *setup: str, rule: str | None = None) -> None:
    """Tables whose lifecycle columns a first revision made, and rows that were all last changed long ago."""
    project.create(chat(rule))
    project.metadata = chat(rule)
    project.options = settings(orphans=None)
    project.revision(rev_id="first")
    project.upgrade()
    # With a key to the users there is no orphan.
    project.execute(*(row.replace("1, 9", "1, 1") if rule else row for row in ROWS), *setup)
    project.execute(AGED_CHANNELS, *AGED)


@pytest.fixture(params=[False, True], ids=["switched off by the session", "switched off one by one"])
def setup(request: pytest.FixtureRequest) -> list[str]:
    """What decides how the triggers of users are kept still."""
    return ALWAYS if request.param else []


def assert_quiet(project: Project) -> None:
    """No row is news."""
    assert project.fetch(MOVED) == []
    assert project.fetch(NEWEST) == [(1, "2001-01-01"), (2, "2001-01-01")]


LEFT = {"quarantine": "1, 3", "set_null": "1, 2, 3"}


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize("strategy", LEFT)
def test_orphans_are_cleaned_and_restored_quietly(
    project: Project, strategy: str, concurrently: bool, setup: list[str]
) -> None:
    """So are the rows that go with them, and the references that are lost with them."""
    started(project, *setup)
    start = whole(project, TABLES)
    project.metadata = chat("CASCADE" if strategy == "quarantine" else "SET NULL")
    project.options = settings(orphans=strategy, concurrently=concurrently)
    for revision in project.revisions():
        assert ("concurrently=True" in revision.text) == concurrently
    project.upgrade()
    ((left,),) = project.fetch("SELECT string_agg(id::text, ', ' ORDER BY id) FROM messages")
    assert left == LEFT[strategy]
    if strategy == "quarantine":
        assert project.fetch("SELECT id, reply_to FROM messages WHERE id = 3") == [(3, None)]
        assert project.fetch("SELECT id FROM reactions") == [(2,)]
    assert_quiet(project)
    project.check()
    project.downgrade("first")
    assert whole(project, TABLES) == start
    # And now it is news again.
    project.execute("UPDATE reactions SET message_id = 3 WHERE id = 1", "INSERT INTO messages VALUES (4, 2, 1)")
    assert project.fetch(MOVED) == [("channels", 2), ("reactions", 1)]


KEY = "'messages', 'users', ['user_id'], ['id']"


@pytest.mark.parametrize("strategy", LEFT)
@pytest.mark.parametrize("plainly", [False, True])
def test_a_change_in_the_same_transaction_is_news(
    project: Project, strategy: str, plainly: bool, setup: list[str]
) -> None:
    """After the cleaning on the way up, and after the restoring on the way down; in one transaction by any form."""
    started(project, *setup)
    form = ", concurrently=True" if plainly else ""
    there = f"op.clean_orphans({KEY}, strategy={strategy!r}, revision=revision{form})"
    back = f"op.restore_orphans({KEY}, revision=revision{form})"
    news = "UPDATE users SET code = code + 1; INSERT INTO messages VALUES ({}, 2, 1)"
    project.write_revision(
        f"{'op.begin_concurrently(revision)' if plainly else ''}\n{there}\nop.execute({news.format(4)!r})",
        f"op.execute({'; '.join(AGED)!r})\n{back}\nop.execute({news.format(5)!r})",
    )
    config = project.config
    config.attributes["cascade_plainly"] = plainly
    command.upgrade(config, "head")
    assert project.fetch(MOVED) == [("users", 1), ("channels", 2)]
    newest = "SELECT last_message_at = (SELECT sent_at FROM messages WHERE id = {}) FROM channels ORDER BY id"
    assert project.fetch(newest.format(4)) == [(False,), (True,)]
    command.downgrade(config, "first")
    assert project.fetch("SELECT id, user_id FROM messages WHERE id = 2") == [(2, 9)]
    assert project.fetch(MOVED) == [("users", 1), ("channels", 2)]
    assert project.fetch(newest.format(5)) == [(False,), (True,)]


@pytest.mark.parametrize("concurrently", [False, True])
def test_references_are_translated_quietly(project: Project, concurrently: bool, setup: list[str]) -> None:
    """They mean what they meant, in both directions."""
    started(project, *setup, rule="CASCADE")
    start = whole(project, TABLES)
    project.metadata = chat("CASCADE", parent="users.code")
    project.options = settings(concurrently=concurrently)
    text = "".join(revision.text for revision in project.revisions())
    assert "translate" in text
    assert ("concurrently=True" in text) == concurrently
    project.upgrade()
    assert project.fetch("SELECT DISTINCT user_id FROM messages") == [(11,)]
    assert_quiet(project)
    project.downgrade("first")
    assert whole(project, TABLES) == start


def test_a_change_after_a_translation_is_news(project: Project, setup: list[str]) -> None:
    """In the same transaction."""
    started(project, "UPDATE messages SET user_id = 1", *setup)
    project.write_revision(
        "op.translate_references('messages', 'users', ['user_id'], from_cols=['id'], to_cols=['code'])\n"
        "op.execute('UPDATE messages SET channel_id = 2 WHERE id = 1')\n"
        "op.execute('INSERT INTO messages VALUES (4, 2, 11)')"
    )
    project.upgrade()
    assert project.fetch(MOVED) == [("channels", 2), ("messages", 1)]


SINCE = {
    "from a child": LifecycleColumn("since", tables="channels", set_from="messages.sent_at", backfill=True),
    "by an expression": LifecycleColumn("since", tables="channels", set_on="insert", backfill="now()", nullable=False),
}


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize("way", SINCE)
def test_a_column_is_filled_quietly(project: Project, way: str, concurrently: bool, setup: list[str]) -> None:
    """A row is not newer for having one more column."""
    started(project, *setup)
    start = whole(project, TABLES)
    project.options = settings(concurrently=concurrently, lifecycle=[*POLICIES, SINCE[way]])
    text = "".join(revision.text for revision in project.revisions())
    assert "op.backfill_lifecycle_column(" in text
    assert ("concurrently=True" in text) == concurrently
    project.upgrade()
    filled = [(1,)] if way == "from a child" else [(1,), (2,)]
    assert project.fetch("SELECT id FROM channels WHERE since IS NOT NULL ORDER BY id") == filled
    assert_quiet(project)
    project.check()
    project.downgrade("first")
    assert whole(project, TABLES) == start


@pytest.mark.parametrize("plainly", [False, True])
@pytest.mark.parametrize(
    "way", ["set_from='messages.sent_at', local_cols=['channel_id'], remote_cols=['id']", "expression='now()'"]
)
def test_a_change_after_a_backfill_is_news(project: Project, way: str, plainly: bool, setup: list[str]) -> None:
    """In the same transaction, by any form."""
    started(project, *setup)
    concurrently = ", concurrently=True" if plainly else ""
    project.write_revision(
        ("op.begin_concurrently(revision)\n" if plainly else "")
        + "op.add_column('channels', sa.Column('since', sa.DateTime(timezone=True)))\n"
        f"op.backfill_lifecycle_column('channels', 'since', {way}{concurrently})\n"
        "op.execute(\"UPDATE channels SET title = 'c' WHERE id = 1\")\n"
        "op.execute('INSERT INTO messages VALUES (4, 2, 1)')"
    )
    config = project.config
    config.attributes["cascade_plainly"] = plainly
    command.upgrade(config, "head")
    assert project.fetch("SELECT id FROM channels WHERE since IS NOT NULL AND id = 1") == [(1,)]
    assert project.fetch(MOVED) == [("channels", 1), ("channels", 2)]
