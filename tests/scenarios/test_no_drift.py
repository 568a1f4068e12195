"""What is no drift: an unchanged schema gives an empty revision, however either side spells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import add_table, models, number, reference
from sqlalchemy import ForeignKeyConstraint, MetaData

if TYPE_CHECKING:
    from project import Project

USERS_AND_POSTS = ["CREATE TABLE users (id int PRIMARY KEY)", "CREATE TABLE posts (id int PRIMARY KEY, user_id int)"]


def posts(**rule: object) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def assert_empty(project: Project, metadata: MetaData) -> None:
    project.metadata = metadata
    revision = project.revision()
    assert (revision.upgrade, revision.downgrade) == ("pass\n", "pass\n")


def add_key(definition: str, name: str = "posts_user_id_fkey") -> list[str]:
    return [*USERS_AND_POSTS, f"ALTER TABLE posts ADD CONSTRAINT {name} FOREIGN KEY (user_id) {definition}"]


def test_a_schema_spelled_out_is_the_same_schema(project: Project) -> None:
    """Plain Alembic drops and creates such a key for ever."""
    project.create(posts())
    assert_empty(project, models("public", users=[], posts=[reference("user_id", "public.users.id")]))


def test_a_schema_on_the_search_path_is_the_same_spelled_out(project: Project) -> None:
    """The database shows a table on its search path without a schema."""
    project.execute(
        "CREATE SCHEMA shared",
        "CREATE TABLE shared.users (id int PRIMARY KEY)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES shared.users ON DELETE CASCADE)",
        f"ALTER DATABASE {project.url.database} SET search_path = public, shared",
    )
    project.options |= {"include_object": lambda _object, name, type_, *_: (type_, name) != ("table", "users")}
    metadata = models(posts=[reference("user_id", "shared.users.id", ondelete="CASCADE")])
    add_table(metadata, "users", schema="shared")
    assert_empty(project, metadata)


@pytest.mark.parametrize("columns", [["x", "y"], ["y", "x"]])
def test_the_order_of_a_composite_key_makes_no_difference(project: Project, columns: list[str]) -> None:
    """Identity is the set of column pairs."""
    project.execute(
        "CREATE TABLE p (id int, b int, PRIMARY KEY (id, b))",
        "CREATE TABLE c (id int PRIMARY KEY, x int, y int, FOREIGN KEY (x, y) REFERENCES p)",
    )
    remote = {"x": "p.id", "y": "p.b"}
    key = ForeignKeyConstraint(columns, [remote[column] for column in columns])
    assert_empty(project, models(p=[number("b", primary_key=True)], c=[number("x"), number("y"), key]))


@pytest.mark.parametrize("written", ["SET NULL (x,y)", "set null(y , x)", 'SET NULL ("y", "x")'])
def test_the_spelling_of_set_null_columns_makes_no_difference(project: Project, written: str) -> None:
    """PostgreSQL has its own spacing, and quotes where it must."""
    project.execute(
        "CREATE TABLE p (id int, b int, PRIMARY KEY (id, b))",
        "CREATE TABLE c (id int PRIMARY KEY, x int, y int, FOREIGN KEY (x, y) REFERENCES p ON DELETE SET NULL (x, y))",
    )
    key = ForeignKeyConstraint(["x", "y"], ["p.id", "p.b"], ondelete=written)
    assert_empty(project, models(p=[number("b", primary_key=True)], c=[number("x"), number("y"), key]))


@pytest.mark.parametrize(
    ("rule", "definition"),
    [
        ({"ondelete": "no action", "onupdate": "NO ACTION"}, "REFERENCES users"),
        ({"ondelete": "cascade"}, "REFERENCES users ON DELETE CASCADE"),
        ({"deferrable": False}, "REFERENCES users"),
        ({"initially": "immediate", "deferrable": True}, "REFERENCES users DEFERRABLE"),
        ({"initially": "deferred", "deferrable": True}, "REFERENCES users INITIALLY DEFERRED"),
        ({"match": "simple"}, "REFERENCES users MATCH SIMPLE"),
    ],
)
def test_a_default_spelled_out_is_the_same_rule(project: Project, rule: dict[str, object], definition: str) -> None:
    """Neither case nor an explicit default is a change."""
    project.execute(*add_key(definition))
    assert_empty(project, posts(**rule))


def test_a_name_alone_is_no_drift(project: Project) -> None:
    """A key can be named differently in every deployment."""
    project.execute(*add_key("REFERENCES users", name="by_hand"))
    assert_empty(project, posts(name="fk_posts_users"))


def test_a_key_declared_not_valid_is_satisfied_by_a_valid_one(project: Project) -> None:
    """CREATE TABLE makes it valid at once; going back to NOT VALID would weaken the database."""
    metadata = posts(postgresql_not_valid=True)
    project.create(metadata)
    assert_empty(project, metadata)


def test_a_key_declared_twice_counts_once(project: Project) -> None:
    """A mixin and the class can both declare it."""
    project.execute(*add_key("REFERENCES users"))
    twice = models(
        users=[],
        posts=[reference("user_id", "users.id"), ForeignKeyConstraint(["user_id"], ["users.id"])],
    )
    assert_empty(project, twice)


def test_a_partition_declared_with_its_key_has_it_from_its_root(project: Project) -> None:
    """The clone satisfies the model of the partition, and is nobody's drift where the model is silent."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users) PARTITION BY RANGE (id)",
        "CREATE TABLE declared PARTITION OF posts FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE silent PARTITION OF posts FOR VALUES FROM (100) TO (200)",
    )
    metadata = models(users=[], declared=[reference("user_id", "users.id")], silent=[number("user_id")])
    add_table(metadata, "posts", reference("user_id", "users.id"), postgresql_partition_by="RANGE (id)")
    assert_empty(project, metadata)


def test_keys_to_a_partitioned_table_have_clones_that_nobody_declares(project: Project) -> None:
    """Plain Alembic proposes to drop them, which PostgreSQL refuses."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE users_first PARTITION OF users FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users)",
    )
    metadata = models(users_first=[], posts=[reference("user_id", "users.id")])
    add_table(metadata, "users", postgresql_partition_by="RANGE (id)")
    assert_empty(project, metadata)
