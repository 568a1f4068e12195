"""What a project keeps from autogenerate by ``include_object``, ``include_name`` and ``include_schemas``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from blog import CASCADE_ADDED, CASCADE_REMOVED, blog, blog_without_key
from scenario import run_up_down_up
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project

NOTHING = "pass\n"


def without_name(name: str) -> Callable[..., bool]:
    def include_object(item: Any, found: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        return found != name

    return include_object


def without_type(type_: str) -> Callable[..., bool]:
    def include_object(item: Any, name: str | None, found: str, reflected: bool, compare_to: Any) -> bool:
        return found != type_

    return include_object


def not_in_models_only(item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Alembic's cookbook: leave alone what the database has and the models don't know."""
    return not (reflected and compare_to is None)


@pytest.mark.parametrize(
    "include_object",
    [without_name("posts_user_id_fkey"), without_name("posts"), without_type("foreign_key_constraint")],
    ids=["the key by its name", "its table", "all keys"],
)
def test_a_key_that_include_object_leaves_out_is_not_altered(
    project: Project, include_object: Callable[..., bool]
) -> None:
    """Such a key is another tool's; both its sides are asked for."""
    project.create(blog(None))
    project.metadata = blog("CASCADE")
    project.options = {"include_object": include_object}
    revision = project.revision()
    assert (revision.upgrade, revision.downgrade) == (NOTHING, NOTHING)


def test_a_key_that_only_the_database_has_stays_where_include_object_says_so(project: Project) -> None:
    """The hook sees ``compare_to`` None for what would be dropped, and the counterpart for what is altered."""
    project.create(blog(None))
    project.execute("CREATE TABLE audits (id int PRIMARY KEY)", "ALTER TABLE posts ADD audit_id int REFERENCES audits")
    project.metadata = blog("CASCADE", Column("audit_id", Integer))
    project.options = {"include_object": not_in_models_only}
    revision = project.revision()
    assert (revision.upgrade, revision.downgrade) == (CASCADE_ADDED, CASCADE_REMOVED)
    run_up_down_up(project)


def test_a_table_that_include_name_leaves_out_has_no_drift(project: Project) -> None:
    """``include_name`` speaks of the database alone; ``include_object`` keeps the model from being created."""
    project.create(blog(None))
    project.metadata = blog("CASCADE")
    project.options = {
        "include_name": lambda name, type_, parents: name != "posts",
        "include_object": without_name("posts"),
    }
    revision = project.revision()
    assert (revision.upgrade, revision.downgrade) == (NOTHING, NOTHING)


@pytest.mark.parametrize(("hidden", "dropped"), [("posts_user_id_fkey", False), ("another_key", True)])
def test_a_key_whose_name_include_name_leaves_out_is_not_dropped(project: Project, hidden: str, dropped: bool) -> None:
    """What another tool made is not there to be dropped, though no model declares it."""
    project.create(blog(None))
    project.metadata = blog_without_key()
    project.options = {"include_name": lambda name, type_, parents: type_ != "foreign_key_constraint" or name != hidden}
    assert ("posts_user_id_fkey" in project.revision().text) is dropped


def two_schemas(ondelete: str | None) -> MetaData:
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True), schema="accounts")
    for schema in (None, "archive"):
        Table(
            "posts",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("user_id", ForeignKey("accounts.users.id", ondelete=ondelete)),
            schema=schema,
        )
    return metadata


@pytest.fixture
def in_schemas(project: Project) -> Project:
    """Posts in two schemas refer to users in a third; the models want another rule for both."""
    project.execute("CREATE SCHEMA accounts", "CREATE SCHEMA archive")
    project.create(two_schemas(None))
    project.metadata = two_schemas("CASCADE")
    return project


def test_include_schemas_finds_the_drift_of_every_schema(in_schemas: Project) -> None:
    """The key's schema and its referent's are both written out, and the way back is the same."""
    in_schemas.options = {"include_schemas": True}
    revision = in_schemas.revision()
    assert revision.upgrade.count("op.alter_foreign_key(") == 2
    assert "source_schema='archive', referent_schema='accounts'" in revision.upgrade
    run_up_down_up(in_schemas)


def test_a_schema_that_include_name_leaves_out_is_left_alone(in_schemas: Project) -> None:
    """Nothing of the schema appears, though the models declare tables in it."""
    in_schemas.options = {
        "include_schemas": True,
        "include_name": lambda name, type_, parents: type_ != "schema" or name in {None, "accounts"},
        "include_object": lambda item, name, type_, reflected, compare_to: getattr(item, "schema", None) != "archive",
    }
    revision = in_schemas.revision()
    assert revision.upgrade.count("op.alter_foreign_key(") == 1
    assert "archive" not in revision.text


def test_without_include_schemas_the_default_schema_alone_is_compared(in_schemas: Project) -> None:
    """Alembic does not read the other schemas then, so their tables can't be known to drift."""
    in_schemas.options = {
        "include_object": lambda item, name, type_, reflected, compare_to: type_ != "table" or item.schema is None
    }
    revision = in_schemas.revision()
    assert revision.upgrade.count("op.alter_foreign_key(") == 1
    assert "referent_schema='accounts'" in revision.upgrade
    assert "archive" not in revision.text
