"""Names as nasty as PostgreSQL allows, of everything that a settling touches; by Alembic and by psql, up and down."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from psql import run_script
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from alembic_cascade import CascadeConfig, configure_options
from alembic_cascade.errors import CascadeError
from orphans.settling import STORES, State, fetch, rows, state

if TYPE_CHECKING:
    from project import Project

NASTY = [
    'quo"te', "apo'strophe", "sp ace", "per%cent", "%s %(x)s %1$s %I", "co:lon :x ::y", "$tag$ $cascade$", "UPPER", "select",
    "Ünïcödé ☃", "back\\slash \\:x", "x" * 63, "ß" * 31, "cascade_rows", "cascade_id", "kept",
]  # fmt: skip
IDS = [repr(name[:14]) for name in NASTY]


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def nasty(name: str, *, key: bool) -> MetaData:
    """Three tables, of which everything that can be is named so; the middle one gets a key where ``key``."""
    metadata = MetaData(schema=name)
    Table(name, metadata, Column(name, Integer, primary_key=True, autoincrement=False))
    rule = [ForeignKey(metadata.tables[f"{name}.{name}"].c[name], name=name, ondelete="CASCADE")] if key else []
    middle = Table(
        "middle", metadata, Column("id", Integer, primary_key=True, autoincrement=False), Column(name, Integer, *rule)
    )
    Table(
        "last",
        metadata,
        Column(name, Integer, ForeignKey(middle.c.id, name=name, ondelete="SET NULL")),
        Column("id", Integer, primary_key=True, autoincrement=False),
    )
    return metadata


def stores(project: Project) -> list[list[str]]:
    """What the quarantine holds, without ids and times, whatever the names of its tables."""
    found = []
    with project.engine.connect() as connection:
        for (store,) in fetch(connection, STORES):
            ((columns,),) = fetch(
                connection,
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                f"WHERE attrelid = $q${store}$q$::regclass AND attnum > 0 AND attname !~ '^cascade__*(id|at)$'",
            )
            found.append([row[0] for row in fetch(connection, f"SELECT ROW({columns})::text FROM {store} ORDER BY 1")])
    return found


@pytest.fixture(params=NASTY, ids=IDS)
def written(request: pytest.FixtureRequest, project: Project) -> Project:
    """Dirty tables, and the revision that autogenerate writes for them."""
    name = request.param
    schema = identifier(name)
    project.execute(f"CREATE SCHEMA {schema}")
    project.create(nasty(name, key=False))
    project.execute(
        f"INSERT INTO {schema}.{schema} VALUES (1)",
        f"INSERT INTO {schema}.middle VALUES (1, 1), (2, 9), (3, NULL)",
        f"INSERT INTO {schema}.last VALUES (1, 1), (2, 2)",
    )
    project.options = {"include_schemas": True}
    project.metadata = nasty(name, key=True)
    assert "op.clean_orphans(" in project.revision().upgrade
    project.execute("DROP TABLE alembic_version")
    return project


def test_no_name_is_too_nasty_up_and_down(written: Project) -> None:
    """By Alembic first, then the same by psql."""
    start = state(written)
    written.upgrade()
    upgraded, aside = state(written), stores(written)
    written.check()
    assert sum(len(found) for found in aside) == 2
    assert sum(len(found) for found in upgraded.rows.values()) == 5
    written.downgrade()
    assert state(written) == start
    written.execute("DROP TABLE alembic_version")
    run_script(written.url, written.upgrade_script())
    assert (state(written), stores(written)) == (upgraded, aside)
    run_script(written.url, written.downgrade_script("head:base"))
    assert state(written) == start


# Neither Alembic's own op.create_foreign_key nor SQLAlchemy's reflection knows what to do with these.
NASTIEST = ["dot.ted", "line\nbreak", "{a,b}", "comma, (paren)", ", "]


@pytest.mark.parametrize("name", [*NASTIEST, *NASTY], ids=repr)
def test_nothing_is_too_nasty_for_the_operations_themselves(project: Project, name: str) -> None:
    """Composite keys, a revision's own tables and columns; by Alembic first, then the same by psql."""
    quoted = identifier(name)
    other = identifier(name[:20] + "2")
    project.execute(
        f"CREATE TABLE {quoted} ({quoted} int, {other} text, PRIMARY KEY ({quoted}, {other}))",
        f"CREATE TABLE {other} (id int PRIMARY KEY, {quoted} int, {other} text)",
        f"INSERT INTO {quoted} VALUES (1, 'a')", f"INSERT INTO {other} VALUES (1, 1, 'a'), (2, 1, 'b'), (3, NULL, 'b')",
    )  # fmt: skip
    columns = [name, name[:20] + "2"]
    key = f"{columns[1]!r}, {columns[0]!r}, {columns!r}, {columns!r}"
    project.write_revision(
        f"op.clean_orphans({key}, strategy='set_null', columns={columns[:1]!r}, revision=revision)\nop.add_foreign_key({name!r}, {key})",
        f"op.drop_foreign_key({name!r}, {key})\nop.restore_orphans({key}, revision=revision)",
    )
    start = state(project)
    project.upgrade()
    upgraded, aside = state(project), stores(project)
    assert sum(len(found) for found in aside) == 1
    project.downgrade()
    assert state(project) == start
    project.execute("DROP TABLE alembic_version")
    run_script(project.url, project.upgrade_script())
    assert (state(project), stores(project)) == (upgraded, aside)
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start


REVISIONS = ['quo"te %s %I', "back\\slash", "$cascade$ {}", "Ünïcödé", "r" * 32, "_", "select"]


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("schema", ["alembic_cascade", None])
def test_an_identifier_of_a_revision_may_be_nasty_too(project: Project, revision: str, schema: str | None) -> None:
    """It is part of the name of the quarantine table."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)", "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
    )  # fmt: skip
    key = "'posts', 'users', ['user_id'], ['id']"
    (project.path / "versions" / "r.py").write_text(
        f"from alembic import op\nrevision = {revision!r}\ndown_revision = None\n"
        f"def upgrade():\n    op.clean_orphans({key}, strategy='quarantine', revision=revision, quarantine_schema={schema!r})\n"
        f"def downgrade():\n    op.restore_orphans({key}, revision=revision, quarantine_schema={schema!r})\n"
    )
    start = state(project)
    project.upgrade("heads")
    assert rows(project)["posts"] == ["(1,1)"]
    project.downgrade("base")
    assert state(project) == start
    project.execute("DROP TABLE alembic_version")
    run_script(project.url, project.upgrade_script("heads"))
    assert rows(project)["posts"] == ["(1,1)"]
    run_script(project.url, project.downgrade_script("heads:base"))
    assert state(project) == start


@pytest.fixture
def theirs(project: Project) -> State:
    """A schema of the user's own that has the name of the quarantine's, with a table in it."""
    project.execute(
        "CREATE SCHEMA alembic_cascade", "CREATE TABLE alembic_cascade.notes (id int PRIMARY KEY, user_id int)",
        "COMMENT ON TABLE alembic_cascade.notes IS '{\"alembic_cascade\": \"mine\"}'", "INSERT INTO alembic_cascade.notes VALUES (1, 1)",
        "CREATE TABLE public.users (id int PRIMARY KEY)", "CREATE TABLE public.posts (id int PRIMARY KEY, user_id int)",
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
    )  # fmt: skip
    return state(project)


def test_a_schema_of_the_users_own_outlives_the_quarantine(project: Project, theirs: State) -> None:
    """Only what was made for the quarantine is taken away with it."""
    key = "'posts', 'users', ['user_id'], ['id']"
    project.write_revision(
        f"op.clean_orphans({key}, strategy='quarantine', revision=revision)",
        f"op.restore_orphans({key}, revision=revision)",
    )
    project.upgrade()
    project.downgrade()
    assert state(project) == theirs
    project.execute("DROP TABLE alembic_cascade.notes")
    project.upgrade()
    project.downgrade()
    assert project.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'") == [(1,)]


def test_tables_in_a_schema_of_the_users_own_are_compared(project: Project, theirs: State) -> None:
    """The name of the schema does not make them the quarantine's."""
    metadata = MetaData()
    users = Table("users", metadata, Column("id", Integer, primary_key=True, autoincrement=False))
    Table("posts", metadata, Column("id", Integer, primary_key=True, autoincrement=False), Column("user_id", Integer))
    Table(
        "notes", metadata, Column("id", Integer, primary_key=True, autoincrement=False), Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE")),
        schema="alembic_cascade", comment='{"alembic_cascade": "mine"}',
    )  # fmt: skip
    project.metadata = metadata
    project.options = {**configure_options(CascadeConfig()), "include_schemas": True}
    upgrade = project.revision().upgrade
    assert "create_table" not in upgrade
    assert "foreign_key(" in upgrade
    project.upgrade()
    project.check()


def test_a_table_of_the_users_own_is_no_quarantine_by_its_name(project: Project, theirs: State) -> None:
    """Rows put into it would be nobody's; it is refused, or passed by, and never written to."""
    project.execute("CREATE TABLE alembic_cascade.r1_public_posts (id int, key text)")
    start = state(project)
    key = "'posts', 'users', ['user_id'], ['id']"
    project.write_revision(
        f"op.clean_orphans({key}, strategy='quarantine', revision=revision)",
        f"op.restore_orphans({key}, revision=revision)",
    )
    with suppress(CascadeError):
        project.upgrade()
        project.downgrade()
    assert state(project) == start
