"""``--sql``: the script, run by psql, does what ``alembic upgrade`` would have done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from project import catalogue
from psql import ScriptFailed, run_script
from sqlalchemy import MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project


def orders(target: str, **rule: object) -> MetaData:
    return models(
        customers=[number("number"), UniqueConstraint("number", name="customers_number")],
        orders=[reference("customer", target)],
        notes=[reference("order_id", "orders.id", **rule)],
    )


def state(project: Project) -> tuple[object, ...]:
    with project.engine.connect() as connection:
        return catalogue(connection), project.fetch("SELECT * FROM orders ORDER BY id")


@pytest.fixture
def written(project: Project) -> Project:
    """A project with a revision that changes a rule and translates references."""
    project.create(orders("customers.id"))
    project.execute("INSERT INTO customers VALUES (1, 100), (2, 1)", "INSERT INTO orders VALUES (1, 1), (2, 2)")
    project.execute("COMMENT ON CONSTRAINT notes_order_id_fkey ON notes IS 'kept'")
    project.metadata = orders("customers.number", ondelete="CASCADE", deferrable=True, initially="DEFERRED")
    project.revision()
    # autogenerate has made the version table, and the script is to make it itself.
    project.execute("DROP TABLE alembic_version")
    return project


def test_a_script_does_up_and_down_what_alembic_does(written: Project) -> None:
    """One server-side block serves both, names and comments included."""
    start = state(written)
    written.upgrade()
    upgraded = state(written)
    written.downgrade()
    assert state(written) == start
    written.execute("DROP TABLE alembic_version")

    run_script(written.url, written.upgrade_script())
    assert state(written) == upgraded
    written.check()
    run_script(written.url, written.downgrade_script("head:base"))
    assert state(written) == start


def test_a_script_finds_a_key_under_the_name_of_its_deployment(written: Project) -> None:
    """Written without the database, it must look when it runs."""
    written.execute('ALTER TABLE notes RENAME CONSTRAINT notes_order_id_fkey TO "by hand %s"')
    start = state(written)
    run_script(written.url, written.upgrade_script())
    assert written.fetch(
        "SELECT conname, confdeltype FROM pg_constraint WHERE conrelid = 'notes'::regclass AND contype = 'f'"
    ) == [("by hand %s", "c")]
    run_script(written.url, written.downgrade_script("head:base"))
    assert state(written) == start


def test_a_script_that_finds_no_key_changes_nothing(written: Project) -> None:
    """Its one transaction ends with the error."""
    written.execute("ALTER TABLE notes DROP CONSTRAINT notes_order_id_fkey")
    start = state(written)
    with pytest.raises(ScriptFailed, match="notes has no foreign key notes_order_id_fkey"):
        run_script(written.url, written.upgrade_script())
    assert state(written) == start


def test_a_script_skips_an_absent_optional_table_with_a_notice(project: Project) -> None:
    """The deployment is known only where the script runs."""
    before = models(users=[], posts=[reference("user_id", "users.id")], legacy=[reference("user_id", "users.id")])
    project.create(before)
    project.options = configure_options(CascadeConfig(optional_tables=["legacy"], orphans=None))
    project.metadata = models(
        users=[],
        posts=[reference("user_id", "users.id", ondelete="CASCADE")],
        legacy=[reference("user_id", "users.id", ondelete="CASCADE")],
    )
    project.revision()
    project.execute("DROP TABLE legacy", "DROP TABLE alembic_version")
    said = run_script(project.url, project.upgrade_script())
    assert "NOTICE:  the table legacy does not exist, skipped" in said
    project.check()
    run_script(project.url, project.downgrade_script("head:base"))
    assert project.fetch("SELECT confdeltype FROM pg_constraint WHERE contype = 'f'") == [("a",)]
