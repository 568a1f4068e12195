"""The project's env.py, run in the middle of tests: from its own directory, and with nothing of it left behind."""

from __future__ import annotations

import logging.config
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Dialect, Engine

from alembic_cascade.environment import Settings, Site, migrate, visit
from alembic_cascade.errors import CascadeError
from alembic_cascade.rehearsal.addresses import in_a_thread
from alembic_cascade.rehearsal.listeners import listening

Result = TypeVar("Result")


class ProjectEnvironment:
    """Runs env.py as Alembic's commands do; it is to have one database.

    In a thread of its own: an asynchronous one runs a loop, and takes it away when it ends.
    """

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory

    def look(self, work: Callable[[MigrationContext, ScriptDirectory], Result]) -> Result:
        """Do work where env.py would run migrations, and run none."""
        return self.visit(lambda site: work(site.context, site.script))

    def visit(self, work: Callable[[Site], Result]) -> Result:
        """Do work at the database of env.py."""
        return self._run(lambda: visit(self._settings, lambda site: work(_single(site)))[0])

    def visit_offline(self, work: Callable[[Site], Result]) -> Result:
        """Do work where ``--sql`` would write a script.

        Errors: :exc:`.CascadeError`, also where env.py connects all the same; nothing is sent there.
        """
        with _no_connections():
            return self._run(lambda: visit(self._settings, lambda site: work(_single(site)), offline=True)[0])

    def migrate(self, steps: Callable[[MigrationContext, ScriptDirectory], Iterable[RevisionStep]]) -> None:
        """Run these steps in place of those of ``alembic upgrade``."""
        self._run(lambda: migrate(self._settings, lambda site: steps(site.context, _single(site).script)))

    def _run(self, work: Callable[[], Result]) -> Result:
        with chdir(self._directory), _imports_put_back(), _logging_left_alone():
            return in_a_thread(work)


def _single(site: Site) -> Site:
    if site.number:
        raise CascadeError(
            "env.py runs migrations for several databases, and one is tested at a time. Choose it by "
            "--alembic-cascade-name or --alembic-cascade-x."
        )
    return site


@contextmanager
def _imports_put_back() -> Iterator[None]:
    """Let what prepend_sys_path of Alembic's configuration adds not stay."""
    before = sys.path[:]
    # Python remembers which directory "." was when it was looked into first.
    sys.path_importer_cache.pop(".", None)
    try:
        yield
    finally:
        sys.path[:] = before
        sys.path_importer_cache.pop(".", None)


@contextmanager
def _logging_left_alone() -> Iterator[None]:
    """Keep env.py from configuring the logging of the process, which is pytest's: fileConfig closes its handlers."""
    before = {name: getattr(logging.config, name) for name in ("fileConfig", "dictConfig")}

    def leave_alone(*_arguments: Any, **_options: Any) -> None:
        pass

    for name in before:
        setattr(logging.config, name, leave_alone)
    try:
        yield
    finally:
        for name, configure in before.items():
            setattr(logging.config, name, configure)


@contextmanager
def _no_connections() -> Iterator[None]:
    def refuse(_dialect: Dialect, *_arguments: Any) -> None:
        raise CascadeError("env.py connects to a database, though it is run offline")

    with listening((Engine, "do_connect", refuse)):
        yield
