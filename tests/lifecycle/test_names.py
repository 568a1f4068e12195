"""Names that are long, alike, or made of what SQL is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Table

from alembic_cascade import ConfigError, LifecycleColumn, LifecycleRefused, TableNotFound
from lifecycle.channels import configured, tables
from lifecycle.test_trigger_drift import state
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project

MOMENT = DateTime(timezone=True)
NO_NAMES: dict[str, Any] = {
    "64 bytes": "x" * 64, "64 bytes of 32 letters": "é" * 32, "NUL": "a\0b", "none": "", "no text": 5, "bytes": b"x",
    "ctid": "ctid", "xmin": "xmin", "xmax": "xmax", "cmin": "cmin", "cmax": "cmax", "tableoid": "tableoid",
}  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_what_no_column_can_be_called_is_refused(name: Any) -> None:
    """PostgreSQL would cut it, or have it already."""
    with pytest.raises(ConfigError, match="of 63 bytes at most") as refused:
        LifecycleColumn(name)
    assert refused.value.field == "lifecycle"
    for field, more in {"aliases": {}, "via": {"set_from": "messages.sent_at"}}.items():
        with pytest.raises(ConfigError, match="must be") as refused:
            LifecycleColumn("at", **{field: [name], **more})
        assert refused.value.field == f"lifecycle['at'].{field}"


LONG = [
    "x" * 63,
    "é" * 31,
    'q"q',
    "s'q",
    "p%c",
    "%1$s",
    "%(x)s",
    ":x",
    "new\nline",
    "back\\slash",
    "$cascade$",
    "SELECT",
    "{x}",
]


def test_a_column_may_be_called_anything_else(project: Project) -> None:
    """Three ways there and back, with no drift left; all in one project."""

    def declared() -> MetaData:
        metadata = tables()
        for name in LONG:
            metadata.tables["messages"].append_column(Column(name, MOMENT))
        return metadata

    project.create(declared())
    configured(
        project,
        *(LifecycleColumn(name, tables="channels", set_from="messages.sent_at", backfill=True) for name in LONG),
        *(LifecycleColumn(name, tables="users", set_on="update") for name in LONG),
        *(LifecycleColumn(name, tables="messages", set_on="insert", backfill="now()", nullable=False) for name in LONG),
        metadata=declared(),
    )
    for name in LONG:
        project.metadata.tables["messages"].columns[name].nullable = False
    project.execute(
        "INSERT INTO channels VALUES (1)", "INSERT INTO messages (id, channel_id, sent_at) VALUES (1, 1, '2020-01-01')"
    )
    project.revision()
    run_there_and_back(project, ["channels"])
    project.execute("INSERT INTO users VALUES (1)", "UPDATE users SET name = 'a'")
    for name in LONG:
        quoted = '"' + name.replace('"', '""') + '"'
        assert project.fetch(f"SELECT {quoted}::date::text FROM channels") == [("2020-01-01",)], name
        assert project.fetch(f"SELECT {quoted} IS NULL FROM users") == [(False,)], name


def alike() -> MetaData:
    """Two columns that read the same with an underscore for the dot."""
    metadata = MetaData()
    for name in ("user", "user_group"):
        Table(name, metadata, Column("id", Integer, primary_key=True, autoincrement=False))
    Table(
        "posts",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("user_id", ForeignKey("user.id")),
        Column("group_id", ForeignKey("user_group.id")),
        Column("at", MOMENT),
    )
    return metadata


def test_columns_that_read_the_same_have_triggers_of_their_own(project: Project) -> None:
    """``user.group_posted_at`` and ``user_group.posted_at``, both from one child."""
    project.create(alike())
    configured(
        project,
        LifecycleColumn("group_posted_at", tables="user", set_from="posts.at", backfill=True),
        LifecycleColumn("posted_at", tables="user_group", set_from="posts.at", backfill=True),
        metadata=alike(),
    )
    project.revision()
    run_there_and_back(project, ["user_group"])
    assert project.fetch(
        "SELECT count(DISTINCT tgname), count(DISTINCT tgfoid) FROM pg_trigger WHERE NOT tgisinternal"
    ) == [(2, 2)]
    project.execute(
        'INSERT INTO "user" VALUES (1)', "INSERT INTO user_group VALUES (1)",
        "INSERT INTO posts VALUES (1, 1, NULL, '2020-01-01'), (2, NULL, 1, '2021-01-01')",
    )  # fmt: skip
    assert project.fetch('SELECT group_posted_at::date::text FROM "user"') == [("2020-01-01",)]
    assert project.fetch("SELECT posted_at::date::text FROM user_group") == [("2021-01-01",)]


def dotted(child: str, source: str = "sent.at") -> MetaData:
    """Messages in a table, and of a moment, with dots in their names."""
    metadata = MetaData()
    Table("channels", metadata, Column("id", Integer, primary_key=True, autoincrement=False))
    Table(
        child,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("channel_id", ForeignKey("channels.id")),
        Column(source, MOMENT),
    )
    return metadata


def test_a_child_with_a_dot_in_its_name(project: Project) -> None:
    """In the settings it reads like a schema's, in the operation it is a list."""
    project.create(dotted("old.messages", "at"))
    policy = LifecycleColumn("last_at", tables="channels", set_from="old.messages.at", backfill=True)
    configured(project, policy, metadata=dotted("old.messages", "at"))
    revision = project.revision()
    assert revision.upgrade.count("set_from=['old.messages', 'at']") == 2
    run_there_and_back(project, ["channels"])
    assert project.revision().upgrade == "pass\n"
    project.execute("INSERT INTO channels VALUES (1)", "INSERT INTO \"old.messages\" VALUES (1, 1, '2020-01-01')")
    assert project.fetch("SELECT last_at::date::text FROM channels") == [("2020-01-01",)]


def test_a_source_with_a_dot_in_its_name_by_hand(project: Project) -> None:
    """As a list, too."""
    project.create(dotted("messages"))
    project.execute("ALTER TABLE channels ADD last_at timestamptz")
    arguments = "'channels', 'last_at', set_from=['messages', 'sent.at'], local_cols=['channel_id'], remote_cols=['id']"
    project.write_revision(
        f"op.create_lifecycle_trigger({arguments})\nop.backfill_lifecycle_column({arguments})",
        f"op.drop_lifecycle_trigger({arguments})",
    )
    project.execute("INSERT INTO channels VALUES (1)", "INSERT INTO messages VALUES (1, 1, '2020-01-01')")
    project.upgrade()
    assert project.fetch("SELECT last_at::date::text FROM channels") == [("2020-01-01",)]
    project.execute("INSERT INTO messages VALUES (2, 1, '2021-01-01')")
    assert project.fetch("SELECT last_at::date::text FROM channels") == [("2021-01-01",)]
    project.downgrade()
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []


ABSENT: dict[str, tuple[str, str]] = {
    "a trigger": ("op.create_lifecycle_trigger('my table', 'at', set_on='update')", '"my table"'),
    "a trigger that goes": ("op.drop_lifecycle_trigger('my table', 'at', set_on='update')", '"my table"'),
    "a column": ("op.backfill_lifecycle_column('my table', 'at', expression='now()')", '"my table"'),
    "a child": (
        "op.create_lifecycle_trigger('users', 'at', set_from=['my \"child\"', 'at'], local_cols=['a'], remote_cols=['id'])",
        '"my ""child"""',
    ),
    "a schema": ("op.create_lifecycle_trigger('my table', 'at', set_on='update', schema='a b')", '"a b"."my table"'),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "table"), ABSENT.values(), ids=ABSENT)
def test_an_absent_table_with_spaces_is_named(project: Project, operation: str, table: str) -> None:
    """By the whole of its name, quoted as SQL has it."""
    project.create(tables())
    project.write_revision(operation)
    with pytest.raises(TableNotFound) as refused:
        project.upgrade()
    assert refused.value.table == table


def test_a_function_of_the_name_that_is_there_is_not_overwritten_by_another_kind(project: Project) -> None:
    """PostgreSQL refuses it, and nothing is changed."""
    project.create(tables(Column("at", MOMENT)))
    operation = "op.create_lifecycle_trigger('channels', 'at', set_on='update')"
    project.write_revision(operation, "op.drop_lifecycle_trigger('channels', 'at', set_on='update')")
    project.upgrade()
    ((name,),) = project.fetch("SELECT proname FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'")
    project.downgrade()
    project.execute(f"CREATE FUNCTION {name}() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    before = state(project)
    with pytest.raises(LifecycleRefused, match="cannot change return type") as refused:
        project.upgrade()
    assert "Nothing was changed" in str(refused.value)
    assert state(project) == before
