"""Tenants with the same tables in schemas of their own, by schema_translate_map and by search_path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from blog import blog
from project import Project
from sqlalchemy import URL, Connection, text
from template_project import rules

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from pathlib import Path


class SearchPathProject(Project):
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


class SearchPathAndMapProject(SearchPathProject):
    """The same, with the tenant's schema written into every statement, too."""

    def connect(self) -> Connection:
        return super().connect().execution_options(schema_translate_map={None: self.tenant})


class MapProject(Project):
    """A schema_translate_map alone: operations go to the tenant, autogenerate reads what the search path shows."""

    tenant = "blue"
    placeholder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.forget_server()

    def connect(self) -> Connection:
        self.options["version_table_schema"] = self.tenant
        return super().connect().execution_options(schema_translate_map={self.placeholder: self.tenant})


def create_tenants(project: Project) -> None:
    """The tenants blue and red, with a key each that has no rule, and tables of the same names in public."""
    project.create(blog(None))
    for tenant in ("blue", "red"):
        project.execute(f"CREATE SCHEMA {tenant}")
        project.create(blog(None, schema=tenant))


@pytest.fixture(params=[SearchPathProject, SearchPathAndMapProject])
def tenants(request: pytest.FixtureRequest, tmp_path: Path, url: URL) -> SearchPathProject:
    """Tenants told apart by the search path."""
    project: SearchPathProject = request.param(tmp_path / "project", url)
    create_tenants(project)
    return project


@pytest.fixture
def mapped(tmp_path: Path, url: URL) -> MapProject:
    """Tenants told apart by the map alone."""
    project = MapProject(tmp_path / "project", url)
    create_tenants(project)
    return project


def test_a_tenant_without_drift_has_none(tenants: Project) -> None:
    """The models spell out no schema, the catalogue knows each tenant's own."""
    tenants.metadata = blog(None)
    revision = tenants.revision()
    assert (revision.upgrade, revision.downgrade) == ("pass\n", "pass\n")


def test_a_revision_written_for_one_tenant_names_none(tenants: Project) -> None:
    """It is going to be run for the others."""
    tenants.metadata = blog("CASCADE")
    revision = tenants.revision()
    assert "op.alter_foreign_key(" in revision.upgrade
    assert "blue" not in revision.upgrade + revision.downgrade


def test_an_upgrade_changes_the_keys_of_its_tenant_only(tenants: SearchPathProject) -> None:
    """A table found in another schema of the same name would be changed silently."""
    before = rules(tenants.engine)
    assert set(before.values()) == {"a"}
    tenants.metadata = blog("CASCADE")
    tenants.revision()
    tenants.tenant = "red"
    tenants.upgrade()
    tenants.check()
    assert rules(tenants.engine) == {**before, "red.posts_user_id_fkey": "c"}
    tenants.tenant = "blue"
    tenants.upgrade()
    assert rules(tenants.engine) == {**before, "red.posts_user_id_fkey": "c", "blue.posts_user_id_fkey": "c"}
    tenants.downgrade()
    assert rules(tenants.engine) == {**before, "red.posts_user_id_fkey": "c"}


def test_a_map_alone_makes_no_drift_of_keys_that_are_as_declared(mapped: MapProject) -> None:
    """Alembic compares what the search path shows, whatever the map; keys of these tables refer to each other."""
    mapped.metadata = blog(None)
    revision = mapped.revision()
    assert (revision.upgrade, revision.downgrade) == ("pass\n", "pass\n")


@pytest.mark.parametrize("placeholder", [None, "tenant"])
def test_an_upgrade_goes_where_the_map_leads(mapped: MapProject, placeholder: str | None) -> None:
    """Alembic's own operations follow the map, whether the schema is spelled out in the revision or not."""
    before = rules(mapped.engine)
    schemas = f"source_schema={placeholder!r}, referent_schema={placeholder!r}"
    key = f"'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], {schemas}"
    mapped.write_revision(
        f"op.alter_foreign_key({key}, ondelete='CASCADE', existing_ondelete=None)",
        f"op.alter_foreign_key({key}, ondelete=None, existing_ondelete='CASCADE')",
    )
    mapped.placeholder = placeholder
    mapped.tenant = "red"
    mapped.upgrade()
    assert rules(mapped.engine) == {**before, "red.posts_user_id_fkey": "c"}
    mapped.downgrade()
    assert rules(mapped.engine) == before


def test_a_revision_runs_concurrently_for_the_tenant_of_the_map(tmp_path: Path, url: URL) -> None:
    """Its turn, its version table and its keys are the tenant's."""
    project = MapProject(tmp_path / "project", url)
    create_tenants(project)
    key = "'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id']"
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.write_revision(
        "op.begin_concurrently(revision)\nwith op.get_context().autocommit_block():\n"
        f"    op.alter_foreign_key({key}, ondelete='CASCADE', existing_ondelete=None, concurrently=True)"
    )
    for version_table_schema in ("blue", None):
        project.options["version_table_schema"] = version_table_schema
        project.upgrade()
        assert rules(project.engine)["blue.posts_user_id_fkey"] == "c"
        project.execute("DELETE FROM blue.alembic_version")
    assert rules(project.engine)["red.posts_user_id_fkey"] == "a"
