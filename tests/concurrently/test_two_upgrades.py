"""Two migrations at the same time: one waits for the other, and neither does damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, event

from alembic_cascade import MigratedMeanwhile
from concurrently.dirty_project import (
    assert_as_at_the_start,
    assert_nobody_has_the_turn,
    assert_upgraded,
    schema,
    write_dirty_project,
)
from concurrently.faults import alembic

if TYPE_CHECKING:
    import subprocess

    from project import Project

UP, DOWN = ("upgrade", "head"), ("downgrade", "base")

Start = Callable[..., "subprocess.Popen[str]"]
Two = tuple["subprocess.Popen[str]", "subprocess.Popen[str]"]


@pytest.fixture
def dirty(project: Project) -> Project:
    """Dirty tables, and a revision in many small steps."""
    write_dirty_project(project)
    return project


@pytest.fixture
def start(dirty: Project) -> Iterator[Start]:
    """What starts an ``alembic`` command; none of them outlives the test."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        processes.append(alembic(dirty, *arguments))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def two_at_once(project: Project, start: Start, one: tuple[str, str], other: tuple[str, str]) -> Iterator[Two]:
    """Two commands, the second of which waits for the first; both can go on at the end of the block."""
    with project.engine.connect() as reader:
        # No key of a table can be altered while somebody reads it.
        reader.exec_driver_sql("SELECT FROM posts LIMIT 1")
        first = start(*one)
        wait_for_turn(project)
        second = start(*other)
        wait_until_it_waits(second)
        yield first, second


def wait_for_turn(project: Project) -> None:
    """Until a migration has its turn."""
    limit = monotonic() + 20
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    while not project.fetch(f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND {here}"):
        assert monotonic() < limit
        sleep(0.02)


def wait_until_it_waits(process: subprocess.Popen[str]) -> None:
    """Until the process says that it waits for another one."""
    assert process.stdout is not None
    for line in process.stdout:
        if "another migration is running" in line:
            return
    pytest.fail("it did not wait")


def assert_ended_well(process: subprocess.Popen[str]) -> None:
    """Done, or told in one line why not."""
    told, _ = process.communicate(timeout=60)
    assert "Traceback" not in told
    if process.returncode:
        (line,) = [line for line in told.splitlines() if "FAILED" in line]
        assert "FAILED: Another migration has brought the database from" in line


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
@pytest.mark.parametrize("arguments", [UP, DOWN], ids=["upgrade", "downgrade"])
def test_the_second_waits_for_the_first(
    dirty: Project, start: Start, arguments: tuple[str, str], isolation: str
) -> None:
    """It says so, and does no damage; what it waited for it sees, whatever the isolation level is by default."""
    ((database,),) = dirty.fetch("SELECT quote_ident(current_database())")
    dirty.execute(f"ALTER DATABASE {database} SET default_transaction_isolation TO '{isolation}'")
    before = schema(dirty)
    if arguments == DOWN:
        dirty.upgrade()
    with two_at_once(dirty, start, arguments, arguments) as (first, second):
        pass
    assert_ended_well(first)
    assert first.returncode == 0
    assert_ended_well(second)
    if arguments == UP:
        assert_upgraded(dirty, schema(dirty))
        dirty.downgrade("base")
    assert_as_at_the_start(dirty, before)


def test_the_second_goes_on_where_the_first_was_killed(dirty: Project, start: Start) -> None:
    """It has waited, finds the database at the same revision, and does what is left to do."""
    before = schema(dirty)
    with two_at_once(dirty, start, UP, UP) as (first, second):
        first.kill()
    told, _ = second.communicate(timeout=60)
    assert second.returncode == 0, told
    assert_upgraded(dirty, schema(dirty))
    dirty.downgrade("base")
    assert_as_at_the_start(dirty, before)


@pytest.mark.parametrize("delay", [0, 0.1, 0.3])
def test_two_upgrades_that_start_together_end_without_damage(dirty: Project, start: Start, delay: float) -> None:
    """Each is done, or says in one line that the other was."""
    # Alembic makes its table before anybody can take a turn: of two that make it at once, one is refused by PostgreSQL.
    # Its command ensure_version does not commit where each migration has a transaction of its own.
    dirty.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    first = start(*UP)
    sleep(delay)
    second = start(*UP)
    assert_ended_well(first)
    assert_ended_well(second)
    assert 0 in {first.returncode, second.returncode}
    assert_upgraded(dirty, schema(dirty))


def test_a_migration_that_ended_just_before_the_turn_was_taken_is_noticed(dirty: Project, start: Start) -> None:
    """Alembic has read the version from which it goes on before that."""
    with another_just_before(dirty.engine, start), suppress(MigratedMeanwhile):
        dirty.upgrade()
    assert_upgraded(dirty, schema(dirty))


@contextmanager
def another_just_before(listened: Engine | Connection, start: Start) -> Iterator[None]:
    """Another upgrade begins and ends before the one in the block takes its turn."""
    done: list[int] = []

    def run_another(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if "pg_try_advisory_lock" in statement and not done:
            other = start(*UP)
            assert_ended_well(other)
            done.append(other.returncode)

    event.listen(listened, "before_cursor_execute", run_another)
    yield
    event.remove(listened, "before_cursor_execute", run_another)
    assert done == [0]


SECOND = """\
op.begin_concurrently()
with op.get_context().autocommit_block():
    op.execute("ALTER TABLE posts ALTER body DROP DEFAULT")
    op.execute("{}")
"""


@pytest.mark.parametrize(("one", "other"), [(DOWN, UP), (UP, DOWN)], ids=["down, then up", "up, then down"])
def test_a_revision_runs_from_the_version_that_it_was_meant_for_alone(
    dirty: Project, start: Start, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """From r1 one migration goes up and one down: the second may not go on as if it were where it was."""
    before = schema(dirty)
    dirty.upgrade()
    dirty.write_revision(SECOND.format("CREATE TABLE second (id int)"), SECOND.format("DROP TABLE second"))
    with two_at_once(dirty, start, one, other) as (first, second):
        pass
    assert_ended_well(first)
    assert first.returncode == 0
    assert_ended_well(second)
    assert second.returncode != 0
    if one == UP:
        assert dirty.fetch("SELECT version_num FROM alembic_version") == [("r2",)]
        assert dirty.fetch("TABLE second") == []
        dirty.downgrade("base")
    assert_as_at_the_start(dirty, before)


@pytest.mark.parametrize("failing", ["", "before the block", "in the block", "after the block"])
def test_the_turn_ends_with_the_run_in_a_session_that_goes_on(dirty: Project, failing: str) -> None:
    """Whether it was done or failed: others need not wait for the end of that session."""
    (path,) = (dirty.path / "versions").glob("r1*.py")
    block = "    with op.get_context().autocommit_block():\n"
    wrong = 'op.execute("SELECT 1 / 0")'
    text = path.read_text()
    match failing:
        case "before the block":
            path.write_text(text.replace(block, f"    {wrong}\n{block}"))
        case "in the block":
            path.write_text(text.replace("        op.add_foreign_key", f"        {wrong}\n        op.add_foreign_key"))
        case "after the block":
            path.write_text(text.replace("\n\ndef downgrade", f"    {wrong}\n\ndef downgrade"))
    with dirty.engine.connect() as connection:
        config = dirty.config
        config.attributes["connect"] = lambda: nullcontext(connection)
        for go in (command.upgrade, command.downgrade) if not failing else (command.upgrade,):
            if failing:
                with pytest.raises(Exception, match="division by zero"):
                    go(config, "head")
            else:
                go(config, "head" if go is command.upgrade else "base")
            assert_nobody_has_the_turn(dirty)


def test_the_turn_ends_with_a_run_that_came_too_late(dirty: Project, start: Start) -> None:
    """Another one has brought the database further than this one meant to: its session keeps nothing from others."""
    dirty.write_revision(SECOND.format("CREATE TABLE second (id int)"), SECOND.format("DROP TABLE second"))
    with dirty.engine.connect() as connection:
        config = dirty.config
        config.attributes["connect"] = lambda: nullcontext(connection)
        with another_just_before(connection, start), pytest.raises(MigratedMeanwhile):
            command.upgrade(config, "head")
        assert_nobody_has_the_turn(dirty)
        command.upgrade(config, "head")
    assert dirty.fetch("SELECT version_num FROM alembic_version") == [("r2",)]


def test_the_turn_does_not_go_back_into_the_pool(dirty: Project) -> None:
    """An application that migrates when it starts ends with an error, and goes on with the same session."""
    (path,) = (dirty.path / "versions").glob("r1*.py")
    text = path.read_text()
    path.write_text(text.replace("    with op.get_context()", "    raise RuntimeError\n    with op.get_context()", 1))
    dirty.engine = create_engine(dirty.url, pool_size=1, max_overflow=0)
    (pid,) = dirty.fetch("SELECT pg_backend_pid()")
    with pytest.raises(RuntimeError):
        dirty.upgrade()
    assert dirty.fetch("SELECT pg_backend_pid()") == [pid]
    assert_nobody_has_the_turn(dirty)
    path.write_text(text)
    dirty.upgrade()
    assert dirty.fetch("SELECT pg_backend_pid()") == [pid]
    assert_upgraded(dirty, schema(dirty))
    dirty.engine.dispose()
