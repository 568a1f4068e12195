"""Triggers are compared like anything else: missing, changed and left-over ones are drift, and come back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import catalogue

from alembic_cascade import LifecycleColumn
from lifecycle.channels import NEWEST, UPDATED, configured, made, moment, tables

if TYPE_CHECKING:
    from project import Project

TRIGGER = "zz_alembic_cascade_updated_at"


def function(project: Project, table: str = "channels", column: str = "updated_at") -> str:
    """The name of a trigger's function."""
    ((name,),) = project.fetch(
        f"SELECT proname FROM pg_proc WHERE proname LIKE 'alembic\\_cascade\\_{table}\\_{column}%'"
    )
    return str(name)


def state(project: Project) -> list[object]:
    """Everything that a downgrade has to bring back: functions with their rights and comments, triggers and their state."""
    with project.engine.connect() as connection:
        found: list[object] = list(catalogue(connection))
    found += project.fetch(
        "SELECT pg_get_functiondef(oid), proacl::text, obj_description(oid, 'pg_proc') FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace ORDER BY proname"
    )
    found += project.fetch(
        "SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid, tgname"
    )
    return found


CHANGES = {
    "dropped": "DROP TRIGGER {trigger} ON channels",
    "disabled": "ALTER TABLE channels DISABLE TRIGGER {trigger}",
    "always": "ALTER TABLE channels ENABLE ALWAYS TRIGGER {trigger}",
    "another event": "DROP TRIGGER {trigger} ON channels; "
    "CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION {function}()",
    "a condition": "DROP TRIGGER {trigger} ON channels; "
    "CREATE TRIGGER {trigger} BEFORE UPDATE ON channels FOR EACH ROW WHEN (OLD.id > 5) EXECUTE FUNCTION {function}()",
    "one column": "DROP TRIGGER {trigger} ON channels; "
    "CREATE TRIGGER {trigger} BEFORE UPDATE OF id ON channels FOR EACH ROW EXECUTE FUNCTION {function}()",
    "another body": "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path TO pg_catalog, pg_temp "
    "AS 'BEGIN RETURN NEW; END'",
    "other rights": "ALTER FUNCTION {function}() SECURITY DEFINER",
    "another path": "ALTER FUNCTION {function}() SET search_path TO public",
    "another setting": "ALTER FUNCTION {function}() SET work_mem TO '1MB'",
    "for everybody": "GRANT EXECUTE ON FUNCTION {function}() TO PUBLIC",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_trigger_is_made_again_and_brought_back_by_the_downgrade(project: Project, change: str) -> None:
    """As it was found, whoever changed it."""
    made(project, UPDATED)
    right = state(project)
    project.execute(change.format(trigger=TRIGGER, function=function(project)))
    wrong = state(project)
    revision = project.revision()
    assert "op.create_lifecycle_trigger('channels', 'updated_at', set_on='update')" in revision.upgrade
    assert revision.upgrade.count("op.") <= 2
    project.upgrade()
    assert state(project) == right
    project.execute("INSERT INTO channels VALUES (1)", "UPDATE channels SET title = 'b'")
    assert moment(project, "updated_at", "channels") is not None
    project.downgrade()
    assert state(project) == wrong or change == CHANGES["dropped"]
    project.upgrade()
    assert state(project) == right
    assert project.revision().upgrade == "pass\n"


def test_what_the_settings_ask_for_no_more_is_dropped(project: Project) -> None:
    """The column stays the model's affair; the trigger is ours."""
    made(project, UPDATED, NEWEST)
    right = state(project)
    configured(project)
    revision = project.revision()
    assert "op.drop_lifecycle_trigger('users', 'updated_at', set_on='update')" in revision.upgrade
    assert "op.drop_column('users', 'updated_at')" in revision.upgrade
    project.upgrade()
    assert project.fetch("SELECT 1 FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == []
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("-2")
    assert state(project) == right


def test_a_table_that_goes_takes_its_function_along(project: Project) -> None:
    """DROP TABLE alone would leave it."""
    made(project, UPDATED, NEWEST)
    right = state(project)
    metadata = tables()
    metadata.remove(metadata.tables["messages"])
    configured(project, UPDATED, metadata=metadata)
    project.revision()
    project.upgrade()
    left = project.fetch("SELECT proname FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'")
    assert len(left) == 2
    project.downgrade()
    assert state(project) == right


def test_a_parent_that_is_kept_by_another_child(project: Project) -> None:
    """The old trigger goes, the new one comes."""
    made(project, NEWEST)
    right = state(project)
    configured(
        project, LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", security="definer")
    )
    revision = project.revision()
    assert "security='definer'" in revision.upgrade
    project.upgrade()
    assert project.fetch("SELECT prosecdef FROM pg_proc WHERE proname LIKE 'alembic\\_cascade%'") == [(True,)]
    assert project.revision().upgrade == "pass\n"
    project.upgrade()
    project.downgrade("-2")
    assert state(project) == right


def test_a_table_that_is_not_compared_is_left_alone(project: Project) -> None:
    """Another project's, with the plugin too."""
    made(project, UPDATED)
    configured(project, UPDATED)
    project.options["include_name"] = lambda name, kind, _: kind != "table" or name == "users"
    project.metadata = tables()
    for name in ("messages", "channels"):
        project.metadata.remove(project.metadata.tables[name])
    assert project.revision().upgrade == "pass\n"


def test_a_trigger_with_another_comment_is_somebody_elses(project: Project) -> None:
    """Nothing is guessed from its name."""
    made(project, UPDATED)
    name = function(project)
    project.execute(f"COMMENT ON FUNCTION {name}() IS 'mine'")
    assert project.revision().upgrade == "pass\n"


def test_a_trigger_of_ones_own_is_left_to_keep_the_column(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """The log says so."""
    caplog.set_level("INFO", "alembic.cascade")
    project.create(tables())
    project.execute(
        "ALTER TABLE channels ADD updated_at timestamptz",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at = now(); RETURN NEW; END'",
        "CREATE TRIGGER touch BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION touch()",
    )
    configured(project, LifecycleColumn("updated_at", tables="channels", set_on="update"))
    assert project.revision().upgrade == "pass\n"
    assert "channels.updated_at: left to a trigger of your own" in caplog.messages


NOT_KEEPING = {
    "a comparison": "IF NEW.updated_at < OLD.updated_at OR NEW.updated_at = 'infinity' THEN RAISE 'stale'; END IF;",
    "a comment": "-- NEW.updated_at := now();\n /* NEW.updated_at := now(); */",
    "a longer name": "NEW.updated_at_all := NULL;",
}


@pytest.mark.parametrize("code", NOT_KEEPING.values(), ids=NOT_KEEPING)
def test_a_trigger_that_only_names_the_column_does_not_keep_it(project: Project, code: str) -> None:
    """It has to assign to it."""
    project.create(tables())
    project.execute(
        "ALTER TABLE channels ADD updated_at timestamptz, ADD updated_at_all timestamptz",
        f"CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {code} RETURN NEW; END $$",
        "CREATE TRIGGER look BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION look()",
    )
    configured(project, LifecycleColumn("updated_at", tables="channels", set_on="update"))
    assert "op.create_lifecycle_trigger('channels', 'updated_at'" in project.revision().upgrade


def test_nobody_keeps_a_column_that_is_not_there_yet(project: Project) -> None:
    """Whatever a trigger's function says."""
    project.create(tables())
    project.execute(
        "CREATE FUNCTION early() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END'",
        "CREATE TRIGGER early BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION early()",
    )
    configured(project, LifecycleColumn("updated_at", tables="channels", set_on="update"))
    assert "op.create_lifecycle_trigger('channels', 'updated_at'" in project.revision().upgrade
