"""Tenants with the same tables in schemas of their own: what is set aside of one is never taken for another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import Project
from sqlalchemy import URL, Connection, text

from alembic_cascade import CascadeConfig, configure_options
from orphans.settling import kept, rows, state

if TYPE_CHECKING:
    from pathlib import Path

TENANTS = ("blue", "red")
KEY = "'posts', 'users', ['user_id'], ['id']"
WRITTEN = (
    "op.clean_orphans({0}, strategy={1!r}, revision=revision{2})\nop.add_foreign_key('coming', {0})",
    "op.drop_foreign_key('coming', {0})\nop.restore_orphans({0}, revision=revision{2})",
)


class SearchPath(Project):
    """Alembic's cookbook, "Rudimental Schema-Level Multi Tenancy for PostgreSQL Databases"."""

    tenant = "blue"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.forget_server()

    def connect(self) -> Connection:
        connection = super().connect()
        connection.execute(text(f'set search_path to "{self.tenant}"'))
        connection.commit()
        connection.dialect.default_schema_name = self.tenant
        return connection


class Translated(Project):
    """A schema_translate_map alone."""

    tenant = "blue"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.forget_server()

    def connect(self) -> Connection:
        self.options["version_table_schema"] = self.tenant
        return super().connect().execution_options(schema_translate_map={None: self.tenant})


@pytest.fixture(params=[SearchPath, Translated])
def project(request: pytest.FixtureRequest, tmp_path: Path, url: URL) -> SearchPath | Translated:
    """Two tenants and a namesake in public; each has other orphans."""
    project: SearchPath | Translated = request.param(tmp_path / "project", url)
    for place, tenant in enumerate(("public", *TENANTS)):
        project.execute(
            f"CREATE SCHEMA IF NOT EXISTS {tenant}",
            f"CREATE TABLE {tenant}.users (id int PRIMARY KEY)", f"CREATE TABLE {tenant}.posts (id int PRIMARY KEY, user_id int)",
            f"CREATE TABLE {tenant}.comments (id int PRIMARY KEY, post_id int REFERENCES {tenant}.posts ON DELETE CASCADE)",
            f"INSERT INTO {tenant}.users VALUES ({place})", f"INSERT INTO {tenant}.posts VALUES (1, 0), (2, 1), (3, 2), (4, NULL)",
            f"INSERT INTO {tenant}.comments VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
        )  # fmt: skip
    return project


def written(project: Project, strategy: str = "quarantine", more: str = "") -> None:
    project.write_revision(*(body.format(KEY, strategy, more) for body in WRITTEN))


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
@pytest.mark.parametrize("more", ["", ", quarantine_schema=None", ", quarantine_schema='aside'"])
def test_what_is_set_aside_of_two_tenants_is_not_mixed(
    project: SearchPath | Translated, strategy: str, more: str
) -> None:
    """One revision, run for each; the downgrade of one gives back its own rows and leaves the other's aside."""
    written(project, strategy, more)
    start = rows(project)
    expected = {
        "blue": ["(2,1)", "(4,)"] if strategy == "quarantine" else ["(1,)", "(2,1)", "(3,)", "(4,)"],
        "red": ["(3,2)", "(4,)"] if strategy == "quarantine" else ["(1,)", "(2,)", "(3,2)", "(4,)"],
    }
    upgraded = {}
    for tenant in TENANTS:
        project.tenant = tenant
        project.upgrade()
        upgraded[tenant] = rows(project)
        assert upgraded[tenant][f"{tenant}.posts"] == expected[tenant]
    aside = kept(project)
    assert len(aside) == (4 if strategy == "quarantine" else 2)
    project.tenant = "blue"
    project.downgrade()
    between = rows(project)
    for table in ("users", "posts", "comments"):
        assert between[f"blue.{table}"] == start[f"blue.{table}"]
        assert between[f"red.{table}"] == upgraded["red"][f"red.{table}"]
        assert between[table] == start[table]
    assert sum(map(len, kept(project).values())) == sum(map(len, aside.values())) / 2
    project.tenant = "red"
    project.downgrade()
    assert rows(project) == start
    assert kept(project) == {}


def test_the_log_tells_in_one_line_what_a_tenants_key_became(
    project: SearchPath | Translated, caplog: pytest.LogCaptureFixture
) -> None:
    """A line for each key, with the number of orphans, also where the map leads to another schema."""
    written(project)
    caplog.set_level("INFO", "alembic.cascade")
    project.upgrade()
    made = [record.getMessage() for record in caplog.records if "new, NO ACTION" in record.getMessage()]
    assert len(made) == 1
    assert "2 orphans quarantined" in made[0]


def test_a_tenants_quarantine_is_not_proposed_to_be_dropped(project: SearchPath | Translated) -> None:
    """Beside the version table, or in a schema of its own."""
    if isinstance(project, Translated):
        pytest.skip("autogenerate reads what the search path shows, not where the map leads")
    project.options = configure_options(CascadeConfig(quarantine_schema=None))
    written(project, more=", quarantine_schema=None")
    project.upgrade()
    project.metadata.reflect(project.connect(), only=["users", "posts", "comments"])
    project.check()


def test_a_tenant_that_is_refused_leaves_the_other_as_it_is(project: SearchPath | Translated) -> None:
    """Each tenant's run is a transaction of its own."""
    written(project)
    project.tenant = "red"
    project.upgrade()
    before = state(project)
    project.execute("DELETE FROM blue.users")
    changed = state(project)
    project.tenant = "blue"
    with pytest.raises(Exception, match=r"users is empty"):
        project.upgrade()
    assert state(project) == changed
    assert before.rows["red.posts"] == changed.rows["red.posts"]
