"""Which triggers of others keep a column: those that write it, not those that only hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, DateTime

from alembic_cascade import LifecycleColumn, LifecycleRefused
from lifecycle.channels import NEWEST, configured, moment, tables

if TYPE_CHECKING:
    from project import Project

MOMENT = DateTime(timezone=True)
CHANNELS = LifecycleColumn("updated_at", tables="channels", set_on="update")
OURS = "op.create_lifecycle_trigger('channels', 'updated_at', set_on='update')\n"

# As the PostgreSQL wiki's audit trigger has it: columns that it leaves out.
AUDIT = "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$"
TOUCH = (
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "NEW := jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], now())); RETURN NEW; END $$"
)
NOT_KEEPING: dict[str, tuple[str, ...]] = {
    "an audit, afterwards": (
        AUDIT.format("PERFORM TG_ARGV[0];"),
        "CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON channels FOR EACH ROW EXECUTE FUNCTION audit('true', '{{updated_at}}')",
    ),
    "an audit, before": (
        AUDIT.format("INSERT INTO log VALUES (row_to_json(NEW));"),
        "CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION audit('updated_at')",
    ),
    "one that PostgreSQL has": (
        "CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH ROW "
        "EXECUTE FUNCTION tsvector_update_trigger('title', 'pg_catalog.english', 'updated_at')",
    ),
    "one for a statement": (
        AUDIT.format("NULL;"),
        "CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH STATEMENT EXECUTE FUNCTION audit('updated_at')",
    ),
    "one of a longer name": (
        TOUCH,
        "CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch('updated_at_all')",
    ),
    "one that is off": (
        TOUCH,
        "CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch('updated_at')",
        "ALTER TABLE channels DISABLE TRIGGER a",
    ),
}


def with_column() -> list[Column[Any]]:
    """What channels have in the database and in the models."""
    return [Column("updated_at", MOMENT)]


@pytest.mark.parametrize("statements", NOT_KEEPING.values(), ids=NOT_KEEPING)
def test_a_column_among_the_arguments_is_not_kept_by_that_alone(project: Project, statements: tuple[str, ...]) -> None:
    """Ours is made beside it."""
    project.create(tables(*with_column()))
    project.execute(*(statement.replace("{{", "{").replace("}}", "}") for statement in statements))
    configured(project, CHANNELS, metadata=tables(*with_column()))
    assert project.revision().upgrade == OURS
    project.upgrade()
    assert project.revision().upgrade == "pass\n"


def test_a_column_of_any_name_that_a_function_gets_to_write_is_kept(project: Project) -> None:
    """PostgreSQL keeps the arguments as bytes."""
    project.create(tables(Column("geändert", MOMENT)))
    project.execute(TOUCH, "CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch('geändert')")
    policy = LifecycleColumn("geändert", tables="channels", set_on="update")
    configured(project, policy, metadata=tables(Column("geändert", MOMENT)))
    assert project.revision().upgrade == "pass\n"


@pytest.mark.parametrize("arguments", ["'updated_at'", "'id', 'updated_at'", "'\"updated_at\"'"])
def test_a_column_that_a_function_gets_to_write_is_kept(project: Project, arguments: str) -> None:
    """Like moddatetime, in PL/pgSQL."""
    project.create(tables(*with_column()))
    project.execute(
        TOUCH, f"CREATE TRIGGER a BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch({arguments})"
    )
    configured(project, CHANNELS, metadata=tables(*with_column()))
    assert project.revision().upgrade == "pass\n"


NOTING = "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NULL; END $$"
WRITES = "UPDATE channels SET title = 'x', last_message_at = now() WHERE id = NEW.channel_id;"
KEEPING: dict[str, tuple[str, str]] = {
    "after an insert": (WRITES, "AFTER INSERT"),
    "after an insert or an update": (WRITES, "AFTER INSERT OR UPDATE"),
    "after anything": (WRITES, "AFTER INSERT OR UPDATE OR DELETE"),
    "with its schema": (WRITES.replace("channels", "public.channels"), "AFTER INSERT"),
    "with an alias, in quotes": (
        'update only "channels" as c set "last_message_at" = now() where c.id = NEW.channel_id;', "AFTER INSERT",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "event"), KEEPING.values(), ids=KEEPING)
def test_one_that_writes_the_parent_keeps_its_column(project: Project, code: str, event: str) -> None:
    """Whatever else it fires for."""
    project.create(tables(Column("last_message_at", MOMENT)))
    project.execute(NOTING.format(code), f"CREATE TRIGGER n {event} ON messages FOR EACH ROW EXECUTE FUNCTION note()")
    project.execute("INSERT INTO channels VALUES (1)", "INSERT INTO messages VALUES (1, 1)")
    assert moment(project, "last_message_at", "channels") is not None
    configured(project, NEWEST, metadata=tables(Column("last_message_at", MOMENT)))
    assert project.revision().upgrade == "pass\n"


NOT_WRITING: dict[str, tuple[str, str]] = {
    "after an update": (WRITES, "AFTER UPDATE"),
    "before an insert": (WRITES, "BEFORE INSERT"),
    "in a comment": (f"-- {WRITES}\n", "AFTER INSERT"),
    "another table": (WRITES.replace("channels", "old_channels"), "AFTER INSERT"),
    "another column": (WRITES.replace("last_message_at", "first_message_at"), "AFTER INSERT"),
    "another statement": ("UPDATE channels SET title = 'x'; PERFORM last_message_at = now() FROM channels;", "AFTER INSERT"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "event"), NOT_WRITING.values(), ids=NOT_WRITING)
def test_one_that_does_not_write_the_parent_counts_for_nothing(project: Project, code: str, event: str) -> None:
    """Ours is made beside it."""
    project.create(tables(Column("last_message_at", MOMENT)))
    project.execute(NOTING.format(code), f"CREATE TRIGGER n {event} ON messages FOR EACH ROW EXECUTE FUNCTION note()")
    configured(project, NEWEST, metadata=tables(Column("last_message_at", MOMENT)))
    assert project.revision().upgrade.startswith("op.create_lifecycle_trigger(\n    'channels', 'last_message_at',\n")


def using(project: Project) -> str:
    """A trigger of ours, by hand, whose function another one uses; returns how that is made."""
    project.create(tables(*with_column()))
    project.execute("ALTER TABLE users ADD updated_at timestamptz")
    project.write_revision(OURS, "op.drop_lifecycle_trigger('channels', 'updated_at', set_on='update')")
    project.upgrade()
    ((function,),) = project.fetch("SELECT proname FROM pg_proc WHERE proname LIKE 'alembic\\_cascade\\_channels%'")
    return f"CREATE TRIGGER mine BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION {function}()"


def test_a_function_that_others_use_is_not_dropped(project: Project) -> None:
    """Nothing is changed, and who uses it is said."""
    project.execute(using(project))
    project.execute("INSERT INTO users VALUES (1)")
    with pytest.raises(LifecycleRefused, match=r"channels\.updated_at: .*other objects depend on it") as refused:
        project.downgrade()
    assert "Nothing was changed" in str(refused.value)
    assert refused.value.table == "channels"
    project.execute("UPDATE users SET name = 'b'")
    assert moment(project, "updated_at", "users") is not None
    project.execute("DROP TRIGGER mine ON users")
    project.downgrade()
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []
