"""Migrations run by a plain owner of the tables: what it needs, and what is refused without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import NullPool, create_engine

from alembic_cascade import OrphansNotRestored, OrphansNotSettled
from alembic_cascade.errors import CascadeError
from orphans.settling import kept, rows, state, write_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

KEY = ("posts", "users", ["user_id"], ["id"])


@pytest.fixture
def roles(project: Project) -> Iterator[tuple[str, str]]:
    """A role that owns tables, and another one."""
    owner, other = f"own %er {project.url.database}", f"other {project.url.database}"
    project.execute(
        f'DROP ROLE IF EXISTS "{owner}"', f'DROP ROLE IF EXISTS "{other}"',
        f'CREATE ROLE "{owner}" LOGIN', f'CREATE ROLE "{other}" LOGIN',
        f'GRANT USAGE, CREATE ON SCHEMA public TO "{owner}"',
    )  # fmt: skip
    admin = project.engine
    yield owner, other
    project.engine = admin
    project.execute(
        *(f'DROP OWNED BY "{role}" CASCADE' for role in (owner, other)), f'DROP ROLE "{owner}"', f'DROP ROLE "{other}"'
    )


def as_role(project: Project, role: str) -> None:
    project.engine = create_engine(project.url.set(username=role), poolclass=NullPool)


@pytest.fixture
def owned(project: Project, roles: tuple[str, str]) -> Project:
    """Tables of the plain owner, and a revision to be run by it."""
    owner, _ = roles
    project.execute(
        f'SET ROLE "{owner}"', "CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
    )  # fmt: skip
    return project


def refused_as(project: Project, role: str, match: str) -> CascadeError:
    """The error of the upgrade run by that role; the administrator sees no change."""
    admin, start = project.engine, state(project)
    as_role(project, role)
    with pytest.raises(CascadeError, match=match) as raised:
        project.upgrade()
    project.engine = admin
    assert type(raised.value) is OrphansNotSettled, repr(raised.value)
    assert state(project) == start
    return raised.value


@pytest.mark.parametrize("table", ["posts", "users"])
@pytest.mark.parametrize("strategy", ["quarantine", "fail", "set_null"])
def test_rows_hidden_by_row_security_are_refused(
    owned: Project, roles: tuple[str, str], table: str, strategy: str
) -> None:
    """A hidden orphan would stay one, and a hidden parent would make orphans of its children."""
    owned.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    owned.execute(
        f'CREATE POLICY first_only ON {table} TO "{roles[0]}" USING (id = 1)',
        f'GRANT CREATE ON DATABASE "{owned.url.database}" TO "{roles[0]}"',
    )
    write_key(owned, *KEY, strategy=strategy)
    error = refused_as(owned, roles[0], f'row-level security policy for table "{table}"')
    assert "BYPASSRLS" in str(error)


def test_row_security_that_does_not_bind_the_owner_is_no_obstacle(owned: Project, roles: tuple[str, str]) -> None:
    """And what is set aside is under row security as its source is."""
    owned.execute(
        "ALTER TABLE posts ENABLE ROW LEVEL SECURITY",
        f'GRANT CREATE ON DATABASE "{owned.url.database}" TO "{roles[0]}"',
    )
    write_key(owned, *KEY)
    start = state(owned)
    admin = owned.engine
    as_role(owned, roles[0])
    owned.upgrade()
    owned.engine = admin
    assert rows(owned)["posts"] == ["(1,1)"]
    assert owned.fetch("SELECT relrowsecurity FROM pg_class WHERE relname = 'r1_public_posts'") == [(True,)]
    as_role(owned, roles[0])
    owned.downgrade()
    owned.engine = admin
    assert state(owned) == start


def test_row_security_of_a_dependent_is_refused(owned: Project, roles: tuple[str, str]) -> None:
    """The database itself would remove hidden rows, and nobody would keep them."""
    owned.execute(
        f'SET ROLE "{roles[0]}"', "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO comments VALUES (1, 2)", "ALTER TABLE comments ENABLE ROW LEVEL SECURITY", "ALTER TABLE comments FORCE ROW LEVEL SECURITY",
    )  # fmt: skip
    write_key(owned, *KEY)
    refused_as(owned, roles[0], 'row-level security policy for table "comments"')


def test_a_parent_that_may_not_be_read_is_refused(owned: Project, roles: tuple[str, str]) -> None:
    """Every row would look like an orphan."""
    owned.execute(
        "ALTER TABLE users OWNER TO CURRENT_USER",
        "REVOKE ALL ON users FROM PUBLIC",
        f'GRANT REFERENCES ON users TO "{roles[0]}"',
    )
    write_key(owned, *KEY)
    refused_as(owned, roles[0], "permission denied for table users")


def test_a_parent_that_may_only_be_read_is_enough(owned: Project, roles: tuple[str, str]) -> None:
    """A key needs no more, and neither does its settling."""
    owned.execute(
        "ALTER TABLE users OWNER TO CURRENT_USER",
        f'GRANT REFERENCES, SELECT ON users TO "{roles[0]}"',
        f'GRANT CREATE ON DATABASE "{owned.url.database}" TO "{roles[0]}"',
    )
    write_key(owned, *KEY)
    as_role(owned, roles[0])
    owned.upgrade()
    assert rows(owned)["posts"] == ["(1,1)"]
    owned.downgrade()
    assert rows(owned)["posts"] == ["(1,1)", "(2,9)"]


def test_a_dependent_that_may_not_be_read_is_refused(owned: Project, roles: tuple[str, str]) -> None:
    """What it holds would be removed by the database, and by nobody kept."""
    owned.execute(
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO comments VALUES (1, 2)",
    )
    write_key(owned, *KEY)
    refused_as(owned, roles[0], "permission denied for table comments")


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
def test_the_right_to_make_the_quarantine_is_asked_for_where_something_is_set_aside(
    owned: Project, roles: tuple[str, str], strategy: str
) -> None:
    """Without orphans a migration needs no more rights than an ordinary one."""
    write_key(owned, *KEY, strategy=strategy)
    error = refused_as(owned, roles[0], "permission denied")
    assert "CREATE SCHEMA alembic_cascade AUTHORIZATION" in str(error)
    owned.execute("DELETE FROM posts WHERE id = 2")
    as_role(owned, roles[0])
    owned.upgrade()
    owned.downgrade()


def test_the_line_in_the_message_gives_the_right(owned: Project, roles: tuple[str, str]) -> None:
    """An administrator pastes it, and the migration runs; the schema is the administrator's to drop."""
    write_key(owned, *KEY)
    error = refused_as(owned, roles[0], "permission denied")
    owned.execute(str(error).partition("run ")[2].partition(", or")[0])
    start = state(owned)
    admin = owned.engine
    as_role(owned, roles[0])
    owned.upgrade()
    assert len(kept(owned)) == 1
    owned.downgrade()
    owned.engine = admin
    assert state(owned) == start


def test_nobody_but_the_owner_reads_what_was_set_aside(owned: Project, roles: tuple[str, str]) -> None:
    """Whatever default privileges say."""
    owner, other = roles
    owned.execute(
        f'GRANT CREATE ON DATABASE "{owned.url.database}" TO "{owner}"', f'SET ROLE "{owner}"',
        *(f'ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO "{other}", PUBLIC' for kind in ("TABLES", "SEQUENCES", "SCHEMAS")),
    )  # fmt: skip
    write_key(owned, *KEY)
    as_role(owned, owner)
    owned.upgrade()
    found = owned.fetch(
        "SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE relnamespace = 'alembic_cascade'::regnamespace AND a.grantee <> c.relowner "
        "UNION ALL SELECT nspname FROM pg_namespace n, aclexplode(n.nspacl) a WHERE nspname = 'alembic_cascade' AND a.grantee <> n.nspowner"
    )
    assert found == []


@pytest.mark.parametrize("taken", ["UPDATE, DELETE, INSERT ON posts", "TEMPORARY ON DATABASE"])
def test_a_right_that_is_missing_is_named(owned: Project, roles: tuple[str, str], taken: str) -> None:
    """The message is PostgreSQL's own."""
    place = f'{taken} "{owned.url.database}"' if taken.endswith("DATABASE") else taken
    owned.execute(
        f'REVOKE {place} FROM "{roles[0]}", PUBLIC', f'GRANT CREATE ON DATABASE "{owned.url.database}" TO "{roles[0]}"'
    )
    write_key(owned, *KEY)
    refused_as(owned, roles[0], "permission denied")


def test_what_was_set_aside_by_another_role_is_not_restored_in_part(owned: Project, roles: tuple[str, str]) -> None:
    """The way down is refused as a whole, with the key still there."""
    write_key(owned, *KEY)
    owned.upgrade()
    owned.execute(f'GRANT ALL ON alembic_version TO "{roles[0]}"')
    upgraded, aside = state(owned), kept(owned)
    admin = owned.engine
    as_role(owned, roles[0])
    with pytest.raises(OrphansNotRestored, match="permission denied"):
        owned.downgrade()
    owned.engine = admin
    assert (state(owned), kept(owned)) == (upgraded, aside)
