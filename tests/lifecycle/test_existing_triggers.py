"""What a database has already: triggers written by hand, columns by other names, tables that say no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from project import cascade_log
from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Table, Text, func

from alembic_cascade import LifecycleColumn
from lifecycle.channels import CREATED, UPDATED, configured, moment, tables
from lifecycle.whole import run_there_and_back, whole

if TYPE_CHECKING:
    from project import Project

MOMENT = DateTime(timezone=True)
NEWEST = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at")
CHANNELS = LifecycleColumn("updated_at", tables="channels", set_on="update")

# As seed 001's schema.sql has it, and as others write it; the last two are PostgreSQL's own example and a helper for all.
BY_HAND = {
    "seed 001": [
        "CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.updated_at = CURRENT_TIMESTAMP; RETURN NEW; END; $$",
        "CREATE TRIGGER update_channels_updated_at BEFORE UPDATE ON channels "
        "FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()",
    ],
    "in capitals, of another schema": [
        "CREATE SCHEMA tools",
        "CREATE FUNCTION tools.touch() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.UPDATED_AT := NOW(); RETURN NEW; END; $$",
        "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION tools.touch()",
    ],
    "only for some columns": [
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.updated_at := now(); RETURN NEW; END; $$",
        "CREATE TRIGGER touch BEFORE UPDATE OF title ON channels FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch()",
    ],
    "by its argument": [
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW := jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], now())); RETURN NEW; END; $$",
        "CREATE TRIGGER touch BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch('updated_at')",
    ],
}
MODDATETIME = [
    "CREATE EXTENSION moddatetime",
    "CREATE TRIGGER touch BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION moddatetime(updated_at)",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One way more where the server has the extension."""
    if "by_hand" in metafunc.fixturenames:
        ways = dict(BY_HAND)
        if _has_moddatetime(metafunc.config):
            ways["moddatetime"] = MODDATETIME
        metafunc.parametrize("by_hand", ways.values(), ids=ways)


def _has_moddatetime(config: pytest.Config) -> bool:
    host, port = config.option.postgresql_host, config.option.postgresql_port
    if host is None:
        # The tests are listed alone.
        return False
    with psycopg.connect(host=host, port=port, user="postgres", dbname="postgres") as connection:
        return bool(
            connection.execute("SELECT FROM pg_available_extensions WHERE name = 'moddatetime'").fetchone() is not None
        )


def with_column(*columns: Column[Any]) -> MetaData:
    """The models, with ``updated_at`` in channels."""
    return tables(Column("updated_at", MOMENT), *columns)


def proposed(project: Project) -> str:
    return project.revision().upgrade


@pytest.mark.parametrize("declared", [False, True])
def test_a_trigger_written_by_hand_is_left_alone(
    project: Project, by_hand: list[str], declared: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It does the work already; a second one would only come after it."""
    caplog.set_level("INFO", "alembic.cascade")
    project.create(with_column())
    project.execute(*by_hand, "INSERT INTO channels VALUES (1, 'a')")
    configured(project, CHANNELS, metadata=with_column() if declared else tables())
    start = whole(project, ["channels"])
    assert proposed(project) == "pass\n"
    project.upgrade()
    assert whole(project, ["channels"]) == start
    assert "channels.updated_at: left to a trigger of your own" in cascade_log(caplog.records)
    project.execute("UPDATE channels SET title = 'b'")
    assert moment(project, "updated_at", "channels") is not None


def test_tables_without_one_get_ours(project: Project, by_hand: list[str]) -> None:
    """Each table is asked for itself."""
    project.create(with_column())
    project.execute(*by_hand)
    configured(project, UPDATED, metadata=with_column())
    revision = project.revision()
    assert [line for line in revision.upgrade.splitlines() if "trigger" in line] == [
        "op.create_lifecycle_trigger('messages', 'updated_at', set_on='update')",
        "op.create_lifecycle_trigger('users', 'updated_at', set_on='update')",
    ]
    run_there_and_back(project, ["users", "channels", "messages"])


# A trigger that is there, but does not keep the column.
ELSEWHERE = {
    "switched off": "ALTER TABLE channels DISABLE TRIGGER touch",
    "of another table": (
        "DROP TRIGGER touch ON channels; ALTER TABLE users ADD updated_at timestamptz;"
        "CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()"
    ),
    "after the row is written": (
        "DROP TRIGGER touch ON channels; CREATE TRIGGER touch AFTER UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch()"
    ),
    "for new rows": (
        "DROP TRIGGER touch ON channels; CREATE TRIGGER touch BEFORE INSERT ON channels FOR EACH ROW EXECUTE FUNCTION touch()"
    ),
    "of another column": (
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.title := NEW.title || 'updated_at_once'; RETURN NEW; END; $$"
    ),
    "gone": "DROP TRIGGER touch ON channels",
}


@pytest.mark.parametrize("change", ELSEWHERE.values(), ids=ELSEWHERE)
def test_one_that_does_not_keep_the_column_counts_for_nothing(project: Project, change: str) -> None:
    """Ours is made beside it."""
    project.create(with_column())
    function, trigger = BY_HAND["seed 001"]
    project.execute(
        function.replace("update_updated_at_column", "touch"),
        trigger.replace("update_updated_at_column", "touch").replace("update_channels_updated_at", "touch"),
        change,
    )
    metadata = with_column()
    if "ALTER TABLE users" in change:
        metadata.tables["users"].append_column(Column("updated_at", MOMENT))
    configured(project, CHANNELS, metadata=metadata)
    assert proposed(project) == "op.create_lifecycle_trigger('channels', 'updated_at', set_on='update')\n"


def test_one_that_comes_later_stays_beside_ours(project: Project, by_hand: list[str]) -> None:
    """Ours is no left-over for that, and is not made anew."""
    project.create(with_column())
    configured(project, CHANNELS, metadata=with_column())
    project.revision()
    project.upgrade()
    project.execute(*by_hand)
    assert proposed(project) == "pass\n"
    project.upgrade()
    project.execute("INSERT INTO channels VALUES (1, 'a')")
    project.execute("UPDATE channels SET title = 'b'")
    assert moment(project, "updated_at", "channels") is not None


NEWEST_BY_HAND = [
    "CREATE FUNCTION note_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "UPDATE channels SET last_message_at = NEW.sent_at WHERE id = NEW.channel_id; RETURN NULL; END; $$",
    "CREATE TRIGGER note_message AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION note_message()",
]


def test_a_trigger_that_notes_messages_is_left_alone(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It names the table and the column that it writes."""
    caplog.set_level("INFO", "alembic.cascade")
    metadata = tables(Column("last_message_at", MOMENT))
    project.create(metadata)
    project.execute(*NEWEST_BY_HAND)
    configured(project, NEWEST, metadata=metadata)
    assert proposed(project) == "pass\n"
    assert "channels.last_message_at: left to a trigger of your own" in cascade_log(caplog.records)


def test_a_trigger_that_notes_messages_elsewhere_counts_for_nothing(project: Project) -> None:
    """The column of the same name is another table's."""
    metadata = tables(Column("last_message_at", MOMENT))
    metadata.tables["users"].append_column(Column("last_message_at", MOMENT))
    project.create(metadata)
    project.execute(NEWEST_BY_HAND[0].replace("UPDATE channels", "UPDATE users"), NEWEST_BY_HAND[1])
    configured(project, NEWEST, metadata=metadata)
    assert proposed(project).startswith("op.create_lifecycle_trigger(\n    'channels', 'last_message_at',\n")


ALIASES = ["create_time", "created", "inserted_at", "created_dt"]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("declared", [False, True])
def test_a_table_is_satisfied_by_an_alias(project: Project, alias: str, declared: bool) -> None:
    """Whoever has it: the models and the database, or the database alone. The other tables get the column."""
    has_it = tables(Column(alias, MOMENT))
    project.create(has_it)
    if not declared:
        # What only the database has is not compared in such projects.
        project.options = {"include_object": lambda _item, name, kind, *_: (kind, name) != ("column", alias)}
    policy = LifecycleColumn("created_at", aliases=ALIASES, set_on="insert")
    configured(project, policy, metadata=has_it if declared else tables())
    upgrade = proposed(project)
    assert [line for line in upgrade.splitlines() if "add_column" in line] == [
        f"op.add_column('{table}', sa.Column('created_at', sa.DateTime(timezone=True), nullable=True))"
        for table in ("messages", "users")
    ]
    assert "'channels'" not in upgrade
    run_there_and_back(project, ["channels"])


def test_the_column_itself_counts_beside_an_alias(project: Project) -> None:
    """A table that has both keeps the one that the settings name."""
    both = tables(Column("created", MOMENT), Column("created_at", MOMENT))
    project.create(both)
    policy = LifecycleColumn("created_at", tables="channels", aliases=["created"], set_on="insert")
    configured(project, policy, metadata=both)
    assert "server_default=sa.text('now()')" in proposed(project)
    run_there_and_back(project, ["channels"])


def association(metadata: MetaData, name: str, *columns: Column[Any]) -> None:
    Table(
        name,
        metadata,
        Column("channel_id", ForeignKey("channels.id"), primary_key=True),
        Column("user_id", ForeignKey("users.id"), primary_key=True),
        *columns,
    )


def with_associations() -> MetaData:
    """A table of nothing but keys, one more that has a role as well."""
    metadata = tables()
    association(metadata, "members")
    association(metadata, "guests", Column("role", Text))
    return metadata


MEANT: dict[str, tuple[list[str], set[str]]] = {
    "everything": (["*"], {"users", "channels", "messages", "guests"}),
    "a pattern that fits": (["m*"], {"messages"}),
    "everything, and by its name": (["*", "members"], {"users", "channels", "messages", "guests", "members"}),
    "by its name": (["members"], {"members"}),
    "by its schema and name": (["public.members"], {"members"}),
}


@pytest.mark.parametrize(("patterns", "meant"), MEANT.values(), ids=MEANT)
def test_a_table_of_nothing_but_keys_is_left_out_unless_it_is_named(
    project: Project, patterns: list[str], meant: set[str]
) -> None:
    """The ORM writes it as a ``secondary``, and knows no further columns there."""
    project.create(with_associations())
    configured(project, LifecycleColumn("created_at", tables=patterns, set_on="insert"), metadata=with_associations())
    lines = [line for line in proposed(project).splitlines() if line.startswith("op.add_column(")]
    assert {line.split("'")[1] for line in lines} == meant
    run_there_and_back(project, ["members"])
    # Now the database has it, in the settings' words still: nothing is proposed, nothing is dropped.
    assert proposed(project) == "pass\n"


def test_such_a_table_is_none_of_the_others_when_its_model_has_the_column(project: Project) -> None:
    """The line that the warning prints for the model asks for nothing more."""
    project.create(with_associations())
    policies = [LifecycleColumn("created_at", tables=["*", "members"], set_on="insert"), UPDATED]
    configured(project, *policies, metadata=with_associations())
    project.revision()
    project.upgrade()
    project.metadata = with_associations()
    project.metadata.tables["members"].append_column(Column("created_at", MOMENT, server_default=func.now()))
    assert proposed(project) == "pass\n"


def test_a_table_that_says_no_has_what_it_has(project: Project) -> None:
    """Its own columns and triggers are its own affair, whatever they are called."""
    metadata = tables(Column("created_at", MOMENT), Column("updated_at", MOMENT))
    metadata.tables["channels"].info["alembic_cascade"] = {"lifecycle": False}
    project.create(metadata)
    configured(project, CREATED, UPDATED, metadata=metadata)
    assert "'channels'" not in proposed(project)
    run_there_and_back(project, ["channels"])


def test_a_table_that_says_no_later_loses_its_trigger(project: Project) -> None:
    """The column goes where the model lacks it, and the way down brings both back."""
    project.create(tables())
    configured(project, UPDATED)
    project.revision()
    project.upgrade()
    metadata = tables()
    metadata.tables["channels"].info["alembic_cascade"] = {"lifecycle": False}
    project.metadata = metadata
    assert proposed(project) == (
        "op.drop_lifecycle_trigger('channels', 'updated_at', set_on='update')\nop.drop_column('channels', 'updated_at')\n"
    )
    run_there_and_back(project, ["channels"])
