"""Migrations that are cut short, and a writer beside them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

import psycopg
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from concurrently.dirty_project import POSTS, SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from project import Project
    from sqlalchemy import Connection


class Writer:
    """A session that goes on writing posts, orphans among them, and comments; all that it could is in "archive", too."""

    _numbers = count(POSTS * 10)

    def __init__(self, project: Project, seed: int) -> None:
        self.written = 0
        self.refused = 0
        self.problem: BaseException | None = None
        self._engine = create_engine(project.url)
        self._random = Random(seed)
        self._posts = list(range(1, POSTS + 1))
        self._stopping = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)
        self._engine.dispose()
        assert not self._thread.is_alive()
        assert self.problem is None, repr(self.problem)
        assert self.written

    def _run(self) -> None:
        try:
            while not self._stopping.wait(0.001):
                self._write(next(self._numbers))
        except BaseException as problem:  # noqa: BLE001 - the test's own thread says it
            self.problem = problem

    def _write(self, number: int) -> None:
        choice = self._random.random()
        user = self._random.randint(1, 100)
        if choice < 0.5:
            author = user if choice > 0.02 else 1000 + number
            table, row = "posts", f"{number}, {user}, {author}, 'written'"
        else:
            table, row = "comments", f"{number}, {self._random.choice(self._posts)}, 'written'"
        try:
            with self._engine.begin() as connection:
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({row})")
                connection.exec_driver_sql(f"INSERT INTO archive.{table} VALUES ({row})")
        except DBAPIError as error:
            # No parent any more: the key is there, or the post is set aside.
            if getattr(error.orig, "sqlstate", None) != "23503":
                raise
            self.refused += 1
        else:
            self.written += 1
            if table == "posts":
                self._posts.append(number)


def forget_written(project: Project) -> None:
    """Take away what writers wrote, so that all is as it was at the start."""
    for table in ("comments", "posts"):
        project.execute(*(f"DELETE FROM {place}{table} WHERE id >= {POSTS * 10}" for place in ("", "archive.")))
    project.execute("DROP TABLE IF EXISTS alembic_version")


@dataclass
class Boundaries:
    """What a migration sends, statement by statement and commit by commit; before one of them it can be cut short."""

    project: Project
    passed: list[str] = field(default_factory=list)

    @contextmanager
    def watched(self, reach: Callable[[int, Connection], None] | None = None) -> Iterator[None]:
        """Note what passes, and call ``reach`` before each, with its number."""

        def pass_by(connection: Connection, words: str) -> None:
            self.passed.append(words)
            if reach is not None:
                reach(len(self.passed) - 1, connection)

        def execute(connection: Connection, cursor: object, statement: str, *_: object) -> None:
            pass_by(connection, statement)

        def commit(connection: Connection) -> None:
            pass_by(connection, "COMMIT")

        event.listen(self.project.engine, "before_cursor_execute", execute)
        event.listen(self.project.engine, "commit", commit)
        try:
            yield
        finally:
            event.remove(self.project.engine, "before_cursor_execute", execute)
            event.remove(self.project.engine, "commit", commit)

    def chosen(self) -> list[int]:
        """All, except for most of those that look for a table: nothing outlives the session."""
        chosen = set(range(len(self.passed)))
        found = [number for number, words in enumerate(self.passed) if "SELECT pg_catalog.to_regclass(" in words]
        chosen -= {*found} - {*found[:: len(found) // 2]}
        return sorted(chosen)

    def steps(self) -> list[int]:
        """Those that bring the migration on, each in a transaction of its own."""
        return [number for number, words in enumerate(self.passed) if "pg_temp.cascade_try(" in words]


class Died(BaseException):
    """The client is gone."""


WAYS = ("died", "terminated", "interrupted")


def cut_short(project: Project, run: Callable[[], object], at: int, way: str) -> str:
    """Run a migration up to a boundary, where it loses its session; returns what it would have sent next.

    The client "died" with its connection, the session was "terminated" and the client finds out by itself, or the user
    "interrupted" the client, which can still tidy up.
    """
    pids: list[int] = []

    def reach(number: int, connection: Connection) -> None:
        if number != at:
            return
        driver: Any = connection.connection.driver_connection
        pids.append(driver.info.backend_pid)
        if way == "terminated":
            terminate(project, f"pid = {pids[0]}")
        elif way == "interrupted" and boundaries.passed[at] != "COMMIT":
            raise KeyboardInterrupt
        else:
            driver.close()
            raise Died

    boundaries = Boundaries(project)
    with boundaries.watched(reach):
        try:
            run()
        except (Died, KeyboardInterrupt, SQLAlchemyError, psycopg.Error):
            pass
        else:
            # The connection may have had nothing left to do.
            assert way == "terminated", f"{len(boundaries.passed)} boundaries, {at} not reached"
    assert pids, f"{len(boundaries.passed)} boundaries, {at} not reached"
    wait_for_end(project, f"pid = {pids[0]}")
    return boundaries.passed[at][:120]


def kill(project: Project, seconds: float, *arguments: str) -> bool:
    """Kill the process of an ``alembic`` command while its session is at work; False where it had ended already."""
    process = alembic(project, *arguments)
    wait_for_session(project, lambda: process.poll() is None)
    sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode < 0


def end_by_force(project: Project, seconds: float, run: Callable[[], object]) -> bool:
    """End the session of a migration while it is at work; False where it had ended already."""

    def go() -> None:
        with suppress(SQLAlchemyError):
            run()

    thread = Thread(target=go, daemon=True)
    thread.start()
    wait_for_session(project, thread.is_alive)
    sleep(seconds)
    ended = terminate(project, f"application_name = '{SESSION}'")
    thread.join(30)
    assert not thread.is_alive()
    return ended


def terminate(project: Project, which: str) -> bool:
    """End the sessions by force, as an administrator would; whether there was one."""
    sessions = f"FROM pg_stat_activity WHERE datname = current_database() AND {which}"
    with other_connection(project) as connection:
        return bool(connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) {sessions}").all())


def wait_for_session(project: Project, goes_on: Callable[[], bool]) -> None:
    """Until a session that migrates is there, or its migration has ended unseen."""
    _wait(
        project,
        f"EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{SESSION}')",
        goes_on,
    )


def wait_for_end(project: Project, which: str) -> None:
    """Until there is no such session any more."""
    _wait(project, f"NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND {which})")


def _wait(project: Project, condition: str, goes_on: Callable[[], bool] = lambda: True) -> None:
    limit = monotonic() + 20
    with other_connection(project) as connection:
        while goes_on() and not connection.exec_driver_sql(f"SELECT {condition}").scalar():
            assert monotonic() < limit, f"not within 20 s: {condition}"
            sleep(0.005)


@contextmanager
def other_connection(project: Project) -> Iterator[Connection]:
    """A connection that nobody cuts."""
    engine = create_engine(project.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def alembic(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """The ``alembic`` command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
