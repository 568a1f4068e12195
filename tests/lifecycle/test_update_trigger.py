"""``set_on="update"``: the column moves when a row really changes, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, Text
from sqlalchemy.dialects.postgresql import JSON, JSONB

from alembic_cascade import LifecycleColumn
from lifecycle.channels import UPDATED, configured, made, moment, tables

if TYPE_CHECKING:
    from project import Project


def moved(project: Project, *statements: str, row: int = 1) -> bool:
    """Whether the statements, in a transaction of their own, moved the column of a channel."""
    before = moment(project, "updated_at", "channels", row)
    project.execute(*statements)
    return bool(moment(project, "updated_at", "channels", row) != before)


def test_an_update_that_changes_nothing_moves_nothing(project: Project) -> None:
    """Only what is another row than before."""
    made(project, UPDATED)
    project.execute("INSERT INTO channels VALUES (1, 'a'), (2, 'b')")
    assert moment(project, "updated_at", "channels") is None
    assert not moved(project, "UPDATE channels SET title = 'a' WHERE id = 1")
    assert moved(project, "UPDATE channels SET title = 'A' WHERE id = 1")
    assert not moved(project, "UPDATE channels SET title = title")
    assert moved(project, "UPDATE channels SET title = NULL")
    assert not moved(project, "UPDATE channels SET title = NULL")
    assert moment(project, "updated_at", "channels", 2) is not None


def test_a_statement_that_sets_the_column_keeps_what_it_says(project: Project) -> None:
    """As an import does it."""
    made(project, UPDATED)
    project.execute("INSERT INTO channels VALUES (1, 'a')")
    project.execute("UPDATE channels SET title = 'b', updated_at = '2001-01-01 00:00+00'")
    assert moment(project, "updated_at = '2001-01-01 00:00+00'", "channels")
    project.execute("UPDATE channels SET updated_at = NULL")
    assert moment(project, "updated_at", "channels") is None


def test_the_time_is_the_transactions(project: Project) -> None:
    """That of ``created_at``, too."""
    made(project, UPDATED)
    project.execute("INSERT INTO channels VALUES (1, 'a')")
    with project.engine.begin() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar()
        connection.exec_driver_sql("UPDATE channels SET title = 'b'")
        connection.exec_driver_sql("UPDATE channels SET title = 'c'")
    assert moment(project, "updated_at", "channels") == now


@pytest.mark.parametrize("type_", [JSON, JSONB])
def test_types_without_an_equality(project: Project, type_: Any) -> None:
    """They are compared as they are stored."""

    def metadata() -> Any:
        return tables(Column("extra", type_))

    project.create(metadata())
    configured(project, UPDATED, metadata=metadata())
    project.revision()
    project.upgrade()
    project.execute("""INSERT INTO channels VALUES (1, 'a', '{"a": 1}')""")
    assert not moved(project, """UPDATE channels SET extra = '{"a": 1}'""")
    assert moved(project, """UPDATE channels SET extra = '{"a": 2}'""")
    assert moved(project, "UPDATE channels SET extra = NULL")


def test_other_types_without_an_equality(project: Project) -> None:
    """Geometry, xml and the like."""
    made(project, UPDATED)
    project.execute(
        "ALTER TABLE channels ADD place point, ADD shape polygon, ADD list json[]",
        "INSERT INTO channels VALUES (1, 'a', NULL, '(1,2)', '((1,1),(2,2))', ARRAY['1'::json])",
    )
    assert not moved(project, "UPDATE channels SET place = '(1,2)', list = ARRAY['1'::json]")
    assert moved(project, "UPDATE channels SET place = '(1,3)'")
    assert moved(project, "UPDATE channels SET list = ARRAY['2'::json]")


def test_a_column_that_comes_later_is_looked_at_too(project: Project) -> None:
    """The function names no column but its own."""
    made(project, UPDATED)
    project.execute("INSERT INTO channels VALUES (1, 'a')", "ALTER TABLE channels ADD topic text")
    assert moved(project, "UPDATE channels SET topic = 'b'")
    project.execute("ALTER TABLE channels DROP topic")
    assert not moved(project, "UPDATE channels SET title = 'a'")
    assert moved(project, "UPDATE channels SET title = 'b'")


def test_computed_columns_are_no_change_of_their_own(project: Project) -> None:
    """Before a row is written they are not computed yet."""
    project.create(tables())
    project.execute("ALTER TABLE channels ADD loud text GENERATED ALWAYS AS (upper(title)) STORED")
    configured(project, UPDATED, metadata=tables())
    project.options["include_object"] = lambda item, name, kind, *_: name != "loud"
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO channels (id, title) VALUES (1, 'a')")
    assert not moved(project, "UPDATE channels SET title = 'a'")
    assert moved(project, "UPDATE channels SET title = 'b'")
    assert project.revision().upgrade == "pass\n"


def test_what_other_triggers_make_of_a_row_counts(project: Project) -> None:
    """Ours fires last, by its name."""
    made(project, UPDATED)
    project.execute(
        "CREATE FUNCTION lower_title() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.title := lower(NEW.title); RETURN NEW; END'",
        "CREATE TRIGGER z_lower BEFORE INSERT OR UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION lower_title()",
        "INSERT INTO channels VALUES (1, 'A')",
    )
    assert not moved(project, "UPDATE channels SET title = 'A'")
    assert moved(project, "UPDATE channels SET title = 'B'")


def test_what_the_database_itself_changes_counts(project: Project) -> None:
    """ON DELETE SET NULL changes the row that stays."""

    def metadata() -> Any:
        return tables(Column("owner_id", Integer, ForeignKey("users.id", ondelete="SET NULL")))

    project.create(metadata())
    configured(project, UPDATED, metadata=metadata())
    project.revision()
    project.upgrade()
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO channels VALUES (1, 'a', 1), (2, 'b', NULL)")
    assert moved(project, "DELETE FROM users")
    assert moment(project, "updated_at", "channels", 2) is None


def test_partitions_are_kept_too(project: Project) -> None:
    """PostgreSQL makes the trigger on each of them, later ones included."""
    project.execute(
        "CREATE TABLE events (id int NOT NULL, title text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)",
    )
    metadata = tables(more={"events": [Column("title", Text)]})
    project.create(metadata)
    configured(project, LifecycleColumn("updated_at", tables="events", set_on="update"), metadata=metadata)
    project.options["include_name"] = lambda name, kind, _: kind != "table" or name in metadata.tables
    project.revision()
    project.upgrade()
    project.execute(
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20)",
        "INSERT INTO events VALUES (1, 'a'), (11, 'b')",
        "UPDATE events SET title = title || '!'",
        "UPDATE events_2 SET title = title || '!'",
    )
    assert project.fetch("SELECT count(updated_at) FROM events") == [(2,)]
    assert project.revision().upgrade == "pass\n"


def test_a_role_that_may_only_write_the_table_needs_no_more(project: Project) -> None:
    """Nobody but the owner can call the function, and nobody has to."""
    made(project, UPDATED)
    project.execute(
        "DROP ROLE IF EXISTS writer", "CREATE ROLE writer", "GRANT SELECT, UPDATE ON channels TO writer",
        "INSERT INTO channels VALUES (1, 'a')",
    )  # fmt: skip
    assert moved(project, "SET LOCAL ROLE writer", "UPDATE channels SET title = 'b'")
    ((allowed,),) = project.fetch(
        "SELECT has_function_privilege('writer', oid, 'EXECUTE') FROM pg_proc WHERE proname LIKE 'alembic_cascade_channels%'"
    )
    assert not allowed
    project.execute("REVOKE ALL ON channels FROM writer", "DROP ROLE writer")
