"""Sessions and threads that do something while a migration runs."""

from __future__ import annotations

from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project


def session(project: Project, *, autocommit: bool = False) -> psycopg.Connection[Any]:
    """A session of its own."""
    conninfo = project.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(conninfo, autocommit=autocommit)


class Background:
    """What runs in a thread of its own; the end of the block waits for its end."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.problems: list[BaseException] = []
        self._run = run
        self._thread = Thread(target=self._go, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def wait(self) -> None:
        """Until it has ended."""
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _go(self) -> None:
        try:
            self._run()
        except BaseException as problem:  # noqa: BLE001 - the test's own thread says it
            self.problems.append(problem)


def wait_until(project: Project, query: str) -> None:
    """Until the query finds something."""
    limit = monotonic() + 20
    with session(project, autocommit=True) as watcher:
        while watcher.execute(query.encode()).fetchone() is None:
            assert monotonic() < limit, query
            sleep(0.002)


def waiting(*tables: str) -> str:
    """The query for sessions that wait for a lock on one of the tables."""
    listed = ", ".join(f"'{table}'::regclass" for table in tables)
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    return f"SELECT pid FROM pg_locks WHERE NOT granted AND relation IN ({listed}) AND {here}"


# Sessions that wait for a row.
WAITING_FOR_A_ROW = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event IN ('transactionid', 'tuple')
"""
