"""The tables of the quarantine: their names, their columns, who may read them, and what they never are in the way of."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from scenario import run_up_down_up
from sqlalchemy import NullPool, create_engine

from alembic_cascade import CascadeConfig, OrphansNotSettled, configure_options
from orphans.posts import POSTS, by_hand, key_revision, make, posts_model, quarantined, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

NASTY = ("a \"b\" %s :c 'd'; --", "ü" * 31, "x" * 63, "$cascade$", "select")


def stores(project: Project, schema: str = "alembic_cascade") -> list[str]:
    """The names of the tables in the quarantine's schema."""
    return [
        name
        for (name,) in project.fetch(
            f"SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = '{schema}'::regnamespace ORDER BY 1"
        )
    ]


@pytest.mark.parametrize("revision", ["r1", "1975ea83b712_and_what_it_is_abou", 'say "it" %s', "é" * 16])
@pytest.mark.parametrize("schema", NASTY)
def test_nasty_and_long_names(project: Project, schema: str, revision: str) -> None:
    """A name within 63 bytes for each, and rows that come back."""
    table = NASTY[NASTY.index(schema) - 1]
    within = f"{quoted(schema)}."
    project.execute(
        f"CREATE SCHEMA {quoted(schema)}", f"CREATE TABLE {within}users (id int PRIMARY KEY)",
        f"INSERT INTO {within}users VALUES (1)",
        f"CREATE TABLE {within}{quoted(table)} ({quoted(schema)} text, user_id int, {quoted(table)} text)",
        f"INSERT INTO {within}{quoted(table)} VALUES ('a', 1, 'b'), ('c', 9, 'd'), (NULL, 9, '')",
    )  # fmt: skip
    by_hand(project, revision, table, schema)
    start = project.fetch(f"SELECT * FROM {within}{quoted(table)} ORDER BY 1")
    project.upgrade()
    (store,) = stores(project)
    assert len(store.encode()) <= 63
    assert store.startswith(revision[:10])
    assert len(project.fetch(f"SELECT * FROM {within}{quoted(table)}")) == 1
    project.downgrade()
    assert project.fetch(f"SELECT * FROM {within}{quoted(table)} ORDER BY 1") == start
    assert not project.fetch("SELECT FROM pg_namespace WHERE nspname = 'alembic_cascade'")


def test_tenants_do_not_mix(project: Project) -> None:
    """a_b.c and a.b_c could be one name; a tenant's downgrade gives back this tenant's rows."""
    tables = {"a_b": "c", "a": "b_c"}
    for schema, table in tables.items():
        project.execute(
            f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.users (id int PRIMARY KEY)",
            f"INSERT INTO {schema}.users VALUES (1)", f"CREATE TABLE {schema}.{table} (id int PRIMARY KEY, user_id int)",
            f"INSERT INTO {schema}.{table} VALUES (1, 1), (2, 9)",
        )  # fmt: skip
    by_hand(project, "r1", "c", "a_b")
    project.upgrade()
    by_hand(project, "r2", "b_c", "a")
    (project.path / "versions" / "by_hand_1.py").write_text(
        (project.path / "versions" / "by_hand_1.py")
        .read_text()
        .replace("None", "'r1'")
        .replace("revision=revision", "revision='r1'")
    )
    project.upgrade()
    assert len(stores(project)) == 2
    project.downgrade()
    assert project.fetch("SELECT count(*) FROM a.b_c") == [(2,)]
    assert project.fetch("SELECT count(*) FROM a_b.c") == [(1,)]
    assert len(stores(project)) == 1
    project.downgrade()
    assert project.fetch("SELECT count(*) FROM a_b.c") == [(2,)]


def test_a_table_that_is_no_quarantine_is_not_taken_for_one(project: Project) -> None:
    """Somebody's table may be called as ours would be: it is left alone, whether that is refused or got round."""
    make(
        project, *POSTS, "CREATE SCHEMA alembic_cascade",
        "CREATE TABLE alembic_cascade.r1_public_posts (x_id int, x_key text, x_constraint text, x_reason text, x_at timestamptz, x_change jsonb, id int)",
        "INSERT INTO alembic_cascade.r1_public_posts VALUES (5)",
    )  # fmt: skip
    by_hand(project, "r1", "posts")
    theirs = "SELECT t::text FROM alembic_cascade.r1_public_posts t"
    start = project.fetch("SELECT * FROM posts ORDER BY id"), project.fetch(theirs)
    with suppress(OrphansNotSettled):
        project.upgrade()
        assert project.fetch(theirs) == start[1]
        project.downgrade()
    assert (project.fetch("SELECT * FROM posts ORDER BY id"), project.fetch(theirs)) == start


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_columns_are_typed_as_in_the_source_or_text_with_the_types_name(project: Project) -> None:
    """What is the user's own type would bind the quarantine to later DDL."""
    make(
        project, *POSTS, "CREATE TYPE mood AS ENUM ('a')", "CREATE DOMAIN few AS int", "CREATE TYPE pair AS (a int, b mood)",
        "ALTER TABLE posts ADD n numeric(12, 4), ADD t timestamp(3), ADD m mood, ADD f few, ADD p pair, ADD ms mood[],"
        " ADD ns int[], ADD cascade_id text DEFAULT 'mine', ADD cascade__key int DEFAULT 5",
    )  # fmt: skip
    key_revision(project, ondelete="CASCADE")
    start = project.fetch("SELECT posts::text FROM posts ORDER BY id")
    project.upgrade()
    (store,) = stores(project)
    found = {
        name: (kind, remark)
        for name, kind, remark in project.fetch(
            "SELECT attname::text, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute "
            f"WHERE attrelid = 'alembic_cascade.{quoted(store)}'::regclass AND attnum > 0"
        )
    }
    assert {name: kind for name, kind in found.items() if not name.startswith("cascade_")} == {
        "id": ("integer", None), "user_id": ("integer", None), "n": ("numeric(12,4)", None),
        "t": ("timestamp(3) without time zone", None), "m": ("text", "mood"), "f": ("text", "few"), "p": ("text", "pair"),
        "ms": ("text", "mood[]"), "ns": ("integer[]", None),
    }  # fmt: skip
    assert found["cascade_id"] == ("text", None)
    assert len({name for name in found if name.startswith("cascade_")}) == 2 + 6
    project.downgrade()
    assert project.fetch("SELECT posts::text FROM posts ORDER BY id") == start


@pytest.fixture
def roles(project: Project) -> Iterator[tuple[str, str]]:
    """Two roles that only this test has."""
    names = (f"{project.url.database}_reader", f"{project.url.database} w'r\"iter")
    project.execute(*(f"CREATE ROLE {quoted(name)} LOGIN" for name in names))
    yield names
    project.execute(
        *(f"DROP OWNED BY {quoted(name)}" for name in names), *(f"DROP ROLE {quoted(name)}" for name in names)
    )


def test_nobody_but_the_owner_is_given_anything(project: Project, roles: tuple[str, str]) -> None:
    """Default privileges are meant for the tables of the application."""
    make(project, *POSTS)
    for role in ("PUBLIC", *map(quoted, roles)):
        for kind in ("SCHEMAS", "TABLES", "SEQUENCES"):
            project.execute(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO {role}")
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    granted = project.fetch(
        "SELECT relname, acl.grantee::regrole FROM pg_class, aclexplode(relacl) AS acl WHERE relnamespace = 'alembic_cascade'::regnamespace"
        " AND acl.grantee <> relowner UNION ALL SELECT nspname, acl.grantee::regrole FROM pg_namespace, aclexplode(nspacl) AS acl"
        " WHERE nspname = 'alembic_cascade' AND acl.grantee <> nspowner"
    )
    assert granted == []
    (store,) = stores(project)
    for role in roles:
        assert project.fetch(
            f"SELECT has_schema_privilege(rolname, 'alembic_cascade', 'USAGE, CREATE'), has_table_privilege(rolname, 'alembic_cascade.{quoted(store)}', "
            "'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') FROM pg_roles WHERE rolname = $$"
            + role
            + "$$"
        ) == [(False, False)]


def test_two_tenants_with_an_owner_each_can_restore(project: Project, roles: tuple[str, str]) -> None:
    """One tenant's role may not read what another one's set aside under the same revision, and need not."""
    project.execute("CREATE SCHEMA alembic_cascade")
    for role in roles:
        name = quoted(role)
        project.execute(
            f"GRANT ALL ON SCHEMA alembic_cascade TO {name}", f"CREATE SCHEMA {name} AUTHORIZATION {name}",
            f"CREATE TABLE {name}.users (id int PRIMARY KEY)", f"INSERT INTO {name}.users VALUES (1)",
            f"CREATE TABLE {name}.posts (id int PRIMARY KEY, user_id int)", f"INSERT INTO {name}.posts VALUES (1, 1), (2, 9)",
            f"ALTER TABLE {name}.users OWNER TO {name}", f"ALTER TABLE {name}.posts OWNER TO {name}",
            f'ALTER ROLE {name} SET search_path = "$user"',
        )  # fmt: skip
    by_hand(project, "r1", "posts")
    owner = project.engine
    try:
        for move in (project.upgrade, project.downgrade):
            for role in roles:
                project.engine = create_engine(project.url.set(username=role), poolclass=NullPool)
                move()
    finally:
        project.engine = owner
    for role in roles:
        assert project.fetch(f"SELECT count(*) FROM {quoted(role)}.posts") == [(2,)]


@pytest.mark.parametrize("secured", [True, False])
def test_row_security_of_the_source_is_taken_over(project: Project, secured: bool) -> None:
    """What only some may see is not for everybody in the quarantine."""
    make(project, *POSTS, *(["ALTER TABLE posts ENABLE ROW LEVEL SECURITY"] if secured else []))
    key_revision(project, ondelete="SET NULL")
    project.upgrade()
    assert project.fetch(
        "SELECT relrowsecurity FROM pg_class WHERE relnamespace = 'alembic_cascade'::regnamespace AND relkind = 'r'"
    ) == [(secured,)]
    project.downgrade()
    assert project.fetch("SELECT count(*) FROM posts WHERE user_id > 100") == [(6,)]


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize(
    "later",
    [
        "ALTER TABLE posts DROP m; ALTER TABLE posts DROP p; DROP TYPE pair; DROP TYPE mood", "ALTER TABLE posts DROP f; DROP DOMAIN few",
        "DROP TABLE posts", "ALTER TABLE posts ALTER f TYPE bigint", "ALTER TABLE posts RENAME m TO mm; ALTER TYPE mood RENAME TO moods",
        "ALTER TABLE posts RENAME TO articles", "ALTER TYPE mood RENAME VALUE 'a' TO 'b'", "ALTER TABLE posts SET SCHEMA other; DROP SCHEMA other CASCADE",
        'ALTER TABLE posts ALTER c TYPE text COLLATE "C"; DROP COLLATION mine', "ALTER TABLE posts DROP CONSTRAINT posts_pkey; DROP ROLE IF EXISTS nobody_at_all",
    ],
)  # fmt: skip
def test_no_later_statement_is_blocked(project: Project, later: str) -> None:
    """Without CASCADE: nothing in the quarantine depends on what is the user's."""
    make(
        project, *POSTS, "CREATE TYPE mood AS ENUM ('a')", "CREATE DOMAIN few AS int", "CREATE TYPE pair AS (a int, b mood)",
        "CREATE SCHEMA other", 'CREATE COLLATION mine FROM "C"',
        "ALTER TABLE posts ADD m mood DEFAULT 'a', ADD f few DEFAULT 5, ADD p pair, ADD c text COLLATE mine",
    )  # fmt: skip
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    project.execute(*later.split("; "))
    assert quarantined(project) == 6


def test_a_second_upgrade_fits_the_table_to_its_source(project: Project) -> None:
    """What stayed from the first time stays, and comes back with the rest."""
    make(
        project,
        *POSTS,
        "ALTER TABLE posts ADD code int, ADD day date",
        "UPDATE posts SET code = id, day = '2024-03-04'",
    )
    by_hand(project, "r1", "posts")
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (5, 1)")
    project.downgrade()
    assert quarantined(project) == 1
    project.execute(
        "ALTER TABLE posts ALTER code TYPE text, ALTER day TYPE timestamp, ADD more text, ADD cascade_id text, ADD cascade_key int",
        "UPDATE posts SET more = 'm', cascade_id = 'c', cascade_key = id",
    )
    project.upgrade()
    assert quarantined(project) == 6
    project.execute("DELETE FROM posts WHERE id = 5")
    project.downgrade()
    assert project.fetch("SELECT id, code, day::text, more FROM posts WHERE id > 4 ORDER BY id") == [
        (n, str(n), "2024-03-04 00:00:00", None if n == 5 else "m") for n in (5, 6, 7, 8)
    ]


@pytest.mark.parametrize("made", ["by us", "by somebody", "by somebody, in use"])
def test_the_schema_goes_with_its_last_row_where_it_was_ours(project: Project, made: str) -> None:
    """What somebody else made is not ours to drop."""
    make(project, *POSTS, *([] if made == "by us" else ["CREATE SCHEMA alembic_cascade"]),
         *(["CREATE TABLE alembic_cascade.notes (id int)"] if made.endswith("use") else []))  # fmt: skip
    project.options |= configure_options(CascadeConfig())
    key_revision(project, ondelete="CASCADE")
    run_up_down_up(project, ["posts"])
    project.downgrade()
    assert bool(project.fetch("SELECT FROM pg_namespace WHERE nspname = 'alembic_cascade'")) == (made != "by us")
    if made.endswith("use"):
        assert stores(project) == ["notes"]


@pytest.mark.parametrize("include_schemas", [False, True])
@pytest.mark.parametrize("quarantine_schema", ["alembic_cascade", None, "Set Aside"])
def test_autogenerate_sees_nothing_of_the_quarantine(
    project: Project, caplog: pytest.LogCaptureFixture, quarantine_schema: str | None, include_schemas: bool
) -> None:
    """Otherwise the next revision would drop what is to be given back."""
    project.options |= configure_options(CascadeConfig(quarantine_schema=quarantine_schema))
    project.options["include_schemas"] = include_schemas
    project.execute("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)", *POSTS)
    project.metadata = posts_model(ondelete="CASCADE")
    project.execute("ALTER TABLE posts ALTER user_id DROP DEFAULT")
    project.revision()
    project.upgrade()
    (place,) = project.fetch("SELECT schemaname FROM pg_tables WHERE tablename LIKE '%posts' AND tablename <> 'posts'")[
        0
    ]
    assert place == (quarantine_schema or "public")
    (name,) = project.fetch(
        f"SELECT tablename FROM pg_tables WHERE schemaname = '{place}' AND tablename LIKE '%_posts'"
    )[0]
    assert name.startswith("alembic_cascade_") == (quarantine_schema is None)
    caplog.set_level(logging.INFO)
    caplog.clear()
    project.check()
    said = [record.getMessage() for record in caplog.records if "Detected" in record.getMessage()]
    assert said == [] or quarantine_schema is None
    second = project.revision()
    assert second.upgrade.strip() == second.downgrade.strip() == "pass"
    project.upgrade()
    project.downgrade("base")
    assert project.fetch("SELECT count(*) FROM posts") == [(8,)]
    assert project.fetch("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == [
        ("alembic_version",),
        ("posts",),
        ("users",),
    ]
