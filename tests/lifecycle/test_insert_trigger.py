"""``set_from``: the column of a parent has the newest value that was ever inserted into its child."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Integer, MetaData, Table, Text

from alembic_cascade import LifecycleColumn
from lifecycle.channels import NEWEST, configured, made, moment

if TYPE_CHECKING:
    from project import Project


@pytest.fixture
def channels(project: Project) -> Project:
    """Three channels, and a trigger."""
    made(project, NEWEST)
    project.execute("INSERT INTO channels SELECT generate_series(1, 3)")
    return project


def newest(project: Project) -> list[str | None]:
    """The days of the newest messages."""
    return [day for (day,) in project.fetch("SELECT last_message_at::date::text FROM channels ORDER BY id")]


def test_only_what_is_newer_counts(channels: Project) -> None:
    """Whatever is inserted afterwards, moved or deleted."""
    channels.execute("INSERT INTO messages VALUES (1, 1, '2020-01-02'), (2, 1, '2020-01-01'), (3, 2, '2020-01-03')")
    assert newest(channels) == ["2020-01-02", "2020-01-03", None]
    channels.execute("INSERT INTO messages VALUES (4, 1, '2019-01-01'), (5, 2, NULL), (6, NULL, '2021-01-01')")
    assert newest(channels) == ["2020-01-02", "2020-01-03", None]
    channels.execute("DELETE FROM messages", "UPDATE messages SET sent_at = now()")
    assert newest(channels) == ["2020-01-02", "2020-01-03", None]
    channels.execute("INSERT INTO messages (id, channel_id) VALUES (7, 3)")
    assert moment(channels, "last_message_at = (SELECT sent_at FROM messages WHERE id = 7)", "channels", 3)


def test_each_way_of_inserting_counts(channels: Project) -> None:
    """Of many rows, out of a query, by COPY, or where another row was there."""
    channels.execute(
        "INSERT INTO messages SELECT g, 1 + g % 3, '2020-01-01'::date + g FROM generate_series(1, 9) AS g",
        "INSERT INTO messages VALUES (1, 1, '2022-01-01'), (10, 1, '2021-01-01') ON CONFLICT (id) DO NOTHING",
        "INSERT INTO messages VALUES (1, 2, '2023-01-01') ON CONFLICT (id) DO UPDATE SET channel_id = 2",
    )
    assert newest(channels) == ["2021-01-01", "2020-01-08", "2020-01-09"]
    with channels.engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy("COPY messages FROM STDIN") as copy:
            copy.write_row((20, 2, "2024-01-01"))
    assert newest(channels) == ["2021-01-01", "2024-01-01", "2020-01-09"]


def test_an_insert_of_no_row_changes_nothing(channels: Project) -> None:
    """The trigger fires for the statement."""
    channels.execute("INSERT INTO messages SELECT 1, 1, now() WHERE false")
    assert newest(channels) == [None, None, None]


def test_two_statements_for_the_same_parents_wait_and_no_more(channels: Project) -> None:
    """Each locks them in one order, however it lists them: no deadlock."""
    errors: list[BaseException] = []

    def write(start: int, order: str) -> None:
        try:
            for number in range(40):
                channels.execute(
                    f"INSERT INTO messages SELECT {start} + {number} * 3 + c, c, clock_timestamp() "
                    f"FROM generate_series(1, 3) AS c ORDER BY c {order}"
                )
        except Exception as error:  # noqa: BLE001 - it is what the test asks for
            errors.append(error)

    writers = [
        threading.Thread(target=write, args=(number * 1000, order)) for number, order in enumerate(["ASC", "DESC"])
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    assert channels.fetch(
        "SELECT count(*) FROM channels AS c WHERE last_message_at = (SELECT max(sent_at) FROM messages WHERE channel_id = c.id)"
    ) == [(3,)]


def test_a_composite_key_in_another_schema(project: Project) -> None:
    """By all of its columns, whatever they are called."""

    def metadata() -> MetaData:
        found = MetaData()
        Table(
            "Chännel %s", found, Column("region", Integer, primary_key=True), Column('the "id"', Integer, primary_key=True),
            Column("title", Text), schema="one",
        )  # fmt: skip
        Table(
            "message", found, Column("id", Integer, primary_key=True), Column("r", Integer), Column("c", Integer),
            Column("sent %s", DateTime(timezone=True)),
            ForeignKeyConstraint(["r", "c"], ["one.Chännel %s.region", 'one.Chännel %s.the "id"']), schema="two",
        )  # fmt: skip
        return found

    project.execute("CREATE SCHEMA one", "CREATE SCHEMA two")
    project.create(metadata())
    project.options = {"include_schemas": True}
    policy = LifecycleColumn("läst %s", tables="one.*", set_from="two.message.sent %s", backfill=True)
    project.execute(
        'INSERT INTO one."Chännel %s" VALUES (1, 1), (1, 2), (2, 1)',
        "INSERT INTO two.message VALUES (1, 1, 2, '2020-01-01')",
    )
    configured(project, policy, metadata=metadata())
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO two.message VALUES (2, 2, 1, '2021-01-01'), (3, 2, NULL, '2022-01-01')")
    assert project.fetch('SELECT "läst %s"::date::text FROM one."Chännel %s" ORDER BY region, "the ""id"""') == [
        (None,), ("2020-01-01",), ("2021-01-01",),
    ]  # fmt: skip
    revision = project.revision()
    assert revision.upgrade == "pass\n"
    project.downgrade("base")
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []


@pytest.mark.parametrize("security", ["invoker", "definer"])
def test_whose_rights_the_trigger_has(project: Project, security: str) -> None:
    """Who writes messages need not be able to write channels, where the settings say so."""
    from sqlalchemy.exc import ProgrammingError  # noqa: PLC0415

    made(project, LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", security=security))
    project.execute(
        "DROP ROLE IF EXISTS talker", "CREATE ROLE talker", "GRANT INSERT ON messages TO talker",
        "INSERT INTO channels VALUES (1)",
    )  # fmt: skip
    statements = ("SET LOCAL ROLE talker", "INSERT INTO messages VALUES (1, 1, '2020-01-01')")
    if security == "definer":
        project.execute(*statements)
        assert newest(project) == ["2020-01-01"]
    else:
        with pytest.raises(ProgrammingError, match="permission denied for table channels"):
            project.execute(*statements)
    project.execute("REVOKE ALL ON messages FROM talker", "DROP ROLE talker")


def test_a_self_reference(project: Project) -> None:
    """A parent is a row of the same table."""

    def metadata() -> MetaData:
        found = MetaData()
        Table(
            "notes", found, Column("id", Integer, primary_key=True), Column("parent_id", Integer),
            Column("written_at", DateTime(timezone=True)), ForeignKeyConstraint(["parent_id"], ["notes.id"]),
        )  # fmt: skip
        return found

    project.create(metadata())
    configured(
        project, LifecycleColumn("last_reply_at", tables="notes", set_from="notes.written_at"), metadata=metadata()
    )
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO notes VALUES (1, NULL, '2020-01-01'), (2, 1, '2020-01-02'), (3, 2, '2020-01-03')")
    assert project.fetch("SELECT last_reply_at::date::text FROM notes ORDER BY id") == [
        ("2020-01-02",), ("2020-01-03",), (None,),
    ]  # fmt: skip
