"""Seed 003: some ninety tables with a key to one parent, nine of which not every deployment has."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from project import cascade_log, catalogue, rows
from psql import run_script
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from alembic_cascade import CascadeConfig, TableNotFound, configure_options
from seeds.examples import example_module

if TYPE_CHECKING:
    from project import Project, Revision

SITE = example_module("health", "tables")
GROUPS, LEGACY, TABLES = SITE.GROUPS, SITE.LEGACY, SITE.TABLES

# What this deployment lacks, and what somebody named by hand in it.
ABSENT = ["user_health_conditions", "user_medications", "vitals", "vitals_categorized"]
NAMED_BY_HAND = ["feedback", "nutrition_logs"]


def health_models(ondelete: str | None) -> MetaData:
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True), Column("email", String(320), nullable=False))
    for table in TABLES:
        by_user = table in SITE.KEYED_BY_USER
        own_key = [] if by_user else [Column("id", Integer, primary_key=True)]
        reference = Column("user_id", ForeignKey("users.id", ondelete=ondelete), primary_key=by_user, nullable=False)
        Table(table, metadata, *own_key, reference, Column("note", String(80)))
    return metadata


def alteration(table: str, ondelete: str | None, existing: str | None) -> str:
    optional = ", if_exists=True" if table in LEGACY else ""
    return (
        f"op.alter_foreign_key(\n    '{table}_user_id_fkey', '{table}', 'users', ['user_id'], ['id'],\n"
        f"    ondelete={ondelete!r}, existing_ondelete={existing!r}{optional},\n)\n"
    )


@pytest.fixture
def revision(project: Project) -> Revision:
    """The revision, written where every table is."""
    project.create(health_models(None))
    project.metadata = health_models("CASCADE")
    project.options = configure_options(CascadeConfig(optional_tables=LEGACY, orphans=None))
    return project.revision()


@pytest.fixture
def deployment(project: Project, revision: Revision) -> list[str]:
    """A deployment that lacks some of the tables, with two users and their rows; the tables that it has."""
    project.execute(*(f"DROP TABLE {table}" for table in ABSENT))
    project.execute(
        *(f"ALTER TABLE {table} RENAME CONSTRAINT {table}_user_id_fkey TO fk_{table}_user" for table in NAMED_BY_HAND)
    )
    present = [table for table in TABLES if table not in ABSENT]
    project.execute("INSERT INTO users VALUES (1, 'stays@example.com'), (2, 'goes@example.com')")
    project.execute(*(f"INSERT INTO {table} (user_id, note) VALUES (1, 'a'), (2, 'b')" for table in present))
    return present


def test_the_seed_lists_as_many_tables_as_it_says() -> None:
    """A table that is forgotten here would be tested nowhere."""
    assert [len(group) for group in GROUPS.values()] == [4, 2, 1, 6, 4, 4, 2, 3, 3, 4, 3, 2, 6, 5, 3, 2, 2, 2]
    assert len(LEGACY) == 9
    assert len(TABLES) == len(set(TABLES)) == 67


def test_one_revision_alters_every_key_and_lets_the_legacy_tables_be_absent(revision: Revision) -> None:
    """A hand-written migration of a hundred tables is a page of loops that nobody can read back."""
    assert revision.upgrade == "".join(alteration(table, "CASCADE", None) for table in TABLES)
    assert revision.downgrade == "".join(alteration(table, None, "CASCADE") for table in reversed(TABLES))


def log_of(tables: list[str], rule: str) -> list[str]:
    """A line for each table, one more where its key has another name here."""
    lines = []
    for table in tables:
        key = f"{table}.user_id -> users.id: {rule}"
        if table in NAMED_BY_HAND:
            named = f"the key is named fk_{table}_user here, not {table}_user_id_fkey"
            lines.append(f"{table}.user_id -> users.id: {named}")
        lines.append(f"{key}: skipped, the table {table} does not exist" if table in ABSENT else f"{key}, N s")
    return lines


def test_it_runs_up_and_down_where_tables_are_absent(
    project: Project, deployment: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Schema and rows come back, and the log accounts for every table in each direction."""
    caplog.set_level(logging.INFO, "alembic.cascade")
    with project.engine.connect() as connection:
        start: Any = catalogue(connection), dict(rows(connection, deployment))

    project.upgrade()
    assert cascade_log(caplog.records) == log_of(TABLES, "NO ACTION -> CASCADE")
    rules = "SELECT confdeltype, count(*) FROM pg_constraint WHERE contype = 'f' GROUP BY 1"
    assert project.fetch(rules) == [("c", len(deployment))]

    caplog.clear()
    project.downgrade()
    assert cascade_log(caplog.records) == log_of(TABLES[::-1], "CASCADE -> NO ACTION")
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, deployment))) == start


def test_a_deleted_user_takes_the_rows_of_every_table_along(project: Project, deployment: list[str]) -> None:
    """It is what the seed's author deleted from a hundred tables by hand for."""
    project.upgrade()
    project.execute("DELETE FROM users WHERE email = 'goes@example.com'")
    for table in deployment:
        assert project.fetch(f"SELECT user_id, note FROM {table}") == [(1, "a")], table


def test_orphans_of_every_table_are_set_aside_and_come_back(project: Project) -> None:
    """The seed deletes them table by table, for good, before each key is made again."""
    project.create(health_models(None))
    project.execute("INSERT INTO users VALUES (1, 'stays@example.com')")
    project.execute(
        *(f"ALTER TABLE {table} DROP CONSTRAINT {table}_user_id_fkey" for table in TABLES),
        *(f"INSERT INTO {table} (user_id, note) VALUES (1, 'a'), (2, 'b'), (3, 'c')" for table in TABLES),
    )
    project.metadata = health_models("CASCADE")
    project.revision()
    with project.engine.connect() as connection:
        start: Any = catalogue(connection), dict(rows(connection, TABLES))
    project.upgrade()
    project.check()
    for table in TABLES:
        assert project.fetch(f"SELECT user_id FROM {table}") == [(1,)], table
    aside = project.fetch("SELECT count(*) FROM pg_tables WHERE schemaname = 'alembic_cascade'")
    assert aside == [(len(TABLES),)]
    project.downgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, TABLES))) == start


def test_absent_optional_tables_are_never_proposed_for_creation(
    project: Project, deployment: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The models have them for the deployments that do."""
    project.upgrade()
    project.check()
    caplog.set_level(logging.INFO, "alembic.cascade")
    later = project.revision()
    assert (later.upgrade, later.downgrade) == ("pass\n", "pass\n")
    assert cascade_log(caplog.records) == [
        f"{table}: not proposed for creation, the table is optional" for table in ABSENT
    ]


def test_an_absent_table_that_is_not_optional_is_refused_and_nothing_is_changed(project: Project) -> None:
    """Only what the settings name may be skipped; a typing error must not pass for another deployment."""
    project.create(health_models(None))
    project.metadata = health_models("CASCADE")
    project.revision()
    project.execute("DROP TABLE vitals")
    with project.engine.connect() as connection:
        start = catalogue(connection)
    with pytest.raises(TableNotFound, match="the table vitals does not exist"):
        project.upgrade()
    with project.engine.connect() as connection:
        assert catalogue(connection) == start


def test_a_script_skips_absent_tables_when_it_runs(project: Project, deployment: list[str]) -> None:
    """What tables a deployment has is not known where the script is written."""
    project.execute("DROP TABLE alembic_version")  # which autogenerate made, and the script makes, too
    said = run_script(project.url, project.upgrade_script())
    assert re.findall(r"NOTICE: +(.*)", said) == [f"the table {table} does not exist, skipped" for table in ABSENT]
    project.check()
    rules = "SELECT confdeltype, count(*) FROM pg_constraint WHERE contype = 'f' GROUP BY 1"
    assert project.fetch(rules) == [("c", len(deployment))]
