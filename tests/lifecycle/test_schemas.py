"""Schemas: spelled out or not, seen by the search path, translated, several with tables of one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Table, Text

from alembic_cascade import LifecycleColumn
from lifecycle.channels import CREATED, UPDATED, configured
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project

FILLED = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", backfill=True)
SPELLED = LifecycleColumn("last_message_at", tables="channels", set_from="public.messages.sent_at", backfill=True)


def chat(schema: str | None = None, other: str | None = None) -> MetaData:
    """Channels, and messages in the other schema."""
    metadata = MetaData()
    Table("channels", metadata, Column("id", Integer, primary_key=True), Column("title", Text), schema=schema)
    Table(
        "messages",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("channel_id", ForeignKey(metadata.tables[f"{schema}.channels" if schema else "channels"].c.id)),
        Column("sent_at", DateTime(timezone=True)),
        schema=other,
    )
    return metadata


def search(project: Project, path: str) -> None:
    """Let all sessions have that search path; an engine looks at it once."""
    ((database,),) = project.fetch("SELECT current_database()")
    project.execute(f'ALTER DATABASE "{database}" SET search_path = {path}')
    project.forget_server()


def works(project: Project, channels: str = "channels", messages: str = "messages") -> None:
    """The triggers do what they are for."""
    project.execute(
        f"INSERT INTO {channels} (id) VALUES (1)",
        f"INSERT INTO {messages} (id, channel_id, sent_at) VALUES (1, 1, '2020-01-01')",
    )
    project.execute(f"UPDATE {channels} SET title = 'b'")
    assert project.fetch(
        f"SELECT created_at IS NOT NULL, updated_at IS NOT NULL, last_message_at::date::text FROM {channels}"
    ) == [(True, True, "2020-01-01")]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("policy", [FILLED, SPELLED])
@pytest.mark.parametrize("schema", [None, "public"])
def test_the_default_schema_may_be_spelled_out(
    project: Project, schema: str | None, policy: LifecycleColumn, there: bool
) -> None:
    """In the models, in ``set_from``, for new tables and for old ones."""
    metadata = chat(schema, schema)
    if there:
        project.create(metadata)
    configured(project, CREATED, UPDATED, policy, metadata=metadata)
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"
    works(project)


def test_a_schema_that_is_spelled_out_now_is_no_drift(project: Project) -> None:
    """Nor is one that no longer is."""
    project.create(chat())
    configured(project, CREATED, UPDATED, FILLED, metadata=chat())
    project.revision()
    project.upgrade()
    for metadata in (chat("public", "public"), chat("public"), chat(None, "public"), chat()):
        for policy in (SPELLED, FILLED):
            configured(project, CREATED, UPDATED, policy, metadata=metadata)
            assert project.revision().upgrade == "pass\n"
            project.upgrade()


def test_a_trigger_that_was_made_with_the_schema_spelled_out_can_be_dropped(project: Project) -> None:
    """By the models that spell it no more; the downgrade brings it back."""
    project.create(chat("public", "public"))
    configured(project, UPDATED, FILLED, metadata=chat("public", "public"))
    project.revision()
    project.upgrade()
    configured(project, metadata=chat())
    assert project.revision().upgrade.count("op.drop_lifecycle_trigger(") == 3
    run_there_and_back(project, [])
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []


def test_tables_that_the_search_path_shows_are_found_in_their_schema(project: Project) -> None:
    """They are not those of the first schema in the path."""
    project.execute("CREATE SCHEMA app")
    project.create(chat())
    # From here on the path begins with app, where a new table would be made.
    search(project, "app, public")
    configured(project, CREATED, UPDATED, FILLED, metadata=chat())
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"
    works(project)
    ((schemas,),) = project.fetch(
        "SELECT array_agg(DISTINCT pronamespace::regnamespace::text) FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'"
    )
    assert schemas == ["public"]


def test_a_schema_that_is_translated_is_the_one_that_is_meant(project: Project) -> None:
    """As for a tenant of his own."""
    project.execute("CREATE SCHEMA tenant")
    search(project, "tenant")
    project.create(chat())
    project.forget_server(schema_translate_map={None: "tenant"})
    configured(project, CREATED, UPDATED, FILLED, metadata=chat())
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"
    works(project, "tenant.channels", "tenant.messages")


def test_operations_mean_the_schema_that_a_name_stands_for(project: Project) -> None:
    """Autogenerate asks for the name itself; the operations are translated."""
    project.execute("CREATE SCHEMA tenant")
    project.forget_server(schema_translate_map={"per_tenant": "tenant"})
    project.create(chat("per_tenant", "per_tenant"))
    project.execute("ALTER TABLE tenant.channels ADD last_message_at timestamptz")
    arguments = (
        "'channels', 'last_message_at', set_from='messages.sent_at', local_cols=['channel_id'], remote_cols=['id'], "
        "schema='per_tenant', source_schema='per_tenant'"
    )
    operations = ("create_lifecycle_trigger", "backfill_lifecycle_column")
    project.write_revision(
        "\n".join(f"op.{name}({arguments})" for name in operations), f"op.drop_lifecycle_trigger({arguments})"
    )
    project.upgrade()
    project.execute("INSERT INTO tenant.channels VALUES (1)", "INSERT INTO tenant.messages VALUES (1, 1, '2020-01-01')")
    assert project.fetch("SELECT last_message_at::date::text FROM tenant.channels") == [("2020-01-01",)]
    project.downgrade()
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []


def namesakes() -> MetaData:
    """Channels in two schemas, and messages that refer to both."""
    metadata = MetaData()
    for schema in ("a", "b"):
        Table("channels", metadata, Column("id", Integer, primary_key=True), schema=schema)
    Table(
        "messages",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("a_id", ForeignKey("a.channels.id")),
        Column("b_id", ForeignKey("b.channels.id")),
        Column("sent_at", DateTime(timezone=True)),
    )
    return metadata


@pytest.mark.parametrize("patterns", [["a.channels", "b.channels"], "channels"])
def test_two_tables_of_one_name_have_a_trigger_each(project: Project, patterns: Any) -> None:
    """On the same child, with a function each."""
    project.execute("CREATE SCHEMA a", "CREATE SCHEMA b")
    project.create(namesakes())
    project.options = {"include_schemas": True}
    policy = LifecycleColumn("last_message_at", tables=patterns, set_from="messages.sent_at", backfill=True)
    configured(project, policy, metadata=namesakes())
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"
    project.execute(
        "INSERT INTO a.channels VALUES (1), (2)", "INSERT INTO b.channels VALUES (1), (2)",
        "INSERT INTO messages VALUES (1, 1, 2, '2020-01-01')",
    )  # fmt: skip
    for schema, days in {"a": [("2020-01-01",), (None,)], "b": [(None,), ("2020-01-01",)]}.items():
        assert project.fetch(f"SELECT last_message_at::date::text FROM {schema}.channels ORDER BY id") == days
    assert len(set(project.fetch("SELECT tgfoid FROM pg_trigger WHERE NOT tgisinternal"))) == 2
