"""Alembic's own operations on keys of tables that are never to be locked for long: a warning, and the work is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, number
from project import cascade_log
from sqlalchemy import create_engine

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project

CREATE = "op.create_foreign_key('made', 'posts', 'users', ['user_id'], ['id'])"
DROP = "op.drop_constraint('old', 'notes', type_='foreignkey')"
CREATE_WARNING = (
    "posts.user_id -> users.id: op.create_foreign_key locks writers out of posts and users while rows are looked at; "
    "op.add_foreign_key(..., concurrently=True) in an autocommit_block does not"
)
DROP_WARNING = (
    "notes: op.drop_constraint('old') lets readers and writers of notes and users wait as long as it waits itself; "
    "op.drop_foreign_key(..., concurrently=True) in an autocommit_block does not"
)
KEYS = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY 1"


@pytest.fixture
def tables(project: Project) -> Project:
    """Users, posts without a key, notes with one; a row in each."""
    project.create(models(users=[], posts=[number("user_id")], notes=[number("user_id")]))
    project.execute(
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)", "INSERT INTO notes VALUES (1, 1)",
        "ALTER TABLE notes ADD CONSTRAINT old FOREIGN KEY (user_id) REFERENCES users",
        "ALTER TABLE notes ADD CONSTRAINT positive CHECK (id > 0)",
    )  # fmt: skip
    return project


def warned(project: Project, caplog: pytest.LogCaptureFixture, *steps: str, concurrently: object = True) -> list[str]:
    """The warnings of an upgrade by these steps; its way back is left out."""
    project.options = configure_options(CascadeConfig(concurrently=concurrently))  # type: ignore[arg-type]
    project.write_revision("\n".join(steps))
    project.upgrade()
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "alembic.cascade" and record.levelname == "WARNING"
    ]


@pytest.mark.parametrize("concurrently", [True, ["posts"], ["public.p*"], ["users"], ["nothing", "users"]])
def test_a_key_that_is_made_is_warned_of(
    tables: Project, caplog: pytest.LogCaptureFixture, concurrently: object
) -> None:
    """Its own table or its parent is meant; whoever wrote it may have reasons."""
    assert warned(tables, caplog, CREATE, concurrently=concurrently) == [CREATE_WARNING]
    assert tables.fetch(KEYS) == [("made",), ("old",)]


@pytest.mark.parametrize("concurrently", [True, ["notes"], ["public.notes"], ["users"]])
def test_a_key_that_is_dropped_is_warned_of(
    tables: Project, caplog: pytest.LogCaptureFixture, concurrently: object
) -> None:
    """The operation does not say which parent it has."""
    assert warned(tables, caplog, DROP, concurrently=concurrently) == [DROP_WARNING]
    assert tables.fetch(KEYS) == []


def test_a_key_is_known_where_the_operation_does_not_say_what_it_drops(
    tables: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL needs no ``type_``."""
    assert warned(tables, caplog, "op.drop_constraint('old', 'notes')") == [DROP_WARNING]
    assert tables.fetch(KEYS) == []


def test_each_operation_is_warned_of(tables: Project, caplog: pytest.LogCaptureFixture) -> None:
    """In their order."""
    assert warned(tables, caplog, CREATE, DROP) == [CREATE_WARNING, DROP_WARNING]


def test_a_batch_of_alembics_own_is_warned_of_as_well(tables: Project, caplog: pytest.LogCaptureFixture) -> None:
    """On PostgreSQL it runs the same operations."""
    steps = (
        "with op.batch_alter_table('posts') as batch:",
        "    batch.create_foreign_key('made', 'users', ['user_id'], ['id'])",
        "with op.batch_alter_table('notes') as batch:",
        "    batch.drop_constraint('old', type_='foreignkey')",
    )
    assert warned(tables, caplog, *steps) == [CREATE_WARNING, DROP_WARNING]
    assert tables.fetch(KEYS) == [("made",)]


QUIET = {
    "another table": ([CREATE, DROP], ["people"]),
    "another schema": ([CREATE, DROP], ["app.*"]),
    "not concurrently": ([CREATE, DROP], False),
    "no table at all": ([CREATE, DROP], []),
    "another constraint": (["op.drop_constraint('positive', 'notes', type_='check')"], True),
    "a constraint without a type": (["op.drop_constraint('positive', 'notes')"], True),
    "other operations": (["op.create_unique_constraint('u', 'posts', ['id'])", "op.drop_constraint('u', 'posts', type_='unique')"], True),
    "a table of the same revision": (
        [
            "op.create_table('fresh', sa.Column('user_id', sa.Integer))",
            "op.create_foreign_key('made', 'fresh', 'users', ['user_id'], ['id'])",
        ],
        True,
    ),
    "a key within a new table": (["op.create_table('fresh', sa.Column('u', sa.Integer, sa.ForeignKey('users.id')))"], True),
    "the operation that is named": (["op.add_foreign_key('made', 'posts', 'users', ['user_id'], ['id'])"], True),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "concurrently"), QUIET.values(), ids=QUIET)
def test_nothing_else_is_warned_of(
    tables: Project, caplog: pytest.LogCaptureFixture, steps: list[str], concurrently: object
) -> None:
    """Who is warned too often reads no warning."""
    keys = tables.fetch(KEYS)
    assert warned(tables, caplog, *steps, concurrently=concurrently) == []
    assert (tables.fetch(KEYS) != keys) is ("foreign" in repr(steps).lower())


def test_a_table_with_partitions_is_never_taken_for_an_empty_one(
    tables: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Its rows are elsewhere."""
    tables.execute(
        "CREATE TABLE parts (id int, user_id int) PARTITION BY LIST (id)",
        "CREATE TABLE part PARTITION OF parts DEFAULT", "INSERT INTO parts VALUES (1, 1)",
    )  # fmt: skip
    create = "op.create_foreign_key('made', 'parts', 'users', ['user_id'], ['id'])"
    assert [words.split(":")[0] for words in warned(tables, caplog, create)] == ["parts.user_id -> users.id"]


def test_a_table_is_meant_where_it_really_is(tables: Project, caplog: pytest.LogCaptureFixture) -> None:
    """The schema_translate_map says where that is."""
    tables.execute("CREATE SCHEMA app", "CREATE TABLE app.users AS TABLE users", "CREATE TABLE app.posts AS TABLE posts",
        "ALTER TABLE app.users ADD PRIMARY KEY (id)")  # fmt: skip
    tables.forget_server(schema_translate_map={"tenant": "app"})
    create = CREATE.replace(")", ", source_schema='tenant', referent_schema='tenant')")
    assert len(warned(tables, caplog, create, concurrently=["app.posts"])) == 1
    assert tables.fetch("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = 'made'") == [("app.posts",)]


def test_a_script_is_warned_of_where_it_is_written(tables: Project, caplog: pytest.LogCaptureFixture) -> None:
    """And holds the same statement as ever."""
    tables.options = configure_options(CascadeConfig(concurrently=True))
    tables.write_revision(f"{CREATE}\n{DROP}")
    script = tables.upgrade_script()
    # Which parent a key has, the database alone knows.
    assert cascade_log(caplog.records) == [CREATE_WARNING, DROP_WARNING.replace(" and users", "")]
    assert "ALTER TABLE posts ADD CONSTRAINT made FOREIGN KEY(user_id) REFERENCES users (id);" in script
    assert 'ALTER TABLE notes DROP CONSTRAINT "old";' in script


def test_sqlite_locks_whole_files_anyway(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing better to name."""
    project.engine = create_engine("sqlite:///" + str(project.path / "blog.db"))
    project.create(models(users=[], posts=[number("user_id")]))
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)")
    batch = "with op.batch_alter_table('posts') as batch:\n    batch."
    steps = (
        f"{batch}create_foreign_key('made', 'users', ['user_id'], ['id'])",
        f"{batch}drop_constraint('made', type_='foreignkey')",
        f"{batch}create_foreign_key('made', 'users', ['user_id'], ['id'])",
    )
    assert warned(project, caplog, *steps) == []
    assert "made" in project.fetch("SELECT sql FROM sqlite_master WHERE name = 'posts'")[0][0]

    project.engine.dispose()
